# SPDX-License-Identifier: Apache-2.0
include tools/plugin_check/local.mk
include tools/loadhost/local.mk
include tools/store/local.mk
include tools/swarm/local.mk
