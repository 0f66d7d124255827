# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libhttp.a
libhttp_a_SOURCES = %D%/http.h %D%/http_priv.h %D%/wire.h %D%/wire.c %D%/gate.h %D%/gate.c \
  %D%/router.h %D%/router.c %D%/listen.h %D%/listen.c %D%/traffic.c %D%/server.c %D%/drain.c %D%/request.c \
  %D%/reply.c %D%/openapi.c
HTTP_LIBS = libhttp.a $(LOOP_LIBS)
EXTRA_DIST += %D%/.may_include tests/integration/test_http_gate.py

noinst_PROGRAMS += tests/unit/http/http_fixture
tests_unit_http_http_fixture_SOURCES = tests/unit/http/http_fixture.c
tests_unit_http_http_fixture_LDADD = $(HTTP_LIBS)

if HAVE_CHECK
check_PROGRAMS += tests/unit/http/test_wire tests/unit/http/test_gate tests/unit/http/test_router \
  tests/unit/http/test_server tests/unit/http/test_openapi tests/unit/http/test_traffic
tests_unit_http_test_wire_SOURCES = tests/unit/http/test_wire.c
tests_unit_http_test_wire_LDADD = $(HTTP_LIBS) $(UNIT_LIBS)
tests_unit_http_test_gate_SOURCES = tests/unit/http/test_gate.c
tests_unit_http_test_gate_LDADD = $(HTTP_LIBS) $(UNIT_LIBS)
tests_unit_http_test_router_SOURCES = tests/unit/http/test_router.c
tests_unit_http_test_router_LDADD = $(HTTP_LIBS) $(UNIT_LIBS)
tests_unit_http_test_server_SOURCES = tests/unit/http/test_server.c
tests_unit_http_test_server_LDADD = $(HTTP_LIBS) $(UNIT_LIBS)
tests_unit_http_test_openapi_SOURCES = tests/unit/http/test_openapi.c
tests_unit_http_test_openapi_LDADD = $(HTTP_LIBS) $(UNIT_LIBS)
tests_unit_http_test_traffic_SOURCES = tests/unit/http/test_traffic.c
tests_unit_http_test_traffic_LDADD = $(HTTP_LIBS) $(UNIT_LIBS)
endif
