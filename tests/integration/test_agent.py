# SPDX-License-Identifier: Apache-2.0
"""phoenix-agent against an API that is made up (env/fakeapi.py) and collectors that do as their config
says (env/agent.py): every way to start, to end and to be interrupted."""
import json
import os
import shutil
import signal
import socket
import sys
import urllib.request

import pytest

from env.agent import Agent, alive, collector_config, instances, new_id, port_range
from env.common import SLOW, wait_until
from env.fakeapi import FakeApi

pytestmark = pytest.mark.timeout(120)


class Lab:
    """One agent, one API, and short names for what tests do all the time."""

    def __init__(self, folder):
        self.folder, self.api, self.experiment = folder, FakeApi(), new_id()
        self.agent = None

    def start(self, **settings):
        self.agent = Agent(self.folder, self.api.url, **settings)
        self.agent.start()
        wait_until(lambda: self.api.heartbeats, "the agent has said that it lives")
        return self

    def again(self):
        with self.api.changed:
            self.api.heartbeats.clear()
        self.agent.start()
        wait_until(lambda: self.api.heartbeats, "the agent has said that it lives again")
        return self

    def config(self, variant="baseline", content=None, **more):
        return collector_config(self.experiment, variant, content, **more)

    def task(self, type_, action, config, **more):
        return self.api.enqueue(type_, action, config, experiment_id=self.experiment, **more)

    def ended(self, task, status="completed"):
        wait_until(lambda: task.status in ("completed", "failed"), "task %s %s has ended" % (task.type, task.action))
        assert task.status == status, task.error
        return task

    def up(self, variant="baseline", content=None, **more):
        """A collector that runs; answers its pid."""
        task = self.task("collector", "start", self.config(variant, content, **more))
        return self.ended(task).result["pid"]

    def stop(self, variant="baseline"):
        return self.ended(self.task("collector", "stop", {"id": "%s-%s" % (self.experiment, variant)}, priority=2))

    def pipeline(self, variant="baseline"):
        return (self.api.pipelines() or {}).get("%s-%s" % (self.experiment, variant))

    def shows(self, status, variant="baseline"):
        wait_until(lambda: (self.pipeline(variant) or {"status": None})["status"] == status, "the heartbeat says %s" % status)
        return self.pipeline(variant)


@pytest.fixture
def lab(tmp_path, request):
    folder = tmp_path / "agent"
    made = Lab(folder)
    yield made
    if made.agent:
        made.agent.clean_up()
    made.api.stop()
    failed = getattr(request.node, "failed", False)
    if made.agent and failed:
        print(made.agent.log.read_text(errors="replace")[-20000:])
    if not failed:
        shutil.rmtree(folder, ignore_errors=True)


# ------------------------------------------------------------------------------------------ life

@pytest.mark.valgrind
def test_the_first_heartbeat_says_everything_and_the_next_ones_little(lab):
    lab.start(agent__labels="env=prod,tier=web")
    first = lab.api.heartbeats[0]
    assert first["host_id"] == "web-1" and first["status"] == "healthy"
    assert first["capabilities"]["collectors"] == ["native"] and first["capabilities"]["os"] == "linux"
    assert first["labels"] == {"env": "prod", "tier": "web"}
    assert first["pipelines"] == [] and first["loads"] == []
    assert first["resource_usage"]["memory_percent"] > 0 and first["resource_usage"]["disk_bytes"] > 0
    later = wait_until(lambda: lab.api.heartbeats[3:], "a later heartbeat")[-1]
    assert "pipelines" not in later and "capabilities" not in later
    assert later["resource_usage"]["cpu_percent"] is not None


@pytest.mark.valgrind
def test_a_collector_starts_is_healthy_and_stops(lab):
    lab.start()
    task = lab.ended(lab.task("collector", "start", lab.config()))
    assert [r[0]["status"] for r in task.reports] == ["running", "completed"]
    assert alive(task.result["pid"]) and task.result["config_hash"] == task.config["config_hash"]
    with urllib.request.urlopen("http://127.0.0.1:%d/healthz" % task.result["port"]) as answer:
        assert answer.status == 200
    shown = lab.shows("running")
    assert shown["pid"] == task.result["pid"] and shown["kept"] is False and shown["restarts"] == 0
    folder = lab.agent.state / "collectors" / task.config["id"]
    assert (folder / "collector.yaml").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    stop = lab.stop()
    assert stop.result == {"status": "stopped"}
    assert not alive(task.result["pid"]) and not folder.exists()
    wait_until(lambda: lab.api.pipelines() == {}, "the heartbeat shows nothing")
    assert lab.stop().result == {"status": "not-running"}


def test_the_agent_stops_its_collectors_when_it_is_told_to_stop(lab):
    lab.start()
    pids = [lab.up(), lab.up("candidate")]
    assert lab.agent.terminate() == 0
    assert not any(alive(p) for p in pids)
    lab.again()
    wait_until(lambda: len(instances(lab.agent.state)) == 2, "both run again")
    assert lab.shows("running")["restarts"] == 1


def test_collectors_are_kept_when_that_is_set(lab):
    lab.start(agent__keep_collectors="true")
    pid = lab.up()
    assert lab.agent.terminate() == 0
    assert alive(pid)
    lab.again()
    assert lab.shows("running")["pid"] == pid


def test_a_second_agent_on_the_same_folder_is_refused(lab):
    lab.start()
    second = Agent(lab.folder, lab.api.url).start()
    assert second.process.wait(20) == 1
    assert "another agent works in" in lab.agent.log.read_text()


def test_a_kubernetes_mode_is_refused(lab):
    agent = Agent(lab.folder, lab.api.url, feature__k8s_mode="true").start()
    assert agent.process.wait(20) != 0


# ------------------------------------------------------------------------------- bad collectors

def test_a_collector_that_dies_at_once_fails_the_task_with_its_last_words(lab):
    lab.start()
    task = lab.ended(lab.task("collector", "start", lab.config(content={"behave": "die"})), "failed")
    assert "cannot go on: out of luck" in task.error and "exit status 1" in task.error
    assert task.retryable is False
    assert "cannot go on" in lab.shows("failed")["reason"]
    assert lab.api.heartbeats[-1]["status"] == "degraded"
    assert lab.stop().status == "completed"


def test_a_collector_that_dies_once_before_it_is_healthy_gets_another_try(lab, tmp_path):
    lab.start()
    lab.up(content={"die_once": str(tmp_path / "died")})
    assert lab.shows("running")["restarts"] == 0


def test_a_collector_that_never_gets_healthy_fails_and_is_ended(lab):
    lab.start()
    patience = f"{SLOW * 2500:.0f}ms"  # the stand-in is a script: it takes its time to start
    task = lab.task("collector", "start", lab.config(content={"behave": "never"}, ready_timeout=patience))
    lab.ended(task, "failed")
    assert "was not healthy within" in task.error and "(it answers 503)" in task.error
    assert "stand-in starts" in task.error
    assert instances(lab.agent.state) == {}


def test_a_config_that_the_collector_refuses_never_runs(lab):
    lab.start()
    task = lab.ended(lab.task("collector", "start", lab.config(content={"invalid": True})), "failed")
    assert "3:7: no such processor" in task.error and task.retryable is False


def test_a_collector_that_dies_later_is_restarted_and_counted(lab):
    lab.start()
    pid = lab.up()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: lab.pipeline()["restarts"] == 1, "another process runs")
    shown = lab.shows("running")
    assert shown["pid"] != pid and alive(shown["pid"])
    samples = wait_until(lambda: [
        s for s in lab.api.samples("baseline") if s["restarts_total"] == 1 and s["up"] == 1], "it is sampled again")
    assert samples


def test_a_collector_that_dies_again_and_again_is_given_up(lab):
    lab.start(agent__restart__limit="2", agent__restart__backoff="10ms")
    lab.up()

    def kill_again():
        for pid in instances(lab.agent.state):
            os.kill(pid, signal.SIGKILL)
        return lab.pipeline()["status"] == "failed"
    wait_until(kill_again, "it is given up")
    assert "killed by signal 9" in lab.pipeline()["reason"]
    assert lab.stop().status == "completed"


def test_a_collector_that_ignores_the_stop_signal_is_killed(lab):
    lab.start()
    pid = lab.up(content={"behave": "deaf"})
    assert lab.stop().result == {"status": "stopped"}
    assert not alive(pid)


def test_a_port_that_is_taken_is_not_used(lab):
    low, _high = port_range()
    taken = []
    for port in range(low, low + 3):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", port))
        s.listen()
        taken.append(s)
    lab.start()
    task = lab.ended(lab.task("collector", "start", lab.config()))
    assert task.result["port"] == low + 3
    for s in taken:
        s.close()


def test_a_collector_whose_port_was_taken_while_it_was_down_gets_another(lab):
    lab.start(agent__restart__backoff="1s")
    task = lab.ended(lab.task("collector", "start", lab.config()))
    os.kill(task.result["pid"], signal.SIGKILL)
    lab.shows("restarting")
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", task.result["port"]))
        s.listen()
        wait_until(lambda: lab.pipeline()["status"] == "running" and
                   lab.pipeline()["port"] != task.result["port"], "it runs elsewhere")


# ------------------------------------------------------------------------------------- bad tasks

@pytest.mark.parametrize("change, says", [
    ({"collector": "otelcol"}, "not allowed"),
    ({"id": "../../etc"}, "cannot name a collector"),
    ({"id": ""}, "config.id"),
    ({"variant": "UPPER CASE"}, "config.variant"),
    ({"config_hash": "sha256:" + "0" * 64}, "config_hash"),
    ({"files": []}, "config.files"),
    ({"files": [{"name": "../escape", "content": "x"}]}, "not the name of a file"),
    ({"files": [{"name": "/etc/passwd", "content": "x"}]}, "not the name of a file"),
    ({"files": [{"name": ".task.json", "content": "x"}]}, "not the name of a file"),
    ({"sampling": {"critical": ["x"] * 257}}, "sampling.critical"),
    ({"sampling": {"critical": [1]}}, "sampling.critical"),
])
def test_a_bad_start_fails_for_good_and_says_why(lab, change, says):
    lab.start()
    config = lab.config(**{k: v for k, v in change.items() if k == "files"})
    config.update(change)
    task = lab.ended(lab.task("collector", "start", config), "failed")
    assert says in task.error and task.retryable is False
    assert instances(lab.agent.state) == {}
    assert not (lab.agent.state / "escape").exists()


def test_an_unknown_task_fails_for_good(lab):
    lab.start()
    task = lab.ended(lab.task("command", "execute", {"line": "rm -rf /"}), "failed")
    assert "knows no task" in task.error


def test_what_is_no_task_is_ignored(lab):
    lab.start()
    broken = lab.task("collector", "start", lab.config())
    broken.id = "not-a-uuid"
    lab.up("candidate")
    assert broken.reports == []


# ------------------------------------------------------------------------------- once, and only once

def test_the_same_task_twice_is_executed_once(lab):
    lab.start()
    task = lab.ended(lab.task("collector", "start", lab.config()))
    pid = task.result["pid"]
    task.status = "assigned"
    lab.api.deliver(task)
    lab.ended(task)
    assert task.reports[-1][0]["epoch"] == 2 and task.result["pid"] == pid
    assert len(instances(lab.agent.state)) == 1


def test_the_stored_result_survives_the_agent(lab):
    lab.start()
    task = lab.ended(lab.task("collector", "start", lab.config()))
    lab.stop()
    lab.agent.kill()
    lab.again()
    task.status = "assigned"
    lab.api.deliver(task)
    assert lab.ended(task).reports[-1][0]["epoch"] == 2
    assert instances(lab.agent.state) == {}


def test_a_lower_epoch_is_ignored(lab):
    lab.start()
    task = lab.ended(lab.task("collector", "start", lab.config()))
    task.epoch = 5
    lab.api.deliver(task)
    wait_until(lambda: task.reports[-1][0]["epoch"] == 6, "the higher epoch was answered")
    n = len(task.reports)
    lab.api.deliver(task, epoch=3)
    lab.up("candidate")
    assert len(task.reports) == n


def test_a_delivery_that_is_not_ours_any_more_is_dropped(lab):
    lab.start()
    lab.api.refuse_status = 409
    task = lab.task("collector", "start", lab.config())
    wait_until(lambda: task.reports, "the acknowledgement was refused")
    lab.api.refuse_status = None
    lab.up("candidate")
    assert len(task.reports) == 1 and len(instances(lab.agent.state)) == 1
    lab.api.deliver(task)
    lab.ended(task)


def test_an_answer_that_is_cut_in_the_middle_starts_nothing_twice(lab):
    lab.start()
    lab.api.cut_next_poll = True
    task = lab.ended(lab.task("collector", "start", lab.config()))
    assert task.reports[-1][0]["epoch"] == 2
    assert len(instances(lab.agent.state)) == 1


def test_reports_whose_answer_is_lost_are_sent_again(lab):
    lab.start()
    lab.api.lose_status = 2
    task = lab.ended(lab.task("collector", "start", lab.config()))
    wait_until(lambda: len(task.reports) >= 4, "all was heard")
    assert [r[0]["status"] for r in task.reports] == ["running"] * 3 + ["completed"] or \
        [r[0]["status"] for r in task.reports] == ["running", "running", "running", "completed"]


def test_an_interrupted_task_is_finished_by_the_next_agent(lab):
    lab.start()
    task = lab.task("collector", "start", lab.config(content={"behave": "never"}, ready_timeout="60s"))
    wait_until(lambda: instances(lab.agent.state), "its process runs")
    lab.agent.kill()
    assert task.status == "running"
    lab.again()
    wait_until(lambda: {"id": task.id, "epoch": 1} in lab.api.heartbeats[-1]["active_tasks"], "it is listed again")
    wait_until(lambda: len(instances(lab.agent.state)) == 1, "its process runs again, and no other")
    stop = lab.stop()
    assert stop.result == {"status": "stopped"}
    assert "stopped before it was healthy" in lab.ended(task, "failed").error


def test_a_stop_ends_a_start_that_waits(lab):
    lab.start()
    task = lab.task("collector", "start", lab.config(content={"behave": "never"}, ready_timeout="60s"))
    wait_until(lambda: instances(lab.agent.state), "its process runs")
    assert lab.stop().result == {"status": "stopped"}
    lab.ended(task, "failed")
    assert instances(lab.agent.state) == {}


def test_heartbeats_go_on_while_a_task_runs_and_list_it(lab):
    lab.start()
    task = lab.task("collector", "start", lab.config(content={"behave": "never"}, ready_timeout="60s"))
    wait_until(lambda: {"id": task.id, "epoch": 1} in lab.api.heartbeats[-1]["active_tasks"], "the heartbeat lists it")
    n = len(lab.api.heartbeats)
    wait_until(lambda: len(lab.api.heartbeats) >= n + 3, "three more heartbeats")
    lab.stop()


# ------------------------------------------------------------------------------- death and adoption

@pytest.mark.valgrind
def test_a_killed_agent_leaves_collectors_running_and_adopts_them(lab):
    lab.start()
    pids = {lab.up(), lab.up("candidate")}
    lab.agent.kill()
    assert all(alive(p) for p in pids)
    lab.again()
    n = len(lab.api.samples())
    assert lab.shows("running")["pid"] in pids and lab.shows("running", "candidate")["pid"] in pids
    assert lab.pipeline()["restarts"] == 0
    assert set(instances(lab.agent.state)) == pids
    wait_until(lambda: len(lab.api.samples()) > n + 4, "samples go on")
    os.kill(lab.pipeline()["pid"], signal.SIGKILL)
    wait_until(lambda: lab.pipeline()["restarts"] == 1, "its end is noticed")
    lab.stop()
    lab.stop("candidate")
    assert instances(lab.agent.state) == {}


def test_a_collector_that_died_while_no_agent_was_there_runs_again(lab):
    lab.start()
    pid = lab.up()
    lab.agent.kill()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), "it is gone")
    lab.again()
    wait_until(lambda: len(instances(lab.agent.state)) == 1, "it runs again")
    assert lab.shows("running")["restarts"] == 1


def test_a_collector_that_the_state_does_not_name_is_found_by_its_mark(lab):
    lab.start()
    pid = lab.up()
    lab.agent.kill()
    path = lab.agent.state / "state.json"
    state = json.loads(path.read_text())
    state["collectors"][0].update(pid=0, start_ticks=0)
    path.write_text(json.dumps(state))
    lab.again()
    assert lab.shows("running")["pid"] == pid


def test_a_process_that_took_the_pid_is_not_adopted(lab):
    lab.start()
    lab.up()
    lab.agent.kill()
    for pid in instances(lab.agent.state):
        os.kill(pid, signal.SIGKILL)
    path = lab.agent.state / "state.json"
    state = json.loads(path.read_text())
    state["collectors"][0]["pid"] = os.getpid()
    path.write_text(json.dumps(state))
    lab.again()
    shown = wait_until(lambda: lab.shows("running"), "a new process runs")
    assert shown["pid"] != os.getpid()


def test_collectors_of_nobody_are_ended_at_the_start(lab):
    lab.start()
    pid = lab.up()
    lab.agent.kill()
    (lab.agent.state / "state.json").unlink()
    lab.again()
    wait_until(lambda: not alive(pid), "it is ended")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version":2}', '{"version":1,"collectors":[{"id":"../x"}]}',
                                  '{"version":1,"collectors":7,"tasks":[1,{"id":"x"}]}', "\0" * 4096])
def test_a_broken_state_file_does_not_stop_the_agent(lab, text):
    agent = Agent(lab.folder, lab.api.url)
    agent.state.mkdir(mode=0o700)
    (agent.state / "state.json").write_text(text)
    lab.start()
    lab.up()


# -------------------------------------------------------------------------------------- API away

def test_the_api_goes_away_and_nothing_is_lost_or_counted_twice(lab):
    lab.start()
    lab.up()
    lab.up("candidate")
    wait_until(lambda: lab.api.samples("candidate"), "samples arrive")
    lab.api.stop()
    spool = lab.agent.state / "spool" / "samples"
    wait_until(lambda: sum(f.stat().st_size for f in spool.glob("*.seg")) > 4000, "batches are on disk")
    lab.api.start()
    last = max(s["ts"] for s in lab.api.samples())
    wait_until(lambda: not list(spool.glob("*.seg")) and
               max(s["ts"] for s in lab.api.samples()) > last + 2e9, "the spool is empty again", 40)
    times = sorted(s["ts"] for s in lab.api.samples("baseline"))
    assert len(times) == len(set(times))
    assert max(b - a for a, b in zip(times, times[1:])) < 1e9, "a gap"
    streams = {}
    for stream, seq in lab.api.batches:
        streams.setdefault(stream, []).append(seq)
    assert all(sorted(s) == list(range(1, len(s) + 1)) for s in streams.values())


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("kind", ["heartbeat", "metrics", "logs", "tasks"])
def test_retry_after_is_honoured_by_every_post(lab, kind, status):
    lab.start()
    lab.up()
    lab.api.refuse = {kind: (status, "1")}
    task = lab.task("collector", "start", lab.config("candidate", {"lines": 5}))
    wait_until(lambda: len(lab.api.times(kind, status)) >= 3, "it was refused and tried again")
    times = lab.api.times(kind, status)
    assert min(b - a for a, b in zip(times, times[1:])) >= 0.95
    lab.api.refuse = {}
    wait_until(lambda: lab.api.times(kind)[-1] > lab.api.times(kind, status)[-1], "it is taken")
    lab.ended(task)


def test_a_server_cannot_send_the_agent_to_sleep_for_good(lab):
    """Days of Retry-After are cut by the agent; what it waits in the end is not for a test."""
    lab.api.heartbeat = "24h"
    lab.api.poll_wait = "24h"
    lab.start()
    wait_until(lambda: lab.api.waits[1:], "a second poll")
    assert lab.api.waits[1] == 60


def test_a_server_cannot_make_the_agent_spin(lab):
    lab.api.heartbeat, lab.api.poll_wait, lab.api.batch_interval = "1ns", "0s", "0s"
    lab.start()
    begun = len(lab.api.heartbeats), lab.api.polls, wait_until(lambda: lab.api.waits[1:], "a second poll")
    assert begun[2][0] == 1
    wait_until(lambda: len(lab.api.heartbeats) > begun[0] + 20, "heartbeats go on")
    times = lab.api.times("heartbeat")
    assert (times[-1] - times[0]) / (len(times) - 1) >= 0.045
    assert len(lab.api.waits) < 20


def test_intervals_of_the_server_count_from_the_next_poll_on(lab):
    lab.api.heartbeat, lab.api.poll_wait = "10s", "1s"
    lab.start()
    wait_until(lambda: len(lab.api.waits) >= 3, "polls follow the wait that was asked for")
    assert set(lab.api.waits[1:]) == {1}
    n = len(lab.api.heartbeats)
    lab.api.heartbeat, lab.api.poll_wait = "100ms", "2s"
    wait_until(lambda: len(lab.api.heartbeats) > n + 3, "heartbeats come faster", 5)
    wait_until(lambda: lab.api.waits[-1] == 2, "polls wait longer", 5)


def test_what_was_spooled_goes_out_no_faster_than_the_server_asks(lab):
    lab.start()
    lab.up()
    wait_until(lambda: lab.api.samples(), "samples arrive")
    lab.api.refuse = {"metrics": (503, None)}
    spool = lab.agent.state / "spool" / "samples"
    wait_until(lambda: sum(f.stat().st_size for f in spool.glob("*.seg")) > 6000, "batches are on disk", 60)
    lab.api.batch_interval, lab.api.refuse = "300ms", {}
    begun = len(lab.api.times("metrics", 202))
    wait_until(lambda: len(lab.api.times("metrics", 202)) > begun + 4, "some were sent", 60)
    times = lab.api.times("metrics", 202)[begun:begun + 4]
    assert times[3] - times[0] >= 3 * 0.28 - 0.15  # when an answer was noted may be late


def test_results_go_before_samples_and_samples_before_logs(lab):
    """All that was kept while the API was away, in the order of its worth."""
    lab.start()
    lab.up(content={"lines": 3})
    wait_until(lambda: lab.api.samples() and lab.api.log_lines(), "batches arrive")
    kinds = ("metrics", "logs", "tasks")
    with lab.api.changed:
        lab.api.refuse = {kind: (503, "1") for kind in kinds}
    task = lab.task("collector", "start", lab.config("candidate", {"lines": 50}))
    spool = lab.agent.state / "spool" / "samples"
    wait_until(lambda: sum(f.stat().st_size for f in spool.glob("*.seg")) > 3000, "batches are on disk", 60)
    with lab.api.changed:
        lab.api.refuse = {kind: (503, "1") for kind in ("metrics", "logs")}
    lab.ended(task)
    at = len(lab.api.calls)
    lab.api.refuse = {}
    wait_until(lambda: any(line.get("source", "").endswith("candidate") for line in lab.api.log_lines()), "the last log lines", 60)
    kinds = [kind for _, kind, status in lab.api.calls[at:] if status == 202]
    assert kinds.index("metrics") < kinds.index("logs")
    assert kinds[:kinds.index("logs")].count("metrics") >= 2, kinds


def test_what_was_spooled_by_a_killed_agent_is_sent_by_the_next(lab):
    lab.start()
    lab.up()
    wait_until(lambda: lab.api.samples(), "samples arrive")
    lab.api.stop()
    spool = lab.agent.state / "spool" / "samples"
    wait_until(lambda: sum(f.stat().st_size for f in spool.glob("*.seg")) > 3000, "batches are on disk")
    lab.agent.kill()
    newest = sorted(spool.glob("*.seg"))[-1]
    with open(newest, "ab") as f:
        f.write(b"\xff\x00\x00\x00half a record")
    lab.api.start()
    streams = len({k[0] for k in lab.api.batches})
    lab.again()
    wait_until(lambda: len({k[0] for k in lab.api.batches}) > streams, "a new stream has begun")
    old = sorted(k[1] for k in lab.api.batches if k[0] == min(k[0] for k in lab.api.batches))
    assert old == list(range(1, len(old) + 1)) and len(old) > 2


def test_censuses_are_taken_when_they_are_asked_for_and_outlive_the_agent(lab):
    def told(variant):
        rows = [c for b in sorted(lab.api.censuses) for c in lab.api.censuses[b]["censuses"]]
        return [c for c in rows if c["variant"] == variant]
    lab.start()
    sampling = {"interval": "50ms", "census": "300ms"}
    for variant in ("baseline", "candidate"):
        lab.up(variant, {"text": 'cpu{pid="1"} 1\ncpu{pid="2"} 1\n'}, sampling=dict(sampling))
    first, *more = wait_until(lambda: len(told("candidate")) > 2 and told("candidate"), "censuses arrive")
    assert first["points_per_s"] is None and first["rss_bytes"] > 0 < more[0]["points_per_s"], "flows are since the last"
    assert {c["ts"] for c in more[:2]} <= {c["ts"] for c in told("baseline")}, "both arms at the same tick"
    assert [(m["name"], m["series"]) for m in first["metrics"]["top"]] == [("cpu", 2)] and first["series"] == 2
    lab.api.stop()
    spool = lab.agent.state / "spool" / "census"
    wait_until(lambda: sum(f.stat().st_size for f in spool.glob("*.seg")) > 6000, "censuses are on disk")
    lab.agent.kill()
    before = set(lab.api.censuses)
    lab.api.start()
    lab.again()
    wait_until(lambda: {k[0] for k in lab.api.censuses if k not in before} & {k[0] for k in before}, "what was on disk is sent", 40)


def test_a_result_is_reported_when_the_api_is_back(lab):
    lab.start()
    task = lab.task("collector", "start", lab.config(content={"behave": "never"}, ready_timeout="1s"))
    wait_until(lambda: task.status == "running", "it is acknowledged")
    lab.api.stop()
    wait_until(lambda: not instances(lab.agent.state), "it has failed")
    lab.api.start()
    lab.ended(task, "failed")


def test_a_result_that_was_not_heard_is_reported_by_the_next_agent(lab):
    lab.start()
    task = lab.task("collector", "start", lab.config(content={"behave": "never"}, ready_timeout="1s"))
    wait_until(lambda: task.status == "running", "it is acknowledged")
    lab.api.stop()
    wait_until(lambda: [
        t for t in json.loads((lab.agent.state / "state.json").read_text())["tasks"] if t["phase"] == "done"], "the result is in the state")
    lab.agent.kill()
    lab.api.start()
    lab.again()
    lab.ended(task, "failed")


def test_a_busy_api_is_asked_again_as_it_says(lab):
    lab.start()
    lab.api.retry_after, lab.api.away = "1", True
    with lab.api.changed:
        lab.api.changed.notify_all()
    wait_until(lambda: "api-away" in lab.agent.log.read_text().lower().replace("_", "-"), "the agent has noticed")
    lab.api.away = False
    lab.up()


# ------------------------------------------------------------------------------ samples and logs

EXPOSITION = '''# TYPE process_cpu_time_seconds_total counter
process_cpu_time_seconds_total{process_pid="1",process_executable_name="nginx-1"} 1
process_cpu_time_seconds_total{process_pid="2",process_executable_name="bash"} 1
phoenix_collector_points_in_total 7
phoenix_collector_dropped_total 3
phoenix_collector_bytes_total 1e3
process_cpu_seconds_total 5
'''


@pytest.mark.valgrind
def test_both_arms_are_read_at_the_same_tick(lab):
    lab.start()
    lab.up(content={"text": EXPOSITION})
    more = EXPOSITION + 'process_threads{process_pid="3",process_executable_name="postgres"} 1\n'
    more = more.replace("phoenix_collector_bytes_total 1e3\n", "")
    lab.up("candidate", content={"text": more})
    both = wait_until(lambda: [
        (a, b) for a in lab.api.samples("baseline") for b in lab.api.samples("candidate")
        if a["ts"] == b["ts"] and a["up"] == b["up"] == 1], "both are sampled")
    a, b = both[-1]
    assert a["experiment_id"] == lab.experiment
    assert (a["series"], b["series"]) == (2, 3)
    assert (a["critical_seen"], b["critical_seen"]) == (1, 2)
    assert a["critical_alive"] == b["critical_alive"] == 2
    assert (a["points_in_total"], a["dropped_total"], a["bytes_total"]) == (7, 3, 1000)
    n_read = [s["bytes_total"] for s in lab.api.samples("candidate") if s["up"] == 1]
    assert n_read[0] >= len(more) and all(y >= x + len(more) for x, y in zip(n_read, n_read[1:])), "the agent counts"
    assert a["points_total"] >= 1 and a["rss_bytes"] > 1e6 and a["cpu_seconds_total"] > 0
    assert 0 < a["scrape_seconds"] < 5 and a["restarts_total"] == 0


def test_a_collector_that_is_down_is_a_row_that_says_so(lab):
    lab.start(agent__restart__backoff="5s")
    pid = lab.up()
    lab.up("candidate")
    os.kill(pid, signal.SIGKILL)
    # the tick of its end may have seen it still in /proc
    down = wait_until(lambda: [s for s in lab.api.samples("baseline") if s["up"] == 0 and s["rss_bytes"] is None],
                      "a row says down")[0]
    assert down["series"] is None
    assert [s for s in lab.api.samples("candidate") if s["ts"] == down["ts"]]


def test_output_of_collectors_arrives_as_log_lines(lab):
    lab.start()
    lab.up(content={"lines": 1000})
    wait_until(lambda: any(x["message"] == "line 5" for x in lab.api.log_lines()), "the first lines arrive")
    first = lab.api.log_lines()[0]
    assert first["source"] == "%s-baseline" % lab.experiment and first["task_id"] in lab.api.tasks
    assert len(lab.api.log_lines()) < 400, "the rate is bounded"


# ------------------------------------------------------------------------------ deployments, loads

def test_a_deployment_keeps_what_runs_and_stops_what_it_replaces(lab):
    lab.start()
    lab.up()
    pid = lab.up("candidate")
    config = lab.config("candidate", replaces=["%s-baseline" % lab.experiment])
    task = lab.ended(lab.task("deployment", "deploy", config))
    assert task.result["pid"] == pid
    wait_until(lambda: set(lab.api.pipelines()) == {config["id"]}, "the other one is gone")
    assert lab.pipeline("candidate")["kept"] is True
    lab.ended(lab.task("deployment", "undeploy", {"id": config["id"]}))
    assert instances(lab.agent.state) == {}


def test_a_deployment_of_another_config_takes_the_place_of_the_old_one(lab):
    lab.start()
    pid = lab.up()
    task = lab.ended(lab.task("deployment", "deploy", lab.config(content={"lines": 1})))
    assert task.result["pid"] != pid and not alive(pid)


@pytest.mark.valgrind
def test_a_load_runs_reports_and_ends(lab):
    lab.start()
    load = new_id()
    task = lab.task("loadsim", "start", {"id": load, "profile": "steady", "duration": "300ms", "seed": 7})
    assert lab.ended(task).result["pid"] > 1
    wait_until(lambda: lab.api.loads().get(load, {}).get("status") == "completed", "it has completed")
    assert lab.api.loads()[load]["offered"] == 100 and lab.api.loads()[load]["delivered"] == 90


def test_figures_of_a_load_that_move_are_told_alone(lab):
    lab.start()
    lab.ended(lab.task("loadsim", "start", {"id": new_id(), "profile": "growing", "duration": "600s"}))

    def told():
        return [h["loads"][0]["offered"] for h in list(lab.api.heartbeats) if h.get("loads") and "pipelines" not in h]
    wait_until(lambda: len(told()) > 2, "they are told without what has not changed")
    assert told() == sorted(set(told()))


def test_a_load_is_stopped_and_dies_with_the_agent(lab):
    lab.start()
    load, other = new_id(), new_id()
    lab.ended(lab.task("loadsim", "start", {"id": load, "profile": "steady", "duration": "600s"}))
    stop = lab.ended(lab.task("loadsim", "stop", {"id": load}))
    assert stop.result == {"status": "stopped"}
    assert lab.ended(lab.task("loadsim", "stop", {"id": load})).result == {"status": "not-running"}
    task = lab.ended(lab.task("loadsim", "start", {"id": other, "profile": "steady", "duration": "600s"}))
    lab.agent.kill()
    wait_until(lambda: not alive(task.result["pid"]), "the load is gone")


def test_a_load_that_fails_says_why(lab):
    lab.start()
    load = new_id()
    lab.ended(lab.task("loadsim", "start", {"id": load, "profile": "broken", "duration": "60s"}))
    wait_until(lambda: lab.api.loads().get(load, {}).get("status") == "failed", "it has failed")
    assert lab.api.loads()[load]["reason"] == "no such process to churn"


def test_loads_can_be_forbidden(lab):
    lab.start(agent__allow__loads="false")
    task = lab.task("loadsim", "start", {"id": new_id(), "profile": "steady", "duration": "1s"})
    assert "not allowed" in lab.ended(task, "failed").error


# ------------------------------------------------------------------------------ SIGTERM in each state

@pytest.mark.parametrize("content", [{"behave": "die"}, {"behave": "never"}, {"behave": "deaf"}, {}])
def test_sigterm_ends_the_agent_in_order_whatever_its_collector_does(lab, content):
    lab.start(agent__restart__backoff="20s")
    task = lab.task("collector", "start", lab.config(content=content, ready_timeout="60s"))
    if content == {"behave": "die"}:
        wait_until(lambda: (lab.pipeline() or {}).get("reason"), "it waits for a restart")
    else:
        wait_until(lambda: instances(lab.agent.state), "its process runs")
    assert lab.agent.terminate() == 0
    assert instances(lab.agent.state) == {}
    saved = json.loads((lab.agent.state / "state.json").read_text())
    assert len(saved["collectors"]) == 1 and saved["tasks"][0]["id"] == task.id


def test_sigterm_while_the_api_is_away_keeps_what_was_measured(lab):
    lab.start()
    lab.up()
    wait_until(lambda: lab.api.samples(), "samples arrive")
    lab.api.stop()
    spool = lab.agent.state / "spool" / "samples"
    wait_until(lambda: list(spool.glob("*.seg")), "batches are on disk")
    assert lab.agent.terminate() == 0
    assert sum(f.stat().st_size for f in spool.glob("*.seg")) > 500


# ------------------------------------------------------------------------------ the real collector

@pytest.mark.skipif("not __import__('env.common').common.BUILD.joinpath('phoenix-collector').exists()")
def test_the_native_collector_is_started_sampled_and_stopped(lab):
    lab.start(stand_in=False)
    content = "name: baseline\nmin_interval_ms: 0\n"
    name = os.path.basename(sys.executable)
    lab.up(content=content, sampling={"interval": "200ms", "critical": [name + "*", "python*"]})
    lab.up("candidate", content=content + "processors:\n  - type: topk\n    k: 3\n",
           sampling={"interval": "200ms", "critical": ["python*"]})
    rows = wait_until(lambda: [
        (a, b) for a in lab.api.samples("baseline") for b in lab.api.samples("candidate")
        if a["ts"] == b["ts"] and a["up"] == b["up"] == 1], "both are sampled")
    a, b = rows[-1]
    assert a["series"] > b["series"] > 0
    assert a["points_total"] > 0 and a["points_in_total"] > 0 and a["bytes_total"] > 0
    assert a["critical_alive"] >= 1
    lab.stop()
    lab.stop("candidate")
