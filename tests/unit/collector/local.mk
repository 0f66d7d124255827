# SPDX-License-Identifier: Apache-2.0
dist_check_SCRIPTS += %D%/test_collector.sh
EXTRA_DIST += %D%/fakeproc.h %D%/grammar.h
if HAVE_CHECK
COLLECTOR_TEST_LIBS = $(COLLECTOR_LIBS) $(UNIT_LIBS)
check_PROGRAMS += %D%/test_proctext %D%/test_table %D%/test_select %D%/test_collect %D%/test_serve \
  %D%/test_pipeline %D%/test_native %D%/test_sums
tests_unit_collector_test_proctext_SOURCES = %D%/test_proctext.c
tests_unit_collector_test_proctext_LDADD = $(COLLECTOR_TEST_LIBS)
tests_unit_collector_test_table_SOURCES = %D%/test_table.c
tests_unit_collector_test_table_LDADD = $(COLLECTOR_TEST_LIBS)
tests_unit_collector_test_sums_SOURCES = %D%/test_sums.c
tests_unit_collector_test_sums_LDADD = $(COLLECTOR_TEST_LIBS)
tests_unit_collector_test_select_SOURCES = %D%/test_select.c
tests_unit_collector_test_select_LDADD = $(COLLECTOR_TEST_LIBS)
tests_unit_collector_test_serve_SOURCES = %D%/test_serve.c
tests_unit_collector_test_serve_LDADD = $(COLLECTOR_TEST_LIBS)
tests_unit_collector_test_pipeline_SOURCES = %D%/test_pipeline.c
tests_unit_collector_test_pipeline_LDADD = $(COLLECTOR_TEST_LIBS)
# Counts what our objects allocate.
tests_unit_collector_test_collect_SOURCES = %D%/test_collect.c
tests_unit_collector_test_collect_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
tests_unit_collector_test_collect_LDADD = $(COLLECTOR_TEST_LIBS)
# The plugin, linked in.
tests_unit_collector_test_native_SOURCES = %D%/test_native.c plugins/collector/native/native.c \
  $(COLLECTOR_COMMON)
tests_unit_collector_test_native_CPPFLAGS = $(AM_CPPFLAGS) -DPHX_STATIC_NAME=native
tests_unit_collector_test_native_LDADD = $(COLLECTOR_TEST_LIBS)
endif
