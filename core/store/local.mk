# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = %D%/store.h %D%/store_priv.h %D%/collections.c %D%/query.c %D%/run.c \
  %D%/store.c %D%/row.c %D%/expire.c
EXTRA_DIST += %D%/.may_include
STORE_LIBS = libstore.a $(PLUGIN_LIBS)
