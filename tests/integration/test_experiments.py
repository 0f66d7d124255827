# SPDX-License-Identifier: Apache-2.0
"""Experiments through the public API, on hosts that are made up (env/fleet.py): every phase, every
way out of it, and what happens when something breaks on the way."""
import signal
import threading
import time

import pytest

from env.fleet import Client
from env.lab import Lab

pytestmark = pytest.mark.timeout(60)


def spec(*hosts, **changes):
    config = {
        "target_hosts": list(hosts), "baseline_template": "baseline",
        "candidate_template": {"name": "topk", "parameters": {"k": 5}},
        "duration": "1500ms", "warmup_duration": "200ms", "deploy_timeout": "5s", "hold": "5m",
        "host_lost_after": "4s", "sample_interval": "50ms",
        "analysis": {"bucket": "200ms", "min_duration": "1s", "min_evidence": "within-host",
                     "success": [{"kpi": "cardinality", "reduction_at_least": 0.3}],
                     "guardrails": [{"kpi": "collector-memory", "ratio_at_most": 1.5}]}}
    config.update(changes)
    return {"name": "test", "config": config}


@pytest.fixture
def lab(api):
    made = Lab(api)
    yield made
    made.close()


@pytest.mark.valgrind
def test_an_experiment_runs_from_created_to_promoted(lab):
    host = lab.host()
    eid = lab.create(spec("h1", load_profile="process-churn", duration="12s"))
    assert lab.get(eid)["phase"] == "created"
    lab.command(eid, "start")
    lab.until(eid, "running")
    assert host.running() == {"baseline": False, "candidate": False}
    done = lab.until(eid, "completed")
    assert done["status"]["verdict"]["decision"] == "promote", done["status"]
    assert done["status"]["kpis"]["cardinality"] == pytest.approx(2 / 3, abs=0.02)
    lab.command(eid, "promote")
    lab.until(eid, "promoted")
    assert host.running() == {"candidate": True}
    assert not host.loads
    assert lab.phases(eid) == ["created", "deploying", "warmup", "running", "analyzing", "completed",
                               "promoting", "promoted"]


def test_kpis_have_an_estimate_an_interval_and_n(lab):
    lab.host()
    eid = lab.create(spec("h1", duration="12s"))
    status, before = lab.call("GET", f"/api/v1/experiments/{eid}/kpis")
    assert status == 200 and before["calculated_at"] is None and before["kpis"] == []
    lab.command(eid, "start")
    lab.until(eid, "completed")
    kpis = {k["name"]: k for k in lab.call("GET", f"/api/v1/experiments/{eid}/kpis")[1]["kpis"]}
    assert set(kpis) >= {"cardinality", "ingest-rate", "collector-cpu", "collector-memory",
                         "critical-processes", "cost"}
    k = kpis["cardinality"]
    assert k["reduction_low"] < k["reduction"] < k["reduction_high"] and k["n"] > 30 and k["status"] == "ok"


def test_no_data_is_unknown_and_never_a_success(lab):
    lab.host(figures=lambda variant, now: None)
    eid = lab.create(spec("h1"))
    lab.command(eid, "start")
    done = lab.until(eid, "completed")
    assert done["status"]["verdict"]["decision"] in ("inconclusive", "invalid")
    kpis = lab.call("GET", f"/api/v1/experiments/{eid}/kpis")[1]["kpis"]
    assert all(k["status"] == "unknown" and k["reason"] for k in kpis)


def test_a_candidate_that_saves_nothing_is_not_promoted(lab):
    from env.fleet import default_figures
    lab.host(figures=lambda variant, now: default_figures("baseline", now))
    eid = lab.create(spec("h1", duration="12s"))
    lab.command(eid, "start")
    done = lab.until(eid, "completed")
    assert done["status"]["verdict"]["decision"] == "reject"


@pytest.mark.valgrind
def test_rollback_keeps_the_baseline(lab):
    host = lab.host()
    eid = lab.create(spec("h1"))
    lab.command(eid, "start")
    lab.until(eid, "completed")
    lab.command(eid, "rollback")
    lab.until(eid, "rolled_back")
    assert host.running() == {"baseline": True}


def test_the_hold_time_ends_as_a_rollback(lab):
    host = lab.host()
    eid = lab.create(spec("h1", hold="1s"))
    lab.command(eid, "start")
    lab.until(eid, "rolled_back")
    assert host.running() == {"baseline": True}


def test_a_second_promotion_replaces_the_first(lab):
    host = lab.host()
    for _ in range(2):
        eid = lab.create(spec("h1"))
        lab.command(eid, "start")
        lab.until(eid, "completed")
        lab.command(eid, "promote")
        lab.until(eid, "promoted")
    assert [p["experiment_id"] for p in host.pipelines.values()] == [eid]


@pytest.mark.parametrize("phase", ["deploying", "warmup", "running", "completed"])
def test_stop_stops_both_arms_in_every_phase(lab, phase):
    hooks = {"collector/start/candidate": lambda task: "silent"} if phase == "deploying" else {}
    host = lab.host(script=hooks)
    eid = lab.create(spec("h1", warmup_duration="30s" if phase == "warmup" else "200ms",
                          duration="30s" if phase == "running" else "1500ms"))
    lab.command(eid, "start")
    lab.until(eid, phase)
    lab.command(eid, "stop")
    lab.until(eid, "stopped")
    assert host.running() == {}


def test_illegal_transitions_name_the_legal_ones(lab):
    lab.host()
    eid = lab.create(spec("h1"))
    problem = lab.command(eid, "promote", expect=409)
    assert "created" in problem["detail"] and "start" in problem["remedy"]
    lab.command(eid, "start")
    lab.until(eid, "running")
    assert "stop" in lab.command(eid, "promote", expect=409)["remedy"]


def test_of_two_starts_at_once_one_wins(lab):
    lab.host()
    eid = lab.create(spec("h1"))
    answers = []

    def start():
        answers.append(Client(lab.api.url).call("POST", f"/api/v1/experiments/{eid}/start", {})[0])
    threads = [threading.Thread(target=start) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(answers) == [202, 409, 409, 409, 409, 409]
    lab.until(eid, "warmup", "running")
    starts = [name for _, name in lab.hosts[0].executed if name.startswith("collector/start")]
    assert sorted(starts) == ["collector/start/baseline", "collector/start/candidate"]


def test_hosts_of_a_live_experiment_are_refused_to_another(lab):
    lab.host()
    first, second = lab.create(spec("h1")), lab.create(spec("h1"))
    lab.command(first, "start")
    problem = lab.command(second, "start", expect=409)
    assert '"h1"' in problem["detail"]
    assert lab.get(second)["phase"] == "created"
    lab.command(first, "stop")
    lab.until(first, "stopped")
    lab.command(second, "start")
    lab.until(second, "running")


def test_a_host_that_never_answers_fails_the_deployment(lab):
    eid = lab.create(spec("nobody", deploy_timeout="2s"))
    lab.command(eid, "start")
    done = lab.until(eid, "failed")
    assert "nobody" in done["status"]["error"]


def test_a_collector_that_cannot_start_fails_the_experiment_and_the_other_arm_is_stopped(lab):
    broken = {"status": "failed", "error_message": "exited with status 7: bad config", "retryable": False}
    host = lab.host(script={"collector/start/candidate": lambda task: broken})
    eid = lab.create(spec("h1"))
    lab.command(eid, "start")
    done = lab.until(eid, "failed")
    assert "exited with status 7" in done["status"]["error"]
    assert host.running() == {}


def test_a_retryable_failure_is_tried_again(lab):
    tries = []

    def flaky(task):
        tries.append(task["epoch"])
        return None if len(tries) > 1 else {"status": "failed", "error_message": "port taken", "retryable": True}
    host = lab.host(script={"collector/start/candidate": flaky})
    host.done = _Forgetful()
    eid = lab.create(spec("h1", deploy_timeout="15s"))
    lab.command(eid, "start")
    lab.until(eid, "warmup", "running")
    assert len(tries) == 2 and tries[1] > tries[0]


class _Forgetful(dict):
    """A host that does not remember failed executions."""

    def get(self, key, default=None):
        report = dict.get(self, key, default)
        return default if report and report.get("status") == "failed" else report


def test_a_candidate_that_dies_while_running_is_rolled_back(lab):
    host = lab.host()
    eid = lab.create(spec("h1", duration="30s"))
    lab.command(eid, "start")
    lab.until(eid, "running")
    host.fail_pipeline("candidate", "killed by signal 9")
    done = lab.until(eid, "rolled_back")
    assert "killed by signal 9" in done["status"]["error"]
    assert done["status"]["verdict"]["decision"] == "reject"
    assert host.running() == {"baseline": True}


def test_a_breached_guardrail_rolls_back_before_the_time_is_over(lab):
    from env.fleet import default_figures

    def hungry(variant, now):
        values = default_figures(variant, now)
        values[7] *= 4 if variant == "candidate" else 1
        return values
    host = lab.host(figures=hungry)
    eid = lab.create(spec("h1", duration="5m"))
    lab.command(eid, "start")
    done = lab.until(eid, "rolled_back")
    assert "collector-memory" in done["status"]["error"]
    assert host.running() == {"baseline": True}


def test_a_lost_host_goes_out_and_the_others_go_on(lab):
    for i in range(5):
        lab.host(f"h{i}")
    eid = lab.create(spec(*[f"h{i}" for i in range(5)], duration="6s", host_lost_after="2s"))
    lab.command(eid, "start")
    lab.until(eid, "running")
    lab.hosts[2].silent.set()
    done = lab.until(eid, "completed")
    assert list(done["status"]["hosts_out"]) == ["h2"] and done["status"]["active_hosts"] == 4
    lab.command(eid, "promote")
    lab.until(eid, "promoted")
    lab.hosts[2].silent.clear()
    lab.api.wait_until(lambda: lab.hosts[2].running() == {}, "the lost host stops both arms when it is back")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("phase", ["deploying", "warmup", "running", "completed", "promoting"])
def test_a_restart_of_the_api_goes_on_where_it_was(lab, phase, how):
    gate = threading.Event()
    slow = {"deploying": "collector/start/candidate", "promoting": "deployment/deploy"}.get(phase)
    host = lab.host(script={slow: lambda task: gate.wait(10) and None} if slow else {})
    eid = lab.create(spec("h1", warmup_duration="1s", deploy_timeout="20s", host_lost_after="15s"))
    lab.command(eid, "start")
    if phase == "promoting":
        lab.until(eid, "completed")
        lab.command(eid, "promote")
    lab.until(eid, phase)
    lab.api.stop(how)
    lab.api.start()
    gate.set()
    if phase not in ("promoting",):
        lab.until(eid, "completed")
        lab.command(eid, "promote")
    lab.until(eid, "promoted")
    assert host.running() == {"candidate": True}
    starts = [name for _, name in host.executed if name == "collector/start/candidate"]
    assert len(starts) == 1


def test_only_experiments_at_rest_can_be_deleted(lab):
    lab.host()
    eid = lab.create(spec("h1"))
    lab.command(eid, "start")
    lab.until(eid, "running")
    status, problem = lab.call("DELETE", f"/api/v1/experiments/{eid}")
    assert status == 409 and "running" in problem["detail"]
    lab.command(eid, "stop")
    lab.until(eid, "stopped")
    assert lab.call("DELETE", f"/api/v1/experiments/{eid}", headers={"If-Match": '"1"'})[0] == 412
    assert lab.call("DELETE", f"/api/v1/experiments/{eid}")[0] == 204
    assert lab.call("GET", f"/api/v1/experiments/{eid}")[0] == 404
    assert lab.call("GET", f"/api/v1/experiments/{eid}/kpis")[0] == 404
    assert lab.call("GET", f"/api/v1/experiments/{eid}/events")[0] == 404


@pytest.mark.parametrize("change, pointer", [
    ({"target_hosts": []}, "/config/target_hosts"),
    ({"target_hosts": ["a", "a"]}, "/config/target_hosts"),
    ({"target_hosts": ["../etc"]}, "/config/target_hosts/0"),
    ({"duration": 90}, "/config/duration"),
    ({"duration": "-5s"}, "/config/duration"),
    ({"surprise": 1}, "/config/surprise"),
    ({"candidate_template": "no-such"}, "/config/candidate_template"),
    ({"candidate_template": {"name": "topk", "parameters": {"k": "many"}}}, "/config/candidate_template/parameters/k"),
    ({"candidate_template": {"name": "topk", "parameters": {"k": 0}}}, "/config/candidate_template/parameters/k"),
    ({"load_profile": "no-such"}, "/config/load_profile"),
    ({"load_profile": {"name": "steady", "parameters": {"nope": 1}}}, "/config/load_profile/parameters/nope"),
    ({"analysis": {"success": [{"kpi": "no-such", "reduction_at_least": 0.1}]}}, "/config/analysis/success/0"),
    ({"analysis": {"surprise": True}}, "/config/analysis/surprise"),
    ({"min_hosts": 9}, "/config/min_hosts"),
])
def test_a_bad_document_is_refused_with_a_pointer(lab, change, pointer):
    body = spec("h1")
    body["config"].update(change)
    status, problem = lab.call("POST", "/api/v1/experiments", body)
    assert status == 422, problem
    assert pointer in [e["pointer"] for e in problem["errors"]], problem["errors"]


def test_the_same_idempotency_key_makes_one_experiment(lab):
    headers = {"Idempotency-Key": "k-1"}
    first = lab.call("POST", "/api/v1/experiments", spec("h1"), headers)
    again = lab.call("POST", "/api/v1/experiments", spec("h1"), headers)
    assert first[0] == again[0] == 201 and first[1]["id"] == again[1]["id"]
    other = dict(spec("h1"), name="another")
    assert lab.call("POST", "/api/v1/experiments", other, headers)[0] == 422


def test_the_list_comes_in_pages_and_can_be_filtered(lab):
    ids = [lab.create(spec("h1")) for _ in range(5)]
    seen, token = [], ""
    while True:
        page = lab.call("GET", f"/api/v1/experiments?limit=2{token}")[1]
        seen += [e["id"] for e in page["experiments"]]
        if not page["next_page_token"]:
            break
        token = "&page_token=" + page["next_page_token"]
    assert seen == list(reversed(ids))
    assert lab.call("GET", "/api/v1/experiments?phase=live")[1]["experiments"] == []


def test_a_watcher_that_hangs_up_does_no_harm(lab):
    eid = lab.create(spec("h1"))
    after = lab.call("GET", f"/api/v1/experiments/{eid}/events")[1]["events"][-1]["id"]
    for _ in range(5):
        client = Client(lab.api.url, timeout=0.3)
        with pytest.raises(OSError):
            client.call("GET", f"/api/v1/experiments/{eid}/events?wait=30s&after={after}")
    lab.command(eid, "start")
    assert lab.get(eid)["phase"] in ("deploying",)
