# SPDX-License-Identifier: Apache-2.0
"""The agent's tee under test: collectors that take OTLP, keep what they saw and misbehave on demand; an
application that sends; and a lab that has both around a real agent."""
import hashlib
import http.client
import json
import socket
import sys

from env.agent import Agent, collector_config, new_id
from env.common import BUILD, SLOW, wait_until
from env.fakeapi import FakeApi
from env.otelcol import install as install_real

# Takes the place of phoenix-collector. PUT /behave: {"status", "headers", "delay", "hang", "body"}.
SINK = r'''#!%s
import hashlib, http.server, json, signal, sys, threading, time
arguments = dict(a[2:].split("=", 1) for a in sys.argv[1:] if "=" in a)
host, port = arguments["listen"].rsplit(":", 1)
seen, behave, free = [], {}, threading.Event()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_):
        pass
    def say(self, status, text=b"", headers={}):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def do_GET(self):
        if self.path == "/seen":
            self.say(200, json.dumps(seen).encode())
        else:
            self.say(200, b"phoenix_collector_points_total 1\n")
    def do_PUT(self):
        behave.clear()
        behave.update(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if not behave.get("hang"):
            free.set()
            free.clear()
        self.say(200)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if behave.get("hang"):
            free.wait()
        time.sleep(behave.get("delay", 0))
        status = behave.get("status", 200)
        if self.path in behave.get("lacks", []):
            status = 404
        if status == 200:
            seen.append({"path": self.path, "sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body),
                         "headers": dict(self.headers)})
        self.say(status, b"", behave.get("headers", {}))

class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 64
Server((host, int(port)), Handler).serve_forever()
''' % sys.executable


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Sink:
    """A collector of the lab, seen from outside."""

    def __init__(self, lab, variant):
        self.lab, self.variant, self.id = lab, variant, f"{lab.experiment}-{variant}"

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.lab.api.pipelines()[self.id]["port"], timeout=60 * SLOW)
        try:
            connection.request(method, path, body)
            return connection.getresponse().read()
        finally:
            connection.close()

    def behave(self, **how):
        self.call("PUT", "/behave", json.dumps(how))

    def seen(self):
        return json.loads(self.call("GET", "/seen"))

    def hashes(self):
        return [s["sha256"] for s in self.seen()]

    def counts(self):
        """Bytes that were offered, delivered, dropped and rejected, as the newest sample says."""
        rows = wait_until(lambda: self.lab.api.samples(self.variant), "it is sampled")
        names = ("offered", "delivered", "dropped", "rejected")
        return tuple(rows[-1][f"otlp_{n}_bytes_total"] for n in names)


class Application:
    """Sends OTLP on a connection of its own; taken[] is what was answered with 200."""

    def __init__(self, port):
        self.port, self.taken = port, []
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60 * SLOW)

    def send(self, body, path="/v1/metrics", method="POST", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers.setdefault("Content-Type", "application/x-protobuf")
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        answer.text = answer.read()
        if answer.status == 200:
            self.taken.append(hashlib.sha256(body).hexdigest())
        return answer

    def deliver(self, body):
        """As an exporter does it: what is put off comes again."""
        wait_until(lambda: self.send(body).status == 200, "it is taken")


class Lab:
    """An agent with its tee on, and an API that is made up."""

    def __init__(self, folder):
        self.folder, self.api, self.experiment = folder, FakeApi(), new_id()
        self.port, self.agent = free_port(), None
        folder.mkdir(exist_ok=True)

    def start(self, *variants, program=None, real=False, **settings):
        """Its collectors are sinks, or `program`, or real ones, which up() does not start."""
        settings = {"agent__otlp__listen": f"127.0.0.1:{self.port}", "agent__allow__collectors": "sink", **settings}
        self.agent = Agent(self.folder / "agent", self.api.url, stand_in=not real, **settings)
        if real:
            install_real(self.agent.libexec)
        else:
            self.install(program)
        self.agent.start()
        return [self.up(variant) for variant in variants]

    def install(self, program):
        plugin = self.agent.plugins / "collector_sink.so"
        plugin.write_bytes((BUILD / "tests/plugins/.libs/collector_sink.so").read_bytes())
        plugin.chmod(0o644)
        sink = self.agent.libexec / "phoenix-collector"
        sink.write_bytes(program.read_bytes() if program else SINK.encode())
        sink.chmod(0o755)

    def task(self, action, config, type_="collector"):
        task = self.api.enqueue(type_, action, config, experiment_id=self.experiment)
        wait_until(lambda: task.status in ("completed", "failed"), "the task has ended")
        assert task.status == "completed", task.error
        return task

    def up(self, variant, content="takes otlp"):
        config = collector_config(self.experiment, variant, content, collector="sink", sampling={"interval": "50ms"})
        self.task("start", config)
        wait_until(lambda: f"{self.experiment}-{variant}" in (self.api.pipelines() or {}), "the heartbeat has it")
        return Sink(self, variant)

    def application(self):
        return Application(self.port)

    def said(self, event):
        return self.agent.log.read_text().count("event=" + event)

    def close(self):
        if self.agent:
            self.agent.clean_up()
        self.api.stop()
