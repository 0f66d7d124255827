#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""otlp.py BUILD TELEMETRYGEN: points a second of phoenix-loadhost on one processor into a sink on another, its
memory with a thousand and with a million series, and telemetrygen in the same place. Prints names and numbers."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SECONDS, ROUNDS = 5, 3
BUILD, TELEMETRYGEN = pathlib.Path(sys.argv[1]), sys.argv[2]
DESCRIPTION = """
phases: [{duration: 1h, rate: %d}]
metrics:
  - {name: gen, type: sum, labels: {a: {count: %d, prefix: user-}, b: [one, two], c: value-of-c, d: value-of-d}}
"""


def on(processor, command, **how):
    return subprocess.Popen(["taskset", "-c", str(processor), *map(str, command)], **how)


def resident_kib(pid):
    text = pathlib.Path("/proc/%d/status" % pid).read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1))


def cpu_s(usage):
    return usage.ru_utime + usage.ru_stime


def loadhost(folder, port, series, rate):
    """(points taken, CPU seconds, wall seconds, most memory in KiB)"""
    parameters = {"description": DESCRIPTION % (rate, series // 2), "endpoint": "http://127.0.0.1:%d" % port}
    process = on(0, [BUILD / "phoenix-loadhost", "--plugin-dir", folder / "plugins", "--profile", "custom",
                     "--duration", "%ds" % SECONDS, "--seed", 1, "--parameters", json.dumps(parameters)],
                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    for _ in range(SECONDS - 1):
        process.stdout.readline()
    memory = resident_kib(process.pid)
    said = json.loads(process.stdout.read().splitlines()[-1])
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0 and said["rejected"] == 0, said
    return said["delivered"], cpu_s(usage), said["elapsed_ms"] / 1000, memory


def telemetrygen(port):
    """(points, CPU seconds, wall seconds); the batch and the workers that suit it best of those tried."""
    attributes = ["--telemetry-attributes=%s=\"value-of-%s\"" % (k, k) for k in "abcd"]
    begin = time.monotonic()
    process = on(0, [TELEMETRYGEN, "metrics", "--otlp-http", "--otlp-insecure", "--otlp-endpoint=127.0.0.1:%d" % port,
                     "--rate=0", "--duration=%ds" % SECONDS, "--metric-type=Sum", "--batch-size=1000", "--workers=2",
                     *attributes], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    points = sum(int(n) for n in re.findall(r'metrics generated.*"metrics": (\d+)', text))
    assert status == 0 and points, text[-2000:]
    return points, cpu_s(usage), time.monotonic() - begin


def best(runs):
    """Of several runs the one that others disturbed least."""
    return max(runs, key=lambda r: r[0] / r[1])


def main(folder):
    plugins = folder / "plugins"
    plugins.mkdir(mode=0o755)
    shutil.copy(BUILD / ".libs" / "otlpgen.so", plugins)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    sink = on(1 if os.cpu_count() > 1 else 0, [BUILD / "tests" / "bench" / "otlp_sink", port],
              stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        full = [loadhost(folder, port, 1000000, 5000000) for _ in range(ROUNDS)]
        paced = [loadhost(folder, port, n, 500000) for n in (1000, 1000000)]
        yardstick = best([telemetrygen(port) for _ in range(ROUNDS)])
    finally:
        sink.terminate()
        sink.wait()
    fastest = best(full)
    print("wall", max(r[0] / r[2] for r in full))
    print("cpu", fastest[0] / fastest[1])
    print("paced", min(r[0] / r[2] for r in paced))
    print("growth", paced[1][3] - paced[0][3])
    print("memory", paced[1][3])
    print("yardstick_cpu", yardstick[0] / yardstick[1])
    print("yardstick_wall", yardstick[0] / yardstick[2])


with tempfile.TemporaryDirectory(prefix="phoenix-bench-") as made:
    pathlib.Path(made).chmod(0o755)
    main(pathlib.Path(made))
