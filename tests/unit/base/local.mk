# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += tests/unit/unit.h
if HAVE_CHECK
check_PROGRAMS += %D%/test_str %D%/test_buf %D%/test_core %D%/test_json %D%/test_schema %D%/test_yaml \
  %D%/test_settings %D%/test_pages %D%/test_sketch
tests_unit_base_test_str_SOURCES = %D%/test_str.c
tests_unit_base_test_str_LDADD = $(BASE_LIBS) $(UNIT_LIBS)
tests_unit_base_test_buf_SOURCES = %D%/test_buf.c
tests_unit_base_test_buf_LDADD = $(BASE_LIBS) $(UNIT_LIBS)
tests_unit_base_test_core_SOURCES = %D%/test_core.c
tests_unit_base_test_core_LDADD = $(BASE_LIBS) $(UNIT_LIBS)
tests_unit_base_test_json_SOURCES = %D%/test_json.c
tests_unit_base_test_json_LDADD = $(BASE_LIBS) $(UNIT_LIBS)
tests_unit_base_test_schema_SOURCES = %D%/test_schema.c
tests_unit_base_test_schema_LDADD = $(BASE_LIBS) $(UNIT_LIBS)
tests_unit_base_test_yaml_SOURCES = %D%/test_yaml.c
tests_unit_base_test_yaml_LDADD = $(BASE_LIBS) $(UNIT_LIBS)
tests_unit_base_test_settings_SOURCES = %D%/test_settings.c
tests_unit_base_test_settings_LDADD = $(BASE_LIBS) $(UNIT_LIBS)
tests_unit_base_test_pages_SOURCES = %D%/test_pages.c
tests_unit_base_test_pages_LDADD = $(BASE_LIBS) $(UNIT_LIBS)
tests_unit_base_test_sketch_SOURCES = %D%/test_sketch.c
tests_unit_base_test_sketch_LDADD = $(BASE_LIBS) $(UNIT_LIBS)
endif
