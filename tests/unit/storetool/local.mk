# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
check_PROGRAMS += %D%/test_address %D%/test_digest %D%/test_progress
tests_unit_storetool_test_address_SOURCES = %D%/test_address.c
tests_unit_storetool_test_address_LDADD = libstoretool.a $(BASE_LIBS) $(UNIT_LIBS)
tests_unit_storetool_test_digest_SOURCES = %D%/test_digest.c
tests_unit_storetool_test_digest_LDADD = libstoretool.a $(BASE_LIBS) $(UNIT_LIBS)
tests_unit_storetool_test_progress_SOURCES = %D%/test_progress.c
tests_unit_storetool_test_progress_LDADD = libstoretool.a $(BASE_LIBS) $(UNIT_LIBS)
endif
