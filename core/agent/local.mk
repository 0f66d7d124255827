# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += phoenix-agent
noinst_LIBRARIES += libagent.a
EXTRA_DIST += %D%/.may_include
libagent_a_SOURCES = \
  %D%/actions.c %D%/backoff.c %D%/backoff.h %D%/census.c %D%/census.h %D%/census_round.c %D%/census_round.h %D%/collector.c %D%/collector.h %D%/executor.c %D%/executor.h \
  %D%/expo.c %D%/expo.h %D%/expo_line.c %D%/expo_line.h %D%/files.c %D%/files.h %D%/heartbeat.c %D%/heartbeat.h %D%/heavy.c %D%/heavy.h %D%/launch.c %D%/loads.c \
  %D%/loads.h %D%/logs.c %D%/logs.h %D%/names.c %D%/orphans.c %D%/orphans.h %D%/outbox.c %D%/outbox.h \
  %D%/plan.c %D%/plan.h %D%/poller.c %D%/poller.h %D%/ports.c %D%/ports.h %D%/procfs.c %D%/procfs.h \
  %D%/push.c %D%/push.h %D%/push_body.c %D%/push_body.h \
  %D%/rank.c %D%/rank.h %D%/ranking.c %D%/ranking.h %D%/record.c %D%/report.c %D%/retell.c %D%/sampler.c %D%/sampler.h %D%/secrets.c %D%/secrets.h %D%/spec.c %D%/spec.h %D%/spool.c %D%/spool.h \
  %D%/state.c %D%/state.h %D%/supervisor.c %D%/supervisor.h %D%/task.c %D%/task.h %D%/telemetry.c %D%/telemetry.h %D%/uplink.c %D%/uplink.h
libagent_a_SOURCES += %D%/tee.c %D%/tee.h %D%/tee_arm.c %D%/tee_arm.h %D%/tee_queue.c %D%/tee_queue.h
AGENT_LIBS = libagent.a libhttp.a $(PLUGIN_LIBS)
phoenix_agent_SOURCES = %D%/main.c
phoenix_agent_LDADD = $(AGENT_LIBS)
