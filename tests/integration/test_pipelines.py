# SPDX-License-Identifier: Apache-2.0
"""Templates, rendering, checking, what runs where, and plugins, through the public API."""
import hashlib

import pytest

from env.fleet import Client, Host

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def client(api):
    made = Client(api.url)
    yield made
    made.close()


def pointers(doc):
    return sorted(e["pointer"] for e in doc["errors"])


def test_templates_are_listed_with_the_schema_of_their_parameters(client):
    status, doc = client.call("GET", "/api/v1/pipelines/templates")
    assert status == 200
    names = [(t["collector"], t["name"]) for t in doc["templates"]]
    assert names == sorted(names)
    assert {("native", "adaptive"), ("native", "topk"), ("nrdot", "baseline"), ("otelcol", "hybrid")} <= set(names)
    assert not {"common", "marked", "summed", "newrelic"} & {name for _, name in names}
    topk = client.call("GET", "/api/v1/pipelines/templates/topk")[1]
    assert topk["parameters"]["properties"]["k"]["type"] == "integer"
    assert topk in doc["templates"]
    for collector in "native", "nrdot", "otelcol":
        one = client.call("GET", "/api/v1/pipelines/templates/hybrid?collector=" + collector)[1]
        assert one["collector"] == collector and one in doc["templates"]
    assert client.call("GET", "/api/v1/pipelines/templates/topk?collector=otelcol")[0] == 404


@pytest.mark.parametrize("name", ["adaptive", "aggregate", "baseline", "hybrid", "priority", "sampling", "topk",
                                  "topk-rollup"])
def test_every_template_renders_with_its_defaults_and_its_backend_accepts_the_result(client, name):
    status, doc = client.call("POST", "/api/v1/pipelines/render", {"template": name})
    assert status == 200, doc
    again = client.call("POST", "/api/v1/pipelines/render", {"template": name})[1]
    assert again["config_hash"] == doc["config_hash"]
    digest = hashlib.sha256()
    for f in doc["files"]:
        digest.update(f["name"].encode() + b"\0" + f["content"].encode() + b"\0")
    assert doc["config_hash"] == "sha256:" + digest.hexdigest()
    status, verdict = client.call("POST", "/api/v1/pipelines/validate", {"yaml": doc["files"][0]["content"]})
    assert status == 200 and verdict == {"valid": True, "errors": [], "warnings": []}


@pytest.mark.valgrind
def test_parameters_reach_the_config(client):
    body = {"template": "topk", "parameters": {"k": 7}, "critical_processes": ["my: \"odd\" name*"]}
    first = client.call("POST", "/api/v1/pipelines/render", body)[1]
    assert "7" in first["files"][0]["content"] and "odd" in first["files"][0]["content"]
    body["parameters"]["k"] = 8
    assert client.call("POST", "/api/v1/pipelines/render", body)[1]["config_hash"] != first["config_hash"]


@pytest.mark.parametrize("parameters, at", [
    ({"k": 0}, ["/parameters/k"]), ({"k": "7"}, ["/parameters/k"]), ({"no_such": 1}, ["/parameters/no_such"]),
    ({"k": 10 ** 9, "by": ["colour"]}, ["/parameters/by/0", "/parameters/k"])])
def test_bad_parameters_are_named_each(client, parameters, at):
    status, doc = client.call("POST", "/api/v1/pipelines/render", {"template": "topk", "parameters": parameters})
    assert status == 422 and pointers(doc) == at


@pytest.mark.parametrize("name", ["nope", "..%2Fnative%2Ftopk", "%2Fetc%2Fpasswd"])
def test_an_unknown_template_is_not_found(client, name):
    assert client.call("GET", "/api/v1/pipelines/templates/" + name)[0] in (400, 404)


def test_an_unknown_backend_is_not_supported(client):
    status, doc = client.call("POST", "/api/v1/pipelines/validate", {"collector": "nope", "yaml": "{}"})
    assert status == 501, doc


@pytest.mark.parametrize("config", ["processors: [{type: nope}]", "a: &a [*a]", "\t", "x" * 100000, "[" * 5000])
def test_a_bad_config_is_answered_with_what_is_wrong(client, config):
    status, doc = client.call("POST", "/api/v1/pipelines/validate", {"yaml": config})
    assert status == 200 and not doc["valid"]
    assert all(e["at"] and e["message"] for e in doc["errors"])


def test_a_config_is_text_or_a_document_and_not_both(client):
    document = {"name": "x", "processors": [{"type": "topk", "k": 3}]}
    assert client.call("POST", "/api/v1/pipelines/validate", {"config": document})[1]["valid"]
    assert client.call("POST", "/api/v1/pipelines/validate", {})[0] == 422
    assert client.call("POST", "/api/v1/pipelines/validate", {"config": document, "yaml": "x"})[0] == 422


def test_pipelines_that_run_are_listed_by_host_in_pages(client, api):
    for n in range(3):
        host = Host(api.url, f"host-{n}")
        for variant in ("baseline", "candidate"):
            host.pipelines[variant] = {
                "id": f"e-{variant}", "experiment_id": None, "variant": variant, "status": "running",
                "pipeline": "topk", "config_hash": "sha256:0", "pid": 1, "port": 42000, "restarts": 0,
                "kept": False, "since": "2026-01-01T00:00:00.000Z", "reason": None}
        speaker = Client(api.url, host.host_id)
        assert host._heartbeat(speaker)[0] == 204
        speaker.close()
    seen, token = [], ""
    while token is not None:
        status, doc = client.call("GET", "/api/v1/pipelines?limit=4" + token)
        assert status == 200 and len(doc["pipelines"]) <= 4
        seen += [(p["host_id"], p["variant"]) for p in doc["pipelines"]]
        token = doc["next_page_token"] and "&page_token=" + doc["next_page_token"]
    assert seen == [(f"host-{n}", v) for n in range(3) for v in ("baseline", "candidate")]
    only = client.call("GET", "/api/v1/pipelines?host_id=host-1&variant=candidate")[1]["pipelines"]
    assert [(p["host_id"], p["variant"]) for p in only] == [("host-1", "candidate")]
    assert only[0]["config_url"] == "sha256:0" and only[0]["process_info"]["port"] == 42000


def test_plugins_are_listed_with_their_licence_and_where_they_are(client):
    status, doc = client.call("GET", "/api/v1/plugins")
    assert status == 200
    kinds = {p["kind"] for p in doc["plugins"]}
    assert {"phoenix.storage/1", "phoenix.collector/1", "phoenix.kpi/1", "phoenix.load/1"} <= kinds
    assert all(p["license"] and p["path"] and p["version"] for p in doc["plugins"])
