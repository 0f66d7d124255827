# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
check_PROGRAMS += %D%/test_args %D%/test_table
tests_unit_cli_test_args_SOURCES = %D%/test_args.c
tests_unit_cli_test_args_LDADD = libcli.a $(BASE_LIBS) $(CURL_LIBS) $(UNIT_LIBS)
tests_unit_cli_test_table_SOURCES = %D%/test_table.c
tests_unit_cli_test_table_LDADD = libcli.a $(BASE_LIBS) $(CURL_LIBS) $(UNIT_LIBS)
endif
