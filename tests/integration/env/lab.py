# SPDX-License-Identifier: Apache-2.0
"""Experiments on an API: short names for what tests do with them all the time."""
import time

from env.fleet import Client, Host


class Lab:
    """The API, some hosts, and short names for what tests do all the time."""

    def __init__(self, api):
        self.api, self.hosts = api, []
        self.client = Client(api.url)

    def host(self, name="h1", **how):
        host = Host(self.api.url, name, **how).start()
        self.hosts.append(host)
        return host

    def call(self, method, path, body=None, headers=None):
        for _ in range(50):
            try:
                return self.client.call(method, path, body, headers)
            except OSError:
                time.sleep(0.1)  # the API is being restarted
        raise AssertionError("the API does not answer")

    def create(self, body):
        status, doc = self.call("POST", "/api/v1/experiments", body)
        assert status == 201, doc
        return doc["id"]

    def command(self, eid, what, expect=202):
        status, doc = self.call("POST", f"/api/v1/experiments/{eid}/{what}", {"reason": "a test"})
        assert status == expect, doc
        return doc

    def get(self, eid):
        return self.call("GET", f"/api/v1/experiments/{eid}")[1]

    def until(self, eid, *phases, within=30):
        """Follow the events until one of the phases; fails on any other phase at rest."""
        end, after = time.monotonic() + within, ""
        while time.monotonic() < end:
            status, doc = self.call("GET", f"/api/v1/experiments/{eid}/events?wait=2s{after}")
            assert status == 200, doc
            if doc["events"]:
                after = "&after=" + doc["events"][-1]["id"]
            if doc["phase"] in phases:
                return self.get(eid)
            at_rest = doc["phase"] in ("failed", "stopped", "promoted", "rolled_back")
            assert not at_rest, (doc["phase"], self.get(eid)["status"])
        raise AssertionError(f"not {phases} but {self.get(eid)['phase']}: {self.phases(eid)}")

    def phases(self, eid):
        events = self.call("GET", f"/api/v1/experiments/{eid}/events")[1]["events"]
        return [e["to"] for e in events if e["type"] in ("created", "phase")]

    def close(self):
        for host in self.hosts:
            host.stopping.set()
        for host in self.hosts:
            host.stop()
