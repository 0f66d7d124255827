# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
AGENT_TESTS = %D%/test_backoff %D%/test_census %D%/test_expo %D%/test_plan %D%/test_push_body %D%/test_secrets \
  %D%/test_rank %D%/test_spool %D%/test_state %D%/test_tee_queue %D%/test_telemetry
check_PROGRAMS += $(AGENT_TESTS)
tests_unit_agent_test_backoff_SOURCES = %D%/test_backoff.c
tests_unit_agent_test_backoff_LDADD = $(AGENT_LIBS) $(UNIT_LIBS)
tests_unit_agent_test_census_SOURCES = %D%/test_census.c
tests_unit_agent_test_census_LDADD = $(AGENT_LIBS) $(UNIT_LIBS)
tests_unit_agent_test_expo_SOURCES = %D%/test_expo.c
tests_unit_agent_test_expo_LDADD = $(AGENT_LIBS) $(UNIT_LIBS)
tests_unit_agent_test_plan_SOURCES = %D%/test_plan.c
tests_unit_agent_test_plan_LDADD = $(AGENT_LIBS) $(UNIT_LIBS)
tests_unit_agent_test_push_body_SOURCES = %D%/test_push_body.c
tests_unit_agent_test_push_body_LDADD = $(AGENT_LIBS) $(UNIT_LIBS)
tests_unit_agent_test_secrets_SOURCES = %D%/test_secrets.c
tests_unit_agent_test_secrets_LDADD = $(AGENT_LIBS) $(UNIT_LIBS)
tests_unit_agent_test_rank_SOURCES = %D%/test_rank.c
tests_unit_agent_test_rank_LDADD = $(AGENT_LIBS) $(UNIT_LIBS)
tests_unit_agent_test_spool_SOURCES = %D%/test_spool.c
tests_unit_agent_test_spool_LDADD = $(AGENT_LIBS) $(UNIT_LIBS)
tests_unit_agent_test_state_SOURCES = %D%/test_state.c
tests_unit_agent_test_state_LDADD = $(AGENT_LIBS) $(UNIT_LIBS)
tests_unit_agent_test_tee_queue_SOURCES = %D%/test_tee_queue.c
tests_unit_agent_test_tee_queue_LDADD = $(AGENT_LIBS) $(UNIT_LIBS)
tests_unit_agent_test_telemetry_SOURCES = %D%/test_telemetry.c
tests_unit_agent_test_telemetry_LDADD = $(AGENT_LIBS) $(UNIT_LIBS)
endif
