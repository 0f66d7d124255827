# SPDX-License-Identifier: Apache-2.0
dist_check_SCRIPTS += %D%/test_lint.sh
EXTRA_DIST += %D%/run %D%/source.awk %D%/includes.awk
