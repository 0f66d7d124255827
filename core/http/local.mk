# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libhttp.a
libhttp_a_SOURCES = %D%/http.h
HTTP_LIBS = libhttp.a $(LOOP_LIBS)
