# SPDX-License-Identifier: Apache-2.0
# Programs of the benches: built by `make bench-programs` only.
EXTRA_PROGRAMS = tests/bench/store_bench
tests_bench_store_bench_SOURCES = %D%/bench_store.h %D%/store_bench.c %D%/bench_lives.c %D%/bench_rows.c
tests_bench_store_bench_LDADD = $(STORE_LIBS)
EXTRA_DIST += %D%/store.sh %D%/pg.sh %D%/pg/lives.sql %D%/lib/pg.sh %D%/fleet.sh %D%/limits.sh %D%/lib/fleet.sh %D%/lib/table.sh %D%/heartbeat.sh %D%/parked.sh %D%/lib/http.sh %D%/lib/polls.py
EXTRA_PROGRAMS += tests/bench/collector_bench
tests_bench_collector_bench_SOURCES = %D%/collector_bench.c
EXTRA_DIST += %D%/collector.sh
EXTRA_PROGRAMS += tests/bench/dispatch_bench
tests_bench_dispatch_bench_SOURCES = %D%/dispatch_bench.c
EXTRA_DIST += %D%/dispatch.sh
EXTRA_PROGRAMS += tests/bench/decode_bench
tests_bench_decode_bench_SOURCES = %D%/decode_bench.c
tests_bench_decode_bench_LDADD = $(API_LIBS)
EXTRA_DIST += %D%/decode.sh
EXTRA_PROGRAMS += tests/bench/census_bench
tests_bench_census_bench_SOURCES = %D%/census_bench.c
tests_bench_census_bench_LDADD = $(AGENT_LIBS)
EXTRA_DIST += %D%/census.sh
EXTRA_PROGRAMS += tests/bench/tee_bench
tests_bench_tee_bench_SOURCES = %D%/tee_bench.c
tests_bench_tee_bench_LDADD = $(HTTP_LIBS)
EXTRA_DIST += %D%/tee.sh %D%/tee_run.py

.PHONY: bench-programs
bench-programs: $(EXTRA_PROGRAMS) tests/plugins/collector_sink.la
CLEANFILES += $(EXTRA_PROGRAMS)
EXTRA_DIST += %D%/agent.sh %D%/agent_idle.py
EXTRA_PROGRAMS += tests/bench/otlp_sink
tests_bench_otlp_sink_SOURCES = %D%/otlp_sink.c
EXTRA_DIST += %D%/otlp.sh %D%/otlp.py
EXTRA_DIST += %D%/otelcol.sh %D%/otelcol_cost.py
