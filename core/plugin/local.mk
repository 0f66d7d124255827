# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libplugin.a
libplugin_a_SOURCES = %D%/plugin.h
PLUGIN_LIBS = libplugin.a $(LOOP_LIBS) -ldl
