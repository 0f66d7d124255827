# SPDX-License-Identifier: Apache-2.0
nativetemplatedir = $(phxdatadir)/otel-templates/native
examplesdir = $(phxdatadir)/examples
dist_examples_DATA = %D%/examples/demo.yaml
dist_nativetemplate_DATA = %D%/otel-templates/native/adaptive.yaml \
  %D%/otel-templates/native/aggregate.yaml %D%/otel-templates/native/baseline.yaml \
  %D%/otel-templates/native/hybrid.yaml %D%/otel-templates/native/priority.yaml \
  %D%/otel-templates/native/sampling.yaml %D%/otel-templates/native/topk.yaml \
  %D%/otel-templates/native/topk-rollup.yaml
pricesdir = $(phxdatadir)/prices
dist_prices_DATA = %D%/prices/amp-us.yaml %D%/prices/gmp.yaml %D%/prices/grafana-cloud.yaml \
  %D%/prices/datadog-series.yaml %D%/prices/newrelic.yaml %D%/prices/own-resources.yaml
EXTRA_DIST += %D%/otelcol/manifest.yaml
