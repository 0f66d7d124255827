# SPDX-License-Identifier: Apache-2.0
"""phoenix-agent under test: its folders, its collectors, waiting without sleeping."""
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import uuid

from env.common import BUILD, SLOW, WRAP

# A collector that does as its config says; it takes the place of phoenix-collector.
STAND_IN = r'''#!%s
import http.server, json, os, signal, sys, threading
arguments = dict(a[2:].split("=", 1) for a in sys.argv[1:] if "=" in a)
config = json.load(open(arguments["config"]))
if "--validate" in sys.argv:
    if config.get("invalid"):
        sys.exit("collector.yaml: 3:7: no such processor")
    sys.exit(0)
behave = config.get("behave", "well")
print("stand-in starts", flush=True)
if behave == "die":
    sys.exit("cannot go on: out of luck")
if config.get("die_once") and not os.path.exists(config["die_once"]):
    open(config["die_once"], "w").close()
    os.abort()
if behave == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
for n in range(config.get("lines", 0)):
    print("line", n, flush=True)
host, port = arguments["listen"].rsplit(":", 1)
scrapes = 0

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass
    def do_GET(self):
        global scrapes
        if self.path == "/healthz":
            text, status = b"ok", 503 if behave == "never" else 200
        elif self.path == "/die":
            os._exit(7)
        else:
            scrapes += 1
            text, status = (config.get("text", "") + "phoenix_collector_points_total %%d\n" %% scrapes).encode(), 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

http.server.ThreadingHTTPServer.allow_reuse_address = True
http.server.ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
''' % sys.executable


def files_hash(files):
    text = b"".join(f["name"].encode() + b"\0" + f["content"].encode() + b"\0" for f in files)
    return "sha256:" + hashlib.sha256(text).hexdigest()


def collector_config(experiment, variant="baseline", content=None, **more):
    """The config of a `collector` `start`; content: text, or a document for the stand-in."""
    if not isinstance(content, str):
        content = json.dumps(content or {})
    files = more.pop("files", [{"name": "collector.yaml", "content": content}])
    config = {"id": "%s-%s" % (experiment, variant), "variant": variant, "collector": "native",
              "pipeline": variant, "files": files, "config_hash": files_hash(files),
              "sampling": {"interval": "100ms", "critical": ["nginx*", "postgres"]}, "ready_timeout": "10s"}
    config.update(more)
    return config


def new_id():
    return str(uuid.uuid4())


class Agent:
    """One agent process; start() and kill() may alternate. Everything is below one folder."""

    def __init__(self, folder, url, stand_in=True, **settings):
        self.folder, self.url, self.settings = pathlib.Path(folder), url, settings
        self.state = self.folder / "state"
        self.log = self.folder / "agent.log"
        self.libexec, self.plugins = self.folder / "libexec", self.folder / "plugins"
        self.process = None
        for path in (self.folder, self.libexec, self.plugins):
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._install(stand_in)

    def _install(self, stand_in):
        for built in (BUILD / ".libs").glob("collector-native.so" if stand_in else "*.so"):
            plugin = self.plugins / built.name
            if not plugin.exists():
                plugin.write_bytes(built.read_bytes())
                plugin.chmod(0o644)
        self.plugins.chmod(0o755)
        collector = self.libexec / "phoenix-collector"
        if stand_in:
            collector.write_text(STAND_IN)
            collector.chmod(0o755)
        elif not collector.exists():
            collector.symlink_to(BUILD / "phoenix-collector")
        loadhost = self.libexec / "phoenix-loadhost"
        if stand_in:
            loadhost.write_text(LOAD_STAND_IN)
            loadhost.chmod(0o755)
        elif not loadhost.exists():
            loadhost.symlink_to(BUILD / "phoenix-loadhost")

    def arguments(self):
        settings = {"api.url": self.url, "agent.host_id": "web-1", "agent.state_dir": self.state,
                    "libexec_dir": self.libexec, "plugin.dir": self.plugins, "log.level": "debug",
                    "agent.restart.backoff": "50ms", "agent.stop_grace": "500ms",
                    "agent.ports": "%d-%d" % port_range()}
        settings.update({name.replace("__", "."): value for name, value in self.settings.items()})
        return WRAP + [str(BUILD / "phoenix-agent")] + ["--%s=%s" % item for item in settings.items()]

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.arguments(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd="/", start_new_session=True)
        return self

    def kill(self):
        """As the OOM killer would."""
        self.process.kill()
        self.process.wait(10)

    def terminate(self, timeout=20):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout * SLOW)

    def clean_up(self):
        """Leaves nothing behind. Under a wrapper the agent ends in order, to hear what the wrapper found."""
        if self.process and self.process.poll() is None:
            if WRAP:
                assert self.terminate() == 0, self.log.read_text(errors="replace")[-20000:]
            else:
                self.kill()
        for pid in instances(self.state):
            os.killpg(pid, signal.SIGKILL)


LOAD_STAND_IN = r'''#!%s
import json, signal, sys, threading
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
def say(state, **more):
    print(json.dumps(dict(dict(state=state, offered=100, delivered=90), **more)), flush=True)
say("running")
grown = 100
while arguments["--profile"] == "growing" and not stop.wait(0.02):
    grown += 1
    say("running", offered=grown)
if arguments["--profile"] == "broken":
    say("failed", reason="no such process to churn")
    sys.exit(1)
stop.wait(0.3 if arguments["--duration"] == "300ms" else 600)
say("stopped" if stop.is_set() else "completed")
''' % sys.executable


def port_range():
    """Ports of this test process only."""
    low = 20000 + os.getpid() % 200 * 50
    return low, low + 49


def instances(state):
    """{pid: folder} of the collectors that were started for this state folder and live."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            status = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        for item in environment:
            if item.startswith(b"PHOENIX_INSTANCE=%s/" % str(state).encode()) and status[0] != "Z" \
                    and int(status[2]) == int(entry.name):
                found[int(entry.name)] = item.decode().split("=", 1)[1]
    return found


def alive(pid):
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
