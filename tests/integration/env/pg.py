# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL for a test: a server of one's own (tests/pg/temp_pg), databases in it, a pooler in front of it."""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import uuid

from env.common import SOURCE, wait_until

TEMP_PG = SOURCE / "tests" / "pg" / "temp_pg"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Server:
    """A PostgreSQL server in a folder of its own, on a socket there and on a port of the loopback."""

    def __init__(self, verb="start", of=None, wrap=(), **settings):
        self.wrap = list(wrap)  # a command before temp_pg's, such as one that enters a namespace
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pg-")) / "s"
        self.folder.parent.chmod(0o755)
        self.port = free_port()
        more = [of.folder] if of else []
        more += [f"--port={self.port}", "fsync=off"] + [f"{k}={v}" for k, v in settings.items()]
        self._run(verb, *more)

    def _run(self, verb, *arguments, text=None):
        wrap = self.wrap if verb in ("start", "standby", "restart") else []
        done = subprocess.run([*wrap, TEMP_PG, verb, self.folder, *map(str, arguments)], input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == 0, f"temp_pg {verb}: {done.stdout}{done.stderr}"
        return done.stdout

    def standby(self):
        return Server("standby", self)

    def promote(self):
        self._run("promote")

    def kill(self):
        self._run("kill")

    def stop(self):
        self._run("stop")

    def restart(self):
        self._run("restart")

    def close(self):
        self._run("remove")
        shutil.rmtree(self.folder.parent, ignore_errors=True)

    def sql(self, text, database="phoenix", role="postgres"):
        """Run statements, as they are; what psql prints without decoration."""
        return self._run("psql", "-d", database, "-U", role, "-At", "-v", "ON_ERROR_STOP=1", text=text).strip()

    def database(self, name=None, more=""):
        """A new, empty database of role phoenix."""
        name = name or "t" + uuid.uuid4().hex[:12]
        self.sql(f'CREATE DATABASE "{name}" OWNER phoenix {more}')
        return Database(self, name)

    def allow(self, *lines):
        """These lines of pg_hba.conf before all others."""
        path = self.folder / "data" / "pg_hba.conf"
        path.write_text("\n".join(lines) + "\n" + path.read_text())
        self.sql("SELECT pg_reload_conf()")


class Database:
    def __init__(self, server, name):
        self.server, self.name = server, name

    @property
    def conninfo(self):
        return f"host={self.server.folder} port={self.server.port} dbname={self.name} user=phoenix"

    def tcp(self, user="phoenix", port=None):
        return f"host=127.0.0.1 port={port or self.server.port} dbname={self.name} user={user}"

    @property
    def settings(self):
        """Of a phoenix-api that keeps its data here."""
        return {"store": "pg", "pg.conninfo": self.conninfo}

    def sql(self, text, role="postgres"):
        return self.server.sql(text, self.name, role)

    def rows(self, query, role="postgres"):
        """The rows of a query, as documents."""
        query = query.strip().rstrip(";")
        return json.loads(self.sql(f"SELECT coalesce(json_agg(r),'[]') FROM ({query}\n) r", role))

    def value(self, query):
        return self.sql(f"SELECT ({query})")

    @contextlib.contextmanager
    def session(self, text):
        """A session that has run these statements, and stays as they left it."""
        psql = subprocess.Popen(["psql", "-X", "-h", self.server.folder, "-p", str(self.server.port), "-U", "postgres",
                                 "-d", self.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            psql.stdin.write(text + "\n\\echo so far\n")
            psql.stdin.flush()
            while "so far" not in psql.stdout.readline():
                assert psql.poll() is None
            yield
        finally:
            psql.kill()
            psql.communicate()

    def put_task(self, host="h1", **more):
        """A task, as another process would have enqueued it."""
        row = dict({"id": str(uuid.uuid4()), "host_id": host, "type": "collector", "action": "stop",
                    "config": '{"id":"x"}', "priority": 1, "status": "pending", "epoch": 0, "retry_count": 0,
                    "max_attempts": 3}, **more)
        quoted = ["'%s'" % str(v).replace("'", "''") for v in row.values()]
        self.sql(f"INSERT INTO agent_tasks({','.join(row)},run_at,created_at,updated_at,rev) "
                 f"VALUES({','.join(quoted)},now(),now(),now(),nextval('phoenix_rev'))")
        return row["id"]


class Pgbouncer:
    """A pooler in front of a server; as nobody when the tests run as root, because it refuses root."""

    def __init__(self, server, mode):
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pgb-"))
        self.folder.chmod(0o777)
        (self.folder / "users.txt").write_text('"phoenix" ""\n')
        ini = self.folder / "pgbouncer.ini"
        ini.write_text("[databases]\n"
                       f"* = host=127.0.0.1 port={server.port}\n"
                       "[pgbouncer]\n"
                       f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
                       f"auth_type = trust\nauth_file = {self.folder}/users.txt\n"
                       f"pool_mode = {mode}\nlogfile = {self.folder}/log\n")
        command = [shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", "-q", ini]
        if os.getuid() == 0:
            command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] + command
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers, "pgbouncer answers")

    def _answers(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)
