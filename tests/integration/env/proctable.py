# SPDX-License-Identifier: Apache-2.0
"""A made-up /proc for collectors that take a root path. Each process in it has the pid of a child of ours that
sleeps, because the host metrics receiver asks the kernel whether a pid is alive; all else is made up."""
import os
import pathlib
import shutil
import subprocess
import threading
import time

MIB, TICKS = 1 << 20, 100
PAGES = MIB // 4096


class Process:
    """user: CPU time in seconds; rate: how much of one CPU it uses, from now on, while the table runs."""

    def __init__(self, name, mib, rate, user, threads):
        self.name, self.mib, self.rate, self.user, self.threads = name, mib, rate, user, threads
        self.read = 0  # bytes; it writes twice as many
        self.child = subprocess.Popen(["sleep", "3600"], stdin=subprocess.DEVNULL)
        self.pid = self.child.pid


class ProcTable:
    """root is what a collector gets as root_path."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder) / "root"
        self.proc = self.root / "proc"
        self.proc.mkdir(parents=True)
        self.processes, self.ended = [], threading.Event()
        boot = int(time.time()) - 100_000
        self.write("stat", "cpu  100 20 300 4000 50 6 7 8 0 0\ncpu0 100 20 300 4000 50 6 7 8 0 0\nintr 1 2\n"
                   f"ctxt 5\nbtime {boot}\nprocesses 4242\nprocs_running 1\nprocs_blocked 0\n")
        self.write("meminfo", "MemTotal: 16000000 kB\nMemFree: 1000000 kB\nMemAvailable: 4000000 kB\n"
                   "Buffers: 10 kB\nCached: 200 kB\nSReclaimable: 30 kB\nSUnreclaim: 40 kB\n"
                   "SwapCached: 0 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n")
        self.write("loadavg", "0.10 1.05 12.00 1/200 4242\n")
        self.write("uptime", "100000.00 1000.00\n")
        (self.proc / "sys" / "kernel").mkdir(parents=True)
        self.write("sys/kernel/hostname", "web-1\n")
        self.write("cpuinfo", "processor\t: 0\n\nprocessor\t: 1\n\n")

    def write(self, name, text):
        """In place of what was there, in one step."""
        path = self.proc / name
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(text)
        os.replace(fresh, path)

    def add(self, name, mib=1, rate=0.0, user=0.0, threads=1):
        p = Process(name, mib, rate, user, threads)
        (self.proc / str(p.pid)).mkdir()
        self.write(f"{p.pid}/comm", name[:15] + "\n")
        self.write(f"{p.pid}/cmdline", f"/usr/bin/{name}\0--password\0hush\0")
        self.write(f"{p.pid}/cgroup", "0::/\n")
        os.symlink(f"/usr/bin/{name}", self.proc / str(p.pid) / "exe")
        self.show(p)
        self.processes.append(p)
        return p

    def show(self, p):
        pages, short = p.mib * PAGES, p.name[:15]
        self.write(f"{p.pid}/stat",
                   f"{p.pid} ({short}) S 1 1 1 0 -1 4194560 11 12 13 14 {round(p.user * TICKS)} 0 0 0 20 0 "
                   f"{p.threads} 0 1000 {pages * 4 * 4096} {pages} 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 "
                   "0 0 0 0 0 0 0 0 0 0 0 0 0 0\n")
        self.write(f"{p.pid}/statm", f"{pages * 4} {pages} 10 10 0 10 0\n")
        self.write(f"{p.pid}/status",
                   f"Name:\t{short}\nState:\tS (sleeping)\nTgid:\t{p.pid}\nPid:\t{p.pid}\nPPid:\t1\n"
                   f"Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmSize:\t{pages * 16} kB\nVmRSS:\t{pages * 4} kB\n"
                   f"Threads:\t{p.threads}\nvoluntary_ctxt_switches:\t1\nnonvoluntary_ctxt_switches:\t1\n")
        self.write(f"{p.pid}/io", f"rchar: {p.read}\nwchar: {2 * p.read}\nsyscr: 1\nsyscw: 2\nread_bytes: 3\n"
                   "write_bytes: 4\ncancelled_write_bytes: 0\n")

    def use(self, p, seconds, read=0):
        """It used so much CPU, and read so many bytes."""
        p.user, p.read = p.user + seconds, p.read + read
        self.show(p)

    def end(self, p):
        shutil.rmtree(self.proc / str(p.pid))
        self.processes.remove(p)
        p.child.kill()
        p.child.wait()

    def run(self):
        """From now on, time goes by: each process uses its rate."""
        def go():
            before = time.monotonic()
            while not self.ended.wait(0.05):
                now = time.monotonic()
                for p in self.processes:
                    if p.rate:
                        self.use(p, p.rate * (now - before))
                before = now
        self.thread = threading.Thread(target=go, daemon=True)
        self.thread.start()

    def close(self):
        self.ended.set()
        if hasattr(self, "thread"):
            self.thread.join(10)
        for p in list(self.processes):
            self.end(p)
