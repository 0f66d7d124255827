# SPDX-License-Identifier: Apache-2.0
dist_check_SCRIPTS += %D%/test_lint.sh %D%/docs_in_sync.sh %D%/links.sh
%D%/docs_in_sync.log: phoenix phoenix-api phoenix-agent
EXTRA_DIST += %D%/run %D%/source.awk %D%/includes.awk
