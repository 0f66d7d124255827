# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libexperiment.a
libexperiment_a_SOURCES = %D%/spec.h %D%/spec.c %D%/machine.h %D%/machine.c %D%/phases.c \
  %D%/analysis.h %D%/analysis_priv.h %D%/analysis_spec.c %D%/analysis.c %D%/samples.c %D%/cells.c \
  %D%/batches.c %D%/infer.c %D%/event.c %D%/judge.c %D%/verdict.c %D%/result.c
EXPERIMENT_LIBS = libexperiment.a $(BASE_LIBS)
EXTRA_DIST += %D%/.may_include
if HAVE_CHECK
check_PROGRAMS += tests/unit/experiment/test_machine
tests_unit_experiment_test_machine_SOURCES = tests/unit/experiment/test_machine.c
tests_unit_experiment_test_machine_LDADD = $(EXPERIMENT_LIBS) $(UNIT_LIBS)
endif
