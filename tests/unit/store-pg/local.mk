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
PG_OPS = $(PG_SHAPE) plugins/store-pg/step.c plugins/store-pg/params.c plugins/store-pg/sql.c \
  plugins/store-pg/sql_keyed.c plugins/store-pg/sql_one.c \
  %D%/ops.h %D%/ops.c
check_PROGRAMS += %D%/test_params %D%/test_step %D%/test_sql %D%/test_prepared
tests_unit_store_pg_test_prepared_SOURCES = %D%/test_prepared.c %D%/ops.h plugins/store-pg/prepared.c
tests_unit_store_pg_test_prepared_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
tests_unit_store_pg_test_prepared_LDADD = $(UNIT_LIBS)
tests_unit_store_pg_test_params_SOURCES = %D%/test_params.c $(PG_OPS)
tests_unit_store_pg_test_params_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
tests_unit_store_pg_test_params_LDADD = $(UNIT_LIBS) $(PQ_LIBS) -lm
tests_unit_store_pg_test_step_SOURCES = %D%/test_step.c $(PG_OPS)
tests_unit_store_pg_test_step_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
tests_unit_store_pg_test_step_LDADD = $(UNIT_LIBS) $(PQ_LIBS) -lm
tests_unit_store_pg_test_sql_SOURCES = %D%/test_sql.c $(PG_OPS)
tests_unit_store_pg_test_sql_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
tests_unit_store_pg_test_sql_LDADD = $(UNIT_LIBS) $(PQ_LIBS) -lm
endif
