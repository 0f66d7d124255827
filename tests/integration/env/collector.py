# SPDX-License-Identifier: Apache-2.0
"""A real OpenTelemetry Collector that runs what a template rendered, as the agent would run it."""
import pathlib
import re
import socket
import subprocess
import urllib.request

from env.common import SLOW, wait_until
from env.otelcol import otelcol_path

PORTS = ("PHX_EXPORT_PORT", "PHX_TELEMETRY_PORT", "PHX_HEALTH_PORT", "PHX_OTLP_HTTP_PORT", "PHX_OTLP_GRPC_PORT")
EXPERIMENT = "01900000-0000-7000-8000-000000000000"
SAMPLE = re.compile(r'([a-z0-9_]+)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-z0-9_]+)="((?:[^"\\]|\\.)*)"')
ESCAPE = {'\\"': '"', "\\\\": "\\", "\\n": "\n"}


def environment():
    """What the agent sets, with free ports. Nothing else is inherited."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    made = {name: str(s.getsockname()[1]) for name, s in zip(PORTS, sockets)}
    for s in sockets:
        s.close()
    return {**made, "PHX_ADDRESS": "127.0.0.1", "PHX_HOST_ID": "web-1", "PHX_VARIANT": "candidate",
            "PHX_EXPERIMENT": EXPERIMENT, "PHX_SECRET_1": "hush", "PHX_SECRET_2": "hush"}


def validate(files, folder):
    """What the collector says against the config; "" if nothing."""
    path = pathlib.Path(folder) / "config.yaml"
    path.write_text(files["config.yaml"])
    done = subprocess.run([otelcol_path(), "validate", f"--config={path}"], env=environment(), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60 * SLOW)
    return "" if done.returncode == 0 and not done.stderr else f"{done.returncode}: {done.stdout}{done.stderr}"


def samples(text):
    """{(name, ((label, value), ...)): value} of an exposition."""
    made = {}
    for line in text.split("\n"):  # splitlines() knows more ends of a line
        if line and line[0] != "#":
            name, labels, value = SAMPLE.fullmatch(line).groups()
            pairs = tuple((k, re.sub(r"\\.", lambda m: ESCAPE[m[0]], v)) for k, v in LABEL.findall(labels or ""))
            made[name, pairs] = float(value)
    return made


class Collector:
    def __init__(self, files, folder, overlay=None, arguments=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "config.yaml").write_text(files["config.yaml"])
        self.arguments = [f"--config={self.folder / 'config.yaml'}"]
        if overlay:
            (self.folder / "overlay.yaml").write_text(overlay)
            self.arguments.append(f"--config={self.folder / 'overlay.yaml'}")
        self.arguments += arguments
        self.log = self.folder / "collector.log"
        self.process = None

    def start(self):
        for _ in range(3):  # somebody else may take a port that was free
            self.env = environment()
            with open(self.log, "wb") as log:
                self.process = subprocess.Popen([otelcol_path(), *self.arguments], env=self.env, stdout=log, stderr=log,
                                                stdin=subprocess.DEVNULL)
            wait_until(lambda: self.is_ready() or self.process.poll() is not None, "the collector is ready", 30)
            if self.process.poll() is None:
                return self
        raise AssertionError("the collector ended: " + self.log.read_text()[-2000:])

    def get(self, port, path="/metrics"):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.env[port]}{path}", timeout=10 * SLOW) as answer:
            return answer.read().decode()

    def is_ready(self):
        try:
            return self.get("PHX_HEALTH_PORT", "/") is not None
        except OSError:
            return False

    def samples(self):
        return samples(self.get("PHX_EXPORT_PORT"))

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10 * SLOW)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
