# SPDX-License-Identifier: Apache-2.0
"""The tee of phoenix-agent between a sender and two sinks, beside the same sender with a sink of its own: open
loop, requests to both in the same second, so that both see the same machine."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from env.common import BUILD, wait_until  # noqa: E402
from env.tee import Lab, free_port  # noqa: E402

PROGRAM = BUILD / "tests/bench/tee_bench"
BUFFER = 8 << 20


def judge(name, value, unit, bar):
    print(name, round(value, 3), unit, bar, "ok" if value <= bar else "short", flush=True)


def memory(pid, what):
    for row in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if row.startswith(what + ":"):
            return int(row.split()[1])
    raise KeyError(what)


class Run:
    """An agent whose arms are sinks, and one more sink that is sent to directly."""

    def __init__(self, folder, delay=0):
        self.lab, self.direct = Lab(folder), None
        try:
            self.start(folder, delay)
        except BaseException:
            self.close()
            raise

    def start(self, folder, delay):
        self.lab.start(program=PROGRAM, log__level="warn", agent__otlp__buffer=BUFFER, agent__otlp__max_body=BUFFER // 4)
        self.base = memory(self.lab.agent.process.pid, "RssAnon")
        self.arms = [self.lab.up("baseline"), self.lab.up("candidate", f"delay {delay}")]
        self.port = free_port()
        config = folder / "direct.yaml"
        config.write_text("")
        self.direct = subprocess.Popen([PROGRAM, f"--config={config}", f"--listen=127.0.0.1:{self.port}"])
        wait_until(lambda: self.send(8, 10, 1), "everything answers")

    def send(self, size, rate, count, direct=True):
        """(to the sink, through the tee), as tee_bench says it; None: nobody there yet."""
        tee = f"http://127.0.0.1:{self.lab.port}/v1/metrics"
        other = f"http://127.0.0.1:{self.port}/v1/metrics" if direct else tee
        said = subprocess.run([PROGRAM, "send", other, tee, str(size), str(rate), str(count)], capture_output=True,
                              text=True, check=True, timeout=120)
        answers = json.loads(said.stdout)
        return None if any(a["failed"] for a in answers) else answers

    def close(self):
        if self.direct:
            self.direct.kill()
            self.direct.wait()
        self.lab.close()


def seen(sink):
    return json.loads(sink.call("GET", "/seen"))


def added(folder, name, size, rate, count):
    """What the tee adds at p99: to the answer, and to the arrival at the later arm."""
    run = Run(folder)
    try:
        direct, tee = run.send(size, rate, count)
        wait_until(lambda: all(s.counts()[0] == s.counts()[1] for s in run.arms), "all is delivered")
        with urllib.request.urlopen(f"http://127.0.0.1:{run.port}/seen", timeout=10) as answer:
            without = json.load(answer)["p99"]
        with_tee = max(seen(s)["p99"] for s in run.arms)
        print(f"# {name}: answered p50 {direct['p50']} and {tee['p50']} ms, p99 {direct['p99']} and {tee['p99']} ms; "
              f"arrived p99 {without} and {with_tee} ms", flush=True)
        return tee["p99"] - direct["p99"], with_tee - without
    finally:
        run.close()


def delay(folder, name, size, rate, count):
    """Medians of three."""
    answers, arrivals = zip(*(added(folder / f"{name}-{n}", name, size, rate, count) for n in range(3)))
    judge(f"tee_{name}_answer_p99_added", sorted(answers)[1], "ms", 1)
    if size < 1 << 20:  # two arms take a large one together, and share what the sink has alone
        judge(f"tee_{name}_arrival_p99_added", sorted(arrivals)[1], "ms", 1)


def slow_arm(folder):
    """One arm takes 20 requests a second of 200; first less than its buffer holds, then more."""
    run = Run(folder, delay=50)
    try:
        fast, slow = run.arms
        start = slow.counts()[0]
        run.send(65536, 50, 50, direct=False)
        wait_until(lambda: slow.counts()[0] == slow.counts()[1] and slow.counts()[0] > start, "it has all", 60)
        judge("tee_slow_arm_lost", max(s.counts()[0] - s.counts()[1] for s in run.arms), "By", 0)
        run.send(65536, 150, 300, direct=False)
        pid = run.lab.agent.process.pid
        peak = memory(pid, "VmHWM") - memory(pid, "VmRSS") + memory(pid, "RssAnon")
        judge("tee_peak_memory_over_buffer", (peak - run.base) / (BUFFER >> 10), "x", 1.5)
        offered, delivered, dropped, _ = fast.counts()
        judge("tee_fast_arm_dropped", dropped, "By", 0)
        wait_until(lambda: slow.counts()[0] == fast.counts()[0] and slow.counts()[1] + slow.counts()[2] ==
                   slow.counts()[0], "what waited has arrived", 60)
        offered, delivered, dropped, _ = slow.counts()
        print(f"# the slow arm: offered {offered:.0f}, delivered {delivered:.0f}, dropped {dropped:.0f} bytes")
        judge("tee_slow_arm_unaccounted", abs(offered - dropped - seen(slow)["bytes"]), "By", 0)
        judge("tee_rss_anon_after", memory(pid, "RssAnon"), "kB", 3 * 1024)
    finally:
        run.close()


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="phoenix-bench."))
    try:
        delay(folder, "64KiB", 65536, 100, 1000)
        delay(folder, "1MiB", 1 << 20, 20, 200)
        slow_arm(folder / "slow")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
