# SPDX-License-Identifier: Apache-2.0
"""The real OpenTelemetry Collector."""
import contextlib
import functools
import os
import re
import socket
import subprocess
import urllib.request

from env.common import SOURCE, wait_until


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


class Exposition:
    """A Prometheus text: [(name, {label: value}, value)], unescaped."""

    LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
    LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text):
        self.series = []
        for line in text.split("\n"):
            found = self.LINE.match(line)
            if found:
                labels = {k: re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], v)
                          for k, v in self.LABEL.findall(found[2] or "")}
                self.series.append((found[1], labels, float(found[3])))

    def values(self, label):
        return {labels[label] for _, labels, _ in self.series if label in labels}


class Collector:
    """Files of a rendered pipeline, run without an agent, in its place."""

    PORTS = ("PHX_EXPORT_PORT", "PHX_TELEMETRY_PORT", "PHX_HEALTH_PORT", "PHX_OTLP_HTTP_PORT", "PHX_OTLP_GRPC_PORT")

    def __init__(self, folder, files, overlay=None):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file["name"]).write_text(file["content"])
        self.arguments = ["--config=%s" % (folder / "config.yaml")]
        if overlay:
            self.arguments += ["--config=%s" % overlay, "--feature-gates=service.partialReload"]
        self.ports = dict(zip(self.PORTS, free_ports(len(self.PORTS))))
        self.env = dict({name: str(port) for name, port in self.ports.items()}, PHX_ADDRESS="127.0.0.1", PHX_HOST_ID="h1",
                        PHX_EXPERIMENT="e1", PHX_VARIANT="candidate", PHX_SECRET_1="s3cret", PATH=os.environ["PATH"])
        self.log, self.process = folder / "collector.log", None

    def validate(self):
        """(exit status, what it says)"""
        said = subprocess.run([otelcol_path(), "validate", *self.arguments], env=self.env, capture_output=True,
                              text=True, timeout=60)
        return said.returncode, said.stderr

    def get(self, port, path="/metrics"):
        with urllib.request.urlopen("http://127.0.0.1:%d%s" % (self.ports[port], path), timeout=10) as answer:
            return answer.read().decode()

    def is_healthy(self):
        try:
            return self.process.poll() is not None or bool(self.get("PHX_HEALTH_PORT", "/"))
        except OSError:
            return False

    def exposition(self):
        return Exposition(self.get("PHX_EXPORT_PORT"))

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([otelcol_path(), *self.arguments], env=self.env, cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self.is_healthy, "the collector is healthy")
        assert self.process.poll() is None, self.log.read_text()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def free_ports(n):
    """Ports that are free now; all are held until the last one is known."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(n)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
