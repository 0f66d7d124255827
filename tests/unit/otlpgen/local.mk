# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += %D%/decode.h %D%/fixture.h
if HAVE_CHECK
OTLPGEN_TEST_LIBS = libotlpgen.a $(YAML_LIBS) $(UNIT_LIBS) -lm
check_PROGRAMS += %D%/test_answer %D%/test_describe %D%/test_encode %D%/test_schedule %D%/test_series
tests_unit_otlpgen_test_answer_SOURCES = %D%/test_answer.c
tests_unit_otlpgen_test_answer_LDADD = $(OTLPGEN_TEST_LIBS) $(CURL_LIBS)
tests_unit_otlpgen_test_describe_SOURCES = %D%/test_describe.c
tests_unit_otlpgen_test_describe_LDADD = $(OTLPGEN_TEST_LIBS)
tests_unit_otlpgen_test_encode_SOURCES = %D%/test_encode.c
tests_unit_otlpgen_test_encode_LDADD = $(OTLPGEN_TEST_LIBS)
tests_unit_otlpgen_test_schedule_SOURCES = %D%/test_schedule.c
tests_unit_otlpgen_test_schedule_LDADD = $(OTLPGEN_TEST_LIBS)
tests_unit_otlpgen_test_series_SOURCES = %D%/test_series.c
tests_unit_otlpgen_test_series_LDADD = $(OTLPGEN_TEST_LIBS)
endif
