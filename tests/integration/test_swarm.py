# SPDX-License-Identifier: Apache-2.0
"""phoenix-swarm against a real phoenix-api: what it says must be what happened there."""
import json
import signal
import socket
import subprocess

import pytest
from env.common import BUILD, SLOW, wait_until

QUICK = {"task.delivery_lease": "1s", "task.lease": "3s"}


def command(*urls, **flags):
    words = [BUILD / "phoenix-swarm", *(f"--url={url}" for url in urls)]
    for name, value in flags.items():
        name = "--" + name.replace("_", "-")
        words.append(name if value is True else f"{name}={value}")
    return words


def run(*urls, status=0, **flags):
    """The report of a run as a document, and what it said on standard error."""
    done = subprocess.run(command(*urls, json="-", **flags), capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == status, done.stderr
    return (json.loads(done.stdout) if done.stdout else None), done.stderr


@pytest.fixture
def dead_url():
    """A port that nobody listens on, and that nobody else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def assert_delivered_once(d):
    assert d["due"] == d["enqueued"] + d["rejected"] + d["unknown"] + d["unsent"]
    assert d["lost"] == d["twice"] == d["foreign"] == d["bad_tasks"] == 0
    assert d["executed"] == d["received"]


def test_the_figures_are_those_of_the_api(api):
    # so few that no machine is too busy for them: an API that is puts samples off
    d, _ = run(api.url, agents=100, ramp="1s", duration="4s", heartbeat="1s", metrics="2s", logs="2s", tasks=50,
               task_time="100ms", pid=api.process.pid)
    assert d["agents"] == d["parked"] == 100
    assert d["due"] == d["completed"] == api.metric("phoenix_tasks_completed_total") == 200
    assert_delivered_once(d)
    assert d["errors"] == d["repeated"] == d["reopened"] == d["stale"] == 0
    assert d["dispatch"]["count"] == d["done"]["count"] == 200
    assert d["dispatch"]["p50_ms"] <= d["dispatch"]["p99_ms"] <= d["dispatch"]["max_ms"]
    assert d["done"]["p50_ms"] >= 100
    assert api.metric("phoenix_tasks_enqueued_total") == api.metric("phoenix_tasks_delivered_total") == 200
    answers = d["answers"]
    assert api.metric("phoenix_polls_total") == answers["poll"] + 100  # the last ones were parked
    # what was under way at the end is counted there, not here
    assert 0 <= api.metric("phoenix_heartbeats_total") - answers["heartbeat"] <= 20
    assert 0 <= api.metric("phoenix_batches_stored_total") - answers["samples"] - answers["logs"] <= 20
    assert answers["heartbeat"] >= 100 * 4 and answers["samples"] >= 100
    assert api.metric("phoenix_agents{status=\"healthy\"}") == 100
    assert d["pid1"]["cpu_ms"] > 0 and d["pid1"]["rss_bytes"] > 1 << 20


@pytest.mark.api(**QUICK)
def test_nothing_is_lost_when_the_api_is_killed(api):
    words = command(api.url, agents=500, processes=2, ramp="1s", duration="9s", heartbeat="2s", tasks=40,
                    task_outcome="mixed", json="-", expect="lost=0,twice=0")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as swarm:
        wait_until(lambda: api.metric("phoenix_tasks_completed_total") > 40, "tasks have been completed")
        api.restart(signal.SIGKILL)
        out, _ = swarm.communicate(timeout=60 * SLOW)
    d = json.loads(out)
    assert swarm.returncode == 0
    assert d["parked"] == d["agents"] == 500
    assert d["connections"] >= 1000  # each had to connect again
    assert d["reset"] + d["refused"] > 0
    assert_delivered_once(d)
    assert d["enqueued"] > d["due"] / 2
    assert d["completed"] + d["failed"] >= d["enqueued"]
    assert d["completed"] > 0 and d["failed"] > 0


@pytest.mark.api(**QUICK)
def test_all_come_back_after_their_connections_broke(api):
    d, _ = run(api.url, agents=200, processes=3, storm=True, duration="4s", tasks=25, restart_storm="1s")
    assert d["restart_ms"] > 0
    assert d["parked"] == 200 and d["connections"] >= 400
    assert d["completed"] == d["due"] == 100  # also when the processes cannot have the same share
    assert_delivered_once(d)


def test_agents_that_misbehave_are_counted_and_harm_nobody(api):
    d, _ = run(api.url, agents=100, broken=20, slow="10%", ramp="500ms", duration="3s", heartbeat="1s", tasks=20)
    assert d["agents"] == d["parked"] == 70
    for manner in "vanished", "half_closed", "garbage", "deaf", "slow", "broken_ended":
        assert d[manner] >= 5, manner
    assert d["completed"] == d["due"] == 60
    assert d["errors"] == 0
    assert_delivered_once(d)


def test_the_exit_status_tells_whether_expectations_hold(api, dead_url):
    short = dict(agents=5, storm=True, duration="500ms", tasks=10)
    run(api.url, **short, expect="completed=5,p99<5s,5xx=0,parked=5")
    d, said = run(api.url, **short, status=1, expect="lost=0,p99<1us,completed>5")
    assert d["completed"] == 5
    assert "expected dispatch.p99 < 0.001 ms, found " in said
    assert "expected completed > 5, found 5\n" in said and "lost" not in said
    _, said = run(dead_url, **short, join="100ms", drain="0s", status=1, expect="parked=5,join<1s")
    assert "expected parked = 5, found 0\n" in said and "join < 1000 ms, found nothing" in said
    nothing, said = run(dead_url, **short, status=2, expect="lots=0")
    assert nothing is None and '"lots" is no figure of the report' in said


def test_operators_enqueue_across_when_told_to(api, dead_url):
    short = dict(agents=20, ramp="200ms", duration="1s", tasks=20, drain="5s")
    d, _ = run(api.url, dead_url, **short, cross=True)
    assert d["parked"] == 20  # all of them here, so the way across leads there
    assert d["rejected"] == d["due"] == 20
    assert d["url2"]["refused"] >= 20 and d["url1"]["errors"] == 0
    d, _ = run(api.url, dead_url, **short)
    assert d["parked"] == 20 and d["completed"] > 0
    assert_delivered_once(d)


def test_who_ends_a_run_early_gets_its_report(api):
    words = command(api.url, agents=10, processes=3, storm=True, duration="60s", tasks=20, json="-")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as swarm:
        wait_until(lambda: api.metric("phoenix_tasks_completed_total") >= 10, "tasks have been completed")
        swarm.send_signal(signal.SIGINT)
        out, _ = swarm.communicate(timeout=20 * SLOW)
    d = json.loads(out)
    assert swarm.returncode == 0
    assert d["parked"] == 10 and d["completed"] >= 10
    assert d["due"] == d["enqueued"] + d["unsent"] and d["unsent"] <= 6  # what was not due yet is not missing


def test_a_report_goes_into_a_file_and_the_table_is_printed(api, folder):
    words = command(api.url, agents=3, storm=True, duration="300ms", tasks=10, json=folder / "report.json")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60 * SLOW, check=True)
    d = json.loads((folder / "report.json").read_text())
    assert d["urls"] == [api.url] and d["completed"] == 3
    table = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines() if line}
    assert table["completed"] == "3" and table["lost"] == "0" and table["dispatch"] == "3"
