# SPDX-License-Identifier: Apache-2.0
"""phoenix-api on PostgreSQL: what operators see in the database, starts of every kind, poolers, fail-over."""
import datetime
import re
import time
import urllib.parse
import uuid

import pytest

from env import fleet
from env.api import Api
from env.common import SOURCE, wait_until
from env.lab import Lab
from env.pg import Database, Pgbouncer, Server

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="session")
def server():
    made = Server()
    yield made
    made.close()


@pytest.fixture
def db(server):
    return server.database()


@pytest.fixture
def start(folder):
    """start(settings) starts a phoenix-api; all end with the test."""
    apis = []

    def start_one(settings):
        home = folder / str(len(apis))
        home.mkdir()
        api = Api(home, settings)
        apis.append(api)
        api.start()
        fleet.Client.contract = api.contract
        return api
    yield start_one
    fleet.Client.contract = None
    for api in apis:
        api.close()


@pytest.fixture
def refused(folder):
    """refused(settings): what phoenix-api said when it did not start."""
    def refused_one(settings, within=20):
        api = Api(folder, settings)
        api.spawn()
        try:
            assert api.process.wait(within) != 0
        finally:
            if api.process.poll() is None:
                api.process.kill()
        return re.search(r'event=START_FAILED msg="((?:[^"\\]|\\.)*)"', api.log_text()).group(1)
    return refused_one


def sample(ts, host="h1", values=(1, 2.5), measures=("up", "series"), seq=1):
    return {"stream": str(uuid.uuid4()), "seq": seq, "measures": list(measures),
            "samples": [{"experiment_id": str(uuid.UUID(int=7)), "variant": "baseline", "ts": ts,
                         "values": list(values)}]}


def a_task_lives(api, db, host="h1"):
    task = db.put_task(host)
    got = wait_until(lambda: api.poll(host, "1s"), "the task comes")[0]
    assert got["id"] == task
    assert api.report(got, "running", host)[0] == 204
    assert api.report(got, "completed", host, result={"ok": True})[0] == 204
    assert api.task(task)["status"] == "completed"


# ---- what people ask the database

def test_the_troubleshooting_queries_answer_as_printed(start, db):
    api = start(db.settings)
    waiting = db.put_task("h2")
    a_task_lives(api, db)
    api.heartbeat("h1")
    api.heartbeat("h3")
    wait_until(lambda: db.value("SELECT count(*) FROM agent_status") == "2", "heartbeats are stored")
    db.sql("UPDATE agent_status SET last_heartbeat = now() - interval '2 minutes' WHERE host_id = 'h3'")
    pending = db.rows("""
-- Check pending tasks
SELECT * FROM agent_tasks WHERE status = 'pending';
""")
    assert [t["id"] for t in pending] == [waiting]
    assert pending[0]["config"] == {"id": "x"}
    late = db.rows("""
-- Check agent status
SELECT * FROM agent_status WHERE last_heartbeat < NOW() - INTERVAL '1 minute';
""")
    assert [a["host_id"] for a in late] == ["h3"]
    history = db.rows("""
-- Task execution history
SELECT host_id, status, count(*) 
FROM agent_tasks 
GROUP BY host_id, status;
""")
    assert {(h["host_id"], h["status"]): h["count"] for h in history} == {("h1", "completed"): 1, ("h2", "pending"): 1}


def test_the_metrics_cache_has_a_row_for_each_value(start, db):
    api = start(db.settings)
    now = time.time_ns()
    assert api.call("POST", "/api/v1/agent/metrics", sample(now, values=(1, None, 523.5), measures=("up", "series", "rss_bytes")),
                    host="h1")[0] == 202
    rows = db.rows("SELECT id, experiment_id, timestamp, metric_name, variant, host_id, value, labels "
                   "FROM metrics_cache ORDER BY metric_name")
    assert [(r["metric_name"], r["value"]) for r in rows] == [("rss_bytes", 523.5), ("up", 1)]
    assert {(r["experiment_id"], r["variant"], r["host_id"], str(r["labels"])) for r in rows} == \
        {(str(uuid.UUID(int=7)), "baseline", "h1", "{}")}
    stamp = datetime.datetime.fromisoformat(rows[0]["timestamp"])
    assert int(stamp.timestamp() * 10**6) == now // 1000
    assert len({uuid.UUID(r["id"]) for r in rows}) == 2


def test_a_reader_sees_new_partitions(start, db, server):
    role = "reader" + uuid.uuid4().hex[:8]
    api = start(db.settings)
    db.sql(f'CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};'
           f'ALTER DEFAULT PRIVILEGES FOR ROLE phoenix IN SCHEMA public GRANT SELECT ON TABLES TO {role}')
    assert api.call("POST", "/api/v1/agent/metrics", sample(time.time_ns()), host="h1")[0] == 202
    assert len(db.rows("SELECT * FROM metrics_cache", role)) == 2
    part = db.value("SELECT 'metric_samples_' || to_char(now() at time zone 'UTC', 'YYYYMMDD')")
    assert len(db.rows(f"SELECT * FROM {part}", role)) == 1
    with pytest.raises(AssertionError, match="permission denied"):
        db.sql("DELETE FROM agent_tasks", role)


def test_every_statement_of_the_manual_runs(start):
    manual = (SOURCE / "doc" / "postgresql.md").read_text()
    server = Server()
    try:
        db = Database(server, "phoenix")
        start(db.settings).stop()
        blocks = re.findall(r"```sql\n(.*?)```", manual, re.S)
        assert len(blocks) > 8
        for block in blocks:
            db.sql(block)
    finally:
        server.close()


# ---- starts

def test_two_start_at_the_same_moment_on_an_empty_database(server, folder):
    for attempt in range(4):
        db = server.database()
        pair = []
        for name in "ab":
            home = folder / f"{attempt}{name}"
            home.mkdir()
            pair.append(Api(home, db.settings))
            pair[-1].plugin_dir()
        for api in pair:
            api.spawn()
        for api in pair:
            wait_until(lambda: "event=STARTED" in api.log_text() or api.process.poll() is not None, "it starts")
            assert "event=STARTED" in api.log_text() and "level=error" not in api.log_text(), api.log_text()
        assert db.value("SELECT count(*) FROM phoenix_schema") == "1"
        for api in pair:
            api.stop()


SHAPE = """SELECT c.relname, c.relkind, coalesce(pg_get_indexdef(i.indexrelid), pg_get_viewdef(c.oid)) AS def,
  (SELECT json_agg(json_build_object('name', attname, 'type', format_type(atttypid, atttypmod), 'not_null', attnotnull)
   ORDER BY attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns
FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE relnamespace = 'public'::regnamespace ORDER BY 1"""


def test_the_database_of_an_older_release_is_brought_up_to_date(start, db):
    api = start(db.settings)
    shape = db.rows(SHAPE)
    task = db.put_task("h9", variant="candidate")
    assert api.call("POST", "/api/v1/agent/metrics", sample(time.time_ns()), host="h1")[0] == 202
    api.stop()
    before = {r["relname"] for r in shape}
    db.sql("""ALTER TABLE agent_tasks DROP COLUMN variant; ALTER TABLE agent_tasks DROP COLUMN updated_at;
              DROP INDEX agent_tasks_pending; DROP INDEX agent_logs_by_time; DROP TABLE leases; DROP TABLE series_census;
              DROP VIEW metrics_cache; ALTER TABLE metric_samples DROP COLUMN restarts_total;
              DROP INDEX agent_tasks_status; CREATE INDEX agent_tasks_status ON agent_tasks(status)""")
    api.start()
    after = [r for r in db.rows(SHAPE) if r["relname"] in before]
    assert after == shape
    assert db.value(f"SELECT updated_at = 'epoch' AND variant IS NULL FROM agent_tasks WHERE id = '{task}'") == "t"
    assert db.value("SELECT count(*) FROM metrics_cache") == "2"
    a_task_lives(api, db)


def test_a_second_start_changes_nothing(start, db):
    api = start(db.settings)
    changed = "SELECT json_agg(json_build_array(oid, xmin::text) ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'S'"
    before = db.value(changed)
    api.restart()
    assert db.value(changed) == before


def test_a_newer_schema_is_refused_with_both_versions(start, refused, db):
    start(db.settings).stop()
    db.sql("INSERT INTO phoenix_schema VALUES(7, 'phoenix-api 3.0.0', now())")
    why = refused(db.settings)
    assert "schema version 7, made by phoenix-api 3.0.0" in why and "knows up to 1" in why and "start the newer program" in why


def test_a_column_of_a_newer_program_is_refused(start, refused, db):
    start(db.settings).stop()
    db.sql("ALTER TABLE agent_tasks ADD COLUMN colour text")
    assert "colour" in refused(db.settings) and db.value("SELECT count(*) FROM agent_tasks") == "0"


def test_a_table_of_somebody_else_is_refused(refused, db):
    db.sql("CREATE TABLE experiments(id integer PRIMARY KEY)", "phoenix")
    assert "another type than text" in refused(db.settings)


def test_a_lock_that_somebody_holds_is_named(start, refused, db):
    start(db.settings).stop()
    db.sql("ALTER TABLE agent_tasks DROP COLUMN variant")
    with db.session("BEGIN; LOCK TABLE agent_tasks IN ACCESS SHARE MODE;"):
        assert "another session" in refused(db.settings)


def test_a_missing_database_is_named(refused, db):
    why = refused(dict(db.settings, **{"pg.conninfo": db.conninfo.replace(db.name, "nowhere")}))
    assert 'database \\"nowhere\\" does not exist' in why, why


def test_a_wrong_password_is_named(refused, start, server, db, monkeypatch):
    role = "locked" + uuid.uuid4().hex[:8]
    server.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'right'; GRANT ALL ON DATABASE {db.name} TO {role};")
    db.sql(f"GRANT ALL ON SCHEMA public TO {role}")
    server.allow(f"host all {role} 127.0.0.1/32 scram-sha-256")
    settings = dict(db.settings, **{"pg.conninfo": db.tcp(role)})
    monkeypatch.setenv("PGPASSWORD", "wrong")
    why = refused(settings)
    assert "password authentication failed" in why and role in why, why
    monkeypatch.delenv("PGPASSWORD")
    assert "no password supplied" in refused(settings)
    monkeypatch.setenv("PGPASSWORD", "right")
    start(settings)


def test_a_role_that_may_not_create_is_named(refused, server, db):
    role = "poor" + uuid.uuid4().hex[:8]
    server.sql(f"CREATE ROLE {role} LOGIN")
    why = refused(dict(db.settings, **{"pg.conninfo": db.conninfo.replace("user=phoenix", "user=" + role)}))
    assert "permission denied for schema public" in why and "must own the database" in why


def test_another_encoding_is_refused(refused, server):
    db = server.database(more="ENCODING 'SQL_ASCII' TEMPLATE template0")
    assert "has the encoding SQL_ASCII" in refused(db.settings)


# ---- values

HOSTILE = ["'; DROP TABLE agent_tasks; --", 'a"b""c', "$$ $1 $tag$", "\\' \\x41 \\\\ E'\\n'", "%s %d %n {0}",
           "ünï ‮⟨\U0001F600⟩ \u200b\ufeff", "line\nnext\ttab\r\x01\x7f", "NULL", "{\"a\":[1,{\"b\":null}]}", "{a,b}", "  ", "('x'),(1)"]


def test_hostile_texts_come_back_as_they_went_in(start, db):
    api = start(db.settings)
    for i, text in enumerate(HOSTILE):
        host = f"h{i}"
        status, made = api.call("POST", "/api/v1/experiments", {
            "name": text + "x", "description": text, "metadata": {"k": text},
            "config": {"target_hosts": [host], "baseline_template": "baseline", "candidate_template": "topk"}})
        assert status == 201, made
        got = api.call("GET", f"/api/v1/experiments/{made['id']}")[1]
        assert (got["name"], got["description"], got["metadata"]) == (text + "x", text, {"k": text})
        task = db.put_task(host)
        delivered = wait_until(lambda: api.poll(host, "1s"), "the task comes")[0]
        assert api.report(delivered, "running", host)[0] == 204
        assert api.report(delivered, "failed", host, error_message=text, retryable=False, result={text: text})[0] == 204
        api.restart() if i == 0 else None
        got = api.task(task)
        assert (got["error_message"], got["result"]) == (text, {text: text})
        line = {"timestamp": "2026-01-01T00:00:00.123456Z", "level": "info", "source": "s", "message": text, "task_id": task}
        assert api.call("POST", "/api/v1/agent/logs", {"stream": str(uuid.uuid4()), "seq": 1, "logs": [line]}, host=host)[0] == 202
        assert db.rows(f"SELECT message FROM agent_logs WHERE host_id = '{host}'") == [{"message": "s: " + text}]
    assert db.value("SELECT count(*) FROM agent_tasks") == str(len(HOSTILE))


def test_hostile_texts_of_agents_and_in_questions_are_texts(start, db):
    api = start(db.settings)
    tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    before = db.value(tables)
    for i, text in enumerate(HOSTILE):
        host, word = f"h{i}", urllib.parse.quote(text, safe="")
        pipeline = {"id": f"{uuid.UUID(int=i)}:candidate", "variant": "candidate", "status": "running", "reason": text}
        status, problem = api.heartbeat(host, hostname=text, labels={"k": text}, capabilities={text: [text]}, pipelines=[pipeline])
        assert status == 204, problem
        agent = api.call("GET", f"/api/v1/agents/{host}")[1]
        assert (agent["hostname"], agent["labels"], agent["capabilities"]) == (text, {"k": text}, {text: [text]})
        rows = db.rows(f"SELECT process_info FROM active_pipelines WHERE host_id = '{host}'")
        assert [r["process_info"]["reason"] for r in rows] == [text]
        for question in ("tasks?status=", "tasks?host_id=", "tasks?experiment_id=", "experiments?phase=", "experiments?cursor=",
                         "agents?selector=", "agents?status=", "loadsimulations?status=", "loadsimulations?experiment_id=",
                         "pipelines?host_id=", "experiments/", "tasks/", "agents/", "loadsimulations/", "pipelines/templates/"):
            status, answer = api.call("GET", f"/api/v1/{question}{word}")
            assert status in (200, 400, 404, 422), (question, text, answer)
            found = status == 200 and any(len(rows) for rows in answer.values() if isinstance(rows, list))
            assert not found or not text.strip(), (question, text, answer)  # a selector of blanks selects all
    assert db.value(tables) == before and "level=error" not in api.log_text()


def test_a_large_result_comes_back(start, db):
    api = start(db.settings)
    task = db.put_task()
    got = wait_until(lambda: api.poll("h1", "1s"), "the task comes")[0]
    assert api.report(got, "running")[0] == 204
    result = {"text": "ä'\"\\$" * 12000, "escaped": "a\x01b\x1f", "deep": [[[[{"x": 1e-9}]]]], "int": 2**53 + 1}
    status, problem = api.report(got, "completed", result=result)
    assert status == 204, problem
    api.restart()
    assert api.task(task)["result"] == result


# ---- days

def days(db):
    return db.sql("SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid "
                  "WHERE inhparent = 'metric_samples'::regclass ORDER BY 1").split()


def day(ts):
    return datetime.datetime.fromtimestamp(ts / 1e9, datetime.timezone.utc).strftime("metric_samples_%Y%m%d")


def test_samples_are_kept_by_day(start, db):
    api = start(dict(db.settings, retention="96h"))
    now, day_ns = time.time_ns(), 86400 * 10**9
    assert days(db) == []
    batch = sample(now)
    for back in (1, 3):
        batch["samples"].append(dict(batch["samples"][0], ts=now - back * day_ns))
    for _ in range(2):
        assert api.call("POST", "/api/v1/agent/metrics", batch, host="h1")[0] == 202
    assert days(db) == [day(now - 3 * day_ns), day(now - day_ns), day(now), day(now + day_ns)]
    assert db.value("SELECT count(*) FROM metric_samples") == "3"
    assert db.value(f"SELECT count(*) FROM {day(now - day_ns)}") == "1"
    assert api.call("POST", "/api/v1/agent/metrics", sample(now - 7 * day_ns), host="h1")[0] == 422
    assert len(days(db)) == 4


def test_rows_arrive_while_somebody_reads_the_whole_table(start, db):
    """A dump holds locks for hours; a new day must not wait for it."""
    api = start(db.settings)
    now = time.time_ns()
    assert api.call("POST", "/api/v1/agent/metrics", sample(now), host="h1")[0] == 202
    with db.session("BEGIN; SELECT count(*) FROM metric_samples;"):
        began = time.monotonic()
        assert api.call("POST", "/api/v1/agent/metrics", sample(now - 2 * 86400 * 10**9), host="h1")[0] == 202
        assert time.monotonic() - began < 2


# ---- poolers and fail-over

def test_a_pooler_in_session_mode_is_fine(start, server, db):
    pooler = Pgbouncer(server, "session")
    try:
        api = start(dict(db.settings, **{"pg.conninfo": db.tcp(port=pooler.port)}))
        a_task_lives(api, db)
        lab = Lab(api)
        lab.host()
        eid = lab.create({"name": "x", "config": {"target_hosts": ["h1"], "baseline_template": "baseline",
                                                  "candidate_template": "topk", "duration": "20s", "warmup_duration": "100ms",
                                                  "sample_interval": "50ms"}})
        lab.command(eid, "start")
        lab.until(eid, "running")
        lab.close()
        api.stop()
    finally:
        pooler.close()


def test_a_pooler_in_transaction_mode_is_refused(refused, server, db):
    pooler = Pgbouncer(server, "transaction")
    try:
        why = refused(dict(db.settings, **{"pg.conninfo": db.tcp(port=pooler.port)}))
        assert "session" in why and "pool_mode" in why, why
    finally:
        pooler.close()


@pytest.mark.timeout(120)
def test_the_other_server_takes_over(start):
    first = Server()
    try:
        second = first.standby()
        try:
            fail_over(start, first, second)
        finally:
            second.close()
    finally:
        first.close()


def fail_over(start, first, second):
    conninfo = f"host=127.0.0.1,127.0.0.1 port={second.port},{first.port} dbname=phoenix user=phoenix target_session_attrs=read-write"
    api = start({"store": "pg", "pg.conninfo": conninfo})  # the standby stands first: it is passed over
    a_task_lives(api, Database(first, "phoenix"))
    wait_until(lambda: first.sql("SELECT pg_current_wal_lsn() = replay_lsn FROM pg_stat_replication") == "t", "all is copied")
    first.kill()
    assert api.call("GET", "/healthz")[0] == 200
    wait_until(lambda: api.raw("GET", "/readyz").status == 503, "the loss is noticed")
    second.promote()
    wait_until(lambda: api.raw("GET", "/readyz").status == 200, "the other server is found", 30)
    assert api.call("GET", "/api/v1/tasks")[1]["tasks"][0]["status"] == "completed"
    a_task_lives(api, Database(second, "phoenix"), "h2")


def test_a_server_that_restarts_costs_no_restart_of_ours(start):
    server = Server()
    try:
        api = start(Database(server, "phoenix").settings)
        server.stop()
        wait_until(lambda: api.raw("GET", "/readyz").status == 503, "the loss is noticed")
        server.restart()
        wait_until(lambda: api.raw("GET", "/readyz").status == 200, "it is found again", 30)
        a_task_lives(api, Database(server, "phoenix"))
    finally:
        server.close()
