# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = %D%/err.h %D%/str.h %D%/buf.h %D%/mem.h %D%/arena.h %D%/clock.h %D%/ids.h %D%/log.h \
  %D%/json.h %D%/yaml.h %D%/schema.h %D%/settings.h %D%/limits.h %D%/measures.h
BASE_LIBS = libbase.a $(JSON_LIBS) $(YAML_LIBS) $(CRYPTO_LIBS) -lm
