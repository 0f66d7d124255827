# SPDX-License-Identifier: Apache-2.0
"""phoenix-api under test: a real process on a free port with a store in a temporary folder."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import uuid

from env.common import BUILD, SLOW, SOURCE, WRAP, wait_until
from env.contract import Contract


class Answer:
    def __init__(self, answer):
        self.status, self.headers = answer.status, answer.headers
        self.text = answer.read()
        kind = self.headers.get("Content-Type", "")
        self.json = json.loads(self.text) if self.text and "json" in kind else None


class Api:
    """wait_until, url, start(), stop(), kill(); call() for requests whose answer is checked."""

    wait_until = staticmethod(wait_until)

    def __init__(self, folder, settings=None, wrapper=None):
        self.folder, self.settings = pathlib.Path(folder), dict(settings or {})
        self.wrapper = WRAP if wrapper is None else wrapper
        self.log, self.db = self.folder / "api.log", self.folder / "phoenix.db"
        self.process, self.port, self.contract = None, 0, None

    # ---- life
    def plugin_dir(self):
        """A copy of the built plugins: the loader takes no links, and folders that only we can write."""
        folder = self.folder / "plugins"
        if not folder.exists():
            folder.mkdir(mode=0o755)
            for plugin in sorted((BUILD / ".libs").glob("*.so")):
                shutil.copy(plugin, folder)
        return folder

    def arguments(self):
        settings = {"listen": f"127.0.0.1:{self.port}", "sqlite.path": self.db, "plugin.dir": self.plugin_dir(),
                    "data_dir": SOURCE / "etc", "log.level": "debug",
                    "limits.host.batches_per_s": 0}  # made-up hosts sample faster than agents do
        settings.update(self.settings)
        return [f"--{key}={value}" for key, value in settings.items() if value is not None]

    def spawn(self):
        self.log_start = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            env = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "abort_on_error=0"))
            self.process = subprocess.Popen([*self.wrapper, BUILD / "phoenix-api", *self.arguments()],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)

    def log_text(self):
        with open(self.log, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode("utf-8", "replace")

    def start(self):
        self.spawn()

        def ready():
            assert self.process.poll() is None, "phoenix-api ended: " + self.log_text()
            return re.search(r"listens on http://[^ \"]*:(\d+)", self.log_text())
        self.port = int(wait_until(ready, "phoenix-api listens").group(1))
        if not self.contract:
            self.contract = Contract(json.loads(self.raw("GET", "/api/v1/openapi.json").text))
        return self

    def stop(self, how=signal.SIGTERM, within=15):
        """End it; the exit status is 0 unless it was killed."""
        self.process.send_signal(how)
        status = self.process.wait(within * SLOW)
        assert status == (-signal.SIGKILL if how == signal.SIGKILL else 0), f"exit {status}: {self.log_text()}"
        return status

    def restart(self, how=signal.SIGTERM):
        self.stop(how)
        self.start()

    def close(self):
        if self.process and self.process.poll() is None:
            self.stop()

    # ---- requests
    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def connect(self, timeout=75):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout * SLOW)

    def raw(self, method, path, body=None, headers=None, connection=None):
        connection = connection or self.connect()
        connection.request(method, path, body, headers or {})
        return Answer(connection.getresponse())

    def call(self, method, path, body=None, host=None, headers=None, connection=None):
        """Answers (status, document); body: a document, or bytes as they are."""
        headers = dict(headers or {})
        if host:
            headers.setdefault("X-Agent-Host-ID", host)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.raw(method, path, body, headers, connection)
        self.contract.check(method, path, answer.status, answer.headers.get("Content-Type", ""), answer.text)
        return answer.status, answer.json

    def metric(self, name):
        text = self.raw("GET", "/metrics").text.decode()
        match = re.search("^" + re.escape(name) + r" (\S+)$", text, re.M)
        assert match, name
        return float(match.group(1))

    # ---- the queue
    def put_tasks(self, *tasks, how=signal.SIGTERM):
        """Tasks of any kind, written into the store while the API is down. The public API enqueues only
        through experiments and loads; priorities, attempts and the like want more than those do. It is
        also how a restart with tasks in the queue looks. Answers their ids."""
        self.stop(how)
        ids, now = [], time.time_ns()
        with sqlite3.connect(self.db) as db:
            for i, task in enumerate(tasks):
                row = {"id": "0190c9a0-0000-7000-8000-" + uuid.uuid4().hex[:10] + f"{i:02x}", "host_id": "h1", "type": "collector",
                       "action": "stop", "config": '{"id":"x"}', "priority": 1, "status": "pending", "run_at": now,
                       "epoch": 0, "retry_count": 0, "max_attempts": 3, "created_at": now, "updated_at": now, "rev": 1}
                row.update(task)
                ids.append(row["id"])
                names = ",".join(f'"{name}"' for name in row)
                db.execute(f"INSERT INTO agent_tasks({names}) VALUES({','.join('?' * len(row))})", list(row.values()))
        db.close()
        self.start()
        return ids

    def poll(self, host="h1", wait="5s", connection=None):
        status, tasks = self.call("GET", f"/api/v1/agent/tasks?wait={wait}", host=host, connection=connection)
        assert status == 200, tasks
        return tasks

    def report(self, task, status, host="h1", **more):
        body = dict({"status": status, "epoch": task["epoch"]}, **more)
        return self.call("POST", f"/api/v1/agent/tasks/{task['id']}/status", body, host=host)

    def heartbeat(self, host="h1", tasks=(), **more):
        body = dict({"host_id": host, "status": "healthy",
                     "active_tasks": [{"id": t["id"], "epoch": t["epoch"]} for t in tasks]}, **more)
        return self.call("POST", "/api/v1/agent/heartbeat", body, host=host)

    def task(self, task_id):
        status, doc = self.call("GET", f"/api/v1/tasks/{task_id}")
        assert status == 200, doc
        return doc
