# SPDX-License-Identifier: Apache-2.0
"""An API that exists only as far as an agent can tell: it speaks doc/protocol.md, keeps everything it
hears, and misbehaves on demand."""
import http.server
import json
import select
import socket
import threading
import time
import urllib.parse
import uuid


class Task:
    def __init__(self, type_, action, config, experiment_id=None, priority=1):
        self.id, self.type, self.action = str(uuid.uuid4()), type_, action
        self.config, self.experiment_id, self.priority = config, experiment_id, priority
        self.epoch, self.status, self.result, self.error, self.retryable = 0, "pending", None, None, None
        self.reports = []  # every report that was taken or refused: (document, answer)

    def document(self, host_id):
        return {"id": self.id, "host_id": host_id, "experiment_id": self.experiment_id, "type": self.type,
                "action": self.action, "config": self.config, "priority": self.priority,
                "status": "assigned", "epoch": self.epoch, "retry_count": 0, "max_attempts": 4}


class FakeApi:
    def __init__(self, heartbeat="100ms"):
        self.heartbeat = heartbeat
        self.changed = threading.Condition()
        self.tasks, self.queue = {}, []
        self.heartbeats, self.batches, self.logs, self.censuses, self.polls = [], {}, {}, {}, 0
        self.repeats = 0           # batches that came more than once
        self.away = False          # answer 503 to everything
        self.cut_next_poll = False  # send half of the next answer that holds tasks
        self.lose_status = 0       # so many reports are taken, but their answer is lost
        self.refuse_status = None  # answer this to every report
        self.retry_after = None
        self.poll_wait = None      # X-Phoenix-Poll-Wait
        self.batch_interval = None  # X-Phoenix-Batch-Interval
        self.refuse = {}           # heartbeat, metrics, logs or tasks: (status, Retry-After)
        self.calls = []            # every call: (monotonic time, kind, status)
        self.waits = []            # what polls asked for
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.server = None
        self.start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def start(self):
        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, allow_reuse_address, api = True, True, self
        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """Nobody listens any more; open polls end without an answer."""
        server, self.server = self.server, None
        if server:
            server.shutdown()
            server.server_close()
            with self.changed:
                self.changed.notify_all()

    def times(self, kind, status=None):
        with self.changed:
            return [at for at, k, s in self.calls if k == kind and status in (None, s)]

    def enqueue(self, *args, **kwargs):
        task = Task(*args, **kwargs)
        with self.changed:
            self.tasks[task.id] = task
            self.deliver(task)
        return task

    def deliver(self, task, epoch=None):
        """Put the task into the next answer to a poll, with a higher epoch, or with this one."""
        with self.changed:
            task.epoch = epoch if epoch is not None else task.epoch + 1
            self.queue.append(task)
            self.changed.notify_all()

    # ---- what a test waits for
    def samples(self, variant=None):
        with self.changed:
            rows = [dict(zip(b["measures"], s["values"]), variant=s["variant"], ts=s["ts"],
                         experiment_id=s["experiment_id"])
                    for b in self.batches.values() for s in b["samples"]]
        return [r for r in rows if variant in (None, r["variant"])]

    def log_lines(self):
        with self.changed:
            return [line for b in self.logs.values() for line in b["logs"]]

    def pipelines(self):
        """As the last full heartbeat says: {id: pipeline}."""
        with self.changed:
            full = [h for h in self.heartbeats if "pipelines" in h]
        return {p["id"]: p for p in full[-1]["pipelines"]} if full else None

    def loads(self):
        with self.changed:
            full = [h for h in self.heartbeats if "loads" in h]
        return {p["id"]: p for p in full[-1]["loads"]} if full else None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args):
        pass

    def answer(self, status, document=None, headers=None):
        text = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def is_away(self):
        api = self.server.api
        if not api.away:
            return False
        self.answer(503, {"title": "away"}, {"Retry-After": api.retry_after} if api.retry_after else None)
        return True

    def is_gone(self):
        """The agent hung up, or was killed, while its poll was open."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def do_GET(self):
        api = self.server.api
        if self.is_away():
            return
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        wait = 60.0 if query["wait"] == ["1m"] else float(query["wait"][0].rstrip("s"))
        api.waits.append(wait)
        deadline = time.monotonic() + wait
        with api.changed:
            api.polls += 1
            mine = api.polls
            while not api.queue and api.server is self.server and mine == api.polls and not api.away:
                if not api.changed.wait(max(0, deadline - time.monotonic())):
                    break
            if api.server is not self.server:
                self.close_connection = True
                return
            tasks = api.queue if mine == api.polls and not self.is_gone() else []
            if tasks:
                api.queue = []
            cut, api.cut_next_poll = (api.cut_next_poll and bool(tasks)), False if tasks else api.cut_next_poll
        text = json.dumps([t.document(self.headers["X-Agent-Host-ID"]) for t in tasks]).encode()
        if self.is_gone():
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("X-Phoenix-Heartbeat-Interval", api.heartbeat)
        if api.poll_wait:
            self.send_header("X-Phoenix-Poll-Wait", api.poll_wait)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if cut:
            self.wfile.write(text[:len(text) // 2])
            self.close_connection = True
            for task in tasks:
                api.deliver(task)
            return
        self.wfile.write(text)

    def do_POST(self):
        api = self.server.api
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.is_away():
            return
        kind = self.path.split("/")[4]  # heartbeat, metrics, logs, census, tasks
        if kind in api.refuse:
            status, after = api.refuse[kind]
            api.calls.append((time.monotonic(), kind, status))
            self.answer(status, {"title": "not now"}, {"Retry-After": after} if after else None)
            return
        with api.changed:
            if self.path == "/api/v1/agent/heartbeat":
                api.heartbeats.append(body)
                status = 204
            elif self.path == "/api/v1/agent/metrics":
                status = self.batch(api, api.batches, body)
            elif self.path == "/api/v1/agent/census":
                status = self.batch(api, api.censuses, body)
            elif self.path == "/api/v1/agent/logs":
                status = self.batch(api, api.logs, body)
            else:
                status = self.report(api, self.path.split("/")[-2], body)
            api.calls.append((time.monotonic(), kind, status))
            lose = "/tasks/" in self.path and api.lose_status > 0
            api.lose_status -= lose
            api.changed.notify_all()
        if lose:
            self.close_connection = True
            return
        paced = kind in ("metrics", "logs") and api.batch_interval
        self.answer(status, None if status == 204 else {}, {"X-Phoenix-Batch-Interval": api.batch_interval} if paced else None)

    @staticmethod
    def batch(api, store, body):
        key = (body["stream"], body["seq"])
        if key in store:
            api.repeats += 1
            assert store[key] == body, "one number, two contents"
        store[key] = body
        return 202

    @staticmethod
    def report(api, task_id, body):
        task = api.tasks.get(task_id)
        if not task:
            return 404
        if api.refuse_status:
            answer = api.refuse_status
        elif body["epoch"] != task.epoch:
            answer = 409
        elif task.status in ("completed", "failed") and body["status"] != task.status:
            answer = 409
        else:
            answer = 204
            task.status, task.result = body["status"], body.get("result")
            task.error, task.retryable = body.get("error_message"), body.get("retryable")
        task.reports.append((body, answer))
        return answer
