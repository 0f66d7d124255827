# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libloop.a
libloop_a_SOURCES = %D%/loop.h %D%/loop_priv.h %D%/loop.c %D%/lane.h %D%/lane.c %D%/child.h %D%/child.c %D%/fetch.h %D%/fetch.c
LOOP_LIBS = libloop.a $(BASE_LIBS) $(EVENT_LIBS) $(CURL_LIBS) -lpthread
EXTRA_DIST += %D%/.may_include

if HAVE_CHECK
check_PROGRAMS += tests/unit/loop/test_loop tests/unit/loop/test_lane tests/unit/loop/test_child \
  tests/unit/loop/test_fetch
tests_unit_loop_test_loop_SOURCES = tests/unit/loop/test_loop.c
tests_unit_loop_test_loop_LDADD = $(LOOP_LIBS) $(UNIT_LIBS)
tests_unit_loop_test_lane_SOURCES = tests/unit/loop/test_lane.c
tests_unit_loop_test_lane_LDADD = $(LOOP_LIBS) $(UNIT_LIBS)
tests_unit_loop_test_child_SOURCES = tests/unit/loop/test_child.c
tests_unit_loop_test_child_LDADD = $(LOOP_LIBS) $(UNIT_LIBS)
tests_unit_loop_test_fetch_SOURCES = tests/unit/loop/test_fetch.c
tests_unit_loop_test_fetch_LDADD = $(LOOP_LIBS) $(UNIT_LIBS)
endif
