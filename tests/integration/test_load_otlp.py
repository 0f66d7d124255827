# SPDX-License-Identifier: Apache-2.0
"""Loads that send metrics: phoenix-loadhost against receivers that are well and that are not, against the real
OpenTelemetry Collector, and from the API through a real agent."""
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

from env.agent import Agent
from env.api import Api
from env.common import BUILD, SLOW, SOURCE, WRAP, wait_until
from env.lab import Lab
from env.otelcol import otelcol_path
from env.otlpsink import Sink

pytestmark = pytest.mark.timeout(60)
SHORT = """
repeat: false
phases: [{duration: 500ms, rate: 4000}]
metrics:
  - {name: requests, type: sum, labels: {pod: {count: 20}, route: [/a, /b]}}
  - {name: latency, type: histogram, labels: {pod: {count: 20}, node: {count: 3, depends_on: pod}}}
"""


class Load:
    """A phoenix-loadhost; its status lines."""

    def __init__(self, folder, profile, duration="3s", env=None, **parameters):
        plugins = folder / "plugins"
        plugins.mkdir(mode=0o755, exist_ok=True)
        shutil.copy(BUILD / ".libs" / "otlpgen.so", plugins)
        self.process = subprocess.Popen(
            WRAP + [str(BUILD / "phoenix-loadhost"), "--plugin-dir", str(plugins), "--profile", profile,
                    "--duration", duration, "--seed", "7", "--parameters", json.dumps(parameters)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **(env or {})})

    def line(self):
        return json.loads(self.process.stdout.readline())

    def adjust(self, **change):
        self.process.stdin.write(json.dumps({"adjust": change}) + "\n")
        self.process.stdin.flush()
        while True:
            said = self.line()
            if "adjusted" in said:
                return said

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.last()

    def last(self):
        out, err = self.process.communicate(timeout=30 * SLOW)
        assert out, err
        said = json.loads(out.splitlines()[-1])
        assert self.process.returncode == (said["state"] == "failed"), err
        return said


@pytest.fixture
def sink():
    made = []

    def start(behave=None):
        made.append(Sink(behave))
        return made[-1]
    yield start
    for one in made:
        one.close()


def adds_up(said):
    return said["offered"] == said["delivered"] + said["rejected"] + said["failed"] + said["late"]


def test_what_arrives_is_what_was_counted_and_what_was_described(folder, sink):
    to = sink()
    said = Load(folder, "custom", "2s", description=SHORT, endpoint=to.url).last()
    points = to.points()
    assert said["state"] == "completed" and adds_up(said)
    assert said["offered"] == 2000
    assert said["delivered"] == len(points)
    if said["late"] == 0:  # else this machine was too busy for it
        assert len({(p["metric"], p["labels"]) for p in points}) == 60
    for p in points:
        if p["kind"] == "histogram":
            assert len(p["buckets"]) == len(p["bounds"]) + 1 and sum(p["buckets"]) == p["count"]
        assert p["start"] <= p["time"]


@pytest.mark.parametrize("behave, outcome, why", [
    (lambda n: (200, {}, b"\x0a\x06\x08\x05\x12\x02no"), "rejected", "it rejected points: no"),
    (lambda n: (400, {}, b""), "rejected", "HTTP status 400"),
    (lambda n: (503, {"Retry-After": "1"}, b"") if n == 1 else (200, {}, b""), "delivered", None),
    (lambda n: (429, {"Retry-After": "50"}, b""), "failed", "HTTP status 429"),
    (lambda n: None, "failed", "imeout"),
], ids=["partial success", "400", "503 once", "429 always", "no answer"])
def test_answers_are_judged_as_otlp_says(folder, sink, behave, outcome, why):
    to = sink(behave)
    said = Load(folder, "custom", "3s", description=SHORT, endpoint=to.url, connections=1, flush_s=0.1,
                timeout_s=1.6).last()
    assert said["state"] == "completed" and adds_up(said), said
    assert said[outcome] > 0, said
    assert (why or "") in said.get("reason", ""), said
    if outcome == "delivered":
        assert said["delivered"] == len(to.points()) and said["rejected"] == said["failed"] == 0
    if why == "it rejected points: no":
        assert said["rejected"] == 5 * to.n and said["delivered"] == len(to.points()) - 5 * to.n
    if outcome == "failed":
        assert said["late"] > 0, "an open loop does not wait"


def test_points_that_wait_for_others_are_not_late(folder, sink):
    to = sink()
    said = Load(folder, "custom", "2500ms", description=SHORT, endpoint=to.url, flush_s=1.5).last()
    assert adds_up(said) and said["delivered"] > 0, said
    assert to.n <= 2, "they go together"


def test_nobody_listens(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = "http://127.0.0.1:%d" % taken.getsockname()[1]
        said = Load(folder, "custom", "1s", description=SHORT, endpoint=url).last()
    assert said["state"] == "completed" and said["delivered"] == 0 and said["failed"] > 0 and adds_up(said)
    assert "connect" in said["reason"]


def test_only_this_host_unless_the_operator_says_so(folder, sink):
    url = "http://255.255.255.255:4318"  # the kernel refuses to connect there: nothing leaves this machine
    away = Load(folder, "otlp-steady", endpoint=url).last()
    assert away["state"] == "failed" and "agent.load.targets" in away["reason"]
    allowed = {"PHOENIX_LOAD_TARGETS": "a.example,255.255.255.255"}
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}  # the host's word: a tee on a bridge
    for env, parameters in ((allowed, {"endpoint": url}), (given, {})):
        said = Load(folder, "otlp-steady", "700ms", env, **parameters).last()
        assert said["state"] == "completed" and said["failed"] > 0 and said["reason"] != away["reason"], said
    to = sink()
    said = Load(folder, "otlp-steady", "700ms", {"OTEL_EXPORTER_OTLP_ENDPOINT": to.url}).last()
    assert said["delivered"] > 0 and len(to.points()) == said["delivered"]


def test_the_description_of_the_manual_is_one(folder, sink):
    page = (SOURCE / "plugins" / "otlpgen" / "otlpgen.md").read_text()
    to = sink()
    said = Load(folder, "custom", "500ms", description=page.split("```yaml\n")[1].split("```")[0], endpoint=to.url).last()
    assert said["state"] == "completed" and said["delivered"] == len(to.points()) > 0, said
    assert dict(to.points()[0]["labels"]).keys() == {"pod", "route", "region", "node", "tenant"}


def test_a_fault_of_the_description_is_told_with_its_place(folder):
    said = Load(folder, "custom", description=SHORT.replace("histogram", "summary")).last()
    assert said["state"] == "failed"
    assert said["reason"] == "custom: description:6:27: type: gauge, sum or histogram is wanted"


def test_a_load_is_changed_while_it_runs_and_stops_at_once(folder, sink):
    to = sink()
    load = Load(folder, "otlp-steady", "60s", rate=100, endpoint=to.url)
    assert load.line()["rate"] == 100
    assert load.adjust(factor=5) == {"adjusted": True}
    assert load.adjust(rate=1e9)["reason"].startswith("otlp-steady: a rate up to 5000000 points a second")
    assert load.adjust(rate=2000) == {"adjusted": True}
    wait_until(lambda: load.line()["rate"] == 2000, "the new rate is told")
    before = time.monotonic()
    said = load.stop()
    assert time.monotonic() - before < 2 * SLOW
    assert said["state"] == "stopped" and adds_up(said) and said["delivered"] == len(to.points())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_the_real_collector_takes_every_point(folder):
    otlp, own = free_port(), free_port()
    (folder / "otelcol.yaml").write_text(f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{otlp}"}}}}}}}}
exporters: {{debug: {{verbosity: basic}}}}
service:
  telemetry: {{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {own}}}}}}}}}]}}}}
  pipelines: {{metrics: {{receivers: [otlp], exporters: [debug]}}}}
""")
    with open(folder / "otelcol.log", "wb") as log:
        collector = subprocess.Popen([otelcol_path(), "--config", str(folder / "otelcol.yaml")], stdout=log, stderr=log)

    def counted():
        try:
            text = urllib.request.urlopen(f"http://127.0.0.1:{own}/metrics", timeout=5).read().decode()
        except OSError:
            return None
        names = ("otelcol_receiver_accepted_metric_points", "otelcol_receiver_refused_metric_points")
        return [sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name)) for name in names]
    try:
        wait_until(counted, "the collector is up", 30)
        said = Load(folder, "otlp-spike", "3s", rate=2000, before_s=1, during_s=1, after_s=1, instances=30,
                    endpoint=f"http://127.0.0.1:{otlp}").last()
        assert said["state"] == "completed" and said["delivered"] > 10000 and adds_up(said), said
        assert said["rejected"] == said["failed"] == 0, said
        wait_until(lambda: counted() == [said["delivered"], 0], f"{said['delivered']} are counted, not {counted()}", 10)
    finally:
        collector.kill()
        collector.wait()


@pytest.fixture
def lab(folder):
    made = Lab(Api(folder, {"heartbeat.interval": "200ms"}).start())
    made.agent = Agent(folder / "agent", made.api.url, stand_in=False, agent__host_id="h1").start()
    wait_until(lambda: made.call("GET", "/api/v1/agents/h1")[0] == 200, "the API knows the agent")
    yield made
    made.close()
    made.agent.clean_up()
    made.api.close()


def phoenix(lab, *words):
    return subprocess.run([BUILD / "phoenix", "--api-url", lab.api.url, *words], capture_output=True, text=True)


def test_a_load_is_started_changed_and_stopped_from_the_command_line(folder, sink, lab):
    to = sink()
    (folder / "load.yaml").write_text(SHORT.replace("repeat: false", "repeat: true"))
    said = phoenix(lab, "load", "start", "custom", "--host", "h1", "--duration", "60s", "-p",
                   f"description=@{folder}/load.yaml", "-p", f"endpoint={to.url}")
    assert said.returncode == 0, said.stderr
    path = "/api/v1/loadsimulations/" + said.stdout.split(":")[0]

    def host():
        return lab.call("GET", path)[1]["hosts"]["h1"]
    wait_until(lambda: (host()["delivered"] or 0) > 0, "points are delivered")
    assert host()["rate"] == 4000 and lab.call("GET", path)[1]["adjusted"] is None
    assert lab.call("PATCH", path, {"factor": 0.5})[0] == 202
    wait_until(lambda: host()["rate"] == 2000 and host()["adjust"] == "done", "half of it is shown")
    assert phoenix(lab, "load", "adjust", path.split("/")[-1], "--rate", "1e3").returncode == 0
    wait_until(lambda: host()["rate"] == 1000, "the new rate is shown")
    assert lab.call("GET", path)[1]["adjusted"] == {"rate": 1000}
    assert phoenix(lab, "load", "adjust", path.split("/")[-1]).returncode == 2
    assert phoenix(lab, "load", "stop", path.split("/")[-1]).returncode == 0
    wait_until(lambda: lab.call("GET", path)[1]["status"] == "stopped", "it has stopped")
    assert lab.call("PATCH", path, {"factor": 1})[0] == 409


def test_a_profile_that_cannot_be_changed_says_so(lab):
    status, doc = lab.call("POST", "/api/v1/loadsimulations", {
        "profile": "steady", "duration": "60s", "target_hosts": ["h1"], "parameters": {"process_count": 1}})
    path = "/api/v1/loadsimulations/" + doc["id"]
    wait_until(lambda: lab.call("GET", path)[1]["status"] == "running", "it runs")
    assert lab.call("PATCH", path, {"factor": 2})[0] == 202
    host = wait_until(lambda: (lambda h: h if h.get("adjust") == "failed" else None)(
        lab.call("GET", path)[1]["hosts"]["h1"]), "the host says no")
    assert "cannot be adjusted" in host["adjust_error"] and host["status"] == "running"
    lab.call("DELETE", path)
