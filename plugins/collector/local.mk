# SPDX-License-Identifier: Apache-2.0
# Backends of collectors. The native pipeline's definition is built twice: for the plugin and for
# phoenix-collector.
phxplugin_LTLIBRARIES += collector-native.la
NATIVE_PIPELINE = %D%/native/doc.c %D%/native/doc.h %D%/native/pipeline.c %D%/native/pipeline.h
collector_native_la_SOURCES = %D%/native/native.c $(NATIVE_PIPELINE)
collector_native_la_CFLAGS = $(PLUGIN_CFLAGS)
collector_native_la_LDFLAGS = $(PLUGIN_LINK)
collector_native_la_LIBADD = $(YAML_LIBS)
EXTRA_DIST += %D%/native/native.md %D%/native/.may_include
