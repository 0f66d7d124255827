# SPDX-License-Identifier: Apache-2.0
"""When there is not room for all: who is served, who is refused and how, and that nothing is lost that was
accepted."""
import json
import pathlib
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from env.common import SLOW, wait_until

pytestmark = pytest.mark.timeout(120)
LOADS = "/api/v1/loadsimulations"
ROWS = 5000  # the most that a batch may have; about 800 kB
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


@pytest.mark.api(**{"limits.host.batches_per_s": 0, "log.level": "info"})
def test_tasks_pass_by_a_flood_of_samples(api):
    at_rest = rss(api)
    flood, dispatcher, most = Flood(api), Dispatcher(api), at_rest
    dispatcher.run(time.monotonic() + 5)
    most = max(most, rss(api))
    answers = flood.end()
    most = max(most, rss(api))
    delivered, reported = dispatcher.delivered, dispatcher.reported
    print(f"{len(delivered)} tasks: delivered p50 {percentile(delivered, 50) * 1e3:.1f} ms, p99 "
          f"{percentile(delivered, 99) * 1e3:.1f} ms; reports p99 {percentile(reported, 99) * 1e3:.1f} ms; "
          f"{sum(answers['accepted'].values())} batches accepted, refused {answers['refused']}; "
          f"RSS {at_rest >> 20} -> {most >> 20} MiB")
    assert not dispatcher.refused
    assert len(delivered) >= 20
    assert percentile(delivered, 99) < 0.2 * SLOW and percentile(reported, 99) < 0.2 * SLOW
