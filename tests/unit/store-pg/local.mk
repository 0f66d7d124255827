# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
PG_SHAPE = plugins/store-pg/text.c plugins/store-pg/decl.c plugins/store-pg/create.c
PG_CHANGES = $(PG_SHAPE) plugins/store-pg/ddl.c plugins/store-pg/schema.c plugins/store-pg/ensure.c \
  plugins/store-pg/partition.c plugins/store-pg/status.c %D%/fake_admin.h %D%/fake_admin.c
check_PROGRAMS += %D%/test_create %D%/test_schema %D%/test_partition
tests_unit_store_pg_test_create_SOURCES = %D%/test_create.c $(PG_SHAPE)
tests_unit_store_pg_test_create_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
tests_unit_store_pg_test_create_LDADD = $(UNIT_LIBS)
tests_unit_store_pg_test_schema_SOURCES = %D%/test_schema.c $(PG_CHANGES)
tests_unit_store_pg_test_schema_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
tests_unit_store_pg_test_schema_LDADD = $(UNIT_LIBS) $(PQ_LIBS) -lm
tests_unit_store_pg_test_partition_SOURCES = %D%/test_partition.c $(PG_CHANGES)
tests_unit_store_pg_test_partition_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
tests_unit_store_pg_test_partition_LDADD = $(UNIT_LIBS) $(PQ_LIBS) -lm
endif
