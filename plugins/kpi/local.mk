# SPDX-License-Identifier: Apache-2.0
# KPI calculators: one .c, one .md each.
phxplugin_LTLIBRARIES += kpi_cardinality.la kpi_ingest_rate.la kpi_collector_cpu.la \
  kpi_collector_memory.la kpi_critical_processes.la kpi_cost.la
kpi_cardinality_la_SOURCES = %D%/cardinality.c
kpi_cardinality_la_CFLAGS = $(PLUGIN_CFLAGS)
kpi_cardinality_la_LDFLAGS = $(PLUGIN_LINK)
kpi_ingest_rate_la_SOURCES = %D%/ingest_rate.c
kpi_ingest_rate_la_CFLAGS = $(PLUGIN_CFLAGS)
kpi_ingest_rate_la_LDFLAGS = $(PLUGIN_LINK)
kpi_collector_cpu_la_SOURCES = %D%/collector_cpu.c
kpi_collector_cpu_la_CFLAGS = $(PLUGIN_CFLAGS)
kpi_collector_cpu_la_LDFLAGS = $(PLUGIN_LINK)
kpi_collector_memory_la_SOURCES = %D%/collector_memory.c
kpi_collector_memory_la_CFLAGS = $(PLUGIN_CFLAGS)
kpi_collector_memory_la_LDFLAGS = $(PLUGIN_LINK)
kpi_critical_processes_la_SOURCES = %D%/critical_processes.c
kpi_critical_processes_la_CFLAGS = $(PLUGIN_CFLAGS)
kpi_critical_processes_la_LDFLAGS = $(PLUGIN_LINK)
kpi_cost_la_SOURCES = %D%/cost.c
kpi_cost_la_CFLAGS = $(PLUGIN_CFLAGS)
kpi_cost_la_LDFLAGS = $(PLUGIN_LINK)
EXTRA_DIST += %D%/.may_include %D%/cases.json %D%/cardinality.md %D%/ingest_rate.md \
  %D%/collector_cpu.md %D%/collector_memory.md %D%/critical_processes.md %D%/cost.md
