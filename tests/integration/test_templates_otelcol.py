# SPDX-License-Identifier: Apache-2.0
"""The templates for the OpenTelemetry Collector against a real one: it accepts what they render, whatever the
parameters are, and keeps and drops what their pages say, of a made-up table of processes."""
import gzip
import http.client
import http.server
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import types

import pytest
import yaml

from env.api import Api
from env.collector import EXPERIMENT, Collector, samples, validate
from env.common import BUILD, SLOW, SOURCE, wait_until
from env.pg import free_port
from env.proctable import MIB, ProcTable
from env.stack import Prometheus, request

pytestmark = pytest.mark.timeout(120)
FOLDERS = SOURCE / "etc" / "otel-templates"


def is_concrete(path):
    return not yaml.safe_load(path.read_text()).get("abstract")


TEMPLATES = sorted((c, p.stem) for c in ("nrdot", "otelcol") for p in (FOLDERS / c).glob("*.yaml") if is_concrete(p))
NAMES = sorted(name for collector, name in TEMPLATES if collector == "otelcol")
HELL = ['"', "'", "\\", "$", "$$", "${env:HOME}", "$HOME", "\n", "x\ny", '")) or true', "#", "a: b", "*", "?", "[a-", "(?i)",
        "é", "漢字", "\u2028", "{critical}", "{{.}}", "%s", "- x", "\t", " "]


@pytest.fixture(scope="module")
def render():
    """render(collector, template, **parameters): (status, files by name or what it said)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="phoenix-test-"))
    server = Api(folder).start()

    def call(path, body=None):
        link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        link.request("POST" if body else "GET", path, body and json.dumps(body), {"Content-Type": "application/json"})
        answer = link.getresponse()
        status, doc = answer.status, json.loads(answer.read())
        link.close()
        return status, doc

    def rendered(collector, template, **parameters):
        if collector == "nrdot":
            parameters.setdefault("license_key", "newrelic")
        status, doc = call("/api/v1/pipelines/render",
                           {"collector": collector, "template": template, "parameters": parameters})
        assert not doc.get("warnings") or "$" in json.dumps(parameters)
        return status, {f["name"]: f["content"] for f in doc["files"]} if status == 200 else doc

    rendered.call = call
    yield rendered
    server.close()
    shutil.rmtree(folder, ignore_errors=True)


def parameters_of(render, collector, template):
    listed = render.call("/api/v1/pipelines/templates")[1]["templates"]
    found, = [t for t in listed if (t["collector"], t["name"]) == (collector, template)]
    return found["parameters"]["properties"]


def extreme(name, schema, end):
    """The least or the most that the schema of one parameter lets through."""
    if name == "root_path":
        return "/." * 127 if end == "maximum" else ""  # a folder that is there
    if name.endswith("_url"):
        return "https://127.0.0.1:9/" + "x" * 900 if end == "maximum" else schema["default"]
    if "enum" in schema:
        return schema["enum"][0 if end == "minimum" else -1]
    if schema["type"] in ("integer", "number"):
        return schema[end]
    if schema["type"] == "boolean":
        return end == "maximum"
    if schema["type"] == "array":
        items = [extreme("", schema["items"], end)]  # one long one: the collector takes seconds for 32 KiB of them
        items += [extreme("", schema["items"], "minimum")] * (schema.get("maxItems", 1) - 1)
        return items[:schema.get("minItems", 0)] if end == "minimum" else items
    return "x" * schema.get("minLength" if end == "minimum" else "maxLength", 0)


VARIANTS = {
    "minima": lambda schemas: {k: extreme(k, s, "minimum") for k, s in schemas.items()},
    "maxima": lambda schemas: {k: extreme(k, s, "maximum") for k, s in schemas.items()},
    "texts from hell": lambda schemas: {k: HELL for k, s in schemas.items()
                                        if s["type"] == "array" and "enum" not in s["items"]},
}


@pytest.mark.parametrize("collector, template", TEMPLATES)
def test_a_real_collector_accepts_every_template(render, folder, collector, template):
    status, files = render(collector, template)
    assert status == 200, files
    assert validate(files, folder) == ""
    assert all("description" in s and "type" in s for s in parameters_of(render, collector, template).values())


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("template", NAMES)
def test_a_real_collector_accepts_extreme_parameters(render, folder, template, variant):
    given = VARIANTS[variant](parameters_of(render, "otelcol", template))
    status, files = render("otelcol", template, **given)
    assert status == 200, files
    assert validate(files, folder) == ""


TEXTS = ["root_path", "remote_write_url", "remote_write_authorization", "otlp_url", "otlp_authorization"]


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_from_hell_stays_a_text_or_is_refused_and_named(render, folder, name):
    for text in HELL:
        more = {name.replace("authorization", "url"): "http://127.0.0.1:9/"} if "authorization" in name else {}
        status, files = render("otelcol", "baseline", **more, **{name: text})
        if status != 200:
            assert status == 422 and files["errors"], (text, files)
            continue
        config = yaml.safe_load(files["config.yaml"])
        assert set(config["service"]["pipelines"]) == {"metrics/applications", "metrics/host"}
        said = validate(files, folder)
        assert said == "" or name.endswith("_url") or "invalid root_path" in said, (text, said)


def test_other_exporters_are_there_when_they_are_wanted(render):
    def exporters(**parameters):
        config = yaml.safe_load(render("otelcol", "baseline", **parameters)[1]["config.yaml"])
        everywhere = [p["exporters"] for p in config["service"]["pipelines"].values()]
        assert all(names == everywhere[0] for names in everywhere)
        return config, everywhere[0]

    assert exporters()[1] == ["prometheus"]
    assert exporters(remote_write_url="http://p/api/v1/write")[1] == ["prometheus", "prometheus_remote_write"]
    config, names = exporters(otlp_url="http://p/v1/metrics", otlp_authorization="token")
    assert names == ["prometheus", "otlp_http"] and "prometheus_remote_write" not in config["exporters"]
    assert config["exporters"]["otlp_http"]["headers"] == {"Authorization": "${env:PHX_SECRET_1}"}


def test_the_licence_key_is_a_secret_by_name(render):
    status, files = render("nrdot", "topk-threshold", license_key="my.key")
    config = yaml.safe_load(files["config.yaml"])["exporters"]["otlp_http"]
    assert config["headers"]["api-key"] == "${env:PHX_SECRET_1}"
    assert config["metrics_endpoint"] == "https://otlp.nr-data.net/v1/metrics"
    assert json.loads(files["phoenix.json"])["secrets"] == ["my.key"]
    assert render("nrdot", "topk-threshold", license_key="")[0] == 422


# ---- what runs

ODD = 'a"b\\$c [x]*'  # a name that has all that could hurt, in 15 bytes
ALWAYS = [ODD, "sshd"]


@pytest.fixture
def table(folder):
    """busy and java are above the default thresholds; the critical ones and idle are below; four are called worker."""
    made = ProcTable(folder)
    made.add("busy", rate=0.5)
    made.add("java", mib=500)
    for name in ("sshd", "sshd", ODD, "idle"):
        made.add(name)
    for _ in range(4):
        made.add("worker", mib=10, user=100.0)
    yield made
    made.close()


@pytest.fixture
def start(render, folder, table):
    """start(template, **parameters): a collector that looks at the table each second."""
    running = []

    def started(template, overlay=None, collector="otelcol", **parameters):
        asked = {"interval_s": 1, "root_path": str(table.root), "host_totals": False,
                 "critical": [ODD.replace("*", "?"), "ssh*"], **parameters}
        status, files = render(collector, template, **asked)
        assert status == 200, files
        running.append(Collector(files, folder / f"c{len(running)}", overlay))
        return running[-1].start()

    yield started
    for collector in running:
        collector.close()


def processes(collector):
    """{(name, pid): memory}; pid is "" where processes are added up."""
    found = {}
    for (metric, labels), value in collector.samples().items():
        labels = dict(labels)
        if metric == "process_memory_usage_bytes":
            found[labels["process_executable_name"], labels.get("process_pid", "")] = value
    return found


def names(collector):
    return sorted(name for name, _ in processes(collector))


def cpu(collector, name):
    """CPU time of all series of that name."""
    return sum(value for (metric, labels), value in collector.samples().items()
               if metric == "process_cpu_time_seconds_total" and dict(labels)["process_executable_name"] == name)


METRICS = {"process_cpu_time_seconds_total", "process_disk_io_bytes_total", "process_memory_usage_bytes",
           "process_memory_virtual_bytes"}


def keeps(collector, *wanted):
    """It comes to show these names, one for each process or sum, with all metrics of each."""
    want = sorted([*wanted, *ALWAYS, "sshd"])

    def is_so():
        metrics = {}
        for metric, labels in collector.samples():
            metrics.setdefault(dict(labels)["process_executable_name"], set()).add(metric)
        return names(collector) == want and all(m == METRICS for m in metrics.values())
    wait_until(is_so, f"{want} are shown", 30)


def test_baseline_keeps_all_and_host_totals_are_an_option(start):
    collector, whole = start("baseline"), start("baseline", host_totals=True)
    keeps(collector, "busy", "idle", "java", *["worker"] * 4)
    wait_until(lambda: any(metric.startswith("system_memory") for metric, _ in whole.samples()), "totals are shown", 30)


def test_topk_threshold_keeps_what_uses_cpu_or_memory(start, table):
    table.run()
    keeps(start("topk-threshold"), "busy", "java")


def test_a_rule_with_0_is_off(start, table):
    table.run()
    by_cpu, by_memory = start("topk-threshold", memory_mib=0), start("topk-threshold", cpu_percent=0)
    by_nothing = start("topk-threshold", cpu_percent=0, memory_mib=0)
    keeps(by_cpu, "busy")
    keeps(by_memory, "java")
    keeps(by_nothing)


def test_a_process_that_becomes_quiet_goes(start, table):
    table.run()
    collector = start("topk-threshold", memory_mib=0)
    keeps(collector, "busy")
    table.processes[0].rate = 0
    keeps(collector)


def test_adaptive_keeps_many_threads_and_what_is_unlike_its_life(start, table):
    table.add("threads", threads=300)
    table.add("steady", rate=0.1, user=10_000.0)  # a tenth of a CPU, now and in the 100,000 s of its life
    table.add("waking", rate=0.1, user=10.0)
    table.run()
    collector = start("adaptive", cpu_percent=25, threads=200)
    no_anomaly = start("adaptive", cpu_percent=25, anomaly_factor=0)
    wait_until(lambda: set(names(collector)) == {"busy", "java", "threads", "waking", *ALWAYS}, "they are shown", 30)
    keeps(no_anomaly, "busy", "java")


def test_priority_keeps_classes_down_to_one(start):
    lists = {"high": ["idle"], "medium": ["work*", "java"], "memory_mib": 100}
    down_to = {keep: start("priority", keep=keep, **lists) for keep in ("critical", "high", "medium", "low")}
    keeps(down_to["critical"])
    keeps(down_to["high"], "idle")
    keeps(down_to["medium"], "idle", "java")
    keeps(down_to["low"], "busy", "idle", "java", *["worker"] * 4)


def test_hybrid_is_adaptive_after_classes(start, table):
    table.run()
    every_class, high_only = start("hybrid"), start("hybrid", keep="high", high=["java", "idle"])
    keeps(every_class, "busy", "java")
    keeps(high_only, "java")


def test_topk_exact_reads_only_what_the_agent_names(start, render):
    files = render("otelcol", "topk-exact", k=2, by=["cpu"], critical=["ssh*"], rank_interval_s=60)[1]
    assert json.loads(files["phoenix.json"])["rank"] == {"k": 2, "by": ["cpu"], "critical": ["ssh*"], "every": "60s"}
    overlay = {"receivers": {"host_metrics": {"scrapers": {"process": {"include": {
        "match_type": "strict", "names": ["busy", "sshd", ODD.replace("$", "$$")]}}}}}}
    keeps(start("topk-exact", overlay=json.dumps(overlay)), "busy")


def fnv(text):
    """FNV-1a of 64 bits, signed."""
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001B3 % (1 << 64)
    return h - (1 << 64) if h >> 63 else h


def test_sampling_keeps_the_share_that_the_hash_says(start, table):
    def chosen(percent):
        return {(p.name, str(p.pid)) for p in table.processes
                if p.name in ALWAYS or abs(fnv(f"web-1|{p.name}|{p.pid}")) % 100 < percent}

    for i in range(20):
        table.add(f"w{i}")
    collectors = {percent: start("sampling", percent=percent) for percent in (0, 50, 100)}
    for percent, collector in collectors.items():
        wait_until(lambda: set(processes(collector)) == chosen(percent), f"{percent} % are shown", 30)
    assert len(chosen(0)) == 3 and len(chosen(50)) < len(chosen(100)) == len(table.processes)


def test_topk_rollup_keeps_the_totals_of_the_rest(start, table):
    collector = start("topk-rollup", cpu_percent=0)
    keeps(collector, "_other", "java")
    rest = [p for p in table.processes if p.name in ("busy", "idle", "worker")]
    assert processes(collector)["_other", ""] == sum(p.mib for p in rest) * MIB
    for p in rest:
        table.use(p, 1.5)
    wait_until(lambda: abs(cpu(collector, "_other") - 1.5 * len(rest)) < 0.001, "all was counted", 30)
    table.end(rest[-1])
    wait_until(lambda: processes(collector)["_other", ""] == sum(p.mib for p in rest[:-1]) * MIB, "one less", 30)
    assert abs(cpu(collector, "_other") - 1.5 * len(rest)) < 0.001, "what ended processes used stays"


def test_a_process_that_is_kept_is_not_in_the_rest(start, table):
    table.run()
    collector = start("topk-rollup")
    keeps(collector, "_other", "busy", "java")
    rest = [p for p in table.processes if p.name in ("idle", "worker")]
    wait_until(lambda: processes(collector)["_other", ""] == sum(p.mib for p in rest) * MIB, "busy is out", 30)


def test_aggregate_sums_by_name_and_keeps_critical_pids(start, table):
    collector = start("aggregate")
    keeps(collector, "busy", "idle", "java", "worker")
    workers = [p for p in table.processes if p.name == "worker"]
    shown, sshd = processes(collector), {str(p.pid) for p in table.processes if p.name == "sshd"}
    assert shown["worker", ""] == 40 * MIB and {pid for name, pid in shown if name == "sshd"} == sshd
    for p in workers:
        table.use(p, 0.25, read=1000)
    wait_until(lambda: abs(cpu(collector, "worker") - 1.0) < 0.001, "all was counted", 30)
    io = {dict(labels)["direction"]: value for (metric, labels), value in collector.samples().items()
          if metric == "process_disk_io_bytes_total" and dict(labels)["process_executable_name"] == "worker"}
    assert io == {"read": 4000, "write": 8000}
    table.end(workers[0])
    wait_until(lambda: processes(collector)["worker", ""] == 30 * MIB, "one less", 30)
    assert abs(cpu(collector, "worker") - 1.0) < 0.001


class Native:
    """The native collector on the same table."""

    def __init__(self, files, folder, table):
        folder.mkdir()
        config, (name, text) = folder / "collector.yaml", *files.items()
        config.write_text(text)
        self.port = free_port()
        self.process = subprocess.Popen([BUILD / "phoenix-collector", f"--config={config}", f"--root={table.proc}",
                                         f"--listen=127.0.0.1:{self.port}"], stderr=subprocess.DEVNULL)

    def samples(self):
        try:
            return samples(request("GET", f"http://127.0.0.1:{self.port}/metrics")[1])
        except OSError:  # not yet
            return {}

    def close(self):
        self.process.terminate()
        self.process.wait(10 * SLOW)


@pytest.mark.parametrize("template, name, parameters", [
    ("baseline", "busy", {}), ("sampling", "sshd", {"percent": 50}), ("aggregate", "worker", {}),
    ("adaptive", "busy", {"cpu_percent": 25, "anomaly_factor": 0, "hold_s": 0}),
    ("priority", "w3", {"high": ["idle", "w?"], "medium": ["work*", "java"], "keep": "medium"})])
def test_native_and_otelcol_keep_the_same(render, folder, start, table, template, name, parameters):
    for i in range(10):
        table.add(f"w{i}", mib=1 + i)
    table.run()
    collector = start(template, **{k: v for k, v in parameters.items() if k != "hold_s"})
    status, files = render("native", template, critical=["a?b*", "ssh*"], **parameters)
    assert status == 200, files
    native = Native(files, folder / "native", table)
    try:
        wait_until(lambda: name in names(native) and processes(native) == processes(collector), "both show it", 30)
    finally:
        native.close()


# What native shows beyond the collector's defaults; and what the collector asks of the kernel, not of the table, or
# sorts otherwise.
MORE = {"process_threads", "process_uptime_seconds", "process_paging_faults_total", "process_cpu_utilization_ratio",
        "system_memory_limit_bytes"}
OTHERWISE = {"system_processes_count", "system_uptime_seconds", "system_cpu_logical_count"}


def shown(collector):
    """{(metric, labels): value} without what a collector says of itself and what is known to differ."""
    made = {(metric, frozenset(labels)): value for (metric, labels), value in collector.samples().items()}
    own = {(metric, labels) for metric, labels in made
           if metric.startswith("phoenix_collector_") or (metric.startswith("process_") and not labels)}
    return {k: v for k, v in made.items() if k not in own and k[0] not in MORE | OTHERWISE}


def test_native_and_otelcol_show_the_same_series_with_the_same_values(render, folder, start, table):
    """Names, labels and values of every process and of the host, over a table that does not change."""
    for p, read in zip(table.processes, (0, 1, 4096, 123456789, 1 << 40)):
        table.use(p, 0.01 + read / 7, read=read)
    collector = start("baseline", host_totals=True)
    native = Native(render("native", "baseline")[1], folder / "native", table)
    try:
        wait_until(lambda: {k[0] for k in shown(native)} >= METRICS <= {k[0] for k in shown(collector)}, "both show all", 30)
        ours, theirs = shown(native), shown(collector)
        assert set(ours) == set(theirs)
        assert len(ours) > 8 * len(table.processes), "of each process, and of the host"
        assert ours == pytest.approx(theirs, rel=1e-9)
    finally:
        native.close()


def test_what_applications_send_passes_whole(start, render):
    collector = start("topk-threshold")
    resource = [{"key": k, "value": {"stringValue": v}} for k, v in
                (("service.name", "shop"), ("process.pid", "7"), ("process.executable.name", "node"), ("team", "a"))]
    point = {"attributes": [{"key": "shelf", "value": {"stringValue": "left"}}], "timeUnixNano": "1790000000000000000",
             "asDouble": 2.5}
    body = {"resourceMetrics": [{"resource": {"attributes": resource}, "scopeMetrics": [{"metrics": [
        {"name": "shop.load", "gauge": {"dataPoints": [point]}}]}]}]}
    link = http.client.HTTPConnection("127.0.0.1", int(collector.env["PHX_OTLP_HTTP_PORT"]), timeout=30)
    link.request("POST", "/v1/metrics", json.dumps(body), {"Content-Type": "application/json"})
    assert link.getresponse().status == 200
    link.close()

    def shown():
        return [dict(labels) for (metric, labels), value in collector.samples().items() if metric == "shop_load"]
    wait_until(shown, "the application's metric is shown", 30)
    assert {"shelf": "left", "team": "a", "process_pid": "7"}.items() <= shown()[0].items()


# ---- where it goes


@pytest.fixture
def sink():
    """What was posted to it: [(path, headers, bytes)], at sink.url."""
    posted = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    posted_to = threading.Thread(target=server.serve_forever, daemon=True)
    posted_to.start()
    yield types.SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}", posted=posted)
    server.shutdown()
    server.server_close()
    posted_to.join(10)


def test_otlp_goes_where_it_should_with_the_secret_and_says_whose_it_is(start, sink):
    collector = start("topk-rollup", otlp_url=sink.url + "/in/v1/metrics", otlp_authorization="token")
    wait_until(lambda: sink.posted, "something was sent", 30)
    path, headers, body = sink.posted[0]
    assert path == "/in/v1/metrics" and headers["Authorization"] == "hush"
    text = gzip.decompress(body)
    assert all(word in text for word in (b"experiment", b"candidate", b"instance", b"web-1", b"_other", b"sshd"))
    assert b"phx." not in text and b"hush" not in text
    assert "hush" not in "".join(p.read_text() for p in collector.folder.iterdir())


def test_new_relic_gets_what_is_kept_with_the_licence_key(start, sink):
    collector = start("topk-threshold", collector="nrdot", otlp_url=sink.url + "/v1/metrics", license_key="newrelic")
    keeps(collector, "java")
    wait_until(lambda: sink.posted, "something was sent", 30)
    path, headers, body = sink.posted[-1]
    assert path == "/v1/metrics" and headers["Api-Key"] == "hush"
    text = gzip.decompress(body)
    assert b"sshd" in text and b"java" in text and b"worker" not in text


def test_prometheus_takes_remote_write_and_knows_the_arm(start, table, folder):
    prometheus = Prometheus(folder / "prometheus", more=["--web.enable-remote-write-receiver"]).start()
    try:
        start("topk-threshold", remote_write_url=prometheus.url + "/api/v1/write")
        query = 'process_memory_usage_bytes{process_executable_name="java"}'
        labels, value = wait_until(lambda: prometheus.query(query), "java has arrived", 30)[0]
        java = next(p for p in table.processes if p.name == "java")
        assert value == 500 * MIB
        assert labels == {"__name__": "process_memory_usage_bytes", "job": "phoenix", "variant": "candidate",
                          "experiment": EXPERIMENT, "instance": "web-1", "process_executable_name": "java",
                          "process_pid": str(java.pid)}
    finally:
        prometheus.close()
