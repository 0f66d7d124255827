# SPDX-License-Identifier: Apache-2.0
"""The database stops, dies, fills its disk, is cut off, is locked, is changed by hand; clocks are set. Programs
live, say what is wrong, lose nothing that they accepted, count nothing twice, and go on by themselves."""
import os
import re
import threading
import time
import uuid

import pytest

from env import fleet
from env.api import Api
from env.common import SLOW, wait_until
from env.faults import FarServer, Parked, SmallDisk, Swarm, cpu_seconds
from env.pg import Database, Server

pytestmark = pytest.mark.timeout(120 + 20 * SLOW)
OUTAGE = float(os.environ.get("PHX_OUTAGE", "6"))  # seconds
LOADS = "/api/v1/loadsimulations"


@pytest.fixture(scope="module")
def server():
    made = Server()
    yield made
    made.close()


@pytest.fixture
def own():
    """A server that a test may do anything to."""
    made = Server()
    yield made
    made.close()


@pytest.fixture
def start(folder):
    """start(settings) starts a phoenix-api; all end with the test."""
    apis = []

    def start_one(settings, wrapper=None):
        home = folder / str(len(apis))
        home.mkdir()
        api = Api(home, {"log.level": "info", **settings}, wrapper)
        apis.append(api)
        api.start()
        fleet.Client.contract = api.contract
        for host in ("h1", "h2", "h3", "h4", "h5", "h9"):
            assert api.heartbeat(host, hostname=host, pipelines=[])[0] == 204
        return api
    yield start_one
    fleet.Client.contract = None
    for api in apis:
        api.close()
        assert "Sanitizer" not in api.log.read_text(errors="replace")


def readiness(api):
    answer = api.raw("GET", "/readyz")
    return answer.status, answer.json.get("detail", "")


def not_ready(api, why, within=10):
    """Until it says so, and the log says why; answers how long that took."""
    begun = time.monotonic()
    wait_until(lambda: readiness(api)[0] == 503 and re.search(why, api.log_text()), f"it is not ready: {why}", within)
    return time.monotonic() - begun


def ready(api, within=10):
    begun = time.monotonic()
    wait_until(lambda: readiness(api)[0] == 200, "it is ready", within)
    return time.monotonic() - begun


def timed(api, *call, **more):
    """(seconds, status, document) of a request."""
    begun = time.monotonic()
    status, document = api.call(*call, **more)
    return time.monotonic() - begun, status, document


def start_load(host):
    return "POST", LOADS, {"profile": "steady", "duration": "30s", "target_hosts": [host]}


def samples(ts, seq=1, host_number=1):
    return {"stream": str(uuid.UUID(int=host_number)), "seq": seq, "measures": ["up"],
            "samples": [{"experiment_id": str(uuid.UUID(int=7)), "variant": "baseline", "ts": ts, "values": [1]}]}


def send_samples(api, ts, host="h1"):
    return api.call("POST", "/api/v1/agent/metrics", dict(samples(ts), stream=str(uuid.uuid4())), host=host)


def a_task_lives(api, db, host="h1"):
    task = db.put_task(host)
    got = wait_until(lambda: api.poll(host, "1s"), "the task comes")[0]
    assert got["id"] == task and api.report(got, "running", host)[0] == 204
    assert api.report(got, "completed", host)[0] == 204
    assert api.task(task)["status"] == "completed"


# ---- the database is away while everybody works

class UnderLoad:
    """An API on a server of its own, and made-up agents with tasks and samples."""

    def __init__(self, start, server, seconds):
        self.server, self.db = server, Database(server, "phoenix")
        self.api = start(self.db.settings)
        self.swarm = Swarm(self.api.url, seconds)
        wait_until(lambda: self.completed() > 20, "all is under way", 30)

    def completed(self):
        return int(self.db.value("SELECT count(*) FROM agent_tasks WHERE status = 'completed'"))

    def flows_again(self):
        """Seconds until tasks end again."""
        before, begun = self.completed(), time.monotonic()
        wait_until(lambda: self.completed() > before, "tasks flow again", 15)
        return time.monotonic() - begun

    def all_is_there(self, kills=0):
        """Samples are written relaxed: a server that is killed may take the last second of them with it."""
        report = self.swarm.report()
        assert [report[k] for k in ("lost", "twice", "reopened", "foreign", "bad_tasks")] == [0] * 5, report
        rows = self.db.rows("SELECT status, count(*) FROM agent_tasks WHERE host_id LIKE 'swarm-%' GROUP BY 1")
        assert [r["status"] for r in rows] == ["completed"], rows
        assert report["enqueued"] <= rows[0]["count"] <= report["enqueued"] + report["unknown"] + report["rejected"]
        assert rows[0]["count"] == report["executed"]
        accepted = report["answers"]["samples"] - report["not_2xx"]["samples"]
        stored = int(self.db.value("SELECT count(*) FROM metric_samples WHERE host_id LIKE 'swarm-%'"))
        batches = int(self.db.value("SELECT count(*) FROM agent_batches WHERE host_id LIKE 'swarm-%'"))
        assert accepted - 200 * kills <= batches <= accepted + report["not_2xx"]["samples"] and stored == 2 * batches
        return report

    def close(self):
        self.swarm.close()


@pytest.fixture
def under_load(start, own):
    made = []

    def load(seconds):
        made.append(UnderLoad(start, own, seconds))
        return made[0]
    yield load
    for one in made:
        one.close()


def test_postgresql_is_stopped_for_a_while_under_load(under_load):
    load = under_load(OUTAGE + 8)
    api = load.api
    load.server.stop()
    noticed = not_ready(api, "PostgreSQL")
    end = time.monotonic() + OUTAGE
    while time.monotonic() < end:
        assert api.raw("GET", "/healthz").status == 200 and readiness(api)[0] == 503
        assert api.metric("phoenix_polls_waiting") >= 140, "polls wait on"
        time.sleep(0.5)
    load.server.restart()
    back, flows = ready(api), load.flows_again()
    assert flows < 8 * SLOW
    report = load.all_is_there()
    print(f"outage {OUTAGE} s: noticed after {noticed:.2f} s, ready {back:.2f} s after the return, tasks after "
          f"{flows:.2f} s; {report['executed']} tasks, {report['repeated']} delivered again, {report['unknown']} unknown, "
          f"{report['rejected']} refused")


def test_postgresql_is_killed_several_times_under_load(under_load):
    load = under_load(11)
    took = []
    for _ in range(3):
        load.server.kill()
        not_ready(load.api, "PostgreSQL")
        load.server.restart()
        ready(load.api)
        took.append(load.flows_again())
    report = load.all_is_there(kills=3)
    print("tasks flow after", took, report["executed"], report["repeated"], report["unknown"], report["rejected"])


def test_a_database_that_is_gone_for_good_costs_next_to_nothing(start, own):
    api = start(dict(Database(own, "phoenix").settings, **{"drain.time": "2s"}))
    poll = Parked(api)
    api.wait_until(lambda: api.metric("phoenix_polls_waiting") == 1, "it waits")
    own.kill()
    not_ready(api, "PostgreSQL")
    cpu, begun, lines = cpu_seconds(api.process.pid), time.monotonic(), api.log_text().count("\n")
    while time.monotonic() < begun + 5:
        api.heartbeat("h2")
        time.sleep(0.5)
    lasted = time.monotonic() - begun
    assert cpu_seconds(api.process.pid) - cpu < 0.05 * lasted * SLOW
    said = api.log_text().splitlines()[lines:]
    assert len(said) <= lasted + 1, said
    api.stop(within=4)
    assert poll.tasks == []


# ---- the disk

@pytest.fixture
def small_disk():
    made = SmallDisk(24)
    yield made
    made.close()


def test_a_full_disk_is_named_and_survived(start, small_disk):
    db = small_disk.database()
    api = start(db.settings)
    poll = Parked(api, "h9")
    a_task_lives(api, db)
    small_disk.fill()

    def refused():
        status, problem = send_samples(api, time.time_ns(), "h2")
        return status == 503 and problem
    wait_until(refused, "writes are refused")
    wait_until(lambda: re.search("No space left on device.*make room", api.log_text()), "the log names the disk")
    assert api.raw("GET", "/healthz").status == 200 and api.call("GET", "/api/v1/agents")[0] in (200, 503)
    small_disk.make_room()
    ready(api)
    wait_until(lambda: send_samples(api, time.time_ns(), "h2")[0] == 202, "samples are taken again")
    assert poll.tasks is None
    task = db.put_task("h9")
    poll.join(10 * SLOW)
    assert [t["id"] for t in poll.tasks] == [task]


# ---- the network

@pytest.fixture
def far():
    made = FarServer()
    yield made
    made.close()


def test_a_link_that_is_cut_without_a_word_is_noticed_and_survived(start, far):
    db = Database(far.server, "phoenix")
    cut_off = start(dict(db.settings, **{"pg.conninfo": db.tcp().replace("127.0.0.1", far.far)}))
    other = start(db.settings)  # through the socket: it notices nothing
    accepted, refused = [], []
    poll = Parked(cut_off)
    wait_until(lambda: cut_off.metric("phoenix_polls_waiting") == 1, "it waits")
    far.cut()
    begun = time.monotonic()
    threads = [threading.Thread(target=lambda: refused.append(timed(cut_off, *start_load("h2")))) for _ in range(4)]
    for thread in threads:
        thread.start()
    noticed = not_ready(cut_off, "", 5)
    for thread in threads:
        thread.join(30 * SLOW)
    assert [status for _, status, _ in refused] == [503] * 4 and max(t for t, _, _ in refused) < 25 * SLOW, refused
    assert readiness(other)[0] == 200
    while time.monotonic() < begun + max(OUTAGE, 9):
        assert cut_off.raw("GET", "/healthz").status == 200
        took, status, made = timed(cut_off, *start_load("h3"))
        assert took < 1 * SLOW and status == 503
        time.sleep(0.3)
    assert poll.tasks is None
    far.mend()
    back = ready(cut_off, 15)
    wait_until(lambda: accepted.append(cut_off.call(*start_load("h4"))) or accepted[-1][0] == 201, "it takes loads")
    time.sleep(1)
    begun = time.monotonic()
    assert other.call(*start_load("h1"))[0] == 201
    poll.join(10 * SLOW)
    signal = time.monotonic() - begun
    assert len(poll.tasks) == 1 and signal < 1 * SLOW, "signals arrive again"
    ids = {made["id"] for status, made in accepted if status == 201}
    assert ids <= set(db.sql("SELECT id FROM load_simulations").split())
    print(f"noticed {noticed:.2f} s, refused {max(t for t, _, _ in refused):.2f} s, ready {back:.2f} s, signal {signal:.3f} s")


# ---- clocks

@pytest.mark.parametrize("ahead", [-30 * 86400, 2 * 86400, 10 * 365 * 86400])
def test_samples_of_a_wrong_time_are_refused(start, server, ahead):
    db = server.database()
    api = start(db.settings)
    status, problem = send_samples(api, time.time_ns() + ahead * 10**9)
    assert status == 422 and "/samples" in str(problem)
    assert send_samples(api, time.time_ns() + 3600 * 10**9)[0] == 202
    assert db.value("SELECT count(*) FROM metric_samples") == "1"


# ---- a server that has too much to do, or that somebody works on

def test_a_server_without_free_connections_is_named_and_survived(start):
    small = Server(max_connections=10, superuser_reserved_connections=3)
    try:
        db = Database(small, "phoenix")
        api = start(db.settings)
        poll = Parked(api)
        wait_until(lambda: api.metric("phoenix_polls_waiting") == 1, "it waits")
        small.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'phoenix'; "
                  "ALTER ROLE phoenix CONNECTION LIMIT 0")
        not_ready(api, "too many connections", 20)
        took, status, problem = timed(api, *start_load("h2"))
        assert status == 503 and took < 12 * SLOW
        assert api.raw("GET", "/healthz").status == 200
        small.sql("ALTER ROLE phoenix CONNECTION LIMIT -1")
        ready(api)
        task = db.put_task()
        poll.join(10 * SLOW)
        assert [t["id"] for t in poll.tasks] == [task]
    finally:
        small.close()


def test_a_start_without_free_connections_is_refused_by_name(folder, server):
    db = server.database()
    server.sql(f"ALTER DATABASE {db.name} CONNECTION LIMIT 2")
    api = Api(folder, db.settings)
    api.spawn()
    assert api.process.wait(20 * SLOW) == 1
    assert "too many connections" in api.log_text()


def test_a_locked_table_holds_up_nothing_else(start, server):
    db = server.database()
    api = start(db.settings)
    poll, seen = Parked(api, "h9"), []
    wait_until(lambda: api.metric("phoenix_polls_waiting") == 1, "it waits")
    with db.session("BEGIN; LOCK TABLE agent_tasks;"):
        for _ in range(3):
            threading.Thread(target=lambda: seen.append(timed(api, *start_load("h2"))), daemon=True).start()
        end = time.monotonic() + 5
        while time.monotonic() < end:
            begun = time.monotonic()
            assert api.raw("GET", "/healthz").status == 200
            assert api.raw("GET", "/metrics").status == 200
            readiness(api)
            assert api.heartbeat("h1")[0] == 204
            assert time.monotonic() - begun < 6 * SLOW
            time.sleep(0.2)
    wait_until(lambda: len(seen) == 3, "all are answered")
    assert {status for _, status, _ in seen} <= {201, 503, 504}, seen
    ready(api)
    assert poll.tasks is None
    a_task_lives(api, db)


def test_a_statement_that_takes_too_long_is_ended_by_the_server(start, server, folder):
    db = server.database()
    conf = folder / "phoenix.yaml"
    conf.write_text("plugins:\n  pg:\n    statement_timeout: 1s\n")
    api = start({**db.settings, "config": conf})
    with db.session("BEGIN; LOCK TABLE load_simulations;"):
        took, status, problem = timed(api, *start_load("h2"))
        assert status in (503, 504) and took < 4 * SLOW, problem
    ready(api)
    wait_until(lambda: api.call(*start_load("h2"))[0] == 201, "it is taken")


def test_a_column_that_somebody_drops_is_named(start, server):
    db = server.database()
    api = start(db.settings)
    assert api.call(*start_load("h2"))[0] == 201
    db.sql("ALTER TABLE agent_tasks DROP COLUMN variant")
    status, problem = api.call(*start_load("h2"))
    assert status in (500, 503), problem
    assert re.search('variant.* does not exist', api.log_text())
    assert api.raw("GET", "/healthz").status == 200
    db.sql("ALTER TABLE agent_tasks ADD COLUMN variant text")
    wait_until(lambda: api.call(*start_load("h2"))[0] == 201, "it is well again")


def test_a_table_that_somebody_drops_is_named(start, server):
    db = server.database()
    api = start(db.settings)
    poll = Parked(api, "h9")
    wait_until(lambda: api.metric("phoenix_polls_waiting") == 1, "it waits")
    db.sql("DROP TABLE agent_tasks; DROP TABLE metric_samples CASCADE")
    status, problem = api.call(*start_load("h2"))
    assert status in (500, 503), problem
    status, problem = send_samples(api, time.time_ns())
    assert status in (500, 503), problem
    assert re.search('agent_tasks.* does not exist', api.log_text())
    assert api.raw("GET", "/healthz").status == 200 and api.heartbeat("h1")[0] == 204
    api.restart()
    a_task_lives(api, db)
    assert send_samples(api, time.time_ns())[0] == 202
