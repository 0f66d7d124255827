# SPDX-License-Identifier: Apache-2.0
"""otelcol_cost.py PROCESSES SECONDS: both collectors side by side with their template `baseline`, an interval of
one second, and a scrape of each a second. Prints CPU seconds and KiB of the native one, then of the other."""
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from env.api import Api  # noqa: E402
from env.collector import Collector  # noqa: E402
from env.common import BUILD, wait_until  # noqa: E402
from env.pg import free_port  # noqa: E402
from env.stack import request  # noqa: E402


def render(api, collector, **parameters):
    status, doc = api.call("POST", "/api/v1/pipelines/render",
                           {"template": "baseline", "collector": collector, "parameters": parameters})
    assert status == 200, doc
    return {f["name"]: f["content"] for f in doc["files"]}


def cpu_s(pid):
    return time.clock_gettime((~pid << 3) | 2)  # the clock of all its threads, in ns; see clock_getcpuclockid(3)


def rss_kib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def measure(folder, seconds):
    api = Api(folder).start()
    native_files, files = render(api, "native"), render(api, "otelcol", interval_s=1, host_totals=True)
    api.close()
    (folder / "collector.yaml").write_text(*native_files.values())
    port = free_port()
    native = subprocess.Popen([BUILD / "phoenix-collector", f"--config={folder / 'collector.yaml'}",
                               f"--listen=127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
    other = Collector(files, folder / "otelcol")
    try:
        other.start()
        urls = [f"http://127.0.0.1:{port}/metrics", f"http://127.0.0.1:{other.env['PHX_EXPORT_PORT']}/metrics"]

        def scrape():
            return [request("GET", url)[1].count("process_memory_usage_bytes{") for url in urls]
        wait_until(lambda: min(scrape()) >= 1000, "both show all processes", 60)
        pids = native.pid, other.process.pid
        before, end = [cpu_s(pid) for pid in pids], time.monotonic() + seconds
        while time.monotonic() < end:
            scrape()
            time.sleep(1)
        used = [cpu_s(pid) - was for pid, was in zip(pids, before)]
        return [(cpu, rss_kib(pid)) for cpu, pid in zip(used, pids)]
    finally:
        other.close()
        native.terminate()
        native.wait(10)


def main(processes, seconds):
    crowd = [subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL) for _ in range(processes)]
    try:
        with tempfile.TemporaryDirectory(prefix="phoenix-bench-") as folder:
            for cpu, rss in measure(pathlib.Path(folder), seconds):
                print(f"{cpu:.3f} {rss}")
    finally:
        for child in crowd:
            child.kill()
            child.wait()


main(int(sys.argv[1]), float(sys.argv[2]))
