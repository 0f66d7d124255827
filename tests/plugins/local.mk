# SPDX-License-Identifier: Apache-2.0
dist_check_SCRIPTS += %D%/checked.sh
EXTRA_DIST += %D%/configs.yaml %D%/topk.yaml %D%/adaptive.yaml %D%/otelcol.yaml
# A backend for tests of the agent and for its benches.
check_LTLIBRARIES += %D%/collector_sink.la
tests_plugins_collector_sink_la_SOURCES = %D%/collector_sink.c $(COLLECTOR_DOC) $(COLLECTOR_COMMON)
tests_plugins_collector_sink_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_collector_sink_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere
tests_plugins_collector_sink_la_LIBADD = $(YAML_LIBS)
