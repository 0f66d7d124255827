# SPDX-License-Identifier: Apache-2.0
dist_check_SCRIPTS += %D%/header.sh %D%/layout.sh %D%/exports.sh
EXTRA_DIST += %D%/layout.awk %D%/layout-x86_64.txt
