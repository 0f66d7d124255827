EXTRA_DIST += %D%/api.h %D%/taskq.h %D%/agents.h %D%/page.h %D%/idempotency.h %D%/parts.def %D%/types.h %D%/types.c
