# SPDX-License-Identifier: Apache-2.0
"""dispatch.py PORT [N]: from the request that enqueues to the answer on the parked poll, N times.

A load simulation is started (one task for one host) while that host's poll is parked. The time is from
before the request is sent until the poll's answer has come: enqueue, commit, wake, claim, commit, answer.
It includes this client, which is Python."""
import http.client
import json
import socket
import sys
import threading
import time

HOST = "bench-1"


def call(connection, method, path, body=None, agent=False):
    headers = {"X-Agent-Host-ID": HOST} if agent else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status < 300, (method, path, answer.status, text)
    return json.loads(text) if text.startswith((b"{", b"[")) else text


class Poll(threading.Thread):
    """One poll on its own connection; `at` is when its answer had come."""

    def __init__(self, agent):
        super().__init__()
        self.agent = agent
        self.start()

    def run(self):
        self.tasks = call(self.agent, "GET", "/api/v1/agent/tasks?wait=30s", agent=True)
        self.at = time.perf_counter()


def connect(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def once(operator, agent):
    poll = Poll(agent)
    while b"phoenix_polls_waiting 1\n" not in call(operator, "GET", "/metrics"):
        time.sleep(0.001)
    began = time.perf_counter()
    call(operator, "POST", "/api/v1/loadsimulations", {"profile": "steady", "target_hosts": [HOST], "duration": "1m"})
    poll.join()
    for task in poll.tasks:  # gone for good, so that the host is free for the next one
        path = f"/api/v1/agent/tasks/{task['id']}/status"
        call(agent, "POST", path, {"status": "running", "epoch": task["epoch"]}, agent=True)
        call(agent, "POST", path, {"status": "failed", "epoch": task["epoch"], "error_message": "bench"}, agent=True)
    return poll.at - began


def main():
    port, n = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 300
    operator, agent = connect(port), connect(port)
    call(agent, "POST", "/api/v1/agent/heartbeat",
         {"host_id": HOST, "status": "healthy", "hostname": HOST, "pipelines": [], "loads": [],
          "capabilities": {"collectors": ["native"], "loads": ["steady"]}}, agent=True)
    times = sorted(once(operator, agent) for _ in range(n))
    p50, p99 = times[n // 2] * 1e3, times[min(n - 1, n * 99 // 100)] * 1e3
    print(f"dispatch_p50 {p50:.2f} ms 5 {'ok' if p50 <= 5 else 'short'}")
    print(f"dispatch_p99 {p99:.2f} ms 5 {'ok' if p99 <= 5 else 'short'}")


main()
