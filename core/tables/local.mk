# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += $(TABLES)
TABLES = %D%/errors.def %D%/events.def %D%/limits.def %D%/settings.def %D%/classes.def %D%/collections.def \
  %D%/measures.def %D%/metrics.def %D%/phases.def %D%/routes.def %D%/tasks.def %D%/topics.def %D%/types.def
