# SPDX-License-Identifier: Apache-2.0
"""The real OpenTelemetry Collector: what the backend renders is what it runs, an experiment with two of them,
and every way in which they fail."""
import contextlib
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml

from env.agent import Agent, alive, collector_config, instances, new_id
from env.api import Api
from env.collector import Collector
from env.common import SOURCE, wait_until
from env.fakeapi import FakeApi
from env.lab import Lab
from env.otelcol import install, otelcol_path
from env.proctable import ProcTable
from env.stack import Prometheus, Pushgateway, request
from env.tee import Application, free_port

pytestmark = pytest.mark.timeout(120)
COLLECTORS = "native,otelcol,nrdot"


def data_dir(folder, **templates):
    """The data that Phoenix comes with, and some templates of the test's own."""
    data = folder / "data"
    shutil.copytree(SOURCE / "etc", data)
    for name, document in templates.items():
        document = dict({"name": name, "collector": "otelcol", "summary": "of a test"}, **document)
        (data / "otel-templates" / "otelcol" / (name + ".yaml")).write_text(yaml.safe_dump(document))
    return data


def render(api, name, collector="otelcol", **parameters):
    status, doc = api.call("POST", "/api/v1/pipelines/render",
                           {"template": name, "collector": collector, "parameters": parameters})
    assert status == 200, doc
    return {f["name"]: f["content"] for f in doc["files"]}


# -------------------------------------------------------------------------- what it makes of a config

HOSTILE = ['plain', '"', "\\", '\\"', '") or true or ("', "$HOME", "${env:PHX_SECRET_1}", "$${env:PHX_SECRET_1}",
           "${file:/etc/passwd}", "{v0}", "%s\t|", "# a: [b", "'", "\u2028\u00e9\U0001f600", "a\nb", "\x01\x7f", "$", "1e-05"]


@pytest.fixture
def start(folder):
    """A collector without an agent."""
    running = []

    def started(files, *how):
        running.append(Collector(files, folder / "c", *how))
        return running[-1].start()
    yield started
    for collector in running:
        collector.close()


def test_values_from_hell_reach_the_collector_as_they_are(folder, start):
    names = ["v%d" % i for i in range(len(HOSTILE))]
    api = Api(folder, {"data_dir": data_dir(folder, echo={
        "parameters": {name: {"type": "string"} for name in names},
        "pipeline": {
            "receivers": {"hostmetrics": {"collection_interval": "1s", "scrapers": {"load": {}}}},
            "processors": {"transform": {"metric_statements": [{"context": "datapoint", "statements": [
                {"ottl": 'set(attributes["%s"], {v})' % name, "with": {"v": "${%s}" % name}} for name in names]}]}},
            "service": {"pipelines": {"metrics": {"receivers": ["hostmetrics"], "processors": ["transform"]}}}}})}).start()
    try:
        files = render(api, "echo", **dict(zip(names, HOSTILE)))
    finally:
        api.close()
    collector = start(files)

    def labels():
        return [dict(pairs) for name, pairs in collector.samples() if name == "system_cpu_load_average_1m"]
    found, = wait_until(labels, "a point is there")
    assert [found[name] for name in names] == HOSTILE


def test_a_new_list_of_names_restarts_the_scraper_only(folder, start):
    api = Api(folder).start()
    try:
        files = render(api, "topk-exact", interval_s=1, host_totals=False)
    finally:
        api.close()
    receiver, = json.loads(files["phoenix.json"])["ranked"]

    def let(*processes):
        include = {"match_type": "strict", "names": ["nobody at all", *processes]}
        return yaml.safe_dump({"receivers": {receiver: {"scrapers": {"process": {"include": include}}}}})

    def sees(*processes):
        return {dict(labels).get("process_executable_name") for _, labels in collector.samples()} == set(processes)
    me = pathlib.Path("/proc/self/comm").read_text().strip()
    collector = start(files, let(me), ["--feature-gates=service.partialReload"])
    wait_until(lambda: sees(me), "it sees one name")
    (collector.folder / "overlay.yaml").write_text(let(me, "otelcol-phoenix"))
    collector.process.send_signal(signal.SIGHUP)
    wait_until(lambda: sees(me, "otelcol-phoenix"), "it sees two")
    log = collector.log.read_text()
    assert "performing partial receiver reload" in log and "restart service" not in log


# --------------------------------------------------------------------- with an agent, and a made-up API

CONFIG = """
receivers: {otlp: {protocols: {http: {endpoint: "${env:PHX_ADDRESS}:${env:PHX_OTLP_HTTP_PORT}"}}}}
exporters:
  prometheus: {endpoint: "${env:PHX_ADDRESS}:${env:PHX_EXPORT_PORT}"}
extensions: {health_check: {endpoint: "${env:PHX_ADDRESS}:${env:PHX_HEALTH_PORT}"}}
service:
  extensions: [health_check]
  telemetry:
    metrics: {readers: [{pull: {exporter: {prometheus: {host: "${env:PHX_ADDRESS}", port: "${env:PHX_TELEMETRY_PORT}"}}}}]}
  pipelines: {metrics: {receivers: [otlp], exporters: [prometheus]}}
"""


class Host:
    """An agent whose API is made up, and collectors that are real."""

    def __init__(self, folder):
        self.folder, self.api, self.experiment = folder, FakeApi(), new_id()
        self.agent = Agent(folder / "agent", self.api.url, stand_in=False, agent__allow__collectors=COLLECTORS)

    def start(self, config=CONFIG, status="completed", extras="{}", **more):
        if not self.agent.process:
            self.agent.start()
        files = [{"name": "config.yaml", "content": config}, {"name": "phoenix.json", "content": extras}]
        config = collector_config(self.experiment, files=files, collector="otelcol", ready_timeout="20s", **more)
        return self.ended(self.api.enqueue("collector", "start", config, experiment_id=self.experiment), status)

    def ended(self, task, status="completed"):
        wait_until(lambda: task.status in ("completed", "failed"), "the task has ended")
        assert task.status == status, task.error
        return task

    def stop(self):
        config = {"id": "%s-baseline" % self.experiment}
        return self.ended(self.api.enqueue("collector", "stop", config, experiment_id=self.experiment, priority=2))

    def shown(self):
        return (self.api.pipelines() or {}).get("%s-baseline" % self.experiment) or {}


@pytest.fixture
def host(folder):
    made = Host(folder)
    install(made.agent.libexec)
    yield made
    made.agent.clean_up()
    made.api.stop()


def test_a_collector_starts_is_sampled_and_stops(host):
    task = host.start()
    sample = wait_until(lambda: [s for s in host.api.samples("baseline") if s["up"] == 1], "it is sampled")[-1]
    assert sample["rss_bytes"] > 10e6 and sample["restarts_total"] == 0
    assert host.stop().result == {"status": "stopped"}
    assert not alive(task.result["pid"])


def test_what_the_collector_refuses_is_told_in_its_own_words(host):
    broken = CONFIG.replace("pipelines:", "pipelnes:")
    assert "has invalid keys: pipelnes" in host.start(broken, status="failed").error


STEALS_ITS_PORT = r'''#!%s
import os, subprocess, sys, time
taken = %r
if "validate" not in sys.argv and not os.path.exists(taken):
    thief = "import os, socket, sys, time\ns = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n" \
            "open(sys.argv[2], 'w').write(sys.argv[1])\nwhile os.path.exists(sys.argv[2]): time.sleep(0.1)"
    subprocess.Popen([sys.executable, "-c", thief, os.environ["PHX_HEALTH_PORT"], taken], start_new_session=True, env={})
    while not os.path.exists(taken) or not open(taken).read():
        time.sleep(0.01)
os.execv(%r, sys.argv)
'''


def test_a_port_that_is_taken_at_the_last_moment_is_not_the_end(host):
    taken = host.folder / "taken"
    program = host.agent.libexec / "otelcol-phoenix"
    program.unlink()
    program.write_text(STEALS_ITS_PORT % (sys.executable, str(taken), otelcol_path()))
    program.chmod(0o755)
    task = host.start()
    port = int(taken.read_text())
    taken.unlink()
    assert port not in range(task.result["port"], task.result["port"] + 6)
    assert "address already in use" in (host.agent.state / "collectors" / task.config["id"] / "output.log").read_text()


def test_the_agent_tells_a_collector_which_processes_rank(host):
    """The one that burns CPU is in, the one that sleeps is not; the collector is not started anew for it."""
    def run(name, *program):
        path = host.folder / name
        shutil.copy("/bin/sh", path)
        return subprocess.Popen([path, "-c", *program], stdin=subprocess.DEVNULL)
    api = Api(host.folder).start()
    try:
        files = render(api, "topk-exact", interval_s=1, host_totals=False, k=100, by=["cpu"], critical=["phx-crit*"])
    finally:
        api.close()
    extras = json.loads(files["phoenix.json"])
    extras["rank"]["every"] = "3s"  # a template has 5s at least; a scraper that starts anew waits 1s
    processes = [run("phx-critical", "read x"), run("phx-asleep", "read x")]
    try:
        task = host.start(files["config.yaml"], extras=json.dumps(extras))
        overlay = host.agent.state / "collectors" / task.config["id"] / "names.yaml"
        assert "phx-critical" in overlay.read_text() and "phx-busy" not in overlay.read_text()
        processes.append(run("phx-busy", "while :; do :; done"))
        wait_until(lambda: "phx-busy" in overlay.read_text(), "what burns CPU ranks")
        text = functools.partial(request, "GET", f"http://127.0.0.1:{task.result['port']}/metrics")
        wait_until(lambda: 'process_executable_name="phx-busy"' in text()[1], "the collector shows it")
        assert 'process_executable_name="phx-critical"' in text()[1] and "phx-asleep" not in text()[1]
        assert host.shown()["restarts"] == 0 and host.shown()["pid"] == task.result["pid"]
        host.agent.kill()
        processes.append(run("phx-later", "while :; do :; done"))
        host.agent.start()
        wait_until(lambda: "phx-later" in overlay.read_text(), "the next agent goes on ranking")
        wait_until(lambda: host.shown().get("pid") == task.result["pid"], "it adopts the collector")
    finally:
        for process in processes:
            process.kill()
            process.wait(10)


TELLS_ITS_SECRET = """#!/bin/sh
printf '%%16380s%%s\\n' "" "$PHX_SECRET_1"
echo "the key is $PHX_SECRET_1."
[ "$1" = validate ] && [ -e "%s" ] && { printf %%s "$PHX_SECRET_1"; cat "%s"; exit 1; }
exec "%s" "$@"
"""


def test_a_secret_that_a_collector_prints_is_cut_out(host):
    program, refuse, key = host.agent.libexec / "otelcol-phoenix", host.folder / "refuse", "NRAK-do-not-tell"
    program.unlink()
    program.write_text(TELLS_ITS_SECRET % (refuse, refuse, otelcol_path()))
    program.chmod(0o755)
    secrets = host.folder / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "nr.key").write_text(key)
    host.agent.settings["agent__secrets_dir"] = secrets
    extras = json.dumps({"secrets": ["nr.key"]})
    (secrets / "nr.key").chmod(0o644)
    assert '"nr.key" may be read by others' in host.start(extras=extras, status="failed").error
    (secrets / "nr.key").chmod(0o600)
    refuse.touch()
    assert "the key is [secret]." in host.start(extras=extras, status="failed").error
    refuse.write_text("x" * 4090)  # what is shown of a long line begins within the key
    error = host.start(extras=extras, status="failed").error
    assert "xxx" in error and "tell" not in error
    refuse.unlink()
    host.start(extras=extras)
    said = wait_until(lambda: [row["message"] for row in host.api.log_lines() if "the key" in row["message"]], "it says so")
    assert set(said) == {"the key is [secret]."} and key not in host.agent.log.read_text()
    # nor the end of it, where it stands across two reads of a file
    assert not [row for row in host.api.log_lines() if "do-not-tell" in row["message"]]


def test_a_collector_that_hangs_on_stop_is_killed(host):
    pid = host.start().result["pid"]
    os.kill(pid, signal.SIGSTOP)
    assert host.stop().result == {"status": "stopped"}
    assert not alive(pid)


def test_a_collector_that_is_killed_runs_again_and_that_is_counted(host):
    pid = host.start().result["pid"]
    wait_until(lambda: [s for s in host.api.samples("baseline") if s["up"] == 1], "it is sampled")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: [s for s in host.api.samples("baseline") if s["up"] == 1 and s["restarts_total"] == 1], "it runs again")
    assert host.shown()["restarts"] == 1 and host.shown()["pid"] != pid


def test_an_end_with_status_0_that_nobody_asked_for_is_a_failure_too(host):
    pid = host.start().result["pid"]
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: host.shown().get("restarts") == 1 and host.shown()["status"] == "running", "it runs again")
    assert host.shown()["pid"] != pid


# ----------------------------------------------------------------------------------- the whole of it

class Loop(Lab):
    """API and agent, both real, with a template that no collector can use; with a Pushgateway and a Prometheus
    behind the agent if that is wanted."""

    def __init__(self, folder, behind=False):
        self.folder, self.gateway, self.prometheus = folder, None, None
        api, agent, self.tee = {}, {}, free_port()
        self.undo = contextlib.ExitStack()
        if behind:
            self.gateway = Pushgateway(folder).start()
            self.undo.callback(self.gateway.close)
            self.prometheus = Prometheus(folder, [self.gateway.address], scrape="250ms").start()
            self.undo.callback(self.prometheus.close)
            api = {"metrics.source": "prometheus", "prometheus.url": self.prometheus.url, "prometheus.interval": "1s"}
            agent = {"feature__pushgateway": "true", "pushgateway__url": self.gateway.url,
                     "pushgateway__interval": "100ms"}  # every sample
        broken = {"extends": "baseline", "pipeline": {"processors": {"transform/labels": {"metric_statements": [
            {"context": "datapoint", "statements": ['set(attributes["a"], 1e-05']}]}}}}
        super().__init__(Api(folder, {"heartbeat.interval": "200ms", "data_dir": data_dir(folder, broken=broken),
                                      **api}).start())
        secrets = folder / "secrets"
        secrets.mkdir(mode=0o700)
        self.key = "NRAK-0123456789-do-not-tell"
        (secrets / "nr.key").write_text(self.key + "\n")
        (secrets / "nr.key").chmod(0o600)
        self.agent = Agent(folder / "agent", self.api.url, stand_in=False, agent__host_id="h1",
                           agent__allow__collectors=COLLECTORS, agent__secrets_dir=secrets, agent__stop_grace="5s",
                           agent__otlp__listen=f"127.0.0.1:{self.tee}", **agent)
        install(self.agent.libexec)
        install(self.agent.libexec, "nrdot-collector")
        self.agent.start()
        wait_until(lambda: self.call("GET", "/api/v1/agents/h1")[0] == 200, "the API knows the agent")

    def begin(self, candidate, collector="otelcol", baseline="baseline", parameters=None, **changes):
        parameters = dict({"interval_s": 1, "host_totals": False}, **(parameters or {}))
        config = {
            "target_hosts": ["h1"], "collector": collector, "critical_processes": ["python*", "pytest*"],
            "baseline_template": {"name": baseline, "parameters": parameters},
            "candidate_template": {"name": candidate, "parameters": parameters},
            "duration": "16s", "warmup_duration": "2s", "deploy_timeout": "30s", "hold": "5m",
            "host_lost_after": "20s", "sample_interval": "250ms",
            "analysis": {"bucket": "2s", "min_duration": "1s", "min_evidence": "within-host",
                         "success": [{"kpi": "cardinality", "reduction_at_least": 0.1}]}}
        config.update(changes)
        eid = self.create({"name": "otelcol", "config": config})
        self.command(eid, "start")
        return eid

    def failure(self, eid):
        wait_until(lambda: self.get(eid)["phase"] == "failed", "the experiment has failed")
        return json.dumps([self.get(eid)["status"], self.call("GET", f"/api/v1/experiments/{eid}/events")[1]])

    def close(self):
        super().close()
        self.agent.clean_up()
        self.api.close()
        self.undo.close()


@pytest.fixture
def table(folder):
    made = ProcTable(folder)
    yield made
    made.close()


@pytest.fixture
def loop(folder, request):
    made = Loop(folder, **getattr(request, "param", {}))
    yield made
    made.close()
    shutil.copy(made.agent.log, folder / "agent.log")


@pytest.mark.parametrize("loop", [{"behind": True}], indirect=True, ids=["Pushgateway and Prometheus"])
def test_an_experiment_with_two_collectors_is_measured_by_promql_and_promoted(loop, table):
    """Everything is real but the processes, of which the candidate keeps the big one and the critical one."""
    table.add("java", mib=500)
    table.add("sshd")
    for _ in range(9):
        table.add("worker")
    eid = loop.begin("topk-threshold", parameters={"root_path": str(table.root)}, duration="13s",
                     critical_processes=["sshd"], analysis={"bucket": "4s", "min_coverage": 0.3})
    loop.until(eid, "running")
    pids = {name.rsplit("-", 1)[1]: pid for pid, name in instances(loop.agent.state).items()}
    assert set(pids) == {"baseline", "candidate"}
    app = Application(loop.tee)
    while loop.get(eid)["phase"] == "running":
        assert app.send(b"{}", Content_Type="application/json").status == 200  # no points, so no series
        time.sleep(0.1)
    loop.until(eid, "completed", within=60)
    kpis = loop.call("GET", f"/api/v1/experiments/{eid}/kpis")[1]
    known = {kpi["name"]: kpi for kpi in kpis["kpis"] if kpi.get("baseline") is not None}
    assert kpis["verdict"]["decision"] == "inconclusive", "it was too short for more"
    assert kpis["source"] == "prometheus" and {"cardinality", "collector-memory", "cost", "ingest-rate"} <= set(known)
    missed = re.search("the baseline missed (.*) %, the candidate (.*) %", kpis["otlp_parity"])
    assert all(float(m) < 5 for m in missed.groups()), "but for what was on its way at a sample"
    shown = loop.prometheus.query(f'max_over_time(phoenix_arm_series{{experiment="{eid}"}}[1m])')
    series = {labels["variant"]: value for labels, value in shown}
    assert 2 * series["baseline"] == 11 * series["candidate"] > 0
    assert {variant: known["cardinality"][variant] for variant in series} == pytest.approx(series), "all the time"
    assert sorted(group["variant"] for group in loop.gateway.groups()) == ["baseline", "candidate"]
    loop.command(eid, "promote")
    loop.until(eid, "promoted")
    wait_until(lambda: not alive(pids["baseline"]), "the baseline has ended")
    assert list(instances(loop.agent.state)) == [pids["candidate"]]
    wait_until(lambda: loop.gateway.groups() == [], "no group is left")


def test_the_reason_of_a_template_that_the_collector_refuses_reaches_the_user(loop):
    reason = loop.failure(loop.begin("broken"))
    assert "statement has invalid syntax: 1:" in reason and "unexpected token" in reason


def bytes_below(*folders):
    for folder in folders:
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file() and "secrets" not in path.parts and "plugins" not in path.parts:
                yield path, path.read_bytes()


def test_a_licence_key_is_in_the_environment_of_its_collector_and_nowhere_else(loop):
    # nobody listens there: what it says of that is logged
    parameters = {"license_key": "nr.key", "otlp_url": "http://127.0.0.1:9/v1/metrics"}
    eid = loop.begin("topk-threshold", "nrdot", parameters=parameters, duration="2s")
    loop.until(eid, "running")
    pids = list(instances(loop.agent.state))
    assert len(pids) == 2
    for pid in pids:
        environment = pathlib.Path("/proc/%d/environ" % pid).read_bytes().split(b"\0")
        assert [v for v in environment if loop.key.encode() in v] == [b"PHX_SECRET_1=" + loop.key.encode()]
        assert loop.key.encode() not in pathlib.Path("/proc/%d/cmdline" % pid).read_bytes()
    output = next(loop.agent.state.rglob("output.log"))
    wait_until(lambda: "127.0.0.1:9" in output.read_text(), "the collector tells that nobody listens")
    loop.until(eid, "completed")
    for path in (f"/experiments/{eid}", f"/experiments/{eid}/events", "/tasks"):
        status, doc = loop.call("GET", "/api/v1" + path)
        assert status == 200 and loop.key not in json.dumps(doc)
    seen = dict(bytes_below(loop.folder))
    assert any(path.name == "config.yaml" and b"${env:PHX_SECRET_1}" in text for path, text in seen.items())
    assert [path for path, text in seen.items() if loop.key.encode() in text] == []
