# SPDX-License-Identifier: Apache-2.0
"""When there is not room for all: who is served, who is refused and how, and that nothing is lost that was
accepted."""
import json
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import pytest

from env.api import Api
from env.common import SLOW, SOURCE, wait_until

pytestmark = pytest.mark.timeout(120)
LOADS = "/api/v1/loadsimulations"
ROWS = 2000  # of a batch of about a megabyte
FLOOD = pathlib.Path(__file__).resolve().parent / "env" / "flood.py"


class Flood:
    def __init__(self, api, hosts=8, seconds=6, rows=ROWS):
        self.process = subprocess.Popen([sys.executable, FLOOD, str(api.port), str(hosts), str(seconds), str(rows)],
                                        stdout=subprocess.PIPE)

    def end(self):
        out, _ = self.process.communicate(timeout=60 * SLOW)
        assert self.process.returncode == 0
        return json.loads(out)


def rss(api):
    status = pathlib.Path(f"/proc/{api.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))]


class Dispatcher:
    """Starts and stops loads on a host and plays that host: the time from the command to its task, and to
    the end of the report."""

    def __init__(self, api, host="h1"):
        self.api, self.host = api, host
        self.commands, self.polls, self.reports = api.connect(), api.connect(), api.connect()
        self.delivered, self.reported, self.refused = [], [], []

    def run(self, until):
        self.api.heartbeat(self.host)
        while time.monotonic() < until:
            self.one()

    def one(self):
        begun = time.monotonic()
        status, load = self.api.call("POST", LOADS, {"profile": "steady", "duration": "30s", "target_hosts": [self.host]},
                                     connection=self.commands)
        assert status == 201, load
        tasks = self.api.poll(self.host, "10s", self.polls)
        assert len(tasks) == 1
        self.delivered.append(time.monotonic() - begun)
        for word in ("running", "completed"):
            begun = time.monotonic()
            status, doc = self.api.call("POST", f"/api/v1/agent/tasks/{tasks[0]['id']}/status",
                                        {"status": word, "epoch": tasks[0]["epoch"]}, host=self.host,
                                        connection=self.reports)
            self.reported.append(time.monotonic() - begun)
            if status != 204:
                self.refused.append((status, doc))


def stored_rows(api):
    api.stop()
    with sqlite3.connect(api.db) as db:
        n, = db.execute("SELECT count(*) FROM metric_samples").fetchone()
    db.close()
    api.start()
    return n


def retry_after(answer):
    return int(answer.headers["Retry-After"])


@pytest.mark.api(**{"limits.host.batches_per_s": 0, "log.level": "info"})
def test_tasks_pass_by_a_flood_of_samples(api):
    """64 hosts send batches of a megabyte as fast as they are answered. Tasks are dispatched and reported
    as if there was no flood but for the batch that the store is writing; what was accepted is there."""
    at_rest = rss(api)
    flood, dispatcher = Flood(api, hosts=64), Dispatcher(api)
    dispatcher.run(time.monotonic() + 5)
    most = rss(api)
    answers = flood.end()
    delivered, reported = dispatcher.delivered, dispatcher.reported
    print(f"{len(delivered)} tasks: delivered p50 {percentile(delivered, 50) * 1e3:.1f} ms, p99 "
          f"{percentile(delivered, 99) * 1e3:.1f} ms; reports p99 {percentile(reported, 99) * 1e3:.1f} ms; "
          f"{sum(answers['accepted'].values())} batches accepted, refused {answers['refused']}; "
          f"RSS {at_rest >> 20} -> {most >> 20} MiB")
    assert not dispatcher.refused
    assert len(delivered) >= 10
    # Behind the queue of batches, which is a second long, each of a task's statements would wait a second.
    assert percentile(delivered, 50) < 0.3 * SLOW and percentile(delivered, 99) < 1.0 * SLOW
    assert percentile(reported, 50) < 0.1 * SLOW and percentile(reported, 99) < 0.7 * SLOW
    assert set(answers["refused"]) <= {"503"} and answers["refused"]["503"] > 0
    assert all(5 <= int(wait) <= 30 for wait in answers["waits"])
    assert len(answers["waits"]) > 10
    keeps_freed = SLOW > 1 or "ASAN_OPTIONS" in os.environ  # as valgrind and sanitizers do
    assert keeps_freed or most - at_rest < 256 << 20
    assert api.metric('phoenix_requests_shed_total{class="metrics",code="503"}') == answers["refused"]["503"]
    assert api.metric('phoenix_requests_shed_total{class="report",code="503"}') == 0
    assert stored_rows(api) == sum(answers["accepted"].values()) * ROWS


@pytest.mark.api(**{"limits.host.batches_per_s": 5, "log.level": "info"})
def test_one_host_too_fast_is_told_so_and_others_do_not_notice(api):
    flood = Flood(api, hosts=1, seconds=4, rows=1)
    quiet, seq = api.connect(), 0
    body = {"stream": "00000000-0000-0000-0000-000000000001", "measures": ["up"], "samples": []}
    while flood.process.poll() is None:
        seq += 1
        status, doc = api.call("POST", "/api/v1/agent/metrics", dict(body, seq=seq), host="quiet", connection=quiet)
        assert status == 202, doc
        time.sleep(0.25)
    answers = flood.end()
    assert set(answers["refused"]) == {"429"}
    assert 20 <= answers["accepted"]["flood-0"] <= 10 + 5 * 4 * SLOW + 5
    assert all(5 <= int(wait) <= 30 for wait in answers["waits"])
    assert stored_rows(api) == answers["accepted"]["flood-0"]


@pytest.mark.api(**{"limits.host.batches_per_s": 4})
def test_a_batch_is_answered_with_the_pace_that_is_wanted(api):
    body = {"stream": "00000000-0000-0000-0000-000000000001", "seq": 1, "measures": ["up"], "samples": []}
    answer = api.raw("POST", "/api/v1/agent/metrics", json.dumps(body),
                     {"X-Agent-Host-ID": "h1", "Content-Type": "application/json"})
    assert answer.status == 202 and answer.headers["X-Phoenix-Batch-Interval"] == "250ms"


@pytest.mark.api(**{"poll.wait": "1s", "heartbeat.interval": "7s"})
@pytest.mark.parametrize("query", ["", "?wait=45s", "?wait=1s"])
def test_a_poll_waits_as_long_as_the_server_says(api, query):
    begun = time.monotonic()
    answer = api.raw("GET", "/api/v1/agent/tasks" + query, headers={"X-Agent-Host-ID": "h1"})
    assert answer.status == 200 and answer.json == []
    assert 0.8 < time.monotonic() - begun < 2.5 * SLOW
    assert answer.headers["X-Phoenix-Poll-Wait"] == "1s"
    assert answer.headers["X-Phoenix-Heartbeat-Interval"] == "7s"


# ---- bodies

class Raw:
    """A connection that says what it likes."""

    def __init__(self, api):
        self.sock = socket.create_connection(("127.0.0.1", api.port), 20 * SLOW)

    def send(self, *lines, body=b""):
        self.sock.sendall("\r\n".join([*lines, "Host: a", "", ""]).encode() + body)
        return self

    def head(self):
        """Status and headers of the answer."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.sock.recv(65536)
            if not more:
                return None, {}
            data += more
        lines = data.split(b"\r\n\r\n")[0].decode().split("\r\n")
        return int(lines[0].split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}

    def is_closed(self):
        while self.sock.recv(65536):
            pass
        return True


@pytest.mark.parametrize("path,length", [
    ("/api/v1/experiments/0190c9a0-0000-7000-8000-000000000000/stop", 4097), ("/api/v1/agent/heartbeat", 300_000),
    ("/api/v1/agent/metrics", 1 << 40), ("/nothing", 1 << 40)])
def test_a_body_that_is_too_large_is_refused_before_it_is_sent(api, path, length):
    raw = Raw(api).send(f"POST {path} HTTP/1.1", "X-Agent-Host-ID: h1", f"Content-Length: {length}")
    status, headers = raw.head()
    assert status == 413 and headers["connection"] == "close" and raw.is_closed()


@pytest.mark.api(**{"api.max_bodies": "1MiB"})
def test_bodies_on_their_way_have_room_for_so_many_bytes(api):
    def announce(length):
        return Raw(api).send("POST /api/v1/agent/metrics HTTP/1.1", "X-Agent-Host-ID: h1",
                             "Content-Type: application/json", f"Content-Length: {length}")
    first = announce(800_000)
    wait_until(lambda: api.metric("phoenix_http_body_bytes") == 800_000, "it is counted")
    status, headers = announce(800_000).head()
    assert status == 503 and int(headers["retry-after"]) >= 1 and headers["connection"] == "close"
    assert api.metric("phoenix_http_body_bytes") == 800_000
    assert api.heartbeat("h1")[0] == 204, "small bodies have room"
    first.sock.close()
    wait_until(lambda: api.metric("phoenix_http_body_bytes") == 0, "the room is given back")
    again = announce(800_000)
    again.sock.sendall(b"[" + b" " * 799_999)
    assert again.head()[0] in (400, 422)
    assert api.metric("phoenix_http_body_bytes") == 0


@pytest.mark.api(**{"api.request_timeout": "1s"})
def test_who_sends_a_byte_at_a_time_is_cut_off(api):
    raw = Raw(api).send("POST /api/v1/agent/metrics HTTP/1.1", "X-Agent-Host-ID: h1", "Content-Length: 100000")
    begun = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - begun < 20 * SLOW:
            raw.sock.sendall(b" ")
            time.sleep(0.05)
    assert 0.9 < time.monotonic() - begun < 5 * SLOW
    assert api.metric("phoenix_http_body_bytes") == 0


def test_what_operators_look_at_names_every_class_and_lane(api):
    text = api.raw("GET", "/metrics").text.decode()
    for name in ("system", "report", "poll", "write", "heartbeat", "read", "metrics", "logs"):
        assert f'phoenix_requests_in_progress{{class="{name}"}}' in text
    for lane in ("urgent", "normal", "bulk"):
        assert f'phoenix_store_lane_oldest_seconds{{lane="{lane}"}} 0' in text


# ---- the database goes away

TEMP_PG = SOURCE / "tests" / "pg" / "temp_pg"


@pytest.fixture
def database():
    """A PostgreSQL server that can be stopped and started again."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="phx-pg-", dir="/tmp")) / "s"
    folder.parent.chmod(0o755)

    def pg(verb):
        return subprocess.run([TEMP_PG, verb, folder], check=True, capture_output=True, text=True).stdout.strip()
    pg.conninfo = pg("start")
    yield pg
    pg("remove")
    shutil.rmtree(folder.parent, ignore_errors=True)


@pytest.fixture
def api_on_pg(folder, database):
    server = Api(folder, {"store": "pg", "pg.conninfo": database.conninfo, "log.level": "info"}).start()
    yield server
    server.close()


def ready(api):
    return api.raw("GET", "/readyz").status


def test_the_database_goes_away_and_comes_back(api_on_pg, database):
    """Those who wait for tasks wait on; what needs the database is refused at once and says when to come again;
    what can be kept in memory is."""
    api = api_on_pg
    assert api.heartbeat("h1", hostname="h1", pipelines=[])[0] == 204
    waiter, tasks = api.connect(), []
    poll = threading.Thread(target=lambda: tasks.extend(api.poll("h1", "60s", waiter)), daemon=True)
    poll.start()
    wait_until(lambda: api.metric("phoenix_polls_waiting") == 1, "the poll waits")
    database("stop")
    assert api.heartbeat("h1")[0] == 204, "it is heard; that it cannot be written is how the outage is noticed"
    wait_until(lambda: api.metric("phoenix_store_away") == 1, "the outage is noticed", 8)
    not_ready = api.raw("GET", "/readyz")
    assert not_ready.status == 503 and "store" in not_ready.json["detail"]
    for method, path, body in (("GET", "/api/v1/agents", None),
                               ("POST", LOADS, {"profile": "steady", "duration": "30s", "target_hosts": ["h1"]}),
                               ("POST", "/api/v1/agent/metrics", {}), ("POST", "/api/v1/agent/logs", {}),
                               ("POST", f"/api/v1/agent/tasks/{uuid.uuid4()}/status", {"status": "running", "epoch": 1})):
        begun = time.monotonic()
        answer = api.raw(method, path, body and json.dumps(body) or None,
                         {"X-Agent-Host-ID": "h1", "Content-Type": "application/json"})
        bulk = path.endswith(("metrics", "logs"))
        assert answer.status == 503 and (5 if bulk else 1) <= retry_after(answer) <= (30 if bulk else 3), path
        assert time.monotonic() - begun < 0.5 * SLOW, path
    assert api.heartbeat("h1")[0] == 204, "it is heard"
    assert api.raw("GET", "/healthz").status == 200 and api.raw("GET", "/metrics").status == 200
    assert poll.is_alive() and not tasks
    database("restart")
    wait_until(lambda: ready(api) == 200, "it is ready again")
    wait_until(lambda: api.metric("phoenix_store_away") == 0, "it is let in again")
    assert api.raw("GET", "/api/v1/agents").status == 200
    status, load = api.call("POST", LOADS, {"profile": "steady", "duration": "30s", "target_hosts": ["h1"]})
    assert status == 201, load
    poll.join(10 * SLOW)
    assert [task["type"] for task in tasks] == ["loadsim"], "the poll that waited through it all has the task"
    assert api.report(tasks[0], "running")[0] == 204
