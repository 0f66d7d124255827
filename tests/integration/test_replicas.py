# SPDX-License-Identifier: Apache-2.0
"""Several phoenix-api processes on one PostgreSQL, each told nothing of the others: what one does all know,
also when they could not hear it; and what must be done once is done once, whoever dies."""
import threading
import time
import uuid

import pytest

from env import fleet
from env.common import wait_until
from env.fleet import Client
from env.lab import Lab
from env.pg import Server
from env.replicas import Balancer, Replicas, build_clock

pytestmark = pytest.mark.timeout(90)
LOADS = "/api/v1/loadsimulations"


@pytest.fixture(scope="module")
def server():
    made = Server()
    yield made
    made.close()


@pytest.fixture
def begin(folder, server):
    """begin(settings) starts replicas on a database of their own."""
    made = []

    def begin_some(**settings):
        replicas = Replicas(folder, server.database(), **settings)
        made.append(replicas)
        return replicas.start()
    yield begin_some
    for replicas in made:
        replicas.close()


@pytest.fixture
def pair(begin):
    return begin()


@pytest.fixture
def lab_at(request):
    """lab_at(api) is a Lab there; its hosts end with the test."""
    def made(api):
        lab = Lab(api)
        request.addfinalizer(lab.close)
        return lab
    return made


def spec(*hosts, **changes):
    config = {"target_hosts": list(hosts), "baseline_template": "baseline",
              "candidate_template": {"name": "topk", "parameters": {"k": 5}}, "duration": "1500ms",
              "warmup_duration": "200ms", "deploy_timeout": "20s", "hold": "5m", "host_lost_after": "15s",
              "sample_interval": "50ms",
              "analysis": {"bucket": "200ms", "min_duration": "1s", "min_evidence": "within-host",
                           "success": [{"kpi": "cardinality", "reduction_at_least": 0.3}]}}
    return {"name": "test", "config": {**config, **changes}}


def load_on(api, *hosts, headers=None):
    """Every load is a task for each host."""
    return api.call("POST", LOADS, {"profile": "steady", "duration": "60s", "target_hosts": list(hosts)},
                    headers=headers)


def known(host, *apis):
    """The host is known to all."""
    apis[0].heartbeat(host, hostname=host)
    for api in apis:
        wait_until(lambda: api.call("GET", f"/api/v1/agents/{host}")[0] == 200, f"{host} is known")


class Parked(threading.Thread):
    """A poll that waits."""

    def __init__(self, api, host, wait="20s"):
        super().__init__(daemon=True)
        self.api, self.host, self.wait, self.tasks, self.at = api, host, wait, None, None
        self.start()
        wait_until(lambda: api.metric("phoenix_polls_waiting") > 0, "it waits")

    def run(self):
        self.tasks = self.api.poll(self.host, self.wait)
        self.at = time.monotonic()

    def answer(self):
        self.join(30)
        return self.tasks


# ---- tasks

def test_a_task_enqueued_at_one_wakes_the_poll_parked_at_the_other(pair):
    a, b = pair.all
    known("h1", a)
    poll = Parked(b, "h1")
    start = time.monotonic()
    assert load_on(a, "h1")[0] == 201
    tasks = poll.answer()
    assert len(tasks) == 1 and poll.at - start < 2
    assert b.report(tasks[0], "running")[0] == 204
    assert a.report(tasks[0], "completed", result={})[0] == 204  # and the agent may go to the other
    assert b.task(tasks[0]["id"])["status"] == "completed"


def test_what_could_not_be_heard_is_found(pair):
    a, b = pair.all
    known("h1", a)
    assert b.poll(wait="0s") == []
    poll = Parked(b, "h1")
    assert pair.deafen() == 2
    start = time.monotonic()
    assert load_on(a, "h1")[0] == 201
    assert len(poll.answer()) == 1 and poll.at - start < 10
    poll = Parked(b, "h2")
    start = time.monotonic()
    pair.db.put_task("h2")  # nobody says anything
    assert len(poll.answer()) == 1 and poll.at - start < 10


def test_an_idle_process_costs_less_than_a_statement_a_second(begin):
    pair = begin(**{"lease.ttl": "8s", "heartbeat.interval": "15s"})
    polls = [Parked(api, f"h{i}") for i, api in enumerate(pair.all * 20)]
    before = [(api.metric("phoenix_store_statements_total"), time.monotonic()) for api in pair.all]
    assert not any(poll.answer() for poll in polls)
    for api, (n, start) in zip(pair.all, before):  # 3: of our own look at the metrics, and where periods begin
        assert api.metric("phoenix_store_statements_total") - n <= time.monotonic() - start + 3


# ---- experiments

def transitions(pair, eid):
    """What the store has of them, one after the other."""
    return pair.db.sql(f"SELECT to_phase FROM experiment_events WHERE experiment_id = '{eid}' AND "
                       "type IN ('created','phase') ORDER BY id").split()


LIFE = ["created", "deploying", "warmup", "running", "analyzing", "completed", "promoting", "promoted"]


def once(host):
    """Each thing that a host was told to do, it was told once."""
    names = [name for _, name in host.executed]
    return len(names) == len(set(names)) == len({task for task, _ in host.executed})


def test_an_experiment_whose_calls_and_agents_are_spread_over_both(pair, lab_at):
    a, b = map(lab_at, pair.all)
    hosts = [a.host("h1"), b.host("h2")]
    known("h1", *pair.all)
    known("h2", *pair.all)
    eid = a.create(spec("h1", "h2"))
    b.command(eid, "start")
    a.until(eid, "running")
    b.until(eid, "completed")
    a.command(eid, "promote")
    b.until(eid, "promoted")
    assert all(host.running() == {"candidate": True} for host in hosts)
    assert transitions(pair, eid) == LIFE
    assert all(once(host) for host in hosts)
    assert not any("level=error" in api.log_text() for api in pair.all)


@pytest.mark.parametrize("phase", ["deploying", "running", "promoting"])
@pytest.mark.parametrize("how", ["kill", "pause"])
def test_the_other_goes_on_with_an_experiment_when_the_leader_goes(pair, lab_at, phase, how):
    leader, (other,) = pair.others()
    balancer = Balancer(pair.all)
    lab, hold, reached = lab_at(other), threading.Event(), threading.Event()

    def wait(_task):
        reached.set()
        hold.wait(20)
    script = {"deploying": {"collector/start/candidate": wait}, "promoting": {"deployment/deploy": wait}}
    hold.set() if phase == "running" else None
    host = fleet.Host(balancer.url, "h1", script.get(phase)).start()
    lab.hosts.append(host)
    known("h1", other)
    eid = lab.create(spec("h1"))
    lab.command(eid, "start")
    if phase == "promoting":
        lab.until(eid, "completed")
        lab.command(eid, "promote")
    lab.until(eid, phase)
    if phase != "running":
        assert reached.wait(10)
    getattr(leader, how)()
    balancer.take_out(leader)
    start = time.monotonic()
    hold.set()
    if phase != "promoting":
        lab.until(eid, "completed")
        lab.command(eid, "promote")
    lab.until(eid, "promoted")
    assert time.monotonic() - start < 15
    if how == "pause":
        leader.go_on()
        wait_until(lambda: "event=LEASE_LOST" in leader.log_text(), "it has noticed")
        assert leader.call("GET", f"/api/v1/experiments/{eid}")[1]["phase"] == "promoted"
    assert transitions(pair, eid) == LIFE
    assert once(host) and host.running() == {"candidate": True}
    balancer.close()


# ---- loads

def test_a_load_made_at_one_and_reported_at_the_other(pair, lab_at):
    a, b = map(lab_at, pair.all)
    host = b.host("h1")
    known("h1", *pair.all)
    status, load = load_on(a.api, "h1")
    assert status == 201
    for lab in (a, b):
        wait_until(lambda: lab.call("GET", f"{LOADS}/{load['id']}")[1]["status"] == "running", "it runs")
    assert b.call("DELETE", f"{LOADS}/{load['id']}")[0] == 202
    for lab in (a, b):
        wait_until(lambda: lab.call("GET", f"{LOADS}/{load['id']}")[1]["status"] == "stopped", "it is stopped")
    assert not host.loads and once(host)


def test_the_same_key_at_both_at_once_makes_one_object(pair):
    known("h1", *pair.all)
    for _ in range(5):
        key, made, barrier = {"Idempotency-Key": uuid.uuid4().hex}, [], threading.Barrier(4)

        def create(api):
            barrier.wait()
            made.append(load_on(api, "h1", headers=key))
        threads = [threading.Thread(target=create, args=(api,)) for api in pair.all * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [status for status, _ in made] == [201] * 4 and len({doc["id"] for _, doc in made}) == 1
    assert pair.db.value("SELECT count(*) FROM load_simulations") == "5"


# ---- restarts

class Stream(threading.Thread):
    """Does something again and again until it is over; a request that got no answer is made again."""

    def __init__(self, once):
        super().__init__(daemon=True)
        self.once, self.n, self.over = once, 0, False
        self.start()

    def run(self):
        while not self.over:
            self.n += 1
            self.once(self.n)
            time.sleep(0.02)

    def end(self):
        self.over = True
        self.join(30)
        return self.n


def insist(client, *request, expect):
    """Until it is answered as it should be: what was interrupted, and what was refused for a moment, comes again."""
    for _ in range(200):
        try:
            status, doc = client.call(*request)
        except OSError:
            status = 503
        except Exception as fault:  # noqa: BLE001  an answer that was cut off
            assert "http.client" in type(fault).__module__ or isinstance(fault, ValueError), fault
            status = 503
        if status != 503:
            assert status == expect, doc
            return doc
        time.sleep(0.05)
    raise AssertionError("no answer")


def test_a_rolling_restart_loses_no_task_no_sample_and_no_event(pair, lab_at):
    balancer = Balancer(pair.all)
    lab = lab_at(balancer)
    hosts = [lab.host(f"h{i}") for i in range(3)]
    for host in hosts:
        known(host.host_id, *pair.all)
    eid, stream, loads = lab.create(spec("h0", duration="6s")), str(uuid.uuid4()), []
    loader, sampler = Client(balancer.url), Client(balancer.url, "h9")

    def enqueue(n):
        key = {"Idempotency-Key": f"{stream}-{n}"}
        body = {"profile": "steady", "duration": "60s", "target_hosts": [f"h{1 + n % 2}"]}
        loads.append(insist(loader, "POST", LOADS, body, key, expect=201)["id"])

    def sample(n):
        rows = [{"experiment_id": stream, "variant": "baseline", "ts": time.time_ns(), "values": [n]}]
        insist(sampler, "POST", "/api/v1/agent/metrics",
               {"stream": stream, "seq": n, "measures": ["up"], "samples": rows}, expect=202)
    lab.command(eid, "start")
    streams = [Stream(enqueue), Stream(sample)]
    for api in pair.all:
        time.sleep(1)
        balancer.replicas.remove(api)
        api.restart()
        balancer.put_back(api)
    tasks, samples = [s.end() for s in streams]
    lab.until(eid, "completed")
    done = ("SELECT count(DISTINCT id) FROM agent_tasks WHERE type = 'loadsim' AND status = 'completed'")
    wait_until(lambda: pair.db.value(done) == str(tasks), "all tasks are done")
    assert len(set(loads)) == tasks > 20
    assert pair.db.value(f"SELECT count(*) FROM agent_batches WHERE stream = '{stream}'") == str(samples)
    assert pair.db.value(f"SELECT sum(value) FROM metrics_cache WHERE experiment_id = '{stream}'") \
        == str(samples * (samples + 1) // 2)
    assert transitions(pair, eid) == LIFE[:6]
    assert all(once_each(host) for host in hosts)
    running = "SELECT count(*) FROM load_simulations WHERE status = 'running'"
    wait_until(lambda: pair.db.value(running) == str(tasks), "what agents said of loads is stored", 20)
    balancer.close()


def once_each(host):
    tasks = [task for task, _ in host.executed]
    return len(tasks) == len(set(tasks))


# ---- time

@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_clock_that_jumps_ends_no_lease_and_loses_no_host(begin, folder, lab_at, seconds):
    pair = begin(library=build_clock(folder), **{"task.lease": "3s", "task.delivery_lease": "2s"})
    leader, (other,) = pair.others()
    lab, hold, reached = lab_at(leader), threading.Event(), threading.Event()
    host = lab.host("h1")
    known("h1", *pair.all)
    eid = lab.create(spec("h1", duration="3h", host_lost_after="4s"))
    lab.command(eid, "start")
    lab.until(eid, "running")
    known("h2", *pair.all)
    assert load_on(other, "h2")[0] == 201
    task = leader.poll("h2")[0]
    assert leader.report(task, "running", "h2")[0] == 204
    leader.jump(seconds)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        leader.heartbeat("h2", [task])
        time.sleep(0.3)
    assert leader.task(task["id"])["status"] == "running" and leader.task(task["id"])["retry_count"] == 0
    assert leader.report(task, "completed", "h2", result={})[0] == 204
    assert lab.get(eid)["phase"] == "running" and not lab.get(eid)["status"].get("out")
    assert transitions(pair, eid) == LIFE[:4] and once(host)
