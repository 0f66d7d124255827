# SPDX-License-Identifier: Apache-2.0
# With --enable-fuzzing (clang) the targets are libFuzzer programs; else they replay their corpora.
FUZZ_CORPORA = %D%/corpus
EXTRA_DIST += $(FUZZ_CORPORA)
if FUZZING
noinst_PROGRAMS += %D%/fuzz_load %D%/fuzz_proc %D%/fuzz_pipeline %D%/fuzz_push %D%/fuzz_otelcol %D%/fuzz_prom
noinst_PROGRAMS += %D%/fuzz_json %D%/fuzz_yaml %D%/fuzz_wire %D%/fuzz_expo %D%/fuzz_heartbeat %D%/fuzz_samples %D%/fuzz_census
FUZZ_MAIN =
FUZZ_CFLAGS = -fsanitize=fuzzer
EXTRA_DIST += %D%/stub_main.c
else
check_PROGRAMS += %D%/fuzz_load %D%/fuzz_proc %D%/fuzz_pipeline %D%/fuzz_push %D%/fuzz_otelcol %D%/fuzz_prom
check_PROGRAMS += %D%/fuzz_json %D%/fuzz_yaml %D%/fuzz_wire %D%/fuzz_expo %D%/fuzz_heartbeat %D%/fuzz_samples %D%/fuzz_census
FUZZ_MAIN = %D%/stub_main.c
FUZZ_CFLAGS =
endif
tests_fuzz_fuzz_json_SOURCES = %D%/fuzz_json.c $(FUZZ_MAIN)
tests_fuzz_fuzz_json_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"json"'
tests_fuzz_fuzz_json_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fuzz_json_LDADD = $(BASE_LIBS)
tests_fuzz_fuzz_yaml_SOURCES = %D%/fuzz_yaml.c $(FUZZ_MAIN)
tests_fuzz_fuzz_yaml_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"yaml"'
tests_fuzz_fuzz_yaml_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fuzz_yaml_LDADD = $(BASE_LIBS)
tests_fuzz_fuzz_wire_SOURCES = %D%/fuzz_wire.c $(FUZZ_MAIN)
tests_fuzz_fuzz_wire_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"wire"'
tests_fuzz_fuzz_wire_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fuzz_wire_LDADD = libhttp.a $(BASE_LIBS)
tests_fuzz_fuzz_heartbeat_SOURCES = %D%/fuzz_heartbeat.c $(FUZZ_MAIN)
tests_fuzz_fuzz_heartbeat_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"heartbeat"'
tests_fuzz_fuzz_heartbeat_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fuzz_heartbeat_LDADD = libapi.a $(BASE_LIBS)
tests_fuzz_fuzz_samples_SOURCES = %D%/fuzz_samples.c $(FUZZ_MAIN)
tests_fuzz_fuzz_samples_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"samples"'
tests_fuzz_fuzz_samples_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fuzz_samples_LDADD = libapi.a $(BASE_LIBS)
tests_fuzz_fuzz_expo_SOURCES = %D%/fuzz_expo.c $(FUZZ_MAIN)
tests_fuzz_fuzz_expo_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"expo"'
tests_fuzz_fuzz_expo_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fuzz_expo_LDADD = libagent.a $(BASE_LIBS)
tests_fuzz_fuzz_proc_SOURCES = %D%/fuzz_proc.c $(FUZZ_MAIN)
tests_fuzz_fuzz_proc_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"proc"'
tests_fuzz_fuzz_proc_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fuzz_proc_LDADD = $(COLLECTOR_LIBS)
tests_fuzz_fuzz_pipeline_SOURCES = %D%/fuzz_pipeline.c $(FUZZ_MAIN)
tests_fuzz_fuzz_pipeline_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"pipeline"'
tests_fuzz_fuzz_pipeline_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fuzz_pipeline_LDADD = $(COLLECTOR_LIBS)
tests_fuzz_fuzz_push_SOURCES = %D%/fuzz_push.c $(FUZZ_MAIN)
tests_fuzz_fuzz_push_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"push"'
tests_fuzz_fuzz_push_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fuzz_push_LDADD = libagent.a $(BASE_LIBS)
tests_fuzz_fuzz_otelcol_SOURCES = %D%/fuzz_otelcol.c $(FUZZ_MAIN)
tests_fuzz_fuzz_otelcol_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"otelcol"'
tests_fuzz_fuzz_otelcol_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fuzz_otelcol_LDADD = libotelcol.a $(BASE_LIBS)
tests_fuzz_fuzz_prom_SOURCES = %D%/fuzz_prom.c $(FUZZ_MAIN)
tests_fuzz_fuzz_prom_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"prom"'
tests_fuzz_fuzz_prom_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fuzz_prom_LDADD = $(API_LIBS)
tests_fuzz_fuzz_load_SOURCES = %D%/fuzz_load.c $(FUZZ_MAIN)
tests_fuzz_fuzz_load_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"load"'
tests_fuzz_fuzz_load_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fuzz_load_LDADD = libotlpgen.a $(BASE_LIBS) -lm
tests_fuzz_fuzz_census_SOURCES = %D%/fuzz_census.c $(FUZZ_MAIN)
tests_fuzz_fuzz_census_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"census"'
tests_fuzz_fuzz_census_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fuzz_census_LDADD = $(API_LIBS)
