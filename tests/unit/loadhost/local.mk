# SPDX-License-Identifier: Apache-2.0
dist_check_SCRIPTS += %D%/test_loadhost.sh
if HAVE_CHECK
check_PROGRAMS += %D%/test_population %D%/test_run
tests_unit_loadhost_test_population_SOURCES = %D%/test_population.c plugins/loadsim/population.c
tests_unit_loadhost_test_population_LDADD = $(UNIT_LIBS) -lm
tests_unit_loadhost_test_run_SOURCES = %D%/test_run.c
tests_unit_loadhost_test_run_LDADD = libloadhost.a $(BASE_LIBS) $(UNIT_LIBS)
endif
