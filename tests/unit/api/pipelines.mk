# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
check_PROGRAMS += %D%/test_templates %D%/test_load_doc %D%/test_load_news
tests_unit_api_test_templates_SOURCES = %D%/test_templates.c core/api/templates.c core/api/template_load.c \
  core/api/template_render.c core/api/backends.c
tests_unit_api_test_templates_LDADD = $(PLUGIN_LIBS) $(UNIT_LIBS)
tests_unit_api_test_load_doc_SOURCES = %D%/test_load_doc.c core/api/load_doc.c
tests_unit_api_test_load_doc_LDADD = $(STORE_LIBS) $(UNIT_LIBS)
tests_unit_api_test_load_news_SOURCES = %D%/test_load_news.c core/api/load_news.c core/api/load_doc.c
tests_unit_api_test_load_news_LDADD = $(STORE_LIBS) $(UNIT_LIBS)
endif
