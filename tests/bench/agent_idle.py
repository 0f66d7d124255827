# SPDX-License-Identifier: Apache-2.0
"""Memory and wake-ups of an idle phoenix-agent with two native collectors; plugins as built."""
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from env.agent import Agent, collector_config, new_id  # noqa: E402
from env.common import BUILD, wait_until  # noqa: E402
from env.fakeapi import FakeApi  # noqa: E402

CONTENT = {"baseline": "name: baseline\n",
           "candidate": "name: candidate\nprocessors:\n  - type: topk\n    k: 20\n"}


def memory(pid):
    rows = pathlib.Path("/proc/%d/status" % pid).read_text().splitlines()
    return {r.split(":")[0]: int(r.split()[1]) for r in rows if r.startswith(("VmRSS", "RssAnon"))}


def judge(name, value, unit, bar):
    print(name, value, unit, bar, "ok" if value <= bar else "short")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="phoenix-bench."))
    api = FakeApi(heartbeat="500ms")
    agent = Agent(folder, api.url, stand_in=False, log__level="info")
    for plugin in (BUILD / ".libs").glob("*.so"):
        if not plugin.name.startswith("bad") and not (agent.plugins / plugin.name).exists():
            shutil.copy(plugin, agent.plugins / plugin.name)
    try:
        agent.start()
        experiment, pids = new_id(), []
        for variant, content in CONTENT.items():
            config = collector_config(experiment, variant, content, sampling={"interval": "5s"})
            task = api.enqueue("collector", "start", config, experiment_id=experiment)
            wait_until(lambda t=task: t.status == "completed", "it runs")
            pids.append(task.result["pid"])
        n = len(api.samples())
        wait_until(lambda: len(api.samples()) >= n + 6, "it has been sampled", 60)
        n = len(api.heartbeats)
        wait_until(lambda: len(api.heartbeats) >= n + 4, "it is idle")
        used = memory(agent.process.pid)
        judge("agent_rss_anon", used["RssAnon"], "kB", 3 * 1024)
        judge("agent_rss", used["VmRSS"], "kB", 14 * 1024)
        judge("collector_rss", max(memory(p)["VmRSS"] for p in pids), "kB", 4 * 1024)
    finally:
        agent.clean_up()
        api.stop()
        shutil.rmtree(folder, ignore_errors=True)


main()
