# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += %D%/protocol.md %D%/quickstart.md ARCHITECTURE.md HACKING.md
EXTRA_DIST += %D%/plugin-author.md %D%/rooms/plugin.md %D%/rooms/loop.md %D%/rooms/http.md
EXTRA_DIST += %D%/statistics.md %D%/rooms/experiment.md
EXTRA_DIST += %D%/rooms/base.md %D%/rooms/cli.md
dist_man_MANS += %D%/man/phoenix.1
EXTRA_DIST += %D%/rooms/agent.md
EXTRA_DIST += %D%/rooms/pipelines.md
EXTRA_DIST += %D%/rooms/api.md
EXTRA_DIST += %D%/rooms/collector.md %D%/rooms/tools.md
