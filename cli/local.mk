# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += phoenix
noinst_LIBRARIES += libcli.a
EXTRA_DIST += %D%/.may_include
libcli_a_SOURCES = %D%/commands.def %D%/args.h %D%/args.c %D%/help.c %D%/ctx.h %D%/client.h %D%/client.c %D%/table.h \
  %D%/table.c %D%/text.c %D%/output.c %D%/progress.h %D%/progress.c %D%/watch.c %D%/experiment.c \
  %D%/experiment_create.c %D%/kpis.c %D%/fleet.c %D%/requests.c %D%/preview.c %D%/series.c %D%/system.c %D%/store.c
phoenix_SOURCES = %D%/main.c
phoenix_LDADD = libcli.a $(BASE_LIBS) $(CURL_LIBS)
