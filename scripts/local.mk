# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += %D%/get-otelcol %D%/get-telemetrygen %D%/go.sh %D%/packages.sh %D%/test %D%/demo %D%/bench
