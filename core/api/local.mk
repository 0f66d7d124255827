# SPDX-License-Identifier: Apache-2.0
# Everything but main() stands in a library, so that tests and fuzzers take from it what they need.
bin_PROGRAMS += phoenix-api
noinst_LIBRARIES += libapi.a
phoenix_api_SOURCES = %D%/main.c
phoenix_api_LDADD = $(API_LIBS)
API_LIBS = libapi.a $(EXPERIMENT_LIBS) $(HTTP_LIBS) $(STORE_LIBS)
# The program: routes, what is shown of the system.
API_SYSTEM_SOURCES = %D%/api.h %D%/parts.def %D%/routes.h %D%/routes.c %D%/handlers.h %D%/types.h %D%/types.c \
  %D%/system.c %D%/metrics.h %D%/metrics.c %D%/dump.c %D%/page.h %D%/page.c %D%/idempotency.h %D%/idempotency.c \
  %D%/retention.h %D%/retention.c %D%/lease.h %D%/lease.c %D%/peers.h %D%/peers.c \
  %D%/listen.h %D%/listen.c %D%/workers.h %D%/workers.c
# Tasks, agents, samples and logs.
API_AGENT_SOURCES = %D%/waiters.h %D%/waiters_priv.h %D%/waiters.c %D%/taskq.h %D%/taskq_priv.h %D%/taskq.c \
  %D%/taskq_claim.c %D%/taskq_report.c %D%/taskq_sweep.c %D%/hearing.h %D%/hearing.c %D%/taskq_count.c \
  %D%/backoff.h %D%/backoff.c %D%/tasks.c %D%/agents.h %D%/agents_priv.h %D%/agents.c %D%/agents_seen.c \
  %D%/agents_list.c %D%/heartbeat.h %D%/heartbeat.c %D%/heartbeats.c %D%/selector.h %D%/selector.c \
  %D%/ingest.h %D%/ingest.c %D%/admission.h %D%/admission.c %D%/buckets.h %D%/buckets.c \
  %D%/samples_scan.h %D%/samples_scan.c %D%/samples.c %D%/logs.c %D%/census_batch.c
# Experiments.
API_EXPERIMENT_SOURCES = %D%/scheduler.h %D%/scheduler_priv.h %D%/scheduler.c %D%/step.c %D%/step_facts.c \
  %D%/step_plan.c %D%/looks.c %D%/prom.h %D%/prom.c %D%/prom_query.h %D%/prom_query.c \
  %D%/prom_rows.h %D%/prom_rows.c %D%/experiment_doc.h %D%/experiment_doc.c %D%/experiment_new.h \
  %D%/experiment_new.c %D%/preview.c %D%/kpi_config.h %D%/kpi_config.c \
  %D%/censuses.h %D%/censuses.c %D%/experiments.c %D%/experiment_commands.c
# Pipelines, plugins and loads.
API_PIPELINE_SOURCES = %D%/templates.h %D%/pipelines.h %D%/templates.c %D%/template_load.c %D%/template_render.c %D%/backends.c \
  %D%/pipelines.c %D%/plugins.c %D%/loads.h %D%/loads_priv.h %D%/load_doc.h %D%/loads.c %D%/loads_save.c %D%/load_doc.c \
  %D%/loads_places.c %D%/load_news.c %D%/load_adjust.c %D%/load_handlers.c %D%/load_profiles.c
libapi_a_SOURCES = $(API_SYSTEM_SOURCES) $(API_AGENT_SOURCES) $(API_EXPERIMENT_SOURCES) $(API_PIPELINE_SOURCES)
EXTRA_DIST += %D%/.may_include
