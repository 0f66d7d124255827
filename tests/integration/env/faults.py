# SPDX-License-Identifier: Apache-2.0
"""What breaks around a program: small disks, links that are cut; and load meanwhile."""
import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import uuid

from env.common import BUILD, SLOW
from env.pg import Server

class SmallDisk:
    """A server one of whose tablespaces is a disk of a few MiB, in a mount namespace of the server's own."""

    def __init__(self, mib):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="disk-"))
        self.folder.chmod(0o755)
        prepare = f"mount -t tmpfs -o size={mib}m tmpfs {self.folder} && mkdir -m 700 {self.folder}/space && "
        if os.getuid() == 0:
            wrap = ["unshare", "-m", "sh", "-c", f'{prepare} chown nobody {self.folder}/space && exec "$@"', "sh"]
        else:  # root of a user namespace may mount; the server must be itself again
            wrap = ["unshare", "-rm", "sh", "-c", f'{prepare} exec unshare -U --map-user={os.getuid()} "$@"', "sh"]
        self.server = Server(wrap=wrap)
        self.server.sql(f"CREATE TABLESPACE small LOCATION '{self.folder}/space'")
        pid = (self.server.folder / "data" / "postmaster.pid").read_text().split()[0]
        self.ballast = pathlib.Path(f"/proc/{pid}/root{self.folder}/ballast")

    def database(self):
        return self.server.database(more="TABLESPACE small")

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as f, contextlib.suppress(OSError):
            while f.write(bytes(1 << 16)):
                pass

    def make_room(self):
        self.ballast.unlink()

    def close(self):
        self.server.close()
        self.folder.rmdir()


def _ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True, capture_output=True)


class FarServer:
    """A server in a network namespace of its own, at the end of a link that one can cut without a word."""

    def __init__(self):
        name = "phx" + uuid.uuid4().hex[:8]
        third = int(name[3:5], 16)
        self.name, self.near, self.far = name, f"10.231.{third}.1", f"10.231.{third}.2"
        _ip("netns", "add", name)
        try:
            self._link()
            self.server = Server(wrap=["ip", "netns", "exec", name], listen_addresses="*")
            self.server.allow("host all all 10.0.0.0/8 trust")
        except BaseException:
            _ip("netns", "del", name)
            raise

    def _link(self):
        near, inside = self.name, ("-n", self.name)
        _ip("link", "add", near, "type", "veth", "peer", "name", "far", "netns", self.name)
        _ip("addr", "add", self.near + "/30", "dev", near)
        _ip(*inside, "addr", "add", self.far + "/30", "dev", "far")
        _ip("link", "set", near, "address", "02:00:00:00:00:01", "up")
        _ip(*inside, "link", "set", "lo", "up")
        _ip(*inside, "link", "set", "far", "address", "02:00:00:00:00:02", "up")
        # neighbours for good: otherwise the kernel finds out that nobody is there, and says so
        _ip("neigh", "replace", self.far, "lladdr", "02:00:00:00:00:02", "dev", near, "nud", "permanent")

    def cut(self):
        _ip("-n", self.name, "link", "set", "far", "down")

    def mend(self):
        _ip("-n", self.name, "link", "set", "far", "up")

    def close(self):
        self.server.close()
        _ip("netns", "del", self.name)


class Swarm:
    """phoenix-swarm on an API: agents that poll, beat and send samples, and tasks for them."""

    def __init__(self, url, seconds, agents=150, tasks=50):
        self.process = subprocess.Popen(
            [BUILD / "phoenix-swarm", f"--url={url}", f"--agents={agents}", "--ramp=500ms", f"--duration={int(seconds)}s",
             "--drain=30s", "--wait=20s", "--heartbeat=1s", "--metrics=1s", f"--tasks={tasks}", "--json=-"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def report(self):
        out, err = self.process.communicate(timeout=120 * SLOW)
        assert self.process.returncode == 0, err
        return json.loads(out)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Parked(threading.Thread):
    """A poll that waits; `tasks` is what it was answered, None until then."""

    def __init__(self, api, host="h1", wait="60s"):
        super().__init__(daemon=True)
        self.api, self.host, self.wait, self.tasks = api, host, wait, None
        self.start()

    def run(self):
        self.tasks = self.api.poll(self.host, self.wait)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
