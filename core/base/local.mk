# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = %D%/err.h %D%/str.h %D%/buf.h %D%/mem.h %D%/arena.h %D%/pages.h %D%/clock.h %D%/ids.h \
  %D%/log.h %D%/json.h %D%/yaml.h %D%/schema.h %D%/settings.h %D%/limits.h %D%/measures.h %D%/number.h %D%/sketch.h \
  %D%/err.c %D%/str.c %D%/str_parse.c %D%/number.c %D%/sketch.c %D%/buf.c %D%/mem.c %D%/arena.c %D%/pages.c %D%/clock.c \
  %D%/ids.c %D%/log.c \
  %D%/schema.c %D%/schema_write.c %D%/schema_json.c \
  %D%/file.c %D%/yaml_priv.h %D%/yaml_scalar.c %D%/yaml_parse.c %D%/yaml_write.c \
  %D%/settings_priv.h %D%/settings.c %D%/settings_load.c %D%/settings_text.c \
  %D%/json_priv.h %D%/json_scan.c %D%/json_check.c %D%/json.c %D%/json_tree.c %D%/json_write.c
BASE_LIBS = libbase.a $(JSON_LIBS) $(YAML_LIBS) $(CRYPTO_LIBS) -lm
EXTRA_DIST += %D%/.may_include
