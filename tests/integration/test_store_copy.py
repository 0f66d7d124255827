# SPDX-License-Identifier: Apache-2.0
"""phoenix store copy, verify, info: everything arrives, and whatever does not is found."""
import contextlib
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile

import pytest

from env import rows
from env.api import Api
from env.common import BUILD, SLOW, SOURCE, WRAP, wait_until
from env.lab import Lab

pytestmark = pytest.mark.timeout(120)
DONE, FAILED, USAGE = 0, 1, 2


class Stores:
    """Stores in a folder, and the program that copies them."""

    def __init__(self, folder):
        self.folder = folder
        self.plugins = Api(folder).plugin_dir()
        self.environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PHOENIX_LIBEXEC_DIR": str(BUILD),
                            "PHOENIX_PLUGIN_DIR": str(self.plugins)}

    def command(self, *words):
        return [*WRAP, str(BUILD / "phoenix-store"), *map(str, words), "--plugin-dir", str(self.plugins)]

    def run(self, *words, code=DONE):
        ran = subprocess.run(self.command(*words), env=self.environment, text=True, capture_output=True,
                             timeout=60 * SLOW, check=False)
        assert ran.returncode == code, (words, ran.returncode, ran.stdout, ran.stderr)
        return ran

    def json(self, *words, **how):
        return json.loads(self.run(*words, "--json", **how).stdout)

    def sqlite(self, name):
        return f"sqlite:{self.folder / name}"

    def empty(self, name):
        """A store with its schema and no rows."""
        (self.folder / name).touch()
        self.run("info", self.sqlite(name))
        return self.sqlite(name)

    def full(self, name, many=None):
        address = self.empty(name)
        return address, rows.fill(self.folder / name, many)

    def sql(self, name, *statement):
        with contextlib.closing(sqlite3.connect(self.folder / name)) as db, db:
            return db.execute(*statement).fetchall()


@pytest.fixture
def stores(folder):
    return Stores(folder)


def rows_of(document, side="from"):
    return {c["name"]: c[side]["rows"] for c in document["collections"]}


# ---------------------------------------------------------------------------------- what must arrive

def test_every_row_of_every_collection_arrives_unchanged(stores):
    source, counts = stores.full("a.db", {"metric_samples": 9000, "agent_logs": 5000, "agent_tasks": 3000})
    copied = stores.json("copy", source, stores.sqlite("b.db"))
    assert copied["equal"] and rows_of(copied) == counts == rows_of(copied, "to")
    for name, (_, fields) in rows.collections().items():
        columns = ",".join(f'"{column}"' for column, _, _ in fields)
        select = f'SELECT {columns} FROM "{name}" ORDER BY {columns}'
        assert stores.sql("a.db", select) == stores.sql("b.db", select), name
    verified = stores.json("verify", source, stores.sqlite("b.db"))
    assert verified["equal"] and verified["collections"] == copied["collections"]


def test_an_empty_store_is_copied_too(stores):
    ran = stores.run("copy", stores.empty("a.db"), stores.sqlite("b.db"))
    assert "copied 0 rows" in ran.stdout and "both stores hold the same" in ran.stdout


class Moved:
    """An experiment that an API has decided, seen before and after its store was copied."""

    def __init__(self, api):
        self.api, self.lab = api, Lab(api)
        self.lab.host("h1")
        config = {"target_hosts": ["h1"], "baseline_template": "baseline", "candidate_template": "topk",
                  "duration": "1s", "warmup_duration": "100ms", "sample_interval": "50ms", "deploy_timeout": "20s",
                  "analysis": {"bucket": "200ms", "min_duration": "1s", "min_evidence": "within-host"}}
        self.id = self.lab.create({"name": "moves", "config": config})
        self.lab.command(self.id, "start")
        self.lab.until(self.id, "completed")
        self.before = self.seen()
        assert len(self.before["/kpis"]["kpis"]) > 3 and len(self.before["/events"]["events"]) > 3
        api.stop()

    def seen(self):
        return {path: self.lab.call("GET", f"/api/v1/experiments/{self.id}{path}")[1] for path in ("/events", "/kpis")}

    def goes_on(self, **settings):
        """The API is started with these settings, and takes the experiment to its end."""
        self.api.settings.update({key.replace("__", "."): value for key, value in settings.items()})
        self.api.start()
        assert self.seen() == self.before
        assert [e["id"] for e in self.lab.call("GET", "/api/v1/experiments")[1]["experiments"]] == [self.id]
        self.lab.command(self.id, "promote")
        self.lab.until(self.id, "promoted")
        self.lab.close()


def test_an_api_goes_on_with_its_experiment_on_the_copy(stores, api):
    moved = Moved(api)
    stores.run("copy", f"sqlite:{api.db}", stores.sqlite("moved.db"))
    moved.goes_on(sqlite__path=stores.folder / "moved.db")


# ---------------------------------------------------------------------------------- with PostgreSQL

@pytest.fixture
def pg():
    """A server of its own for one test: the conninfo of an empty database."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="phx-pg-", dir="/tmp")) / "s"
    folder.parent.chmod(0o755)
    server = SOURCE / "tests" / "pg" / "temp_pg"
    try:
        yield subprocess.run([server, "start", folder, "fsync=off"], check=True, capture_output=True, text=True).stdout.strip()
    finally:
        subprocess.run([server, "remove", folder], check=True)
        shutil.rmtree(folder.parent, ignore_errors=True)


def test_everything_goes_to_postgresql_and_back_unchanged(stores, pg):
    source, counts = stores.full("a.db", {"metric_samples": 9000, "agent_logs": 3000, "agent_tasks": 3000})
    there = stores.json("copy", source, f"pg:{pg}")
    back = stores.json("copy", f"pg:{pg}", stores.sqlite("b.db"))
    assert there["equal"] and back["equal"] and rows_of(there) == counts == rows_of(back, "to")
    assert stores.json("verify", source, stores.sqlite("b.db"))["equal"]


def test_force_empties_postgresql_first(stores, pg):
    source, counts = stores.full("a.db")
    stores.run("copy", stores.full("b.db", {"agent_logs": 2500, "metric_samples": 2500})[0], f"pg:{pg}")
    assert "not empty" in stores.run("copy", source, f"pg:{pg}", code=FAILED).stderr
    assert rows_of(stores.json("copy", "--force", source, f"pg:{pg}"), "to") == counts


def test_an_experiment_goes_on_in_postgresql(stores, pg, api):
    moved = Moved(api)
    stores.run("copy", f"sqlite:{api.db}", f"pg:{pg}")
    moved.goes_on(store="pg", pg__conninfo=pg)
    api.stop()
    assert stores.json("copy", f"pg:{pg}", stores.sqlite("b.db"))["equal"]


def test_a_store_whose_lease_is_fresh_is_in_use(stores, pg):
    stores.run("info", f"pg:{pg}")

    def psql(statement):
        subprocess.run(["psql", "-X", "-q", "-d", pg, "-c", statement], check=True)
    psql("INSERT INTO leases(name,owner,epoch,beat,updated_at,rev) VALUES('singletons','db1/7/x',1,1,now(),1)")
    ran = stores.run("copy", f"pg:{pg}", stores.sqlite("b.db"), code=FAILED)
    assert "a phoenix-api works on FROM: db1/7/x" in ran.stderr and "stop every phoenix-api" in ran.stderr
    ran = stores.run("copy", stores.empty("a.db"), f"pg:{pg}", code=FAILED)
    assert "a phoenix-api works on TO" in ran.stderr
    psql("UPDATE leases SET owner=''")  # given up
    stores.run("copy", f"pg:{pg}", stores.sqlite("c.db"))
    psql("UPDATE leases SET owner='db1/7/x', updated_at=now() - interval '1 minute'")  # its holder is dead
    stores.run("copy", f"pg:{pg}", stores.sqlite("d.db"))


@pytest.mark.parametrize("how", ["file", "environment", "flag"])
def test_one_setting_chooses_the_store(stores, pg, folder, monkeypatch, how):
    secret = folder / "conninfo"
    secret.write_text(pg + " password=hunter2\n")
    settings = {"store": "pg", "pg.conninfo_file": secret}
    if how == "file":
        (folder / "api.yaml").write_text(f"store: pg\npg:\n  conninfo_file: {secret}\n")
        settings = {"config": folder / "api.yaml"}
    elif how == "environment":
        monkeypatch.setenv("PHOENIX_STORE", "pg")
        monkeypatch.setenv("PHOENIX_PG_CONNINFO_FILE", str(secret))
        settings = {}
    api = Api(folder, settings).start()
    try:
        Lab(api).create({"name": "there", "config": {"target_hosts": ["h1"], "baseline_template": "baseline",
                                                     "candidate_template": "topk", "duration": "1h"}})
        shown = subprocess.run([BUILD / "phoenix-api", *api.arguments(), "--print-config"], check=True,
                               capture_output=True, text=True).stdout
        assert "store: pg" in shown and "# pg.conninfo: ********" in shown
        titles = pathlib.Path(f"/proc/{api.process.pid}/cmdline").read_text()
        assert "hunter2" not in shown + titles + api.log_text()
    finally:
        api.close()
    assert rows_of(stores.json("info", f"pg:@{secret}"))["experiments"] == 1


def test_a_store_that_there_is_not_is_named_with_those_there_are(folder):
    api = Api(folder, {"store": "mysql"})
    api.spawn()
    assert api.process.wait(20 * SLOW) == FAILED
    assert re.search('mysql.*there are: .*pg.*sqlite|mysql.*there are: .*sqlite.*pg', api.log_text()), api.log_text()


# ----------------------------------------------------------------------------------- what is refused

def test_a_store_with_rows_is_not_copied_onto(stores):
    source, _ = stores.full("a.db")
    target, counts = stores.full("b.db", {"agent_logs": 3})
    ran = stores.run("copy", source, target, code=FAILED)
    assert "not empty" in ran.stderr and "--force" in ran.stderr
    assert rows_of(stores.json("info", target)) == counts


def test_force_empties_the_target_first(stores):
    source, counts = stores.full("a.db")
    target, _ = stores.full("b.db", {"agent_logs": 4000, "experiments": 2500})
    assert rows_of(stores.json("copy", "--force", source, target), "to") == counts


def test_force_does_not_empty_a_store_for_nothing(stores):
    target, counts = stores.full("b.db")
    ran = stores.run("copy", "--force", stores.empty("a.db"), target, code=FAILED)
    assert "FROM holds nothing" in ran.stderr
    assert rows_of(stores.json("info", target)) == counts


def test_a_file_that_is_not_there_is_not_made_to_be_read(stores):
    for words in (("copy", stores.sqlite("none.db"), stores.sqlite("b.db")), ("info", stores.sqlite("none.db")),
                  ("verify", stores.empty("a.db"), stores.sqlite("none.db"))):
        assert "none.db" in stores.run(*words, code=FAILED).stderr
    assert not (stores.folder / "none.db").exists() and not (stores.folder / "b.db").exists()


def test_a_store_that_an_api_has_open_is_not_copied(stores, api):
    ran = stores.run("copy", f"sqlite:{api.db}", stores.sqlite("b.db"), code=FAILED)
    assert f"in use by process {api.process.pid}" in ran.stderr


@pytest.mark.parametrize("words", [(), ("copy",), ("copy", "sqlite:a"), ("info", "a", "b"), ("copy", "sqlite:a", "sqlite:a"),
                                   ("copy", "nocolon", "sqlite:b"), ("verify", "--force", "sqlite:a", "sqlite:b"),
                                   ("copy", "--nope", "sqlite:a", "sqlite:b")])
def test_wrong_usage_is_told_from_an_error(stores, words):
    ran = stores.run(*words, code=USAGE)
    assert "phoenix-store" in ran.stderr and not ran.stdout


def test_a_driver_that_is_not_there_names_those_that_are(stores):
    ran = stores.run("info", "nope:", code=FAILED)
    assert '"nope"' in ran.stderr and "sqlite" in ran.stderr


# ------------------------------------------------------------------------------------ what is found

CORRUPTIONS = [
    ("agent_tasks", "UPDATE agent_tasks SET priority=priority+1 WHERE id=(SELECT max(id) FROM agent_tasks)"),
    ("metric_samples", "UPDATE metric_samples SET up=NULL WHERE up IS NOT NULL AND host_id=(SELECT max(host_id) FROM metric_samples)"),
    ("experiments", "UPDATE experiments SET spec=spec || ' ' WHERE id=(SELECT min(id) FROM experiments)"),
    ("agent_logs", "DELETE FROM agent_logs WHERE seq=(SELECT max(seq) FROM agent_logs)"),
    ("deployments", "UPDATE deployments SET host_id=host_id || 'x' WHERE host_id=(SELECT min(host_id) FROM deployments)"),
]


@pytest.mark.parametrize("name, statement", CORRUPTIONS)
def test_one_wrong_value_is_found_and_its_collection_named(stores, name, statement):
    source, _ = stores.full("a.db")
    stores.run("copy", source, stores.sqlite("b.db"))
    stores.sql("b.db", statement)
    ran = stores.run("verify", source, stores.sqlite("b.db"), code=FAILED)
    assert re.findall(r"^(\S+) .*DIFFERENT$", ran.stdout, re.M) == [name]
    document = stores.json("verify", source, stores.sqlite("b.db"), code=FAILED)
    assert not document["equal"] and [c["name"] for c in document["collections"] if not c["equal"]] == [name]


def test_a_source_that_changes_meanwhile_is_found(stores):
    source, _ = stores.full("a.db", {"metric_samples": 300000})
    process = subprocess.Popen(stores.command("copy", source, stores.sqlite("b.db"), "--progress"), env=stores.environment,
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr.readline().startswith("count")
    wait_until(lambda: stores.sql("b.db", "SELECT count(*) FROM metric_samples")[0][0] > 0, "it copies samples, and is past the experiments")
    stores.sql("a.db", "UPDATE experiments SET phase='changed'")
    _, said = process.communicate(timeout=60 * SLOW)
    assert process.returncode == FAILED and 'FROM changed while it was copied: "experiments"' in said, said


# ------------------------------------------------------------------------------------ how it speaks

def test_an_interrupted_copy_says_that_it_is_not_whole(stores):
    source, counts = stores.full("a.db", {"metric_samples": 300000})
    process = subprocess.Popen(stores.command("copy", source, stores.sqlite("b.db"), "--progress"), env=stores.environment,
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr.readline().startswith("count")
    wait_until(lambda: stores.sql("b.db", "SELECT count(*) FROM metric_samples")[0][0] > 0, "it copies samples")
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60 * SLOW)
    assert process.returncode == FAILED and "interrupted" in said and "--force" in said and not out
    assert rows_of(stores.json("copy", "--force", source, stores.sqlite("b.db")), "to") == counts


def test_there_is_a_bar_on_a_terminal_and_silence_elsewhere(stores):
    source, _ = stores.full("a.db")
    assert stores.run("copy", source, stores.sqlite("b.db")).stderr == ""
    lines = stores.run("copy", source, stores.sqlite("c.db"), "--progress").stderr.splitlines()
    assert [line.split()[0] for line in lines] == ["count", "copy", "verify"] and "100 %" in lines[1]
    reader, writer = pty.openpty()
    subprocess.run(stores.command("copy", source, stores.sqlite("d.db")), stdout=subprocess.DEVNULL, stderr=writer,
                   env=stores.environment, timeout=60 * SLOW, check=True)
    os.close(writer)
    drawn = os.read(reader, 65536).decode()
    os.close(reader)
    assert "\r\x1b[Kcopy    [####################] 100 %" in drawn


def test_no_password_is_repeated(stores):
    for address in ("pg:host=/nonexistent password=hunter2 nonsense", "postgresql://u:hunter2@[x/d", "hunter2",
                    'sqlite:{"pasword":"hunter2"}', "pg:host=/nonexistent user=u password=hunter2"):
        ran = stores.run("info", address, code=USAGE if address == "hunter2" else FAILED)
        assert "hunter2" not in ran.stdout + ran.stderr
