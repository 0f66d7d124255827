# SPDX-License-Identifier: Apache-2.0
# Load profiles that send metrics by OTLP/HTTP.
phxplugin_LTLIBRARIES += otlpgen.la
OTLPGEN_PURE = %D%/answer.c %D%/answer.h %D%/describe.c %D%/describe.h %D%/describe_metric.c \
  %D%/describe_priv.h %D%/encode.c %D%/endpoint.c %D%/endpoint.h %D%/encode.h %D%/plan.h %D%/schedule.c %D%/schedule.h %D%/series.c \
  %D%/series.h %D%/wire.h %D%/zipf.c %D%/zipf.h $(COLLECTOR_DOC)
otlpgen_la_SOURCES = %D%/gen.c %D%/gen.h %D%/profile.c %D%/sender.c %D%/sender.h \
  $(OTLPGEN_PURE)
otlpgen_la_CFLAGS = $(PLUGIN_CFLAGS)
otlpgen_la_LDFLAGS = $(PLUGIN_LINK)
otlpgen_la_LIBADD = $(CURL_LIBS) $(YAML_LIBS) -lm
# What does no input and output, for tests to link.
check_LIBRARIES += libotlpgen.a
libotlpgen_a_SOURCES = $(OTLPGEN_PURE)
EXTRA_DIST += %D%/otlpgen.md %D%/.may_include
