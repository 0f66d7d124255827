# SPDX-License-Identifier: Apache-2.0
dist_check_SCRIPTS += %D%/self_test.sh
if HAVE_CHECK
SWARM_LIBS = libswarm.a libagent.a $(BASE_LIBS) $(UNIT_LIBS) -lm
check_PROGRAMS += %D%/test_hist %D%/test_wire %D%/test_expect %D%/test_ledger %D%/test_options
tests_unit_swarm_test_hist_SOURCES = %D%/test_hist.c
tests_unit_swarm_test_hist_LDADD = $(SWARM_LIBS)
tests_unit_swarm_test_wire_SOURCES = %D%/test_wire.c
tests_unit_swarm_test_wire_LDADD = $(SWARM_LIBS)
tests_unit_swarm_test_expect_SOURCES = %D%/test_expect.c
tests_unit_swarm_test_expect_LDADD = $(SWARM_LIBS)
tests_unit_swarm_test_ledger_SOURCES = %D%/test_ledger.c
tests_unit_swarm_test_ledger_LDADD = $(SWARM_LIBS)
tests_unit_swarm_test_options_SOURCES = %D%/test_options.c
tests_unit_swarm_test_options_LDADD = $(SWARM_LIBS)
endif
