# SPDX-License-Identifier: Apache-2.0
# The load profiles: one plugin, one file a profile.
phxplugin_LTLIBRARIES += loadsim.la
loadsim_la_SOURCES = %D%/brood.c %D%/brood.h %D%/population.c %D%/population.h %D%/profile.c %D%/profile.h \
  %D%/high_cardinality.c %D%/process_churn.c %D%/realistic.c %D%/spike.c %D%/steady.c
loadsim_la_CFLAGS = $(PLUGIN_CFLAGS)
loadsim_la_LDFLAGS = $(PLUGIN_LINK)
loadsim_la_LIBADD = -lm
EXTRA_DIST += %D%/loadsim.md %D%/.may_include
