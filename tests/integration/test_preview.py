# SPDX-License-Identifier: Apache-2.0
"""Previews: a short run of both pipelines on chosen hosts, or the last samples of the same two configs."""
import json
import os
import subprocess

import pytest

from env.agent import Agent
from env.api import Api
from env.common import BUILD, wait_until
from env.lab import Lab

pytestmark = pytest.mark.timeout(60)
BODY = {"candidate_template": {"name": "topk", "parameters": {"k": 3, "min_interval_ms": 20}},
        "baseline_template": {"name": "baseline", "parameters": {"min_interval_ms": 20}},
        "target_hosts": ["h1"], "duration": "3s", "warmup_duration": "200ms", "sample_interval": "50ms",
        "critical_processes": ["python*"]}


@pytest.fixture
def lab(folder):
    """One host, everything real."""
    made = Lab(Api(folder, {"heartbeat.interval": "200ms", "task.delivery_lease": "1s"}).start())
    agent = Agent(folder / "agent", made.api.url, stand_in=False, agent__host_id="h1").start()
    made.agent = agent
    wait_until(lambda: made.call("GET", "/api/v1/agents/h1")[0] == 200, "the API knows the agent")
    yield made
    made.close()
    agent.clean_up()
    made.api.close()


def ask(lab, expect=202, **changes):
    body = {key: value for key, value in {**BODY, **changes}.items() if value is not None}
    status, doc = lab.call("POST", "/api/v1/pipelines/preview", body)
    assert status == expect, doc
    return doc


def preview(lab, pid):
    status, doc = lab.call("GET", f"/api/v1/pipelines/preview/{pid}")
    assert status == 200, doc
    return doc


def what_its_series_are_is_known(lab, eid, kpi):
    """The censuses of a short run are taken by the agent from the same expositions as the KPIs."""
    cost = lab.call("GET", f"/api/v1/metrics/cost-flow?experiment={eid}&limit=100")[1]
    assert cost["state"] == "measured" and cost["per_month"]["saving"] > 0, cost
    assert sum(m["per_month"]["baseline"] for m in cost["metrics"]) == pytest.approx(cost["per_month"]["baseline"])
    doc = lab.call("GET", f"/api/v1/metrics/cardinality?experiment={eid}&limit=100")[1]
    assert doc["state"] == "measured" and doc["hosts"] == 1, doc
    for arm in ("baseline", "candidate"):
        figure, parts = doc["series"][arm], [m["series"][arm]["value"] for m in doc["metrics"]]
        assert figure["exact"] and figure["value"] == sum(parts) == pytest.approx(kpi[arm], rel=0.3)
    name = {label["name"]: label["values"] for label in doc["labels"]}["process_executable_name"]
    assert 0 < name["candidate"]["value"] < name["baseline"]["value"]


def test_a_shadow_run_measures_keeps_nothing_and_answers_the_next_question(lab):
    asked = ask(lab)
    assert (asked["source"], asked["state"], asked["kpis"]) == ("shadow_run", "running", None)
    wait_until(lambda: preview(lab, asked["id"])["state"] != "running", "it is measured")
    doc = preview(lab, asked["id"])
    assert doc["state"] == "completed" and doc["measured_from"] < doc["measured_to"]
    kpis = {kpi["name"]: kpi for kpi in doc["kpis"]["kpis"]}
    series = kpis["cardinality"]
    assert 0 < series["candidate"] < series["baseline"], series
    assert doc["reductions"]["cardinality"] == pytest.approx(1 - series["candidate"] / series["baseline"], abs=0.2)
    what_its_series_are_is_known(lab, asked["id"], series)
    lab.until(asked["id"], "stopped")
    wait_until(lambda: lab.call("GET", "/api/v1/pipelines")[1]["pipelines"] == [], "nothing is kept")

    again = ask(lab, 200, target_hosts=None)
    assert (again["source"], again["state"], again["id"]) == ("last_samples", "completed", asked["id"])
    assert again["reductions"] == doc["reductions"]
    other = ask(lab, 404, target_hosts=None, candidate_template={"name": "topk", "parameters": {"k": 4}})
    assert "has measured these two configs" in other["detail"] and "target_hosts" in other["remedy"]


def test_the_command_follows_it_and_shows_the_figures(lab):
    env = dict(os.environ, PHOENIX_API_URL=lab.api.url)
    command = [str(BUILD / "phoenix"), "pipeline", "preview", "topk", "-p", "k=3", "-p", "min_interval_ms=20",
               "--host", "h1", "--duration", "3s", "--warmup", "200ms", "--sample-interval", "50ms"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "shadow run of experiment" in done.stdout and "cardinality" in done.stdout
    again = subprocess.run(command[:8] + ["-o", "json"], env=env, capture_output=True, text=True, timeout=50)
    assert again.returncode == 0 and json.loads(again.stdout)["source"] == "last_samples", again.stderr
    wrong = subprocess.run(command[:3] + ["nothing"], env=env, capture_output=True, text=True, timeout=50)
    assert wrong.returncode == 1 and "no template" in wrong.stderr, wrong.stderr


def test_a_preview_that_cannot_run_says_why(lab):
    doc = ask(lab, 422, candidate_template={"name": "topk", "parameters": {"k": 0}})
    assert [fault["pointer"] for fault in doc["errors"]] == ["/candidate_template/parameters/k"]
    assert ask(lab, 422, duration="1s")["errors"][0]["pointer"] == "/duration"
    lost = ask(lab, target_hosts=["nobody"])
    lab.command(lost["id"], "stop")
    wait_until(lambda: preview(lab, lost["id"])["state"] == "failed", "it has failed")
    assert preview(lab, lost["id"])["reason"]


def test_an_experiment_is_no_preview(lab):
    eid = lab.create({"name": "x", "config": {"target_hosts": ["h1"], "baseline_template": "baseline",
                                              "candidate_template": "topk"}})
    assert lab.call("GET", f"/api/v1/pipelines/preview/{eid}")[0] == 404


def test_the_hold_time_ends_as_the_config_says(lab):
    """rollback_to: nothing, for an experiment of a user's own."""
    eid = lab.create({"name": "x", "config": {
        "target_hosts": ["h1"], "baseline_template": "baseline", "candidate_template": "topk", "duration": "1s",
        "warmup_duration": "0s", "sample_interval": "100ms", "hold": "1s", "rollback_to": "nothing"}})
    lab.command(eid, "start")
    lab.until(eid, "stopped")
    assert lab.phases(eid)[-3:] == ["completed", "stopping", "stopped"]
    assert lab.call("GET", "/api/v1/pipelines")[1]["pipelines"] == []
