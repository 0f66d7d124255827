# SPDX-License-Identifier: Apache-2.0
nativetemplatedir = $(phxdatadir)/otel-templates/native
examplesdir = $(phxdatadir)/examples
dist_examples_DATA = %D%/examples/demo.yaml %D%/examples/demo-full.yaml
dist_nativetemplate_DATA = %D%/otel-templates/native/adaptive.yaml \
  %D%/otel-templates/native/aggregate.yaml %D%/otel-templates/native/baseline.yaml \
  %D%/otel-templates/native/hybrid.yaml %D%/otel-templates/native/priority.yaml \
  %D%/otel-templates/native/sampling.yaml %D%/otel-templates/native/topk.yaml \
  %D%/otel-templates/native/topk-rollup.yaml
otelcoltemplatedir = $(phxdatadir)/otel-templates/otelcol
dist_otelcoltemplate_DATA = %D%/otel-templates/otelcol/common.yaml %D%/otel-templates/otelcol/classes.yaml \
  %D%/otel-templates/otelcol/marked.yaml \
  %D%/otel-templates/otelcol/summed.yaml %D%/otel-templates/otelcol/adaptive.yaml \
  %D%/otel-templates/otelcol/aggregate.yaml %D%/otel-templates/otelcol/baseline.yaml \
  %D%/otel-templates/otelcol/hybrid.yaml %D%/otel-templates/otelcol/priority.yaml \
  %D%/otel-templates/otelcol/sampling.yaml %D%/otel-templates/otelcol/topk-exact.yaml \
  %D%/otel-templates/otelcol/topk-rollup.yaml %D%/otel-templates/otelcol/topk-threshold.yaml
nrdottemplatedir = $(phxdatadir)/otel-templates/nrdot
dist_nrdottemplate_DATA = %D%/otel-templates/nrdot/newrelic.yaml %D%/otel-templates/nrdot/adaptive.yaml \
  %D%/otel-templates/nrdot/aggregate.yaml %D%/otel-templates/nrdot/baseline.yaml \
  %D%/otel-templates/nrdot/hybrid.yaml %D%/otel-templates/nrdot/priority.yaml \
  %D%/otel-templates/nrdot/sampling.yaml %D%/otel-templates/nrdot/topk-exact.yaml \
  %D%/otel-templates/nrdot/topk-rollup.yaml %D%/otel-templates/nrdot/topk-threshold.yaml
pricesdir = $(phxdatadir)/prices
dist_prices_DATA = %D%/prices/amp-us.yaml %D%/prices/gmp.yaml %D%/prices/grafana-cloud.yaml \
  %D%/prices/datadog-series.yaml %D%/prices/newrelic.yaml %D%/prices/own-resources.yaml
EXTRA_DIST += %D%/otelcol/manifest.yaml
