# SPDX-License-Identifier: Apache-2.0
phxlibexec_PROGRAMS += phoenix-store
noinst_LIBRARIES += libstoretool.a
libstoretool_a_SOURCES = %D%/address.c %D%/address.h %D%/digest.c %D%/digest.h %D%/progress.c %D%/progress.h
phoenix_store_SOURCES = %D%/main.c %D%/tool.h %D%/side.c %D%/reader.c %D%/copy.c %D%/report.c %D%/report.h
phoenix_store_LDADD = libstoretool.a $(STORE_LIBS)
EXTRA_DIST += %D%/.may_include
