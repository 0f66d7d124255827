# SPDX-License-Identifier: Apache-2.0
plugintemplatedir = $(phxdatadir)/plugin-template
dist_plugintemplate_DATA = %D%/kpi_template.c %D%/Makefile
# Built here only to be checked; -rpath makes libtool build a module that is not installed.
check_LTLIBRARIES += %D%/kpi_template.la
plugins_template_kpi_template_la_SOURCES = %D%/kpi_template.c
plugins_template_kpi_template_la_CFLAGS = $(PLUGIN_CFLAGS)
plugins_template_kpi_template_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere
