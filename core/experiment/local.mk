# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libexperiment.a
libexperiment_a_SOURCES = %D%/spec.h %D%/spec.c %D%/machine.h %D%/machine.c %D%/phases.c \
  %D%/analysis.h %D%/analysis_priv.h %D%/analysis_spec.c %D%/analysis.c %D%/samples.c %D%/cells.c \
  %D%/batches.c %D%/infer.c %D%/event.c %D%/parity.c %D%/judge.c %D%/verdict.c %D%/result.c \
  %D%/census.h %D%/census_priv.h %D%/census_sum.c %D%/census_doc.c %D%/census_cost.c
EXPERIMENT_LIBS = libexperiment.a $(BASE_LIBS)
EXTRA_DIST += %D%/.may_include
if HAVE_CHECK
check_PROGRAMS += tests/unit/experiment/test_machine
tests_unit_experiment_test_machine_SOURCES = tests/unit/experiment/test_machine.c
tests_unit_experiment_test_machine_LDADD = $(EXPERIMENT_LIBS) $(UNIT_LIBS)
check_PROGRAMS += tests/unit/experiment/test_stat tests/unit/experiment/test_infer \
  tests/unit/experiment/test_cells tests/unit/experiment/test_verdict \
  tests/unit/experiment/test_analysis_spec tests/unit/experiment/test_kpi \
  tests/unit/experiment/test_calibration tests/unit/experiment/test_census
LAB = tests/unit/experiment/lab.c tests/unit/experiment/lab.h
tests_unit_experiment_test_stat_SOURCES = tests/unit/experiment/test_stat.c
tests_unit_experiment_test_stat_LDADD = $(EXPERIMENT_LIBS) $(UNIT_LIBS)
tests_unit_experiment_test_infer_SOURCES = tests/unit/experiment/test_infer.c $(LAB) \
  tests/unit/experiment/oracle_cases.h
tests_unit_experiment_test_infer_LDADD = $(EXPERIMENT_LIBS) $(UNIT_LIBS)
tests_unit_experiment_test_cells_SOURCES = tests/unit/experiment/test_cells.c $(LAB)
tests_unit_experiment_test_cells_LDADD = $(EXPERIMENT_LIBS) $(UNIT_LIBS)
tests_unit_experiment_test_verdict_SOURCES = tests/unit/experiment/test_verdict.c $(LAB)
tests_unit_experiment_test_verdict_LDADD = $(EXPERIMENT_LIBS) $(UNIT_LIBS)
tests_unit_experiment_test_analysis_spec_SOURCES = tests/unit/experiment/test_analysis_spec.c $(LAB)
tests_unit_experiment_test_analysis_spec_LDADD = $(EXPERIMENT_LIBS) $(UNIT_LIBS)
tests_unit_experiment_test_kpi_SOURCES = tests/unit/experiment/test_kpi.c $(LAB)
tests_unit_experiment_test_kpi_LDADD = $(EXPERIMENT_LIBS) $(UNIT_LIBS)
tests_unit_experiment_test_census_SOURCES = tests/unit/experiment/test_census.c
tests_unit_experiment_test_census_LDADD = $(EXPERIMENT_LIBS) $(UNIT_LIBS)
tests_unit_experiment_test_calibration_SOURCES = tests/unit/experiment/test_calibration.c $(LAB)
tests_unit_experiment_test_calibration_LDADD = $(EXPERIMENT_LIBS) $(UNIT_LIBS)
endif
EXTRA_DIST += tests/unit/experiment/oracle.py
