# SPDX-License-Identifier: Apache-2.0
"""Load simulations through the public API, on hosts that are made up (env/fleet.py)."""
import time

import pytest

from env.fleet import Client, Host

pytestmark = pytest.mark.timeout(60)
PATH = "/api/v1/loadsimulations"


@pytest.fixture
def client(api):
    made = Client(api.url)
    yield made
    made.close()


@pytest.fixture
def hosts(api):
    """Starts hosts by name, and waits until the API has heard of them."""
    started = []

    def start(*names, **how):
        new = [Host(api.url, name, **how).start() for name in names]
        started.extend(new)
        known = Client(api.url)
        for name in names:
            until(lambda: known.call("GET", f"/api/v1/agents/{name}")[0] == 200, f"{name} is known")
        known.close()
        return new
    yield start
    for host in started:
        host.stopping.set()
    for host in started:
        host.stop()


def until(fn, what, within=15):
    end = time.monotonic() + within
    while time.monotonic() < end:
        if fn():
            return
        time.sleep(0.02)
    raise AssertionError("not in time: " + what)


def begin(client, *names, expect=201, headers=None, **body):
    body = dict({"profile": "steady", "duration": "30s", "target_hosts": list(names)}, **body)
    status, doc = client.call("POST", PATH, body, headers)
    assert status == expect, doc
    return doc


def until_status(client, load, status, within=15):
    def is_there():
        doc = client.call("GET", f"{PATH}/{load['id']}")[1]
        return doc["status"] == status
    until(is_there, f"{status}; it is {client.call('GET', PATH + '/' + load['id'])[1]}", within)
    return client.call("GET", f"{PATH}/{load['id']}")[1]


def test_profiles_are_listed_with_aliases_and_parameters(client):
    status, doc = client.call("GET", PATH + "/profiles")
    assert status == 200
    profiles = {p["name"]: p for p in doc["profiles"]}
    assert {"process-churn", "steady", "spike", "high-cardinality", "realistic"} <= set(profiles)
    assert profiles["high-cardinality"]["aliases"] == ["high-card"]
    assert profiles["realistic"]["aliases"] == ["normal"]


@pytest.mark.valgrind
def test_a_load_runs_on_its_hosts_and_is_stopped(client, hosts):
    a, b = hosts("a", "b")
    load = begin(client, "a", "b", seed=7)
    assert load["status"] == "starting" and load["duration"] == "30s" and load["seed"] == 7
    doc = until_status(client, load, "running")
    until(lambda: a.loads and b.loads, "both hosts run it")
    assert doc["started_at"] and doc["completed_at"] is None
    status, doc = client.call("DELETE", f"{PATH}/{load['id']}")
    assert status == 202 and doc["status"] == "stopping"
    doc = until_status(client, load, "stopped")
    assert not a.loads and not b.loads and doc["completed_at"]
    assert {h["status"] for h in doc["hosts"].values()} == {"stopped"}


def test_the_newest_report_is_what_is_stored(api, client, hosts):
    (a,) = hosts("a")
    load = begin(client, "a")
    until_status(client, load, "running")
    a.silent.set()  # from now on it speaks only when it is told to: no later report mends what was lost
    voice = Client(api.url, "a")

    def offered(client=client):
        return client.call("GET", f"{PATH}/{load['id']}")[1]["hosts"]["a"].get("offered")
    for n in (100, 200, 300):
        with a.lock:
            a.loads[load["id"]].update(offered=n)
        before = api.metric("phoenix_store_statements_total")
        assert a._heartbeat(voice)[0] == 204
        until(lambda: api.metric("phoenix_store_statements_total") > before, "the report is being written")
        assert offered() == n
    api.restart()
    assert offered(Client(api.url)) == 300


def test_a_load_that_ends_by_itself_has_completed(client, hosts):
    (a,) = hosts("a")
    load = begin(client, "a")
    until_status(client, load, "running")
    with a.lock:
        a.loads[load["id"]].update(status="completed", offered=100, delivered=99)
    doc = until_status(client, load, "completed")
    assert doc["hosts"]["a"]["offered"] == 100 and doc["hosts"]["a"]["delivered"] == 99


def test_one_host_that_fails_fails_the_whole_and_says_why(client, hosts):
    hosts("a")
    hosts("b", script={"loadsim/start": lambda task: {
        "status": "failed", "error_message": "no memory", "retryable": False}})
    load = begin(client, "a", "b")
    until(lambda: client.call("GET", f"{PATH}/{load['id']}")[1]["hosts"]["b"]["status"] == "failed", "b failed")
    client.call("DELETE", f"{PATH}/{load['id']}")
    doc = until_status(client, load, "failed")
    assert doc["hosts"]["b"]["reason"] == "no memory" and doc["hosts"]["a"]["status"] == "stopped"


def test_a_load_that_dies_on_its_host_has_failed(client, hosts):
    (a,) = hosts("a")
    load = begin(client, "a")
    until_status(client, load, "running")
    until(lambda: client.call("GET", f"{PATH}/{load['id']}")[1]["status"] == "running", "running")
    time.sleep(1.2)  # two heartbeats show it
    with a.lock:
        a.loads.clear()
    doc = until_status(client, load, "failed")
    assert "any more" in doc["hosts"]["a"]["reason"]


def test_an_alias_means_its_profile_and_defaults_are_filled_in(client, hosts):
    hosts("a")
    load = begin(client, "a", profile="high-card")
    assert load["profile"] == "high-cardinality" and load["parameters"]
    client.call("DELETE", f"{PATH}/{load['id']}")


@pytest.mark.parametrize("change, pointer", [
    ({"profile": "nope"}, "/profile"), ({"parameters": {"no_such": 1}}, "/parameters/no_such"),
    ({"duration": "25h"}, "/duration"), ({"duration": "0s"}, "/duration"), ({"duration": 60}, "/duration"),
    ({"target_hosts": ["a", "ghost"]}, "/target_hosts/1"), ({"target_hosts": ["a", "a"]}, "/target_hosts/1"),
    ({"target_hosts": []}, "/target_hosts"), ({"target_hosts": None}, "/target_hosts"), ({"unknown": 1}, "/unknown"),
    ({"experiment_id": "01890000-0000-7000-8000-000000000000"}, "/experiment_id")])
def test_what_is_wrong_is_named(client, hosts, change, pointer):
    hosts("a")
    doc = begin(client, "a", expect=422, **change)
    assert [e["pointer"] for e in doc["errors"]] == [pointer]
    assert client.call("GET", PATH)[1]["load_simulations"] == []


def test_hosts_may_come_from_an_experiment(client, hosts):
    hosts("a", "b")
    status, experiment = client.call("POST", "/api/v1/experiments", {"name": "x", "config": {
        "target_hosts": ["a", "b"], "baseline_template": "baseline", "candidate_template": "topk"}})
    assert status == 201, experiment
    status, load = client.call("POST", PATH, {"experiment_id": experiment["id"], "profile": "steady", "duration": "30s"})
    assert status == 201 and load["target_hosts"] == ["a", "b"]
    found = client.call("GET", PATH + "?experiment_id=" + experiment["id"])[1]["load_simulations"]
    assert [f["id"] for f in found] == [load["id"]]
    client.call("DELETE", f"{PATH}/{load['id']}")


def test_the_same_idempotency_key_starts_one_load(client, hosts):
    (a,) = hosts("a")
    key = {"Idempotency-Key": "only-once"}
    first, second = begin(client, "a", headers=key), begin(client, "a", headers=key)
    assert first["id"] == second["id"]
    assert len(client.call("GET", PATH)[1]["load_simulations"]) == 1
    until_status(client, first, "running")
    assert len([name for _, name in a.executed if name.startswith("loadsim/start")]) == 1


def test_a_stop_before_the_start_was_delivered_leaves_nothing(client, hosts):
    (a,) = hosts("a")
    a.silent.set()
    load = begin(client, "a")
    assert client.call("DELETE", f"{PATH}/{load['id']}")[0] == 202
    a.silent.clear()
    until_status(client, load, "stopped")
    assert not a.loads and not [n for _, n in a.executed if n.startswith("loadsim/start")]


def test_stopping_twice_and_stopping_what_has_ended_is_fine(client, hosts):
    hosts("a")
    load = begin(client, "a")
    for _ in range(3):
        assert client.call("DELETE", f"{PATH}/{load['id']}")[0] == 202
    until_status(client, load, "stopped")
    assert client.call("DELETE", f"{PATH}/{load['id']}")[0] == 202


def test_a_load_is_changed_on_all_its_hosts(client, hosts):
    a, b = hosts("a", "b")
    load = begin(client, "a", "b")
    path = f"{PATH}/{load['id']}"
    until_status(client, load, "running")
    until(lambda: a.loads and b.loads, "both hosts run it")
    status, doc = client.call("PATCH", path, {"factor": 2.5})
    assert status == 202 and doc["adjusted"] == {"factor": 2.5}
    until(lambda: {(h["adjust"], h["rate"]) for h in client.call("GET", path)[1]["hosts"].values()} == {("done", 250)},
          "both hosts have changed it")
    with b.lock:
        b.loads.clear()  # it has just ended there
    assert client.call("PATCH", path, {"rate": 7})[0] == 202
    until(lambda: client.call("GET", path)[1]["hosts"]["a"]["rate"] == 7, "the other one has changed it again")
    client.call("DELETE", path)


@pytest.mark.parametrize("body, pointer", [
    ({}, ""), ({"factor": 1, "rate": 1}, ""), ({"factor": -1}, "/factor"), ({"factor": 1001}, "/factor"),
    ({"rate": 0}, "/rate"), ({"rate": "fast"}, "/rate"), ({"speed": 1}, "/speed")])
def test_a_change_that_makes_no_sense_is_refused(client, hosts, body, pointer):
    hosts("a")
    load = begin(client, "a")
    status, doc = client.call("PATCH", f"{PATH}/{load['id']}", body)
    assert status == 422 and pointer in [e["pointer"] for e in doc["errors"]], doc
    client.call("DELETE", f"{PATH}/{load['id']}")


def test_what_has_ended_cannot_be_changed(client, hosts):
    hosts("a")
    load = begin(client, "a")
    client.call("DELETE", f"{PATH}/{load['id']}")
    status, doc = client.call("PATCH", f"{PATH}/{load['id']}", {"factor": 1})
    assert status == 409 and "has ended, or is about to" in doc["detail"]
    assert client.call("PATCH", PATH + "/01890000-0000-7000-8000-000000000000", {"factor": 1})[0] == 404


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_load_is_not_found(client, method):
    assert client.call(method, PATH + "/01890000-0000-7000-8000-000000000000")[0] == 404


def test_the_list_comes_in_pages_newest_first(client, hosts):
    hosts("a")
    ids = [begin(client, "a")["id"] for _ in range(5)]
    first = client.call("GET", PATH + "?limit=2")[1]
    assert [x["id"] for x in first["load_simulations"]] == ids[:2:-1]
    rest = client.call("GET", PATH + "?limit=10&page_token=" + first["next_page_token"])[1]
    assert [x["id"] for x in rest["load_simulations"]] == ids[2::-1] and rest["next_page_token"] is None
    for load in ids:
        client.call("DELETE", f"{PATH}/{load}")


def test_a_load_lives_on_when_the_api_is_started_again(client, hosts, api):
    (a,) = hosts("a")
    load = begin(client, "a")
    until_status(client, load, "running")
    api.restart()
    client.close()
    with a.lock:
        a.loads[load["id"]].update(status="completed")
    until_status(client, load, "completed")
