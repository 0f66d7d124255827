EXTRA_DIST += %D%/api.h %D%/taskq.h %D%/agents.h %D%/page.h %D%/idempotency.h %D%/parts.def %D%/types.h %D%/types.c
# Pipelines, plugins and loads: part of phoenix-api's sources.
API_PIPELINE_SOURCES = %D%/templates.h %D%/pipelines.h %D%/templates.c %D%/template_render.c %D%/backends.c \
  %D%/pipelines.c %D%/plugins.c
EXTRA_DIST += $(API_PIPELINE_SOURCES)
