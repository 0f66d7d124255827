# SPDX-License-Identifier: Apache-2.0
phxlibexec_PROGRAMS += phoenix-loadhost
noinst_LIBRARIES += libloadhost.a
libloadhost_a_SOURCES = %D%/confine.c %D%/confine.h %D%/run.c %D%/run.h
phoenix_loadhost_SOURCES = %D%/main.c %D%/world.c %D%/world.h
phoenix_loadhost_LDADD = libloadhost.a $(PLUGIN_LIBS)
EXTRA_DIST += %D%/.may_include
