# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = %D%/store.h
STORE_LIBS = libstore.a $(PLUGIN_LIBS)
