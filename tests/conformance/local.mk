# SPDX-License-Identifier: Apache-2.0
TCK_SOURCES = %D%/tck.h %D%/tck_host.c %D%/tck_data.c %D%/tck_main.c %D%/store_memory.c
check_PROGRAMS += tests/conformance/store_tck
tests_conformance_store_tck_SOURCES = $(TCK_SOURCES) %D%/store_tck.c %D%/tck_values.c %D%/tck_writes.c \
  %D%/tck_scan.c %D%/tck_claim.c %D%/tck_async.c %D%/tck_race.c %D%/tck_life.c %D%/tck_model.c \
  %D%/tck_process.c %D%/tck_history.c %D%/tck_shared.c %D%/tck_signals.c %D%/tck_load.c %D%/tck_server.c \
  %D%/tck_proxy.c %D%/tck_cut.c %D%/tck_days.c
tests_conformance_store_tck_CPPFLAGS = $(AM_CPPFLAGS) -DPHX_STATIC_NAME=memory
tests_conformance_store_tck_LDADD = $(PLUGIN_LIBS)
dist_check_SCRIPTS += %D%/store_sqlite.sh %D%/store_pg.sh
EXTRA_DIST += %D%/pg_helper.sh tests/pg/temp_pg

check_PROGRAMS += tests/conformance/store_faults
tests_conformance_store_faults_SOURCES = $(TCK_SOURCES) %D%/store_faults.c
tests_conformance_store_faults_CPPFLAGS = $(AM_CPPFLAGS) -DPHX_STATIC_NAME=memory
tests_conformance_store_faults_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
tests_conformance_store_faults_LDADD = $(PLUGIN_LIBS) $(SQLITE_LIBS)
