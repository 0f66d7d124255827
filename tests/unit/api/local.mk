# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
check_PROGRAMS += tests/unit/api/test_selector tests/unit/api/test_page tests/unit/api/test_heartbeat \
  tests/unit/api/test_samples_scan tests/unit/api/test_lease tests/unit/api/test_hearing
tests_unit_api_test_selector_SOURCES = %D%/test_selector.c
tests_unit_api_test_selector_LDADD = $(API_LIBS) $(UNIT_LIBS)
tests_unit_api_test_page_SOURCES = %D%/test_page.c
tests_unit_api_test_page_LDADD = $(API_LIBS) $(UNIT_LIBS)
tests_unit_api_test_heartbeat_SOURCES = %D%/test_heartbeat.c
tests_unit_api_test_heartbeat_LDADD = $(API_LIBS) $(UNIT_LIBS)
tests_unit_api_test_samples_scan_SOURCES = %D%/test_samples_scan.c
tests_unit_api_test_samples_scan_LDADD = $(API_LIBS) $(UNIT_LIBS)
tests_unit_api_test_hearing_SOURCES = %D%/test_hearing.c
tests_unit_api_test_hearing_LDADD = $(API_LIBS) $(UNIT_LIBS)
tests_unit_api_test_lease_SOURCES = %D%/test_lease.c tests/conformance/store_memory.c
tests_unit_api_test_lease_CPPFLAGS = $(AM_CPPFLAGS) -DPHX_STATIC_NAME=memory
tests_unit_api_test_lease_LDADD = $(API_LIBS) $(UNIT_LIBS)
check_PROGRAMS += tests/unit/api/test_prom
tests_unit_api_test_prom_SOURCES = %D%/test_prom.c
tests_unit_api_test_prom_LDADD = $(API_LIBS) $(UNIT_LIBS)
check_PROGRAMS += tests/unit/api/test_buckets tests/unit/api/test_admission
tests_unit_api_test_admission_SOURCES = %D%/test_admission.c
tests_unit_api_test_admission_LDADD = $(API_LIBS) $(UNIT_LIBS)
tests_unit_api_test_buckets_SOURCES = %D%/test_buckets.c
tests_unit_api_test_buckets_LDADD = $(API_LIBS) $(UNIT_LIBS)
endif
