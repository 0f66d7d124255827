# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += phoenix-plugin-check
phoenix_plugin_check_SOURCES = %D%/check.h %D%/main.c %D%/tap.c %D%/run.c %D%/fence.c %D%/elf.c \
  %D%/life.c %D%/kpi.c %D%/load.c %D%/collector.c
phoenix_plugin_check_LDADD = $(PLUGIN_LIBS)
EXTRA_DIST += %D%/.may_include
