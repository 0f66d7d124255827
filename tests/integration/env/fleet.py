# SPDX-License-Identifier: Apache-2.0
"""Hosts that exist only as far as the API can tell: agents that speak doc/protocol.md and make up
their samples. What a host does with a task can be scripted; by default it does as it is told."""
import http.client
import json
import random
import threading
import time
import urllib.parse
import uuid

MEASURES = ["up", "series", "points_total", "points_in_total", "dropped_total", "bytes_total",
            "cpu_seconds_total", "rss_bytes", "scrape_seconds", "critical_seen", "critical_alive",
            "restarts_total"]


class Client:
    """One keep-alive connection; answers (status, document)."""

    contract = None  # env.contract.Contract: answers are checked against it

    def __init__(self, url, host_id=None, timeout=75):
        parts = urllib.parse.urlsplit(url)
        self.address, self.timeout, self.host_id = (parts.hostname, parts.port), timeout, host_id
        self.connection = None

    def call(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if self.host_id:
            headers["X-Agent-Host-ID"] = self.host_id
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if not self.connection:
            self.connection = http.client.HTTPConnection(*self.address, timeout=self.timeout)
        try:
            self.connection.request(method, path, data, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if answer.will_close:
            self.close()
        if self.contract:
            self.contract.check(method, path, answer.status, answer.headers.get("Content-Type", ""), text)
        return answer.status, json.loads(text) if text else None

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None


class Host:
    """One made-up host. `script` maps "type/action" or "type/action/variant" to a function that gets
    the task and answers None (do as told), "silent" (never report) or a report's document."""

    def __init__(self, url, host_id, script=None, figures=None):
        self.url, self.host_id, self.script = url, host_id, script or {}
        self.figures = figures or default_figures
        self.stream, self.seq = str(uuid.uuid4()), 0
        self.pipelines, self.loads, self.done = {}, {}, {}
        self.executed = []  # (task id, "type/action/variant")
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.silent = threading.Event()  # set: as if the host had died
        self.threads = []

    # ---- life
    def start(self):
        for target in (self._poll, self._beat, self._sample):
            thread = threading.Thread(target=target, daemon=True)
            thread.start()
            self.threads.append(thread)
        return self

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(15)

    def running(self):
        """{variant: kept} of the collectors that run now."""
        with self.lock:
            return {p["variant"]: p["kept"] for p in self.pipelines.values() if p["status"] == "running"}

    def fail_pipeline(self, variant, reason):
        """The collector of this variant dies for good."""
        with self.lock:
            for p in self.pipelines.values():
                if p["variant"] == variant:
                    p.update(status="failed", reason=reason, pid=None)
        self._heartbeat(Client(self.url, self.host_id))

    # ---- threads
    def _forever(self, once, pause):
        client = Client(self.url, self.host_id, timeout=10)
        while not self.stopping.is_set():
            if self.silent.is_set():
                self.stopping.wait(0.05)
                continue
            try:
                once(client)
            except (OSError, http.client.HTTPException):
                pass
            self.stopping.wait(pause)
        client.close()

    def _poll(self):
        self._forever(self._poll_once, 0.02)

    def _beat(self):
        self._forever(self._heartbeat, 0.5)

    def _sample(self):
        self._forever(self._samples, 0.02)

    def _poll_once(self, client):
        status, tasks = client.call("GET", "/api/v1/agent/tasks?wait=500ms")
        if status != 200:
            self.stopping.wait(0.2)
            return
        for task in tasks or []:
            if self.silent.is_set():
                return
            self._run(client, task)

    # ---- tasks
    def _run(self, client, task):
        path = "/api/v1/agent/tasks/%s/status" % task["id"]
        ack = {"status": "running", "epoch": task["epoch"]}
        answer = self._until_answered(lambda: client.call("POST", path, ack))
        if not answer or answer[0] != 204:
            return
        report = self.done.get(task["id"])
        if report is None:
            report = self._execute(task)
            if report == "silent":
                return
            self.done[task["id"]] = report
        self._until_answered(lambda: self._heartbeat(client))
        self._until_answered(lambda: client.call("POST", path, dict(report, epoch=task["epoch"])))

    def _until_answered(self, call):
        """A report is not lost because the API is away for a moment."""
        while not self.stopping.is_set():
            try:
                return call()
            except (OSError, http.client.HTTPException):
                self.stopping.wait(0.05)

    def _execute(self, task):
        name, config = "%s/%s" % (task["type"], task["action"]), task["config"] or {}
        full = "%s/%s" % (name, config.get("variant"))
        self.executed.append((task["id"], full))
        hook = self.script.get(full) or self.script.get(name)
        answer = hook(task) if hook else None
        if answer is not None:
            return answer
        with self.lock:
            return getattr(self, "_" + name.replace("/", "_"))(task, config)

    def _collector_start(self, task, config, kept=False):
        self.pipelines[config["id"]] = {
            "id": config["id"], "experiment_id": task["experiment_id"], "variant": config["variant"],
            "status": "running", "pipeline": config["pipeline"], "config_hash": config["config_hash"],
            "pid": 4242, "port": 42000, "restarts": 0, "kept": kept, "since": "2026-01-01T00:00:00.000Z",
            "reason": None}
        self.interval = config["sampling"]["interval"]
        return {"status": "completed",
                "result": {"pid": 4242, "port": 42000, "config_hash": config["config_hash"]}}

    def _collector_stop(self, _task, config):
        was = self.pipelines.pop(config["id"], None)
        return {"status": "completed", "result": {"status": "stopped" if was else "not-running"}}

    def _deployment_deploy(self, task, config):
        for old in config.get("replaces", []):
            self.pipelines.pop(old, None)
        return self._collector_start(task, config, kept=True)

    def _deployment_undeploy(self, task, config):
        return self._collector_stop(task, config)

    def _loadsim_start(self, task, config):
        self.loads[config["id"]] = {
            "id": config["id"], "experiment_id": task["experiment_id"], "profile": config["profile"],
            "status": "running", "offered": 0, "delivered": 0, "since": "2026-01-01T00:00:00.000Z",
            "reason": None}
        return {"status": "completed", "result": {"pid": 4243}}

    def _loadsim_adjust(self, _task, config):
        if config["id"] not in self.loads:
            return {"status": "failed", "error_message": "it does not run here", "retryable": False}
        self.loads[config["id"]]["rate"] = config.get("rate", 100 * config.get("factor", 1))
        return {"status": "completed", "result": {"status": "adjusted"}}

    def _loadsim_stop(self, _task, config):
        was = self.loads.pop(config["id"], None)
        return {"status": "completed", "result": {"status": "stopped" if was else "not-running"}}

    # ---- reports
    def _heartbeat(self, client):
        with self.lock:
            body = {"host_id": self.host_id, "agent_version": "0.1.0", "status": "healthy", "active_tasks": [],
                    "resource_usage": {"cpu_percent": 1.0, "memory_percent": 1.0, "memory_bytes": 1,
                                       "disk_percent": 1.0, "disk_bytes": 1},
                    "spool": {"batches": 0, "bytes": 0, "dropped": 0},
                    "hostname": self.host_id,
                    "capabilities": {"collectors": ["native"], "loads": ["process-churn"], "cpus": 2,
                                     "memory_bytes": 1, "os": "linux", "kernel": "6.1.0", "arch": "x86_64"},
                    "labels": {"env": "test"},
                    "pipelines": [dict(p) for p in self.pipelines.values()],
                    "loads": [dict(load) for load in self.loads.values()]}
        return client.call("POST", "/api/v1/agent/heartbeat", body)

    def _samples(self, client):
        now = time.time_ns()
        with self.lock:
            arms = [(p["experiment_id"], p["variant"]) for p in self.pipelines.values()
                    if p["status"] == "running"]
        samples = [{"experiment_id": e, "variant": v, "ts": now, "values": values}
                   for e, v in arms for values in [self.figures(v, now)] if values is not None]
        if samples:
            self.seq += 1
            client.call("POST", "/api/v1/agent/metrics",
                        {"stream": self.stream, "seq": self.seq, "measures": MEASURES, "samples": samples})


def default_figures(variant, now):
    """A candidate with a third of the series; the same input to both arms."""
    ticks, noise = (now - 1_700_000_000_000_000_000) / 1e8, random.Random(now).gauss(0, 1)
    series = 600 + 12 * noise if variant == "baseline" else 200
    share = 1.0 if variant == "baseline" else 0.35
    return [1, series, ticks * 600 * share, ticks * 600, ticks * 600 * (1 - share), ticks * 60000 * share,
            ticks * 0.0005, 3.0e6 + 1e4 * noise, 0.001, 3, 3, 0]
