# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += %D%/protocol.md %D%/quickstart.md %D%/store-copy.md %D%/swarm.md %D%/templates.md %D%/postgresql.md %D%/operations.md %D%/performance.md ARCHITECTURE.md HACKING.md
EXTRA_DIST += %D%/plugin-author.md %D%/rooms/plugin.md %D%/rooms/loop.md %D%/rooms/http.md
EXTRA_DIST += %D%/cardinality.md %D%/otlp.md %D%/prometheus.md %D%/statistics.md %D%/rooms/experiment.md
EXTRA_DIST += %D%/rooms/base.md %D%/rooms/cli.md
# Made by generate.sh and committed, so that a cross build needs to run nothing.
dist_man_MANS += %D%/man/phoenix.1 %D%/man/phoenix-api.8 %D%/man/phoenix-agent.8 \
  %D%/man/phoenix-collector.8 %D%/man/phoenix-loadhost.8 %D%/man/phoenix-plugin-check.1 \
  %D%/man/phoenix-swarm.1 %D%/man/phoenix-plugin.7
EXTRA_DIST += %D%/generate.sh %D%/man/phoenix-api.8.in %D%/man/phoenix-agent.8.in %D%/man/phoenix-swarm.1.in %D%/README.md \
  %D%/generated/commands.md %D%/generated/errors.md %D%/generated/events.md %D%/generated/limits.md \
  %D%/generated/metrics.md %D%/generated/openapi.json %D%/generated/phases.md %D%/generated/routes.md \
  %D%/generated/settings-agent.md %D%/generated/settings-api.md %D%/generated/tasks.md
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = cli/completion/phoenix

.PHONY: docs
docs: phoenix phoenix-api phoenix-agent phoenix-swarm
	$(SHELL) $(srcdir)/%D%/generate.sh . $(srcdir)
EXTRA_DIST += %D%/rooms/agent.md %D%/rooms/tests.md
EXTRA_DIST += %D%/rooms/pipelines.md
EXTRA_DIST += %D%/rooms/api.md
EXTRA_DIST += %D%/rooms/collector.md %D%/rooms/tools.md
