# SPDX-License-Identifier: Apache-2.0
dist_check_SCRIPTS += %D%/checked.sh
EXTRA_DIST += %D%/configs.yaml %D%/topk.yaml %D%/adaptive.yaml %D%/otelcol.yaml
