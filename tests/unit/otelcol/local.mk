# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += %D%/backend.h
if HAVE_CHECK
OTELCOL_TEST_LIBS = libotelcol.a $(YAML_LIBS) $(UNIT_LIBS)
check_PROGRAMS += %D%/test_check %D%/test_compose %D%/test_deploy %D%/test_otelcol %D%/test_tree \
  %D%/test_values %D%/test_write
tests_unit_otelcol_test_check_SOURCES = %D%/test_check.c
tests_unit_otelcol_test_check_LDADD = $(OTELCOL_TEST_LIBS)
tests_unit_otelcol_test_compose_SOURCES = %D%/test_compose.c
tests_unit_otelcol_test_compose_LDADD = $(OTELCOL_TEST_LIBS)
tests_unit_otelcol_test_deploy_SOURCES = %D%/test_deploy.c
tests_unit_otelcol_test_deploy_LDADD = $(OTELCOL_TEST_LIBS)
tests_unit_otelcol_test_otelcol_SOURCES = %D%/test_otelcol.c
tests_unit_otelcol_test_otelcol_LDADD = $(OTELCOL_TEST_LIBS)
tests_unit_otelcol_test_tree_SOURCES = %D%/test_tree.c
tests_unit_otelcol_test_tree_LDADD = $(OTELCOL_TEST_LIBS)
tests_unit_otelcol_test_values_SOURCES = %D%/test_values.c
tests_unit_otelcol_test_values_LDADD = $(OTELCOL_TEST_LIBS)
tests_unit_otelcol_test_write_SOURCES = %D%/test_write.c
tests_unit_otelcol_test_write_LDADD = $(OTELCOL_TEST_LIBS)
endif
