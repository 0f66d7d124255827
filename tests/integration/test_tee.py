# SPDX-License-Identifier: Apache-2.0
"""The tee of phoenix-agent: the same bytes to every collector that takes OTLP, whatever one of them does."""
import gzip
import json
import os
import pathlib
import signal
import socket
import time

import pytest

from env.agent import alive, collector_config
from env.common import SLOW, wait_until
from env.tee import Lab, Sink

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def lab(folder):
    made = Lab(folder)
    yield made
    made.close()


def until_seen(sink, hashes):
    wait_until(lambda: sink.hashes() == hashes, f"{sink.variant} has seen all, in order")


def until_counted(sink, *counts):
    wait_until(lambda: sink.counts() == counts, f"the samples of {sink.variant} say {counts}, not {sink.counts()}")


def bodies(n, size):
    return [os.urandom(size) for _ in range(n)]


def test_both_arms_see_the_same(lab):
    arms = lab.start("baseline", "candidate")
    idle = lab.up("other", "no otlp")
    app = lab.application()
    large, packed = os.urandom(3_000_000), gzip.compress(b"x" * 100_000)
    protobuf = app.send(large)
    assert (protobuf.status, protobuf.text, protobuf.headers["Content-Type"]) == (200, b"", "application/x-protobuf")
    spoken = app.send(b'{"resourceLogs":[]}', "/v1/logs", Content_Type="application/json; charset=utf-8")
    assert (spoken.status, spoken.text, spoken.headers["Content-Type"]) == (200, b"{}", "application/json")
    assert app.send(packed, "/v1/traces", Content_Encoding="gzip").status == 200
    assert app.send(b"").status == 200  # an empty request is one
    parts = bodies(3, 70_000)
    app.connection.request("POST", "/v1/metrics", iter(parts), {"Content-Type": "application/x-protobuf"},
                           encode_chunked=True)
    assert app.connection.getresponse().read() == b""
    for sink in arms:
        wait_until(lambda s=sink: len(s.seen()) == 5, "all has arrived")
        seen = sink.seen()
        assert [s["path"] for s in seen] == ["/v1/metrics", "/v1/logs", "/v1/traces", "/v1/metrics", "/v1/metrics"]
        assert [s["sha256"] for s in seen[:4]] == app.taken
        assert seen[1]["headers"]["Content-Type"] == "application/json; charset=utf-8"
        assert seen[2]["headers"]["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in seen[0]["headers"]
        total = len(large) + 19 + len(packed) + 210_000
        until_counted(sink, total, total, 0, 0)
    assert idle.counts() == (None, None, None, None)
    lab.task("stop", {"id": arms[1].id})  # as after a promotion: who is left goes on
    assert app.send(b"after").status == 200
    until_seen(arms[0], arms[0].hashes()[:5] + app.taken[-1:])


def test_what_is_not_otlp_is_refused(lab):
    lab.start(agent__otlp__max_body="100k", agent__otlp__buffer="1MiB")
    app = lab.application()
    wait_until(lambda: lab.said("OTLP_OPEN"), "it listens")
    answer = app.send(b"x")
    assert answer.status == 503 and 1 <= int(answer.headers["Retry-After"]) <= 10  # nobody takes OTLP yet
    sink = lab.up("baseline")
    assert app.send(b"", "/v1/profiles").status == 404
    answer = app.send(None, method="GET")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert app.send(b"x", Content_Type="text/plain").status == 415
    assert app.send(b"x", Content_Type="application/jsonx").status == 415
    for length in (b"Content-Length: 102401", b"Transfer-Encoding: chunked\r\n\r\n19001"):
        with socket.create_connection(("127.0.0.1", lab.port)) as s:
            s.sendall(b"POST /v1/metrics HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n\r\n")
            assert s.recv(100).startswith(b"HTTP/1.1 413 ")
    assert app.send(bytes(102_400)).status == 200
    until_seen(sink, app.taken)
    sink.behave(lacks=["/v1/traces"])  # it has no receiver for traces: the first sender finds out
    assert app.send(b"trace", "/v1/traces").status == 200
    wait_until(lambda: app.send(b"trace", "/v1/traces").status == 404, "senders hear that nobody takes traces")
    assert app.send(b"metric").status == 200
    wait_until(lambda: sink.counts()[3] > 0 and sink.counts()[2] == 0, "what was refused is counted")


def test_a_hanging_arm_costs_only_itself(lab):
    fast, slow = lab.start("baseline", "candidate", agent__otlp__max_body="200k", agent__otlp__buffer="1MiB")
    app = lab.application()
    slow.behave(hang=True)
    for body in bodies(40, 100_000):
        app.deliver(body)
    until_seen(fast, app.taken)
    until_counted(fast, 4_000_000, 4_000_000, 0, 0)
    wait_until(lambda: slow.counts()[2] > 0, "what it has no room for is counted")
    offered, delivered, dropped, rejected = slow.counts()
    assert (offered, delivered, rejected) == (4_000_000, 0, 0)
    assert 1_000_000 - 100_000 < offered - dropped <= 1 << 20  # the rest waits in its buffer
    assert lab.said("OTLP_DROPPED") == 1
    slow.behave()
    n = (offered - dropped) // 100_000
    until_seen(slow, app.taken[:n])
    until_counted(slow, offered, offered - dropped, dropped, 0)


def test_senders_keep_what_nobody_can_take(lab):
    arms = lab.start("baseline", "candidate", agent__otlp__max_body="200k", agent__otlp__buffer="1MiB")
    app = lab.application()
    for sink in arms:
        sink.behave(hang=True)
    answer = None
    for body in bodies(20, 100_000):
        answer = app.send(body)
        if answer.status != 200:
            break
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    for sink in arms:
        sink.behave()
    for sink in arms:
        until_seen(sink, app.taken)
    assert app.send(body).status == 200  # what was put off
    for sink in arms:
        until_seen(sink, app.taken)
        until_counted(sink, 100_000 * len(app.taken), 100_000 * len(app.taken), 0, 0)


def test_arms_that_refuse_or_die(lab):
    first, second = lab.start("baseline", "candidate")
    app = lab.application()
    first.behave(status=400)
    second.behave(status=503, headers={"Retry-After": "1"})
    for body in bodies(5, 1000):
        assert app.send(body).status == 200
    until_counted(first, 5000, 0, 0, 5000)
    assert lab.said("OTLP_REJECTED") == 1
    assert second.counts() == (5000, 0, 0, 0)
    second.behave()
    asked = time.monotonic()
    until_seen(second, app.taken)
    assert time.monotonic() - asked < 10 * SLOW
    first.behave()
    pid = lab.api.pipelines()[second.id]["pid"]
    os.kill(pid, signal.SIGKILL)
    for body in bodies(5, 1000):
        assert app.send(body).status == 200
    until_seen(first, app.taken[5:])
    wait_until(lambda: lab.api.pipelines()[second.id]["pid"] not in (None, pid), "it was started again")
    wait_until(lambda: lab.api.pipelines()[second.id]["status"] == "running", "it is healthy")
    until_counted(second, 10_000, 10_000, 0, 0)
    wait_until(lambda: second.hashes() == app.taken[5:] or second.hashes() == app.taken[6:],
               "its successor has seen what waited; the first may have gone down with it")


def test_slow_senders_and_half_open_connections(lab):
    sink, = lab.start("baseline", agent__otlp__request_timeout="500ms")
    idle = [socket.create_connection(("127.0.0.1", lab.port)) for _ in range(50)]
    drips = socket.create_connection(("127.0.0.1", lab.port))
    drips.sendall(b"POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
                  b"Content-Length: 1000\r\n\r\n")
    app = lab.application()
    began = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - began < 20 * SLOW:
            drips.sendall(b"x")
            assert app.send(b"y" * 100).status == 200
            time.sleep(0.05)
    until_seen(sink, app.taken)
    for s in idle + [drips]:
        s.close()


def test_sigterm_delivers_what_was_taken_and_the_next_agent_goes_on(lab):
    sink, = lab.start("baseline", agent__keep_collectors="true")
    app = lab.application()
    sink.behave(delay=0.05)
    for body in bodies(20, 1000):
        assert app.send(body).status == 200
    assert len(sink.seen()) < 20
    assert lab.agent.terminate() == 0
    assert sink.hashes() == app.taken
    assert "delivered 20, 20000; dropped 0, 0" in lab.agent.log.read_text()
    lab.agent.start()  # the collector is adopted, and where it takes OTLP is known
    wait_until(lambda: lab.said("OTLP_ARM") == 3, "it gets OTLP again")
    seen, app = app.taken, lab.application()
    assert app.send(b"after").status == 200
    until_seen(sink, seen + app.taken)


def test_a_port_that_is_taken(lab):
    with socket.create_server(("127.0.0.1", lab.port)) as taken:
        lab.start(agent__otlp__max_body="1MiB")
        wait_until(lambda: lab.said("OTLP_CLOSED"), "it is said")
        assert alive(lab.agent.process.pid)
        sink = lab.up("baseline")
        taken.close()
    wait_until(lambda: lab.said("OTLP_OPEN"), "it is tried again")
    app = lab.application()
    assert app.send(b"x").status == 200
    until_seen(sink, app.taken)


# What the tee has to do with: receivers of OTLP, and what became of it.
OTELCOL = """
receivers: {otlp: {protocols: {http: {endpoint: "${env:PHX_ADDRESS}:${env:PHX_OTLP_HTTP_PORT}"}}}}
exporters: {prometheus: {endpoint: "${env:PHX_ADDRESS}:${env:PHX_EXPORT_PORT}"}}
extensions: {health_check: {endpoint: "${env:PHX_ADDRESS}:${env:PHX_HEALTH_PORT}"}}
service:
  extensions: [health_check]
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [otlp], exporters: [prometheus]}}
"""
METRIC = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "tee.load", "gauge": {"dataPoints": [
    {"attributes": [{"key": "series", "value": {"stringValue": "s1"}}], "asDouble": 1.5,
     "timeUnixNano": str(time.time_ns())}]}}]}]}]}).encode()


def test_two_real_collectors(lab):
    """What a real receiver answers, and a real exporter then shows."""
    lab.start(real=True, agent__allow__collectors="otelcol")
    arms = []
    for variant in ("baseline", "candidate"):
        files = [{"name": "config.yaml", "content": OTELCOL}, {"name": "phoenix.json", "content": '{"otlp_http": true}'}]
        lab.task("start", collector_config(lab.experiment, variant, files=files, collector="otelcol",
                                           sampling={"interval": "50ms"}, ready_timeout="20s"))
        arms.append(Sink(lab, variant))
    wait_until(lambda: len(lab.api.pipelines()) == 2, "the heartbeat has both")
    app = lab.application()
    assert app.send(METRIC, Content_Type="application/json").status == 200
    assert app.send(gzip.compress(METRIC), Content_Type="application/json", Content_Encoding="gzip").status == 200
    taken = len(METRIC) + len(gzip.compress(METRIC))
    for sink in arms:
        until_counted(sink, taken, taken, 0, 0)
        wait_until(lambda s=sink: b'tee_load{' in s.call("GET", "/metrics"), "it is exported")
    assert app.send(b"not OTLP").status == 200
    for sink in arms:
        until_counted(sink, taken + 8, taken, 0, 8)
    load = lab.task("start", {"id": "load-1", "profile": "otlp-steady", "duration": "2s"}, type_="loadsim")
    wait_until(lambda: lab.api.loads().get("load-1", {}).get("status") == "completed", "the load is over")
    assert lab.api.loads()["load-1"]["delivered"] > 1000, load.result
    wait_until(lambda: arms[0].counts()[1] == arms[1].counts()[1] > taken + 10_000, "both saw the load")
    assert all(sink.counts()[2:] == (0, 8) for sink in arms)
    traces = app.send(b"{}", "/v1/traces", Content_Type="application/json")
    assert traces.status == 200
    wait_until(lambda: app.send(b"{}", "/v1/traces", Content_Type="application/json").status == 404,
               "it is known that these have no receiver for traces")


def test_loads_know_where_it_is(lab):
    lab.start()
    seen = lab.folder / "environment"
    loadhost = lab.agent.libexec / "phoenix-loadhost"
    loadhost.write_text(f'#!/bin/sh\necho "$OTEL_EXPORTER_OTLP_ENDPOINT" >{seen}.new\nmv {seen}.new {seen}\n')
    loadhost.chmod(0o755)
    lab.task("start", {"id": "load-1", "profile": "steady", "duration": "1s"}, type_="loadsim")
    wait_until(seen.exists, "the load has started")
    assert pathlib.Path(seen).read_text() == f"http://127.0.0.1:{lab.port}\n"
