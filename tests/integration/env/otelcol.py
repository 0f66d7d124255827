# SPDX-License-Identifier: Apache-2.0
"""The real OpenTelemetry Collector."""
import functools
import os
import subprocess

from env.common import SOURCE


@functools.lru_cache(maxsize=None)
def otelcol_path():
    """PHX_OTELCOL, or what scripts/get-otelcol finds or builds. A collector that cannot be had is a failure."""
    given = os.environ.get("PHX_OTELCOL")
    if given:
        return given
    said = subprocess.run([str(SOURCE / "scripts" / "get-otelcol")], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=1500)
    assert said.returncode == 0, "scripts/get-otelcol:\n" + said.stderr
    return said.stdout.strip()


def install(libexec, name="otelcol-phoenix"):
    """The collector under a name that an agent with this libexec folder looks for."""
    link = libexec / name
    link.symlink_to(otelcol_path())
    return link
