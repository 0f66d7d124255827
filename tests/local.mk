# SPDX-License-Identifier: Apache-2.0
include tests/unit/cli/local.mk
include tests/unit/base/local.mk
include tests/unit/plugin/local.mk
include tests/unit/agent/local.mk
include tests/unit/collector/local.mk
include tests/unit/otelcol/local.mk
include tests/unit/otlpgen/local.mk
include tests/unit/loadhost/local.mk
include tests/unit/store-pg/local.mk
include tests/unit/storetool/local.mk
include tests/unit/swarm/local.mk
include tests/unit/api/local.mk
include tests/abi/local.mk
include tests/plugins/local.mk
include tests/conformance/local.mk
include tests/bench/local.mk
include tests/unit/api/pipelines.mk
include tests/fuzz/local.mk
include tests/lint/local.mk
# The metrics path over Pushgateway and Prometheus.
EXTRA_DIST += %D%/integration/test_push.py %D%/integration/test_prometheus.py
EXTRA_DIST += %D%/integration/env/census.py %D%/integration/test_census.py %D%/integration/test_preview.py
EXTRA_DIST += %D%/integration/env/otlpsink.py %D%/integration/test_load_otlp.py
EXTRA_DIST += %D%/integration/conftest.py %D%/integration/env/agent.py %D%/integration/env/api.py \
  %D%/integration/env/common.py %D%/integration/env/contract.py %D%/integration/env/stack.py \
  %D%/integration/env/fakeapi.py %D%/integration/env/fleet.py \
  %D%/integration/test_agent.py %D%/integration/test_api_agents.py %D%/integration/test_experiments.py \
  %D%/integration/test_loads.py %D%/integration/test_admission.py %D%/integration/env/flood.py \
  %D%/integration/env/collector.py %D%/integration/env/proctable.py %D%/integration/test_templates_otelcol.py \
  %D%/integration/test_pipelines.py %D%/integration/env/lab.py \
  %D%/integration/env/proxy.py %D%/integration/env/pg.py %D%/integration/env/rows.py \
  %D%/integration/env/workers.py %D%/integration/env/replicas.py %D%/integration/env/clock.c \
  %D%/integration/env/faults.py %D%/integration/test_pg_faults.py \
  %D%/integration/test_pg.py %D%/integration/test_replicas.py %D%/integration/test_workers.py \
  %D%/integration/test_cli.py %D%/integration/test_store_copy.py %D%/integration/test_swarm.py \
  %D%/integration/env/otelcol.py %D%/integration/test_otelcol.py %D%/integration/test_loop.py
EXTRA_DIST += %D%/integration/env/tee.py %D%/integration/test_tee.py
