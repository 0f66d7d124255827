# SPDX-License-Identifier: Apache-2.0
"""Tasks, polls, heartbeats, samples and logs: the API as agents see it."""
import json
import signal
import socket
import sqlite3
import threading
import time
import uuid

import pytest

pytestmark = pytest.mark.timeout(60)
QUICK = {"task.delivery_lease": "300ms", "task.lease": "1s"}


def later(function, *args, **kwargs):
    """Run it in a thread; .result() waits for what it answers."""
    class Later(threading.Thread):
        def run(self):
            try:
                self.value, self.error = function(*args, **kwargs), None
            except BaseException as error:  # pylint: disable=broad-except
                self.value, self.error = None, error

        def result(self, timeout=30):
            self.join(timeout)
            assert not self.is_alive(), "still waiting"
            if self.error:
                raise self.error
            return self.value
    thread = Later(daemon=True)
    thread.start()
    return thread


def start_experiment(api, *hosts):
    status, doc = api.call("POST", "/api/v1/experiments", {"name": "t", "config": {
        "target_hosts": list(hosts), "baseline_template": "baseline", "candidate_template": "topk",
        "duration": "10m"}})
    assert status == 201, doc
    status, started = api.call("POST", f"/api/v1/experiments/{doc['id']}/start", {})
    assert status == 202, started
    return doc["id"]


def parked(api, n=1):
    api.wait_until(lambda: api.metric("phoenix_polls_waiting") == n, f"{n} polls are parked")


# ---- long polls

@pytest.mark.valgrind
def test_an_enqueue_wakes_the_parked_poll(api):
    poll = later(api.poll, "h1", "20s")
    parked(api)
    start_experiment(api, "h1")
    began = time.monotonic()
    tasks = poll.result()
    assert time.monotonic() - began < 2
    assert {t["config"]["variant"] for t in tasks} <= {"baseline", "candidate"} and tasks
    assert tasks[0]["status"] == "assigned" and tasks[0]["epoch"] == 1


def test_a_poll_without_tasks_ends_with_an_empty_list_and_the_interval(api):
    began = time.monotonic()
    answer = api.raw("GET", "/api/v1/agent/tasks?wait=1s", headers={"X-Agent-Host-ID": "h1"})
    assert (answer.status, answer.json) == (200, [])
    assert 0.8 < time.monotonic() - began < 5
    assert answer.headers["X-Phoenix-Heartbeat-Interval"] == "15s"


def test_a_poll_with_no_wait_is_answered_at_once(api):
    began = time.monotonic()
    assert api.poll(wait="0s") == []
    assert api.poll(wait="0s") == []
    assert time.monotonic() - began < 2


def test_higher_priority_comes_first_then_age_and_ten_at_most(api):
    ids = api.put_tasks(*[{"priority": p} for p in [0, 1, 2, 1] + [0] * 10])
    first = api.poll()
    assert [t["id"] for t in first[:4]] == [ids[2], *sorted([ids[1], ids[3]]), sorted([ids[0]] + ids[4:])[0]]
    assert len(first) == 10
    assert len(api.poll()) == 4


def test_a_newer_poll_of_the_same_host_ends_the_older_one(api):
    older = later(api.poll, "h1", "20s")
    parked(api)
    newer = later(api.poll, "h1", "20s")
    assert older.result() == []
    start_experiment(api, "h1")
    assert newer.result()
    assert api.metric("phoenix_polls_superseded_total") == 1


def test_two_polls_at_once_never_get_the_same_task(api):
    ids = api.put_tasks(*[{} for _ in range(40)])
    got = []
    for _ in range(10):
        polls = [later(api.poll, "h1", "0s") for _ in range(4)]
        got += [t["id"] for p in polls for t in p.result()]
    assert sorted(got) == sorted(ids)


def test_a_host_gets_its_own_tasks_only(api):
    ids = api.put_tasks({"host_id": "h1"}, {"host_id": "h2"})
    assert [t["id"] for t in api.poll("h2")] == [ids[1]]
    assert [t["id"] for t in api.poll("h1")] == [ids[0]]


@pytest.mark.api(**QUICK)
def test_a_connection_cut_in_the_answer_delivers_again_and_runs_once(api):
    """The poll's socket is closed as the answer leaves: the delivery lease brings the task back."""
    api.put_tasks({})
    with socket.create_connection(("127.0.0.1", api.port)) as cut:
        cut.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        cut.sendall(b"GET /api/v1/agent/tasks?wait=5s HTTP/1.1\r\nHost: x\r\nX-Agent-Host-ID: h1\r\n\r\n")
        assert cut.recv(16)  # part of the answer, never the rest
    task = api.poll()[0]
    assert task["epoch"] >= 2
    assert api.report(task, "running")[0] == 204
    assert api.report(task, "completed", result={})[0] == 204
    assert api.poll(wait="500ms") == []
    assert api.task(task["id"])["retry_count"] == 0


def test_a_client_that_hangs_up_is_noticed_and_swallows_nothing(api):
    gone = socket.create_connection(("127.0.0.1", api.port))
    gone.sendall(b"GET /api/v1/agent/tasks?wait=50s HTTP/1.1\r\nHost: x\r\nX-Agent-Host-ID: h1\r\n\r\n")
    parked(api)
    gone.close()
    api.wait_until(lambda: api.metric("phoenix_polls_gone_total") == 1, "the hang-up is noticed", 1)
    parked(api, 0)
    start_experiment(api, "h1")
    assert api.poll()[0]["epoch"] == 1


@pytest.mark.api(**{"heartbeat.interval": "10m"})
def test_idle_agents_cost_no_statement(api):
    polls = [later(api.poll, f"h{i}", "30s") for i in range(50)]
    parked(api, 50)
    before = api.metric("phoenix_store_statements_total")
    again = [later(api.poll, f"h{i}", "30s") for i in range(50)]  # supersede: a re-poll of an idle host
    for poll in polls:
        assert poll.result() == []
    parked(api, 50)
    for _ in range(10):
        api.metric("phoenix_store_queries_total")
    assert api.metric("phoenix_store_statements_total") == before
    api.stop()
    for poll in again:
        assert poll.result() == []


def test_sigterm_answers_parked_polls_and_exits_with_0(api):
    connections = [api.connect() for _ in range(5)]
    polls = [later(api.raw, "GET", "/api/v1/agent/tasks?wait=50s", None, {"X-Agent-Host-ID": f"h{i}"}, c)
             for i, c in enumerate(connections)]
    parked(api, 5)
    began = time.monotonic()
    assert api.stop(signal.SIGTERM) == 0
    assert time.monotonic() - began < 5
    for poll in polls:
        answer = poll.result()
        assert (answer.status, answer.json, answer.headers["Connection"]) == (200, [], "close")


# ---- reports

def test_a_delivery_is_acknowledged_and_completed(api):
    api.put_tasks({})
    task = api.poll()[0]
    assert api.report(task, "running")[0] == 204
    assert api.task(task["id"])["status"] == "running"
    assert api.report(task, "completed", result={"pid": 7})[0] == 204
    done = api.task(task["id"])
    assert (done["status"], done["result"]) == ("completed", {"pid": 7})
    assert done["assigned_at"] <= done["started_at"] <= done["completed_at"]


def test_the_same_report_again_is_204_and_another_one_409(api):
    api.put_tasks({})
    task = api.poll()[0]
    for status in ("running", "running", "completed", "completed"):
        assert api.report(task, status)[0] == 204
    for status in ("failed", "running"):
        code, problem = api.report(task, status)
        assert code == 409 and "completed" in problem["detail"]
    assert api.task(task["id"])["status"] == "completed"


@pytest.mark.api(**QUICK)
def test_an_old_epoch_is_refused_and_names_the_state(api):
    api.put_tasks({})
    old = api.poll()[0]
    new = api.poll()[0]  # after the delivery lease
    assert new["id"] == old["id"] and new["epoch"] == old["epoch"] + 1
    code, problem = api.report(old, "completed")
    assert code == 409 and "epoch" in problem["detail"] and "assigned" in problem["detail"]
    assert api.report(new, "running")[0] == 204
    assert api.report(old, "running")[0] == 409
    assert api.report(new, "completed")[0] == 204


def test_unknown_tasks_and_those_of_other_hosts_are_404(api):
    api.put_tasks({})
    task = api.poll()[0]
    assert api.report(task, "running", host="h2")[0] == 404
    assert api.report(dict(task, id=str(uuid.uuid4())), "running")[0] == 404
    assert api.report(dict(task, id="x"), "running")[0] == 404


def test_a_final_failure_is_not_tried_again(api):
    api.put_tasks({})
    task = api.poll()[0]
    api.report(task, "running")
    assert api.report(task, "failed", error_message="no such file", retryable=False)[0] == 204
    failed = api.task(task["id"])
    assert (failed["status"], failed["error_message"]) == ("failed", "no such file")
    assert api.poll(wait="300ms") == []


@pytest.mark.valgrind
def test_a_retryable_failure_comes_again_after_a_delay_until_the_last_attempt(api):
    api.put_tasks({"max_attempts": 2})
    task = api.poll()[0]
    api.report(task, "running")
    assert api.report(task, "failed", error_message="busy", retryable=True)[0] == 204
    assert api.report(task, "failed", error_message="busy", retryable=True)[0] == 204  # again: the same
    waiting = api.task(task["id"])
    assert (waiting["status"], waiting["retry_count"]) == ("pending", 1)
    began = time.monotonic()
    second = api.poll(wait="10s")[0]
    assert second["epoch"] == 2 and 0.5 < time.monotonic() - began < 3
    api.report(second, "running")
    assert api.report(second, "failed", error_message="busy", retryable=True)[0] == 204
    assert api.task(task["id"])["status"] == "failed"


@pytest.mark.parametrize("body", [
    {"status": "done", "epoch": 1}, {"status": "pending", "epoch": 1}, {"status": "completed"},
    {"status": "completed", "epoch": "1"}, {"status": "completed", "epoch": 0},
    {"status": "completed", "epoch": 1, "more": 1}, {"status": "completed", "epoch": 1, "result": []}])
def test_a_report_that_is_no_report_is_422(api, body):
    code, problem = api.call("POST", f"/api/v1/agent/tasks/{uuid.uuid4()}/status", body, host="h1")
    assert code == 422 and problem["errors"]


# ---- leases

@pytest.mark.api(**QUICK)
def test_a_task_that_no_heartbeat_lists_fails_its_attempt_and_at_last_expires(api):
    api.put_tasks({"max_attempts": 1})
    task = api.poll()[0]
    api.report(task, "running")
    api.wait_until(lambda: api.task(task["id"])["status"] == "expired", "the task expires", 5)
    assert api.report(task, "completed")[0] == 409
    assert api.metric("phoenix_tasks_expired_total") == 1


@pytest.mark.api(**QUICK)
def test_heartbeats_extend_the_lease_of_what_they_list(api):
    api.put_tasks({"max_attempts": 1})
    task = api.poll()[0]
    api.report(task, "running")
    end = time.monotonic() + 3
    while time.monotonic() < end:
        assert api.heartbeat(tasks=[task])[0] == 204
        assert api.task(task["id"])["status"] == "running"
        time.sleep(0.2)  # the heartbeat's pace
    assert api.report(task, "completed")[0] == 204


def test_cancelled_tasks_are_not_delivered_and_their_reports_refused(api):
    eid = start_experiment(api, "h1")
    running = api.poll()[0]
    api.report(running, "running")
    assert api.call("POST", f"/api/v1/experiments/{eid}/stop", {})[0] == 202
    assert api.task(running["id"])["status"] == "cancelled"
    code, problem = api.report(running, "completed")
    assert code == 409 and "cancelled" in problem["detail"]
    assert {t["action"] for t in api.poll()} == {"stop"}


# ---- restart

@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_goes_on_with_pending_assigned_and_running_tasks(folder, how):
    from env.api import Api
    api = Api(folder, dict(QUICK, **{"task.lease": "20s"})).start()
    try:
        api.put_tasks({"host_id": "h1"}, {"host_id": "h2"}, {"host_id": "h3"}, how=how)
        assigned, running = api.poll("h2")[0], api.poll("h3")[0]
        api.report(running, "running", host="h3")
        api.restart(how)
        assert api.report(running, "completed", host="h3")[0] == 204
        assert api.poll("h1")[0]["epoch"] == 1
        again = api.poll("h2")[0]
        assert (again["id"], again["epoch"]) == (assigned["id"], 2)
    finally:
        api.close()


# ---- heartbeats and agents

def test_a_full_heartbeat_is_shown_and_a_short_one_keeps_it(api):
    pipeline = {"id": "x-baseline", "variant": "baseline", "status": "running", "pipeline": "baseline", "pid": 7}
    assert api.heartbeat(hostname="h1.example.org", labels={"env": "prod"}, capabilities={"cpus": 4},
                         pipelines=[pipeline], loads=[])[0] == 204
    assert api.heartbeat(resource_usage={"cpu_percent": 3.5})[0] == 204
    status, agent = api.call("GET", "/api/v1/agents/h1")
    assert status == 200 and agent["status"] == "healthy"
    assert agent["labels"] == {"env": "prod"} and agent["hostname"] == "h1.example.org"
    assert agent["resource_usage"] == {"cpu_percent": 3.5}
    assert [(p["id"], p["status"], p["pid"]) for p in agent["pipelines"]] == [("x-baseline", "running", 7)]
    committed = api.metric("phoenix_heartbeats_committed_total")
    load = {"id": "0190c9a0-0000-7000-8000-000000000001", "profile": "steady", "status": "running", "offered": 1, "delivered": 1}
    assert api.heartbeat(loads=[load])[0] == 204
    assert api.metric("phoenix_heartbeats_committed_total") == committed, "figures that move are no change of the host"
    assert api.heartbeat(pipelines=[])[0] == 204
    assert api.metric("phoenix_heartbeats_committed_total") == committed + 1
    assert api.call("GET", "/api/v1/agents/h1")[1]["pipelines"] == []


def test_heartbeats_are_written_and_survive_a_restart(api):
    api.heartbeat(labels={"env": "prod"})
    api.heartbeat(agent_version="9.9")
    seen = api.call("GET", "/api/v1/agents/h1")[1]["last_heartbeat"]
    api.restart()
    agent = api.call("GET", "/api/v1/agents/h1")[1]
    assert (agent["last_heartbeat"], agent["agent_version"]) == (seen, "9.9")


@pytest.mark.api(**{"heartbeat.interval": "200ms"})
def test_an_agent_that_is_silent_is_degraded_then_lost_then_back(api):
    api.heartbeat()

    def status():
        return api.call("GET", "/api/v1/agents/h1")[1]["status"]
    assert status() == "healthy"
    api.wait_until(lambda: status() == "degraded", "it is degraded", 5)
    api.wait_until(lambda: status() == "lost", "it is lost", 5)
    api.wait_until(lambda: "AGENT_LOST" in api.log_text(), "the operator is told", 5)
    api.heartbeat()
    assert status() == "healthy"


def test_agents_are_listed_by_label_and_status_in_pages(api):
    for i in range(5):
        api.heartbeat(f"h{i}", labels={"env": "prod" if i % 2 else "test", "n": str(i)})

    def names(query):
        status, doc = api.call("GET", "/api/v1/agents" + query)
        assert status == 200, doc
        return [a["host_id"] for a in doc["agents"]], doc["next_page_token"]
    assert names("?selector=env%3Dprod") == (["h1", "h3"], None)
    assert names("?selector=n%20in%20(0,4),env!%3Dprod") == (["h0", "h4"], None)
    assert names("?status=lost") == ([], None)
    first, token = names("?limit=2")
    second, token = names(f"?limit=2&page_token={token}")
    third, end = names(f"?limit=2&page_token={token}")
    assert first + second + third == ["h0", "h1", "h2", "h3", "h4"] and end is None
    for bad in ("?selector=env%20prod", "?status=great", "?limit=0", "?page_token=%21", "?unknown=1"):
        assert api.call("GET", "/api/v1/agents" + bad)[0] == 422, bad
    assert api.call("GET", "/api/v1/agents/nobody")[0] == 404


def test_the_host_is_named_by_header_and_body_alike(api):
    body = {"host_id": "h1", "status": "healthy"}
    assert api.call("POST", "/api/v1/agent/heartbeat", body)[0] == 401
    assert api.call("GET", "/api/v1/agent/tasks")[0] == 401
    assert api.call("POST", "/api/v1/agent/heartbeat", body, host="h2")[0] == 403
    assert api.call("POST", "/api/v1/agent/heartbeat", body, host="-no-")[0] in (400, 401, 422)


OVERFLOW = b"99999999999999999999"
DEEP = b"[" * 10000 + b"]" * 10000


@pytest.mark.parametrize("path", ["heartbeat", "metrics", "logs"])
@pytest.mark.parametrize("body,expected", [
    (b"", {400, 422}), (b"{", {400}), (b"[]", {400, 422}), (b"null", {400, 422}), (b"{} {}", {400}),
    (b'{"host_id":"h1","host_id":"h1","status":"healthy"}', {400, 422}),
    (b'{"seq":NaN}', {400}), (b'{"seq":' + OVERFLOW + b"}", {400}), (b'{"seq":1e999}', {400}),
    (b'{"capabilities":' + DEEP + b"}", {400, 413, 422}), (b'{"host_id":"\xff"}', {400, 422}),
    (b'{"host_id":"h\\u0000"}', {400, 422}), (b'{"host_id":7,"stream":7}', {422}),
    (b'{"host_id":"h1","status":"healthy","unknown":1}', {422})],
    ids=["empty", "cut", "array", "null", "two-values", "key-twice", "nan", "integer-overflow", "real-overflow",
         "deep", "bad-utf8", "nul", "wrong-types", "unknown-member"])
def test_a_malformed_body_is_refused_and_changes_nothing(api, path, body, expected):
    status, problem = api.call("POST", f"/api/v1/agent/{path}", body, host="h1")
    assert status in expected, problem
    assert api.call("GET", "/api/v1/agents")[1]["agents"] == []
    assert api.call("GET", "/healthz")[0] == 200


# ---- samples and logs

NOW = time.time_ns() // 1000 * 1000


def batch(seq, **more):
    sample = {"experiment_id": str(uuid.UUID(int=7)), "variant": "baseline", "ts": NOW + seq * 1000,
              "values": [1, None, 2.5]}
    return dict({"stream": str(uuid.UUID(int=1)), "seq": seq, "measures": ["up", "series", "new_measure"],
                 "samples": [sample]}, **more)


def stored(api, table):
    import sqlite3
    api.stop()
    with sqlite3.connect(api.db) as db:
        rows = db.execute(f"SELECT * FROM {table}").fetchall()
    db.close()
    api.start()
    return rows


@pytest.mark.parametrize("days", [-9, 2, -20000])
def test_a_sample_of_another_time_is_refused(api, days):
    one = batch(1)
    one["samples"].append(dict(one["samples"][0], ts=NOW + days * 86400 * 10**9))
    status, problem = api.call("POST", "/api/v1/agent/metrics", one, host="h1")
    assert status == 422 and "retention" in problem["errors"][0]["message"]
    one["samples"].pop()
    assert api.call("POST", "/api/v1/agent/metrics", one, host="h1")[0] == 202


def test_a_batch_counts_once(api):
    for seq in (1, 2, 1, 2, 2):
        assert api.call("POST", "/api/v1/agent/metrics", batch(seq), host="h1")[0] == 202
    assert api.metric("phoenix_batches_repeated_total") == 3
    assert api.metric("phoenix_sample_values_ignored_total") == 5
    rows = stored(api, "metric_samples")
    assert len(rows) == 2 and rows[0][4:6] == (1.0, None)


def test_a_batch_with_a_fault_is_refused_whole(api):
    bad = batch(1)
    bad["samples"].append(dict(bad["samples"][0], values=[1]))
    status, problem = api.call("POST", "/api/v1/agent/metrics", bad, host="h1")
    assert status == 422 and problem["errors"][0]["pointer"] == "/samples/1/values"
    assert stored(api, "metric_samples") == [] and stored(api, "agent_batches") == []


def test_log_lines_are_stored_once(api):
    line = {"task_id": str(uuid.UUID(int=3)), "timestamp": "2026-01-01T00:00:00.000Z", "level": "info",
            "source": "x-baseline", "message": "started \u2713"}
    body = {"stream": str(uuid.UUID(int=2)), "seq": 4, "logs": [line, dict(line, message="second")]}
    for _ in range(2):
        assert api.call("POST", "/api/v1/agent/logs", body, host="h1")[0] == 202
    rows = stored(api, "agent_logs")
    assert [(r[1], r[6]) for r in rows] == [(4000, "x-baseline: started \u2713"), (4001, "x-baseline: second")]


# ---- what operators see

def test_tasks_are_listed_filtered_and_counted(api):
    ids = api.put_tasks({"host_id": "h1"}, {"host_id": "h1"}, {"host_id": "h2"},
                        {"status": "failed", "completed_at": time.time_ns(), "epoch": 1})

    def listed(query):
        return [t["id"] for t in api.call("GET", "/api/v1/tasks" + query)[1]["tasks"]]
    assert listed("") == sorted(ids, reverse=True)
    assert sorted(listed("?status=active&host_id=h1")) == sorted(ids[:2])
    assert listed("?status=failed") == [ids[3]]
    task = api.poll("h2")[0]
    api.report(task, "running", host="h2")
    api.report(task, "completed", host="h2")
    status, queue = api.call("GET", "/api/v1/tasks/queue")
    assert status == 200
    assert (queue["pending"], queue["completed"], queue["failed"], queue["total"]) == (2, 1, 1, 4)
    assert queue["avg_wait_time"] > 0 and queue["oldest_pending_seconds"] > 0
    assert api.call("GET", f"/api/v1/tasks/{uuid.uuid4()}")[0] == 404
    assert api.metric('phoenix_tasks{status="pending"}') == 2


def test_the_log_is_written_back_into_the_database_in_a_quiet_moment(api):
    def rows_without_the_log():
        database = sqlite3.connect(f"file:{api.db}?mode=ro&immutable=1", uri=True)
        try:
            return database.execute("SELECT count(*) FROM agent_status").fetchone()[0]
        except sqlite3.DatabaseError:  # not even the table, or it is being written
            return 0
        finally:
            database.close()
    for i in range(150):
        api.heartbeat(host=f"h{i}", pipelines=[])
    api.wait_until(rows_without_the_log, "rows are in the database file itself")


@pytest.mark.parametrize("setting,value,says", [
    ("listen", "0.0.0.0:0", "listen.insecure"), ("feature.k8s_mode", "true", "Kubernetes"),
    ("feature.lean_agents", "false", "agents"), ("store", "none", "none"), ("listen", "nowhere", "ADDRESS:PORT"),
    ("task.lease", "-1s", "task.lease"), ("no.such", "1", "no.such"), ("plugin.dir", "/nonexistent", "sqlite")])
def test_a_start_that_cannot_be_says_why(folder, setting, value, says):
    from env.api import Api
    api = Api(folder, {setting: value})
    api.spawn()
    assert api.process.wait(10) not in (0, None)
    assert says in api.log_text(), api.log_text()
