# SPDX-License-Identifier: Apache-2.0
# Backends of collectors. The native pipeline's definition is built twice: for the plugin and for
# phoenix-collector.
phxplugin_LTLIBRARIES += collector-native.la collector-otelcol.la
COLLECTOR_DOC = %D%/common/doc.c %D%/common/doc.h
COLLECTOR_COMMON = %D%/common/seen.c %D%/common/seen.h %D%/common/words.c %D%/common/words.h
NATIVE_PIPELINE = $(COLLECTOR_DOC) %D%/native/pipeline.c %D%/native/pipeline.h
collector_native_la_SOURCES = %D%/native/native.c $(NATIVE_PIPELINE) $(COLLECTOR_COMMON)
collector_native_la_CFLAGS = $(PLUGIN_CFLAGS)
collector_native_la_LDFLAGS = $(PLUGIN_LINK)
collector_native_la_LIBADD = $(YAML_LIBS)
OTELCOL_BACKEND = %D%/otelcol/check.c %D%/otelcol/check.h %D%/otelcol/compose.c %D%/otelcol/compose.h \
  %D%/otelcol/deploy.c %D%/otelcol/deploy.h %D%/otelcol/extras.c %D%/otelcol/extras.h \
  %D%/otelcol/otelcol.c %D%/otelcol/tree.c %D%/otelcol/tree.h %D%/otelcol/values.c %D%/otelcol/values.h \
  %D%/otelcol/write.c %D%/otelcol/write.h
collector_otelcol_la_SOURCES = $(OTELCOL_BACKEND) $(COLLECTOR_DOC) $(COLLECTOR_COMMON)
collector_otelcol_la_CFLAGS = $(PLUGIN_CFLAGS)
collector_otelcol_la_LDFLAGS = $(PLUGIN_LINK)
collector_otelcol_la_LIBADD = $(YAML_LIBS)
# The same, for tests to link.
check_LIBRARIES += libotelcol.a
libotelcol_a_SOURCES = $(collector_otelcol_la_SOURCES)
libotelcol_a_CPPFLAGS = $(AM_CPPFLAGS) -DPHX_STATIC_NAME=otelcol
EXTRA_DIST += %D%/common/.may_include %D%/native/native.md %D%/native/.may_include \
  %D%/otelcol/otelcol.md %D%/otelcol/.may_include
