# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libexperiment.a
libexperiment_a_SOURCES =
EXPERIMENT_LIBS = libexperiment.a $(BASE_LIBS)
