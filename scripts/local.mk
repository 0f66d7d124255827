# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += %D%/get-otelcol %D%/packages.sh %D%/test %D%/demo %D%/bench
