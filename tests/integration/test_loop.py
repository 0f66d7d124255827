# SPDX-License-Identifier: Apache-2.0
"""The whole loop: the real API, agent, collectors and load host on loopback, and what happens to an
experiment when one of them, the network or the disk fails."""
import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from env.agent import Agent, alive, instances
from env.api import Api
from env.common import BUILD, SOURCE, wait_until
from env.lab import Lab
from env.proxy import Proxy

pytestmark = pytest.mark.timeout(60)
INTERVAL = 0.1  # of samples, in s


def spec(**changes):
    config = {
        "target_hosts": ["h1"], "critical_processes": ["python*"],
        "baseline_template": {"name": "baseline", "parameters": {"min_interval_ms": 20}},
        "candidate_template": {"name": "topk", "parameters": {"k": 3, "min_interval_ms": 20}},
        "duration": "1500ms", "warmup_duration": "200ms", "deploy_timeout": "20s", "hold": "5m",
        "host_lost_after": "20s", "sample_interval": "%dms" % (INTERVAL * 1000),
        "analysis": {"bucket": "400ms", "min_duration": "1s", "min_evidence": "within-host",
                     "success": [{"kpi": "cardinality", "reduction_at_least": 0.1}]}}
    config.update(changes)
    return {"name": "loop", "config": config}


class Loop(Lab):
    """One host: everything real."""

    def __init__(self, folder, settings=None, wrapper=None, through=None):
        super().__init__(Api(folder, dict({"heartbeat.interval": "200ms", "task.delivery_lease": "1s"}, **(settings or {})), wrapper).start())
        self.proxy = through and through(self.api.port)
        url = self.proxy.url if self.proxy else self.api.url
        self.agent = Agent(folder / "agent", url, stand_in=False, agent__host_id="h1")
        self.start_agent()
        wait_until(lambda: self.call("GET", "/api/v1/agents/h1")[0] == 200, "the API knows the agent")

    def start_agent(self):
        def starts():
            return self.agent.log.read_text().count("event=STARTED") if self.agent.log.exists() else 0
        before = starts()
        self.agent.start()
        wait_until(lambda: starts() > before, "the agent has started")

    def collectors(self):
        """[(variant, pid)] of the collectors that live."""
        return sorted((name.rsplit("-", 1)[1], pid) for pid, name in instances(self.agent.state).items())

    def begin(self, *until, **changes):
        eid = self.create(spec(**changes))
        self.command(eid, "start")
        if until:
            self.until(eid, *until)
        return eid

    def restart(self, program, held=None):
        """SIGTERM, the end in order, and a new start. `held`: a command that is given while the agent
        cannot take its tasks, so that the signal comes in the middle of the phase it leads to."""
        if held:
            self.agent.process.send_signal(signal.SIGSTOP)
            held()
        if program == "api":
            self.api.restart()
        else:
            self.agent.process.send_signal(signal.SIGTERM)
        if held:
            self.agent.process.send_signal(signal.SIGCONT)
        if program == "agent":
            assert self.agent.process.wait(20) == 0
            self.start_agent()

    def rows(self, query):
        """From the store, which is the API's alone while it runs."""
        self.api.stop()
        with contextlib.closing(sqlite3.connect(self.api.db)) as db:
            rows = db.execute(query).fetchall()
        self.api.start()
        return rows

    def ticks(self, variant="baseline"):
        return [ts / 1e9 for (ts,) in
                self.rows(f"SELECT ts FROM metric_samples WHERE variant = '{variant}' ORDER BY ts")]

    def no_batch_is_missing(self):
        streams = self.rows("SELECT stream, COUNT(*), MIN(seq), MAX(seq) FROM agent_batches GROUP BY stream")
        assert streams and all(n == last and first == 1 for _, n, first, last in streams), streams

    def close(self):
        super().close()
        self.agent.process.send_signal(signal.SIGCONT)
        self.agent.clean_up()
        if self.proxy:
            self.proxy.close()
        self.api.close()


@pytest.fixture
def start(folder):
    """Makes the loop, with settings of the test."""
    made = []

    def begin(*args, **how):
        made.append(Loop(folder, *args, **how))
        return made[0]
    yield begin
    for loop in made:
        loop.close()
        if folder.exists():
            shutil.copy(loop.agent.log, folder / "agent.log")


def gaps(ticks):
    return [b - a for a, b in zip(ticks, ticks[1:])]


# ------------------------------------------------------------------------------------ the good way

def the_right_one_is_left(loop, pids, kept, gone):
    assert loop.collectors() == [(kept, pids[kept])], "the same process goes on"
    wait_until(lambda: not alive(pids[gone]), "the other has ended")
    wait_until(lambda: [(p["variant"], p["status"]) for p in loop.call("GET", "/api/v1/pipelines")[1]["pipelines"]]
               == [(kept, "running")], "the next heartbeat shows it")
    assert loop.call("GET", "/api/v1/tasks?status=active")[1]["tasks"] == []


@pytest.mark.timeout(120)
def test_an_experiment_measures_decides_and_is_promoted(start):
    loop = start()
    # 20 buckets decide, and it ends then; a bucket needs five of six samples, which a busy machine may miss.
    body = spec(duration="70s", load_profile="process-churn", sample_interval="100ms")
    body["config"]["analysis"].update(bucket="600ms", min_batches=5, min_coverage=0.3, early_stop=True)
    eid = loop.create(body)
    loop.command(eid, "start")
    loop.until(eid, "running")
    pids = dict(loop.collectors())
    assert set(pids) == {"baseline", "candidate"}
    loop.until(eid, "completed", within=90)
    status, doc = loop.call("GET", f"/api/v1/experiments/{eid}/kpis")
    assert status == 200 and doc["verdict"]["decision"] == "promote", doc["verdict"]
    series = {kpi["name"]: kpi for kpi in doc["kpis"]}["cardinality"]
    assert series["status"] == "ok" and 0 < series["candidate"] < series["baseline"], series
    loop.command(eid, "promote")
    loop.until(eid, "promoted")
    the_right_one_is_left(loop, pids, "candidate", "baseline")
    rows = loop.rows("SELECT variant, AVG(series), MAX(points_total), MIN(up) FROM metric_samples GROUP BY variant")
    means = {variant: mean for variant, mean, _, _ in rows}
    assert series["baseline"] == pytest.approx(means["baseline"], rel=0.3), "the KPI is of these samples"
    assert series["candidate"] == pytest.approx(means["candidate"], rel=0.3)
    assert all(points > 0 and up == 1 for _, _, points, up in rows)


def test_a_rollback_leaves_the_baseline(start):
    loop = start()
    eid = loop.begin("running", duration="1s")
    pids = dict(loop.collectors())
    loop.until(eid, "completed")
    loop.command(eid, "rollback")
    loop.until(eid, "rolled_back")
    the_right_one_is_left(loop, pids, "baseline", "candidate")


def test_a_stop_leaves_nothing_behind(start):
    loop = start()
    eid = loop.begin("running", load_profile="process-churn")
    pids = [pid for _, pid in loop.collectors()]
    loop.command(eid, "stop")
    loop.until(eid, "stopped")
    assert loop.collectors() == [] and not any(alive(pid) for pid in pids)
    assert list((loop.agent.state / "collectors").iterdir()) == []
    wait_until(lambda: loop.call("GET", "/api/v1/pipelines")[1]["pipelines"] == [], "the API shows none")


# ----------------------------------------------------------------------------- the programs die

def test_a_killed_agent_adopts_its_collectors_and_the_experiment_goes_on(start):
    loop = start()
    eid = loop.begin("running", duration="3s")
    before = loop.collectors()
    loop.agent.kill()
    assert loop.collectors() == before
    killed = time.time()
    loop.start_agent()
    loop.until(eid, "completed")
    assert loop.collectors() == before, "adopted, and none started beside them"
    for variant in ("baseline", "candidate"):
        ticks = loop.ticks(variant)
        assert len([t for t in ticks if t > killed + 1]) > 5, "samples go on"
    assert loop.call("GET", "/api/v1/tasks?status=failed")[1]["tasks"] == []
    restarts = [p["process_info"]["restarts"] for p in loop.call("GET", "/api/v1/pipelines")[1]["pipelines"]]
    assert restarts == [0, 0]


def test_samples_of_the_time_without_an_api_are_stored_once_and_whole(start):
    loop = start()
    eid = loop.begin("running", duration="5s")
    loop.api.stop(signal.SIGKILL)
    gone = time.time()
    time.sleep(2)  # the absence is what is tested
    loop.api.start()
    back = time.time()
    loop.until(eid, "completed")
    loop.command(eid, "promote")
    loop.until(eid, "promoted")
    for variant in ("baseline", "candidate"):
        ticks = loop.ticks(variant)
        without = [t for t in ticks if gone <= t <= back]
        assert len(without) >= 0.8 * (back - gone) / INTERVAL, without
        assert max(gaps(ticks)) < 5 * INTERVAL, "no hole"
    loop.no_batch_is_missing()


@pytest.mark.parametrize("program", ["api", "agent"])
def test_sigterm_in_every_phase_up_to_promoted(start, program):
    loop = start()
    eid = loop.create(spec(warmup_duration="1s", duration="2s"))

    def command(what, phase):
        def give():
            loop.command(eid, what)
            assert loop.get(eid)["phase"] == phase
        return give
    loop.restart(program, command("start", "deploying"))
    loop.until(eid, "warmup")
    loop.restart(program)
    loop.until(eid, "running")
    loop.restart(program)
    loop.until(eid, "analyzing", "completed")
    loop.restart(program)
    loop.until(eid, "completed")
    loop.restart(program)
    loop.restart(program, command("promote", "promoting"))
    loop.until(eid, "promoted")
    wait_until(lambda: [v for v, _ in loop.collectors()] == ["candidate"], "only the candidate runs")
    loop.restart(program)
    wait_until(lambda: [v for v, _ in loop.collectors()] == ["candidate"], "it is kept when all is over")
    assert loop.call("GET", "/api/v1/tasks?status=failed")[1]["tasks"] == []
    loop.no_batch_is_missing()


@pytest.mark.parametrize("program", ["api", "agent"])
@pytest.mark.parametrize("what,phase,end,left", [("rollback", "rolling_back", "rolled_back", ["baseline"]),
                                                 ("stop", "stopping", "stopped", [])])
def test_sigterm_on_the_way_out(start, program, what, phase, end, left):
    loop = start()
    eid = loop.begin("completed" if what == "rollback" else "running", duration="1s")

    def give():
        loop.command(eid, what)
        assert loop.get(eid)["phase"] == phase
    loop.restart(program, give)
    loop.until(eid, end)
    wait_until(lambda: [v for v, _ in loop.collectors()] == left, f"{left} is left")


# ------------------------------------------------------------------------ the disk, the network

def test_a_full_disk_is_reported_and_nothing_is_lost(start):
    """The kernel refuses to let the API's files grow, as a full disk would."""
    loop = start({"log.level": "info"}, wrapper=["env", "--ignore-signal=XFSZ"])  # else it is killed
    eid = loop.begin("running", duration="6s")
    largest = max(f.stat().st_size for f in loop.api.folder.glob("phoenix.db*"))
    pid = loop.api.process.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    wait_until(lambda: loop.call("GET", "/readyz")[0] == 503, "readiness says so")
    full = time.time()
    spool = loop.agent.state / "spool" / "samples"
    wait_until(lambda: sum(f.stat().st_size for f in spool.glob("*.seg")) > 500, "the agent keeps its samples")
    assert loop.call("GET", "/healthz")[0] == 200
    time.sleep(1)  # samples of a whole second
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_until(lambda: loop.call("GET", "/readyz")[0] == 200, "it is ready again")
    back = time.time()
    loop.until(eid, "completed")
    wanted = 0.8 * (back - full) / INTERVAL  # after the time for which the API asked the agent to wait

    def arrived():
        time.sleep(2)  # to look stops the API: without a pause the agent would find it away whenever it comes
        return len([t for t in loop.ticks() if full <= t <= back]) >= wanted
    wait_until(arrived, "what was kept arrives", 40)
    assert max(gaps(loop.ticks())) < 5 * INTERVAL
    loop.no_batch_is_missing()


def test_tasks_of_an_answer_that_was_cut_come_again_and_run_once(start):
    loop = start({"task.delivery_lease": "500ms"}, through=Proxy)
    loop.proxy.cut_next(b'"epoch"', b'"baseline"')
    eid = loop.begin("running")
    assert loop.proxy.cut.is_set()
    tasks = loop.call("GET", f"/api/v1/tasks?experiment_id={eid}")[1]["tasks"]
    starts = [t for t in tasks if (t["type"], t["action"]) == ("collector", "start")]
    assert len(starts) == 2 and max(t["epoch"] for t in starts) >= 2, "one was delivered again"
    assert [v for v, _ in loop.collectors()] == ["baseline", "candidate"]
    assert loop.agent.log.read_text().count("event=COLLECTOR_UP") == 2
    loop.until(eid, "completed")


# ------------------------------------------------------------------------------- plugins and stores

def compile_plugin(folder, source):
    """One of the bad plugins of the unit tests, as the operator's compiler would make it."""
    out = folder / (source + ".so")
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-w", f"-I{SOURCE}", f"-I{SOURCE / 'include'}",
                    "-o", out, SOURCE / "tests" / "unit" / "plugin" / (source + ".c")], check=True)
    out.chmod(0o644)
    return out


def test_bad_plugins_are_reported_and_skipped(folder):
    api = Api(folder)
    plugins = api.plugin_dir()
    (plugins / "text.so").write_text("this is no plugin\n")
    bad = {str(plugins / "text.so"), str(compile_plugin(plugins, "bad_size")), str(compile_plugin(plugins, "bad_crash"))}
    api.start()
    try:
        phoenix = [BUILD / "phoenix", "--api-url", api.url, "plugin", "list"]
        doc = json.loads(subprocess.run([*phoenix, "-o", "json"], check=True, capture_output=True).stdout)
        assert {r["path"] for r in doc["refused"]} == bad
        assert all(r["wanted"] and r["found"] and r["remedy"] for r in doc["refused"]), doc["refused"]
        assert {p["kind"] for p in doc["plugins"]} >= {"phoenix.storage/1", "phoenix.kpi/1"}
        table = subprocess.run(phoenix, check=True, capture_output=True, text=True).stdout
        assert all(pathlib.Path(path).name in table for path in bad)
    finally:
        api.close()


def test_without_its_store_plugin_the_api_does_not_start(folder):
    api = Api(folder)
    (api.plugin_dir() / "store_sqlite.so").unlink()
    api.spawn()
    assert api.process.wait(10) != 0
    assert "sqlite" in api.log_text() and str(api.plugin_dir()) in api.log_text(), api.log_text()


def test_a_second_api_on_the_same_store_says_who_holds_it(folder):
    first = Api(folder).start()
    second = Api(folder / "second", {"sqlite.path": first.db})
    second.folder.mkdir()
    second.spawn()
    try:
        assert second.process.wait(10) != 0
        line = [line for line in second.log_text().splitlines() if "START_FAILED" in line][-1]
        assert str(first.db) in line and "another" in line, line
        assert first.call("GET", "/readyz")[0] == 200
    finally:
        first.close()
