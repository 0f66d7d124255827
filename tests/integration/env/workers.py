# SPDX-License-Identifier: Apache-2.0
"""phoenix-api as a parent and its workers on PostgreSQL, and clients that notice every lost request."""
import http.client
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from env.api import Api
from env.common import SLOW, SOURCE, wait_until

TEMP_PG = SOURCE / "tests" / "pg" / "temp_pg"


def exchange(port, request, timeout=20):
    """All that comes until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout * SLOW) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(65536), b""))


def metric(port, name):
    text = exchange(port, b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").decode()
    return float(re.search(f"^{name} (\\S+)$", text, re.M).group(1))


class Postgres:
    """A server of its own, with an empty database for each who asks."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="phx-pg-")) / "pg"
        self.folder.parent.chmod(0o755)
        done = subprocess.run([TEMP_PG, "start", self.folder], check=True, capture_output=True, text=True)
        self.conninfo, self.n = done.stdout.strip(), 0

    def psql(self, database, sql):
        done = subprocess.run([TEMP_PG, "psql", self.folder, "-d", database, "-Atc", sql], check=True,
                              capture_output=True, text=True)
        return done.stdout.strip()

    def new_database(self):
        self.n += 1
        self.psql("postgres", f"CREATE DATABASE test{self.n} OWNER phoenix")
        return f"test{self.n}", self.conninfo.replace("dbname=phoenix", f"dbname=test{self.n}")

    def close(self):
        subprocess.run([TEMP_PG, "remove", self.folder], check=True)
        shutil.rmtree(self.folder.parent)


class Workers(Api):
    def __init__(self, folder, postgres, workers, settings=None):
        self.postgres = postgres
        self.database, conninfo = postgres.new_database()
        super().__init__(folder, {"store": "pg", "pg.conninfo": conninfo, "workers": workers,
                                  "admin.listen": "127.0.0.1:0", **(settings or {})})

    def close(self):
        super().close()
        assert "Sanitizer" not in self.log_text()

    def pids(self):
        """Of the workers, in the order of their start."""
        return [int(pid) for pid in
                pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()]

    def admin_ports(self):
        """Each worker's own, which its successors keep."""
        return sorted(set(map(int, re.findall(r"operators reach .* at http://127.0.0.1:(\d+)", self.log_text()))))

    def total(self, name):
        """Of a metric, over all workers."""
        return sum(metric(port, name) for port in self.admin_ports())

    def lease(self, name="singletons"):
        """(pid of the holder, epoch); pid 0: nobody holds it."""
        row = self.postgres.psql(self.database, f"SELECT owner, epoch FROM leases WHERE name = '{name}'")
        owner, epoch = row.split("|") if row else ("", 0)
        return int(owner.split("/")[1]) if owner else 0, int(epoch)

    def holder(self, but=None):
        """Waits until a worker, another than `but`, holds the lease; answers (pid, epoch)."""
        def held():
            lease = self.lease()
            return lease[0] in set(self.pids()) - {but} and lease
        return wait_until(held, "a worker holds the lease")

    def replaced(self, old):
        pids = self.pids()
        return len(pids) == int(self.settings["workers"]) and not set(pids) & set(old) and pids


class Load(threading.Thread):
    """Requests one after the other, on a connection as long as the server keeps it. Every one counts: an answer
    that is not the expected one, and a connection that ends in the middle, stands in `faults`."""

    def __init__(self, api, method="GET", path="/healthz", body=None, host=None, new_each_time=False):
        super().__init__(daemon=True)
        self.api, self.what, self.new_each_time = api, (method, path, body), new_each_time
        self.headers = {"X-Agent-Host-ID": host, "Content-Type": "application/json"} if host else {}
        self.answered, self.closed, self.slowest, self.faults, self.over = 0, 0, 0.0, [], False
        self.start()

    def one(self, connection):
        start = time.monotonic()
        connection.request(*self.what, headers=self.headers)
        answer = connection.getresponse()
        answer.read()
        self.slowest = max(self.slowest, time.monotonic() - start)
        self.answered += 1
        if answer.status >= 300:
            self.faults.append(answer.status)
        return answer.will_close

    def run(self):
        connection = self.api.connect()
        while not self.over:
            try:
                closes = self.one(connection)
            except (OSError, http.client.HTTPException) as fault:
                self.faults.append(repr(fault))
                closes = True
            self.closed += closes
            if closes or self.new_each_time:
                connection.close()
                connection = self.api.connect()
        connection.close()

    def end(self):
        self.over = True
        self.join()
        return self.faults


def gone(pid):
    """Has the process ended, or is it only not waited for?"""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until_gone(pids, what):
    wait_until(lambda: all(gone(pid) for pid in pids), what)
