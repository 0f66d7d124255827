# SPDX-License-Identifier: Apache-2.0
"""What series are made of and what they cost: censuses of made-up hosts, whose sum is known."""
import json
import os
import subprocess
import time

import pytest

from env.census import batch, census, sketch
from env.common import BUILD
from env.lab import Lab

pytestmark = pytest.mark.timeout(60)


class Census(Lab):
    def experiment(self, *hosts):
        return self.create({"name": "census", "config": {"target_hosts": list(hosts or ["h1"]), "baseline_template": "baseline",
                                                         "candidate_template": "topk", "duration": "1h"}})

    def tell(self, host, *censuses, expect=202, **how):
        status, doc = self.api.call("POST", "/api/v1/agent/census", batch(*censuses, **how), host=host)
        assert status == expect, doc
        return doc

    def get(self, path, eid, **query):
        query = "".join(f"&{key}={value}" for key, value in query.items())
        status, doc = self.call("GET", f"/api/v1/metrics/{path}?experiment={eid}{query}")
        assert status == 200, doc
        return doc


@pytest.fixture
def lab(api):
    made = Census(api)
    yield made
    made.close()


def exact(pair):
    """(baseline, candidate) of a pair that says it is exact."""
    assert all(pair[arm] is None or (pair[arm]["exact"] and pair[arm]["relative_error"] == 0) for arm in ("baseline", "candidate")), pair
    return tuple(pair[arm] and pair[arm]["value"] for arm in ("baseline", "candidate"))


def by_name(items, key="name"):
    return {item[key]: item for item in items}


def processes(host, n):
    return [("cpu", {"host": host, "pid": str(pid), "name": f"n{pid % 4}"}) for pid in range(n)] + \
           [("mem", {"host": host, "pid": str(pid)}) for pid in range(n // 2)] + [("up", {})]


def test_censuses_of_hosts_add_up_and_values_are_a_union(lab):
    eid = lab.experiment("h1", "h2")
    assert lab.get("cardinality", eid)["state"] == "no_data"
    for host, n in (("h1", 100), ("h2", 60)):  # pids 0 to 59 are on both
        lab.tell(host, census(eid, "baseline", processes(host, n)), census(eid, "candidate", processes(host, n // 5)))
    doc = lab.get("cardinality", eid)
    assert (doc["state"], doc["hosts"], doc["hosts_left_out"]) == ("measured", 2, 0)
    assert exact(doc["series"]) == (242, 50) and doc["series"]["change"] == pytest.approx(50 / 242 - 1)
    assert exact(doc["metric_names"]) == (3, 3)
    assert [(m["name"], exact(m["series"])) for m in doc["metrics"]] == [("cpu", (160, 32)), ("mem", (80, 16)), ("up", (2, 2))]
    assert doc["metrics"][0]["share"] == {"baseline": pytest.approx(160 / 242), "candidate": pytest.approx(32 / 50)}
    assert [(x["name"], exact(x["values"])) for x in doc["metrics"][0]["labels"]] == [("pid", (100, 20)), ("name", (4, 4)), ("host", (2, 2))]
    assert [(x["name"], exact(x["values"]), exact(x["series"])) for x in doc["labels"]] == [
        ("pid", (100, 20), (240, 48)), ("name", (4, 4), (160, 32)), ("host", (2, 2), (240, 48))]
    assert [(v["value"], exact(v["series"])) for v in by_name(doc["labels"])["host"]["by_value"]] == [("h1", (150, 30)), ("h2", (90, 18))]
    # filters
    only = lab.get("cardinality", eid, variant="candidate", host="h2", metric="mem")
    assert exact(only["series"]) == (None, 19) and only["series"]["change"] is None
    assert [(m["name"], exact(m["series"])) for m in only["metrics"]] == [("mem", (None, 6))]
    assert len(lab.get("cardinality", eid, limit=1)["metrics"]) == 1
    # the newest counts, once, and a repeated batch is no news
    stream = "0190c9a0-0000-7000-8000-00000000000a"
    old, new = (census(eid, "candidate", processes("h1", n)) for n in (10, 30))
    lab.tell("h1", old, stream=stream)
    lab.tell("h1", new, stream=stream, seq=2)
    lab.tell("h1", old, stream=stream)
    assert exact(lab.get("cardinality", eid)["series"]) == (242, 46 + 19)
    assert lab.call("DELETE", f"/api/v1/experiments/{eid}")[0] == 204
    assert lab.call("GET", f"/api/v1/metrics/cardinality?experiment={eid}")[0] == 404
    assert lab.tell("h1") is None  # nothing to tell is fine


def test_beyond_their_limits_counts_say_within_what_they_are(lab):
    eid = lab.experiment()
    for k in range(3):  # 2,000 users each, of whom 1,000 are on the next host too
        users = [("req", {"user": str(u)}) for u in range(k * 1000, k * 1000 + 2000)]
        lab.tell(f"h{k}", census(eid, "baseline", users), census(eid, "candidate", users[:100]))
    label = lab.get("cardinality", eid)["labels"][0]
    values = label["values"]["baseline"]
    assert not values["exact"] and values["relative_error"] == pytest.approx(1.04 / 64)
    assert values["value"] == pytest.approx(4000, rel=4 * 1.04 / 64)
    assert exact({"baseline": None, "candidate": label["values"]["candidate"]}) == (None, 300)
    assert exact(label["series"]) == (6000, 300), "series are sums"
    # h3 tells its largest metric only: others have up to 5 series there
    few = [("big", {}) for _ in range(9)] + [("req", {}) for _ in range(5)] + [("new", {}) for _ in range(3)]
    lab.tell("h3", *(census(eid, arm, few, metrics_told=1) for arm in ("baseline", "candidate")))
    metrics = by_name(lab.get("cardinality", eid)["metrics"])
    assert set(metrics) == {"req", "big"}, "what nobody told is not made up"
    assert metrics["req"]["series"]["baseline"] == {"value": 6000, "exact": False, "relative_error": pytest.approx(5 / 6000)}
    assert metrics["req"]["labels"][0]["values"]["candidate"]["relative_error"] is None, "of h3 nothing is known"
    assert exact(metrics["big"]["series"]) == (9, 9)
    assert exact(lab.get("cardinality", eid)["series"]) == (6014 + 3, 314 + 3)


def test_arms_are_compared_on_the_same_hosts_however_many(lab):
    eid = lab.experiment()
    for i in range(100):  # pages end within a host
        arms = ("baseline", "candidate") if i % 7 else ("candidate",)
        lab.tell(f"h{i:03d}", *(census(eid, arm, [("m", {"h": str(i)})] * (2 if arm == "baseline" else 1)) for arm in arms))
    doc = lab.get("cardinality", eid)
    assert (doc["hosts"], doc["hosts_left_out"], exact(doc["series"])) == (85, 15, (170, 85))
    assert exact(doc["labels"][0]["values"]) == (85, 85)
    assert exact(lab.get("cardinality", eid, variant="candidate")["series"]) == (None, 100)


def test_metrics_cost_what_the_price_table_says(lab):
    eid = lab.experiment("h1", "h2")
    series = [("a", {"i": str(i)}) for i in range(300)] + [("b", {"i": str(i)}) for i in range(100)]
    for host in ("h1", "h2"):
        lab.tell(host, census(eid, "baseline", series), census(eid, "candidate", series[:300], flows=host == "h1"))
    doc = lab.get("cost-flow", eid)
    assert (doc["prices"], doc["currency"], doc["hosts"], doc["hosts_left_out"]) == ("amp-us", "USD", 1, 1)
    month = 30.4375 * 86400 / 10 * 0.09 / 1e6  # of a series that sends a point each 10 s
    assert doc["per_month"] == {"baseline": pytest.approx(400 * month), "candidate": pytest.approx(300 * month), "saving": pytest.approx(100 * month)}
    assert doc["per_minute"]["baseline"] == pytest.approx(400 * 6 * 0.09 / 1e6)
    assert [(m["name"], m["per_month"]["saving"]) for m in doc["metrics"]] == [("a", pytest.approx(0)), ("b", pytest.approx(100 * month))]
    assert doc["metrics"][1]["per_month"]["candidate"] == 0 and doc["metrics"][0]["share"]["baseline"] == pytest.approx(0.75)
    assert doc["collector"] == doc["other_metrics"] == {"baseline": 0, "candidate": 0, "saving": 0}
    assert lab.get("cost-flow", eid, limit=1)["other_metrics"]["saving"] == pytest.approx(100 * month)
    assert lab.get("cost-flow", eid, host="h2")["state"] == "no_data"
    no_bytes = [census(eid, arm, series, bytes_per_s=None, cpu_cores=None) for arm in ("baseline", "candidate")]
    lab.tell("h2", *no_bytes)
    assert lab.get("cost-flow", eid)["hosts"] == 2, "these prices are of points only"


@pytest.mark.api(prices="own-resources")
def test_what_belongs_to_no_metric_is_the_collectors(lab):
    eid = lab.experiment()
    lab.tell("h1", *(census(eid, arm, [("a", {})]) for arm in ("baseline", "candidate")))
    doc = lab.get("cost-flow", eid)
    assert doc["per_month"]["baseline"] == doc["collector"]["baseline"] == pytest.approx(0.01 * 25 + 3 / 256)
    assert doc["metrics"][0]["per_month"]["baseline"] == 0


def test_what_no_agent_would_say_is_refused(lab):
    eid = lab.experiment()
    good = census(eid, "baseline", processes("h1", 3))

    def bad(change):
        doc = json.loads(json.dumps(good))
        change(doc)
        answer = lab.tell("h1", doc, expect=422)
        return answer["errors"][0]["pointer"]
    assert bad(lambda d: d.update(variant="other")) == "/censuses/0/variant"
    assert bad(lambda d: d.update(ts=1)) == "/censuses/0"
    assert bad(lambda d: d.update(ts=time.time_ns() + 2 * 86400 * 10**9)) == "/censuses/0"
    assert bad(lambda d: d["metrics"].update(names="xMAAA")) == "/censuses/0/metrics"
    assert bad(lambda d: d["metrics"].update(names=sketch("ab", 10))) == "/censuses/0/metrics"
    assert bad(lambda d: d["labels"]["top"][0].update(values="hM" + "-" * 4096)) == "/censuses/0/labels/top/0/values"
    assert bad(lambda d: d["metrics"]["top"][0]["labels"][0].update(values="")) == "/censuses/0/metrics/top/0/labels"
    assert bad(lambda d: d["metrics"]["top"][0].update(series=-1)).endswith("/series")
    assert bad(lambda d: d["metrics"].update(top=d["metrics"]["top"] * 100)).endswith("/top")
    assert bad(lambda d: d["labels"]["top"][0].update(name="x" * 200)).endswith("/name")
    lab.tell("h1", *[good] * 65, expect=422)
    status, _ = lab.api.call("POST", "/api/v1/agent/census", b" " * (1 << 20) + b"{}", host="h1")
    assert status == 413
    assert lab.get("cardinality", eid)["state"] == "no_data"
    assert lab.call("GET", "/api/v1/metrics/cardinality")[0] in (400, 422)
    assert lab.call("GET", f"/api/v1/metrics/cost-flow?experiment={eid}&limit=0")[0] in (400, 422)


def test_the_command_line_shows_both_arms_side_by_side(lab):
    eid = lab.experiment()
    users = [("req\x1b[2J", {"user": str(u), "code": "200"}) for u in range(2000)]
    lab.tell("h1", census(eid, "baseline", users), census(eid, "candidate", users[:500]))

    def phoenix(*args, code=0):
        ran = subprocess.run([BUILD / "phoenix", "experiment", *args, "--api-url", lab.api.url], capture_output=True, text=True,
                             env=dict(os.environ, LC_ALL="C.UTF-8"), check=False)
        assert ran.returncode == code, ran
        return [line.split() for line in ran.stdout.splitlines() if line]
    lines = phoenix("cardinality", eid)
    assert ["series", "2000", "500", "-75.0", "%"] in lines
    metric = next(line for line in lines if line[0].startswith("req"))
    assert metric[:4] == ["req\\x1b[2J", "2000", "500", "-75.0"] and metric[-8] == "user" and metric[-7].startswith("~")
    label = next(line for line in lines if line[0] == "user")
    assert label[1].startswith("~") and label[2] == "500" and label[5:7] == ["2000", "500"]
    assert not [line for line in phoenix("cardinality", eid, "--by", "label") if line[0].startswith("req")]
    phoenix("cardinality", eid, "--by", "value", code=2)
    cost = phoenix("cost", eid)
    assert cost[0][0] == "USD" and cost[-1][0] == "(all)" and float(cost[-1][1]) > 4 * float(cost[-1][2]) * 0.99
