# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libhttp.a
libhttp_a_SOURCES = %D%/http.h %D%/http_priv.h %D%/wire.h %D%/wire.c %D%/gate.h %D%/gate.c \
  %D%/router.h %D%/router.c %D%/server.c %D%/request.c %D%/reply.c %D%/openapi.c
HTTP_LIBS = libhttp.a $(LOOP_LIBS)
EXTRA_DIST += %D%/.may_include

noinst_PROGRAMS += tests/unit/http/http_fixture
tests_unit_http_http_fixture_SOURCES = tests/unit/http/http_fixture.c
tests_unit_http_http_fixture_LDADD = $(HTTP_LIBS)
