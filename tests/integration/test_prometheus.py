# SPDX-License-Identifier: Apache-2.0
"""The metrics path agents -> Pushgateway -> Prometheus -> PromQL -> KPIs with the real servers, and what
becomes of an experiment when one of them is away or answers nonsense."""
import contextlib
import json
import os
import shutil
import signal
import time

import pytest

from env.agent import Agent, instances
from env.api import Api
from env.common import BUILD, wait_until
from env.lab import Lab
from env.proctable import ProcTable
from env.stack import Pretender, Prometheus, Pushgateway

pytestmark = pytest.mark.timeout(120)
SCRAPE = 0.5  # s; also between two pushes


def spec(**changes):
    config = {
        "target_hosts": ["h1"],
        "baseline_template": {"name": "baseline", "parameters": {"min_interval_ms": 20}},
        "candidate_template": {"name": "topk", "parameters": {"k": 3, "min_interval_ms": 20}},
        "duration": "9s", "warmup_duration": "500ms", "deploy_timeout": "20s", "hold": "5m",
        "host_lost_after": "60s", "sample_interval": "250ms",
        "analysis": {"bucket": "2s", "min_duration": "1s", "min_evidence": "within-host",
                     "success": [{"kpi": "cardinality", "reduction_at_least": 0.1}]}}
    config.update(changes)
    return {"name": "prometheus", "config": config}


class Stack(Lab):
    """One host and both servers; everything is real but the processes."""

    def __init__(self, folder, table, prometheus=None, **settings):
        self.folder = folder
        with contextlib.ExitStack() as undo:
            self.gateway = Pushgateway(folder).start()
            undo.callback(self.gateway.close)
            self.prometheus = prometheus or Prometheus(folder, [self.gateway.address],
                                                       scrape=f"{int(SCRAPE * 1000)}ms").start()
            undo.callback(self.prometheus.close)
            self.settings = dict({"heartbeat.interval": "200ms", "metrics.source": "prometheus",
                                  "prometheus.url": self.prometheus.url, "prometheus.timeout": "3s",
                                  "prometheus.interval": f"{int(SCRAPE * 1000)}ms"}, **settings)
            super().__init__(Api(folder, self.settings).start())
            undo.callback(self.api.close)
            self.agent = Agent(folder / "agent", self.api.url, stand_in=False, agent__host_id="h1",
                               feature__pushgateway="true", pushgateway__url=self.gateway.url,
                               pushgateway__interval=f"{int(SCRAPE * 1000)}ms")
            read_only(table, self.agent.libexec / "phoenix-collector")
            self.agent.start()
            undo.callback(self.agent.clean_up)
            wait_until(lambda: self.call("GET", "/api/v1/agents/h1")[0] == 200, "the API knows the agent")
            self.undo = undo.pop_all()

    def begin(self, *until, **changes):
        eid = self.create(spec(**changes))
        self.command(eid, "start")
        if until:
            self.until(eid, *until)
        return eid

    def kpis(self, eid):
        status, doc = self.call("GET", f"/api/v1/experiments/{eid}/kpis")
        assert status == 200, doc
        return doc

    def log(self, event):
        return self.api.log.read_text().count("event=" + event)

    def groups_are_gone(self):
        wait_until(lambda: self.gateway.groups() == [], "no group is left")

    def close(self):
        super().close()
        self.undo.close()
        shutil.copy(self.agent.log, self.folder / "agent.log")


def read_only(table, collector):
    """Collectors of this agent see a made-up /proc."""
    collector.unlink()
    collector.write_text(f'#!/bin/sh\nexec "{BUILD / "phoenix-collector"}" --root="{table.proc}" "$@"\n')
    collector.chmod(0o755)


@pytest.fixture
def table(folder):
    """Few processes, so that a push is small, and the same all the time: then it matters little which ticks
    Prometheus saw of a run."""
    made = ProcTable(folder)
    for i in range(8):
        made.add(f"w{i}", mib=1 + i)
    yield made
    made.close()


@pytest.fixture
def start(folder, table):
    with contextlib.ExitStack() as stack:
        def begin(*args, **how):
            made = Stack(folder, table, *args, **how)
            stack.callback(made.close)
            return made
        yield begin


def levels(doc):
    """{kpi: (baseline, candidate)} of those that are known."""
    return {k["name"]: (k["baseline"], k["candidate"]) for k in doc["kpis"] if k.get("baseline") is not None}


def from_the_store(lab, eid, folder):
    """The same run, judged by an API on a copy of its store with metrics.source=store."""
    folder.mkdir()
    for name in ("phoenix.db", "phoenix.db-wal"):
        if (lab.folder / name).exists():
            shutil.copy(lab.folder / name, folder / name)
    other = Api(folder, dict(lab.settings, **{"metrics.source": "store"})).start()
    try:
        def judged():
            doc = json.loads(other.raw("GET", f"/api/v1/experiments/{eid}/kpis").text)
            return doc if doc["calculated_at"] and doc["verdict"]["decision"] != "keep_running" else None
        return wait_until(judged, "the other API has judged")
    finally:
        other.close()


def held_by_prometheus(lab, eid):
    """True if both arms are there, and of each the series that the agent counted."""
    beside = "phoenix_arm_.*|phoenix_push_.*|push_.*"
    counted = lab.prometheus.query(
        'count by (variant, instance) ({experiment="%s",__name__!~"%s"}) - on (variant, instance) '
        'phoenix_arm_series{experiment="%s"}' % (eid, beside, eid))
    assert all(difference == 0 for _, difference in counted), counted
    return len(counted) == 2


def test_kpis_from_promql_agree_with_those_from_the_store(start, folder):
    lab = start(**{"prometheus.interval": "1s"})  # twice that: time to copy the store before the last look
    eid = lab.begin("running", analysis=dict(spec()["config"]["analysis"], bucket="4s"), duration="13s")
    wait_until(lambda: held_by_prometheus(lab, eid), "both arms are scraped")
    lab.until(eid, "analyzing")
    time.sleep(1.2)  # an agent closes a batch each second
    lab.api.stop()
    stored = from_the_store(lab, eid, folder / "copy")
    lab.api.start()
    lab.until(eid, "completed")
    asked = lab.kpis(eid)
    assert asked["source"] == "prometheus" and stored["source"] == "store"
    a, b = levels(asked), levels(stored)
    assert set(a) == set(b) and {"cardinality", "collector-memory", "collector-cpu", "ingest-rate"} <= set(a), (a, b)
    assert a["cardinality"] == pytest.approx(b["cardinality"]) and a["cardinality"][0] > a["cardinality"][1] > 0
    for kpi, within in (("collector-memory", 0.05), ("ingest-rate", 0.1)):
        assert a[kpi] == pytest.approx(b[kpi], rel=within), kpi
    assert a["collector-cpu"] == pytest.approx(b["collector-cpu"], rel=0.25, abs=0.002), "ms of CPU, few ticks"


def test_groups_end_with_the_experiment_when_it_is_stopped(start):
    lab = start()
    eid = lab.begin("running")
    wait_until(lambda: len(lab.gateway.groups()) == 2, "both arms are pushed")
    wait_until(lambda: lab.prometheus.query(f'phoenix_arm_series{{experiment="{eid}"}}'), "Prometheus has them")
    lab.command(eid, "stop")
    lab.until(eid, "stopped")
    lab.groups_are_gone()
    wait_until(lambda: lab.prometheus.query("phoenix_arm_up") == [], "they are stale, not five minutes old")
    raw = lab.prometheus.query('phoenix_arm_up{experiment="%s"}[1m]' % eid)
    assert len(raw) == 2 and all(value == "1" for _, values in raw for _, value in values), "no marker among them"


@pytest.mark.parametrize("command, kept", [("promote", "candidate"), ("rollback", "baseline")])
def test_groups_end_with_the_experiment_when_it_is_decided(start, command, kept):
    lab = start()
    eid = lab.begin("completed", duration="2s", analysis={"bucket": "2s", "min_duration": "1s"})
    assert len(lab.gateway.groups()) == 2
    lab.command(eid, command)
    lab.groups_are_gone()
    wait_until(lambda: [p["variant"] for p in lab.call("GET", "/api/v1/pipelines")[1]["pipelines"]] == [kept],
               "one pipeline is left")


def test_a_collector_that_restarts_in_the_middle_is_seen(start):
    lab = start()
    eid = lab.begin("running")
    wait_until(lambda: len(lab.prometheus.query(f'phoenix_arm_up{{experiment="{eid}"}}')) == 2, "both are scraped")
    time.sleep(2)
    os.kill(next(pid for pid, name in instances(lab.agent.state).items() if "candidate" in name), signal.SIGKILL)
    lab.until(eid, "completed")
    doc = lab.kpis(eid)
    assert any("restart" in reason for kpi in doc["kpis"] for reason in kpi.get("dropped", {})), doc["kpis"]


def test_prometheus_that_goes_away_and_comes_back_costs_no_decision(start):
    lab = start()
    eid = lab.begin("running")
    lab.prometheus.stop()
    wait_until(lambda: lab.log("PROMETHEUS_AWAY"), "a look fails")
    assert lab.get(eid)["phase"] == "running", "the experiment goes on"
    lab.prometheus.start()
    doc = lab.until(eid, "completed")
    assert lab.log("PROMETHEUS_AWAY") == 1 and lab.log("PROMETHEUS_BACK") == 1
    assert lab.kpis(eid)["source"] == "prometheus" and doc["phase"] == "completed"


@pytest.mark.parametrize("how", ["away", "hangs"])
def test_an_experiment_waits_for_prometheus_only_so_long(start, how):
    lab = start(**{"prometheus.patience": "1s", "prometheus.timeout": "500ms"})
    eid = lab.begin("running", duration="2s", analysis={"bucket": "2s", "min_duration": "1s"})
    lab.prometheus.stop() if how == "away" else lab.prometheus.pause()
    lab.until(eid, "completed")
    doc = lab.kpis(eid)
    assert doc["verdict"]["decision"] == "invalid" and "no samples could be read" in doc["verdict"]["reasons"][0]
    assert "Prometheus" in doc["verdict"]["reasons"][0]


def matrix(*series):
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": list(series)}}).encode()


NONSENSE = {
    "not JSON": (200, b"<html>hello</html>", "no answer of a range query"),
    "cut": (200, matrix()[:-4], "no answer of a range query"),
    "another document": (200, b'{"status":"success","data":{"resultType":"vector","result":[1]}}', "no answer"),
    "bad data": (400, b'{"status":"error","errorType":"bad_data","error":"no such thing"}', "400: no such thing"),
    "unavailable": (503, b"Service Unavailable", "Prometheus answers 503"),
    "huge": (200, b"x" * (9 << 20), "too large"),
    "closes": (None, b"", "Prometheus: "),
    "other labels": (200, matrix({"metric": {"__name__": "phoenix_arm_tick_seconds", "variant": "baseline",
                                             "instance": "gateway:9091"}, "values": [[1, "1"]]}), "honor_labels"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_an_answer_that_is_none_is_a_sentence_in_the_result(start, name):
    status, text, sentence = NONSENSE[name]
    fake = Pretender(lambda *_: (status, text) if status else None)
    lab = start(fake, **{"prometheus.patience": "500ms"})
    eid = lab.begin("completed", duration="2s", analysis={"bucket": "2s", "min_duration": "1s"})
    verdict = lab.kpis(eid)["verdict"]
    assert verdict["decision"] == "invalid" and sentence in verdict["reasons"][0], verdict
    assert lab.log("PROMETHEUS_AWAY") == 1, "it is said once"
    assert f"experiment%3D%22{eid}%22" in fake.seen[0][2] and len(fake.seen) < 100, "it is not asked in a loop"


def test_an_experiment_that_prometheus_does_not_know_is_invalid(start):
    lab = start(Pretender(lambda *_: (200, matrix())), **{"prometheus.patience": "500ms"})
    eid = lab.begin("completed", duration="2s", analysis={"bucket": "2s", "min_duration": "1s"})
    doc = lab.kpis(eid)
    assert doc["verdict"]["decision"] == "invalid" and "no series of the experiment" in doc["verdict"]["reasons"][0]
    assert doc["source"] == "prometheus" and lab.log("PROMETHEUS_AWAY") == 0


@pytest.mark.valgrind
def test_an_answer_that_is_too_large_is_asked_for_in_shorter_spans(start):
    def answer(_method, _path, body):
        span_s = int(body.split("%5B")[1].split("ms")[0]) / 1000
        return 200, matrix() if span_s < 30 else b" " * (9 << 20)
    lab = start(Pretender(answer), **{"prometheus.patience": "500ms"})
    eid = lab.begin("completed", duration="2s", analysis={"bucket": "2s", "min_duration": "1s"})
    assert "no series of the experiment" in lab.kpis(eid)["verdict"]["reasons"][0], "it was read in the end"


def test_buckets_that_prometheus_cannot_fill_are_refused(start):
    lab = start(**{"prometheus.interval": "15s"})
    status, doc = lab.call("POST", "/api/v1/experiments", spec(duration="5m"))
    assert status == 422 and "shorter than four sample intervals (1m)" in json.dumps(doc)


@pytest.mark.valgrind
def test_the_api_ends_while_it_waits_for_prometheus(start):
    lab = start(**{"prometheus.timeout": "60s"})
    lab.begin("running")
    lab.prometheus.pause()
    time.sleep(2.5)  # a look is under way: one is due every 2 s
    began = time.monotonic()
    lab.api.stop()
    assert time.monotonic() - began < 10
