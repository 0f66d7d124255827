# SPDX-License-Identifier: Apache-2.0
"""Several phoenix-api processes on one PostgreSQL, and what stands in front of them."""
import os
import pathlib
import signal
import socket
import subprocess
import threading

from env.api import Api
from env.common import wait_until


def build_clock(folder):
    """clock.c as a library."""
    source, library = pathlib.Path(__file__).with_name("clock.c"), folder / "clock.so"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


class Replica(Api):
    """With a library of build_clock() its clock can be set: jump(seconds) ahead of the true time, at once."""

    def __init__(self, folder, settings, library=None):
        self.clock = folder / "clock"
        self.clock.write_bytes(bytes(8))
        super().__init__(folder, settings, ["env", f"LD_PRELOAD={library}", f"PHX_CLOCK={self.clock}",
                                            "ASAN_OPTIONS=verify_asan_link_order=0"] if library else None)

    def jump(self, seconds):
        with open(self.clock, "r+b") as clock:
            clock.write(int(seconds * 1e9).to_bytes(8, "little", signed=True))

    def kill(self):
        self.stop(signal.SIGKILL)

    def pause(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)


class Replicas:
    def __init__(self, folder, db, n=2, library=None, **settings):
        self.db, self.all = db, []
        for i in range(n):
            home = folder / str(i)
            home.mkdir()
            self.all.append(Replica(home, {"lease.ttl": "1500ms", "heartbeat.interval": "1s",
                                           "limits.host.batches_per_s": 0, **db.settings, **settings}, library))

    def start(self):
        for replica in self.all:
            replica.start()
        wait_until(self.leader, "one leads")
        return self

    def leader(self):
        """The one that holds the lease, as the store says."""
        owner = self.db.value("SELECT owner FROM leases WHERE name = 'singletons'").split("/")
        return next((r for r in self.all if len(owner) > 1 and r.process.poll() is None
                     and r.process.pid == int(owner[1])), None)

    def others(self):
        leader = wait_until(self.leader, "one leads")
        return leader, [r for r in self.all if r is not leader]

    def deafen(self):
        """Cut the connections that hear signals."""
        return int(self.db.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = "
                                 "current_database() AND (query LIKE '%LISTEN phoenix%' OR query LIKE '%pg_notify%') "
                                 "AND pid <> pg_backend_pid()"))

    def close(self):
        for replica in self.all:
            if replica.process and replica.process.poll() is None:
                replica.go_on()
                replica.close()


class Balancer:
    """Takes connections, and carries each to the next replica that is in turn and answers."""

    def __init__(self, replicas):
        self.replicas, self.turn = list(replicas), 0
        self.open = {}  # the ends of a connection: its replica
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.listener.getsockname()[1]

    def take_out(self, replica):
        """As a balancer does that sees one fail: nobody is sent there, and who was there is cut off."""
        self.replicas.remove(replica)
        for ends, whose in list(self.open.items()):
            if whose is replica:
                self._shut(ends)

    def put_back(self, replica):
        self.replicas.append(replica)

    def close(self):
        self.listener.close()
        for ends in list(self.open):
            self._shut(ends)

    @staticmethod
    def _shut(ends):
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _connect(self):
        for _ in range(len(self.replicas)):
            self.turn += 1
            replica = self.replicas[self.turn % len(self.replicas)]
            try:
                return replica, socket.create_connection(("127.0.0.1", replica.port))
            except OSError:
                continue
        return None, None

    def _accept(self):
        while True:
            try:
                front, _ = self.listener.accept()
            except OSError:
                return
            replica, back = self._connect()
            if not back:
                front.close()
                continue
            self.open[front, back] = replica
            for ends in ((front, back), (back, front)):
                threading.Thread(target=self._pump, args=(*ends, (front, back)), daemon=True).start()

    def _pump(self, source, sink, ends):
        try:
            while data := source.recv(1 << 20):
                sink.sendall(data)
        except OSError:
            pass
        self._shut(ends)
        self.open.pop(ends, None)
