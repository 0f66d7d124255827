# SPDX-License-Identifier: Apache-2.0
PG_DRIVER_SOURCES = %D%/pg_priv.h %D%/pg_ops.h %D%/shape.h %D%/plugin.c %D%/conn.c %D%/admin.c \
  %D%/text.c %D%/decl.c %D%/create.c %D%/ddl.c %D%/schema.c %D%/ensure.c %D%/partition.c %D%/status.c \
  %D%/route.c %D%/lane.c %D%/wire.c %D%/prepared.c %D%/step.c %D%/sql.h %D%/sql.c %D%/sql_keyed.c \
  %D%/sql_one.c %D%/params.c %D%/answer.c %D%/watch.c
phxplugin_LTLIBRARIES += store_pg.la
store_pg_la_SOURCES = $(PG_DRIVER_SOURCES)
store_pg_la_CFLAGS = $(PLUGIN_CFLAGS) $(PQ_CFLAGS)
store_pg_la_LDFLAGS = $(PLUGIN_LINK)
store_pg_la_LIBADD = $(PQ_LIBS) -lm
EXTRA_DIST += %D%/.may_include %D%/store-pg.md
