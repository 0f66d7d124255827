# SPDX-License-Identifier: Apache-2.0
"""phoenix-agent and a real Pushgateway: what is pushed, when it is deleted, and what happens to the samples
when the Pushgateway is away, refuses or hangs. The API is made up, and so are the collectors."""
import re
import socket

import pytest

from env.agent import Agent, collector_config, new_id
from env.common import wait_until
from env.fakeapi import FakeApi
from env.stack import Pretender, Prometheus, Pushgateway

pytestmark = pytest.mark.timeout(90)
ARMS = ("baseline", "candidate")


class Lab:
    """A Pushgateway, or what pretends to be one, and an agent that pushes to it."""

    def __init__(self, folder):
        self.folder, self.api, self.experiment = folder, FakeApi(), new_id()
        self.agent, self.gateway = None, None

    def start(self, gateway=None, **settings):
        self.gateway = gateway or Pushgateway(self.folder).start()
        settings = dict({"feature__pushgateway": "true", "pushgateway__url": self.gateway.url,
                         "pushgateway__interval": "200ms"}, **settings)
        self.agent = Agent(self.folder / "agent", self.api.url, **settings)
        self.run()
        return self

    def run(self):
        before = len(self.api.heartbeats)
        self.agent.start()
        wait_until(lambda: len(self.api.heartbeats) > before, "the agent has said that it lives")

    def task(self, action, config, status="completed", **more):
        task = self.api.enqueue("collector", action, config, experiment_id=self.experiment, **more)
        wait_until(lambda: task.status in ("completed", "failed"), "the task has ended")
        assert task.status == status, task.error
        return task

    def up(self, variant="baseline", text="", **content):
        config = collector_config(self.experiment, variant, dict(content, text=text))
        config["sampling"] = {"interval": "50ms"}
        return self.task("start", config)

    def stop(self, variant="baseline"):
        self.task("stop", {"id": f"{self.experiment}-{variant}"}, priority=2)

    def variants(self):
        return sorted(group["variant"] for group in self.gateway.groups())

    def until_pushed(self, *variants):
        wait_until(lambda: self.variants() == sorted(variants), f"the groups are {variants}")

    def value(self, name, variant="baseline"):
        """Of a series of this experiment in the Pushgateway's exposition; None: it is not there."""
        for line in self.gateway.exposition().splitlines():
            if line.startswith(name + "{") and f'experiment="{self.experiment}"' in line \
                    and re.search(f'[{{,]variant="{variant}"', line):
                return float(line.rsplit(" ", 1)[1])
        return None

    def rows(self, variant="baseline"):
        return self.api.samples(variant)

    def samples_go_on(self, more=10):
        n = len(self.rows())
        wait_until(lambda: len(self.rows()) >= n + more, "samples arrive as if nothing was")

    def said(self, event):
        return self.agent.log.read_text().count("event=" + event)


@pytest.fixture
def lab(folder):
    made = Lab(folder)
    yield made
    if made.agent:
        made.agent.clean_up()
        (folder / "agent.log").write_bytes(made.agent.log.read_bytes())
    if made.gateway:
        made.gateway.close()
    made.api.stop()


def test_each_arm_is_a_group_with_its_series_and_measures(lab):
    lab.start()
    lab.up(text='# TYPE a counter\na{x="1"} 7 1700000000000\nb 1\n')
    lab.up("candidate", text='a{x="1"} 8\n')
    lab.until_pushed(*ARMS)
    assert {"job": "phoenix", "experiment": lab.experiment, "variant": "baseline", "instance": "web-1"} \
        in lab.gateway.groups()
    assert lab.value("a") == 7 and lab.value("a", "candidate") == 8
    assert lab.value("phoenix_arm_series") == 2 and lab.value("phoenix_arm_series", "candidate") == 1
    assert lab.value("phoenix_arm_up") == 1 and lab.value("phoenix_collector_points_total") is None
    tick = lab.value("phoenix_arm_tick_seconds")
    wait_until(lambda: round(tick * 1000) in {row["ts"] // 1000000 for row in lab.rows()}, "the tick is a sample's")


def test_arms_with_other_types_do_not_block_each_other(lab):
    lab.start()
    lab.up(text="# TYPE a counter\na 1\n")
    lab.up("candidate", text="# TYPE a histogram\na 2\n")
    lab.until_pushed(*ARMS)
    assert lab.value("a") == 1 and lab.value("a", "candidate") == 2
    assert lab.said("PUSH_REFUSED") == 0


HELL = "\n".join([
    'a{x="1"} 1', 'a{x="2"} NaN', 'a.b 1', 'ümlaut 1', 'a{x="\\u12"} 1', 'b{job="evil",instance="evil"} 1',
    'b{job="good",instance="evil"} 2', 'c{x="},y=\\"1\\"\\nphoenix_arm_series 9 #"} 1', 'phoenix_arm_series 9',
    'push_time_seconds 9', 'd 1e999', 'e{x="1",x="2"} 1', 'f{__name__="phoenix_arm_series"} 9',
    'g{le="+Inf"} x', '# TYPE h', 'h_bucket{le="1"} 1', 'h_sum 1', 'i{x="' + "x" * 9000 + '"} 1', '{} 1', ""])


@pytest.mark.valgrind
def test_a_hostile_exposition_loses_only_its_own_bad_lines(lab):
    lab.start()
    lab.up(text=HELL)
    lab.up("candidate", text="a 1\n")
    lab.until_pushed(*ARMS)
    assert lab.value("phoenix_push_left_out") == 11 and lab.value("phoenix_push_left_out", "candidate") == 0
    assert lab.value("phoenix_arm_series") != 9, "nobody forges a measure"
    text = lab.gateway.exposition()
    assert 'b{experiment="%s",exported_instance="evil",exported_job="good",' % lab.experiment in text
    assert 'phoenix_arm_series 9 #"' in text and lab.value("a", "candidate") == 1
    assert lab.said("PUSH_LEFT_OUT") == 1 and lab.said("PUSH_REFUSED") == 0


def test_what_a_hostile_exposition_says_is_data_to_prometheus(lab):
    lab.start()
    prometheus = Prometheus(lab.folder, [lab.gateway.address], scrape="500ms").start()
    try:
        lab.up(text=HELL)
        lab.up("candidate", text="a 1\n")
        shown = wait_until(lambda: prometheus.query('c{experiment="%s"}' % lab.experiment), "it is scraped")
        assert [labels["x"] for labels, _ in shown] == ['},y="1"\nphoenix_arm_series 9 #']
        wait_until(lambda: len(prometheus.query("phoenix_arm_series")) == 2, "both arms are scraped")
        assert prometheus.is_scraping() and 9 not in [n for _, n in prometheus.query("phoenix_arm_series")]
    finally:
        prometheus.close()


def test_series_that_are_there_twice_cost_the_series_but_not_the_measures(lab):
    lab.start()
    lab.up(text='a{x="1"} 1\na{x="1"} 2\n')
    wait_until(lambda: lab.value("phoenix_arm_up") == 1, "the measures are pushed")
    assert lab.value("a") is None and lab.value("phoenix_push_failed_total") >= 1
    assert lab.said("PUSH_REFUSED") == 1 and lab.said("PUSH_AWAY") == 0


@pytest.mark.valgrind
def test_groups_go_with_their_collectors(lab):
    lab.start()
    lab.up()
    lab.up("candidate")
    lab.until_pushed(*ARMS)
    lab.stop("candidate")
    lab.until_pushed("baseline")
    lab.stop()
    lab.until_pushed()


def test_a_collector_that_is_kept_after_its_experiment_has_no_group(lab):
    lab.start()
    lab.up()
    lab.until_pushed("baseline")
    config = collector_config(lab.experiment, "baseline", {"text": ""})
    config["sampling"] = {"interval": "50ms"}
    task = lab.api.enqueue("deployment", "deploy", config, experiment_id=lab.experiment)
    wait_until(lambda: task.status == "completed", "it is a deployment now")
    lab.until_pushed()


def test_a_collector_that_is_given_up_has_no_group(lab):
    lab.start(agent__restart__limit="0")
    port = lab.up().result["port"]
    lab.until_pushed("baseline")
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"GET /die HTTP/1.0\r\n\r\n")
    lab.until_pushed()


@pytest.mark.valgrind
def test_the_agent_deletes_its_groups_when_it_is_told_to_stop(lab):
    lab.start()
    lab.up()
    lab.until_pushed("baseline")
    assert lab.agent.terminate() == 0
    assert lab.gateway.groups() == []
    lab.run()
    lab.until_pushed("baseline")


def test_groups_of_an_agent_that_was_killed_are_deleted_at_the_next_start(lab):
    lab.start()
    lab.up()
    pid = lab.up("candidate").result["pid"]
    lab.until_pushed(*ARMS)
    lab.agent.kill()
    assert lab.variants() == list(ARMS)
    lab.agent.settings["feature__pushgateway"] = "false"
    lab.run()
    lab.until_pushed()
    assert pid in [p["pid"] for p in lab.api.pipelines().values()], "collectors go on without pushes"


def test_an_agent_that_adopts_its_collectors_keeps_their_groups(lab):
    lab.start()
    lab.up()
    lab.until_pushed("baseline")
    lab.agent.kill()
    before = lab.value("phoenix_arm_tick_seconds")
    lab.run()
    wait_until(lambda: lab.value("phoenix_arm_tick_seconds") > before, "it is pushed again")
    assert lab.variants() == ["baseline"]


def test_groups_at_another_pushgateway_than_now_are_deleted_there(lab):
    lab.start()
    lab.up()
    lab.until_pushed("baseline")
    lab.agent.kill()
    old, lab.gateway = lab.gateway, Pushgateway(lab.folder / "new").start()
    lab.agent.settings["pushgateway__url"] = lab.gateway.url
    try:
        lab.run()
        lab.until_pushed("baseline")
        wait_until(lambda: old.groups() == [], "the old one has none")
    finally:
        old.close()


@pytest.mark.valgrind
def test_a_pushgateway_that_goes_away_and_comes_back_costs_no_sample(lab):
    lab.start()
    lab.up()
    lab.until_pushed("baseline")
    lab.gateway.stop()
    wait_until(lambda: lab.said("PUSH_AWAY"), "it is noticed")
    lab.samples_go_on()
    lab.gateway.start()
    wait_until(lambda: lab.said("PUSH_BACK"), "it is back")
    lab.until_pushed("baseline")
    assert lab.said("PUSH_AWAY") == 1 and lab.said("PUSH_BACK") == 1
    lab.gateway.stop()
    lab.stop()
    lab.gateway.start()  # it keeps nothing: the group is gone, and its deletion is confirmed
    wait_until(lambda: lab.said("PUSH_BACK") == 2, "the deletion was tried until it was heard")


def test_a_pushgateway_that_hangs_does_not_hold_up_sampling_nor_the_end(lab):
    lab.start()
    lab.up()
    lab.until_pushed("baseline")
    lab.gateway.pause()
    lab.samples_go_on()
    assert lab.agent.terminate(15) == 0
    lab.gateway.go_on()
    assert lab.variants() == ["baseline"], "it could not be deleted then"
    lab.agent.settings["feature__pushgateway"] = "false"
    lab.run()
    lab.until_pushed()


@pytest.mark.parametrize("status, lines", [(413, 1), (500, 1), (400, 100000)])
def test_a_pushgateway_that_is_full_is_asked_less_and_less(lab, status, lines):
    lab.start(Pretender(lambda *_: (status, b"no room\n" * lines)))
    lab.up(text="a 1\n")
    wait_until(lambda: len(lab.gateway.seen) >= 3, "it is tried again")
    lab.samples_go_on(60)
    assert lab.said("PUSH_AWAY") == 1
    bodies = [body for method, _, body in lab.gateway.seen if method == "PUT"]
    assert bodies[0].startswith("a 1\n")
    assert bodies[1].startswith("a 1\n") is (status == 500), "too large: without the series"
    assert len(bodies) <= 8, "15 pushes were due in the time of those samples"
