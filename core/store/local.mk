# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = %D%/store.h %D%/store_priv.h %D%/collections.c %D%/query.c %D%/run.c %D%/lanes.c \
  %D%/store.c %D%/watch.c %D%/row.c %D%/expire.c %D%/walk.h %D%/walk.c
EXTRA_DIST += %D%/.may_include doc/rooms/store.md
STORE_LIBS = libstore.a $(PLUGIN_LIBS)

if HAVE_CHECK
check_PROGRAMS += tests/unit/store/test_store tests/unit/store/test_lanes tests/unit/store/test_walk
tests_unit_store_test_store_SOURCES = tests/unit/store/test_store.c tests/conformance/store_memory.c
tests_unit_store_test_store_CPPFLAGS = $(AM_CPPFLAGS) -DPHX_STATIC_NAME=memory
tests_unit_store_test_store_LDADD = $(STORE_LIBS) $(UNIT_LIBS)
tests_unit_store_test_lanes_SOURCES = tests/unit/store/test_lanes.c
tests_unit_store_test_lanes_LDADD = $(STORE_LIBS) $(UNIT_LIBS)
tests_unit_store_test_walk_SOURCES = tests/unit/store/test_walk.c tests/conformance/store_memory.c
tests_unit_store_test_walk_CPPFLAGS = $(AM_CPPFLAGS) -DPHX_STATIC_NAME=memory
tests_unit_store_test_walk_LDADD = $(STORE_LIBS) $(UNIT_LIBS)
endif
