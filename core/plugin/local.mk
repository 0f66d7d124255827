# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libplugin.a
libplugin_a_SOURCES = %D%/plugin.h %D%/plugin_priv.h %D%/registry_priv.h \
  %D%/find.c %D%/check.c %D%/load.c %D%/registry.c %D%/host.c %D%/instance.c
PLUGIN_LIBS = libplugin.a $(LOOP_LIBS) -ldl
EXTRA_DIST += %D%/.may_include
