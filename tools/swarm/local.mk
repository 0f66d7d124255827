# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += phoenix-swarm
noinst_LIBRARIES += libswarm.a
EXTRA_DIST += %D%/.may_include
libswarm_a_SOURCES = %D%/agent.c %D%/agent.h %D%/body.c %D%/broken.c %D%/conn.c %D%/conn.h %D%/engine.c \
  %D%/engine.h %D%/expect.c %D%/expect.h %D%/hist.c %D%/hist.h %D%/job.c %D%/ledger.c %D%/ledger.h \
  %D%/load.c %D%/load.h %D%/options.c %D%/options.def %D%/options.h %D%/post.c %D%/post.h %D%/report.c \
  %D%/report.h %D%/run.c %D%/run.h %D%/selftest.c %D%/selftest.h %D%/stub.c %D%/swarm.c %D%/swarm.h \
  %D%/tally.c %D%/tally.h %D%/wire.c %D%/wire.h
phoenix_swarm_SOURCES = %D%/main.c
phoenix_swarm_LDADD = libswarm.a libagent.a $(BASE_LIBS)
