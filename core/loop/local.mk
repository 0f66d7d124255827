# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libloop.a
libloop_a_SOURCES = %D%/loop.h %D%/lane.h %D%/child.h %D%/fetch.h
LOOP_LIBS = libloop.a $(BASE_LIBS) $(EVENT_LIBS) $(CURL_LIBS) -lpthread
