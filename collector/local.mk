# SPDX-License-Identifier: Apache-2.0
phxlibexec_PROGRAMS += phoenix-collector
noinst_LIBRARIES += libcollector.a
libcollector_a_SOURCES = %D%/collect.c %D%/collect.h %D%/expose.c %D%/expose.h %D%/expose_host.c \
  %D%/expose_priv.h %D%/procfs.c %D%/procfs.h \
  %D%/proctext.c %D%/proctext.h %D%/select.c %D%/select.h %D%/serve.c %D%/serve.h \
  %D%/sums.c %D%/sums.h %D%/table.c %D%/table.h \
  $(NATIVE_PIPELINE)
COLLECTOR_LIBS = libcollector.a $(BASE_LIBS)
phoenix_collector_SOURCES = %D%/main.c
phoenix_collector_LDADD = $(COLLECTOR_LIBS)
EXTRA_DIST += %D%/.may_include
