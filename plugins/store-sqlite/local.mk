# SPDX-License-Identifier: Apache-2.0
SQLITE_DRIVER_SOURCES = %D%/sqlite_priv.h %D%/plugin.c %D%/decl.c %D%/schema.c %D%/open.c %D%/sql.c \
  %D%/stmt.c %D%/exec.c %D%/claim.c %D%/lane.c
phxplugin_LTLIBRARIES += store_sqlite.la
store_sqlite_la_SOURCES = $(SQLITE_DRIVER_SOURCES)
store_sqlite_la_CFLAGS = $(PLUGIN_CFLAGS) $(SQLITE_CFLAGS)
store_sqlite_la_LDFLAGS = $(PLUGIN_LINK)
store_sqlite_la_LIBADD = $(SQLITE_LIBS) -lpthread -lm
EXTRA_DIST += %D%/.may_include %D%/store-sqlite.md
