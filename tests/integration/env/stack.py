# SPDX-License-Identifier: Apache-2.0
"""Prometheus and Pushgateway under test: the real programs on free ports of loopback, with their data and
logs in a temporary folder. Debian's packages prometheus and prometheus-pushgateway, see scripts/packages.sh."""
import http.server
import json
import pathlib
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

from env.common import SLOW, wait_until


def request(method, url, body=None, headers=None, timeout=10):
    """(status, text) of one request."""
    asked = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=timeout * SLOW) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode("utf-8", "replace")


class Server:
    """One program; start() and stop() may alternate, the port stays once it is known."""

    program, name = None, None

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / (self.name + ".log")
        self.process, self.port = None, 0

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return "http://" + self.address

    def arguments(self):
        raise NotImplementedError

    def start(self):
        before = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.program, *self.arguments()], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def listens():
            text = self.log.read_bytes()[before:].decode("utf-8", "replace")
            assert self.process.poll() is None, f"{self.name} ended: {text[-2000:]}"
            return re.search(r'msg="Listening on" address=[0-9.]+:(\d+)', text)
        try:
            self.port = int(wait_until(listens, f"{self.name} listens", 30).group(1))
            wait_until(self.is_ready, f"{self.name} is ready", 30)
        except BaseException:
            self.close()
            raise
        return self

    def is_ready(self):
        try:
            return request("GET", self.url + "/-/ready")[0] == 200
        except OSError:
            return False

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(20 * SLOW)

    def pause(self):
        """It takes connections (the kernel does) and answers nothing, until go_on()."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()  # also one that is paused; its folder goes with it
            self.process.wait(10)


class Pushgateway(Server):
    program, name = "/usr/bin/prometheus-pushgateway", "pushgateway"

    def __init__(self, folder, *more):
        super().__init__(folder)
        self.more = more

    def arguments(self):
        return [f"--web.listen-address={self.address}", "--persistence.file=", *self.more]

    def groups(self):
        """The labels of each group: [{"job": "phoenix", "experiment": ...}, ...]."""
        status, text = request("GET", self.url + "/api/v1/metrics")
        assert status == 200, text
        return [group["labels"] for group in json.loads(text)["data"]]

    def exposition(self):
        status, text = request("GET", self.url + "/metrics")
        assert status == 200, text
        return text


class Prometheus(Server):
    """targets: "host:port" of what is scraped, with honor_labels as a Pushgateway needs it."""

    program, name = "/usr/bin/prometheus", "prometheus"

    def __init__(self, folder, targets=(), scrape="1s", more=()):
        super().__init__(folder)
        self.targets, self.scrape, self.more = list(targets), scrape, more

    def configuration(self):
        """YAML is a superset of JSON."""
        jobs = [{"job_name": "pushgateway", "honor_labels": True,
                 "static_configs": [{"targets": self.targets}]}] if self.targets else []
        return {"global": {"scrape_interval": self.scrape, "scrape_timeout": self.scrape}, "scrape_configs": jobs}

    def arguments(self):
        path = self.folder / "prometheus.yml"
        path.write_text(json.dumps(self.configuration()))
        return [f"--config.file={path}", f"--storage.tsdb.path={self.folder / 'tsdb'}",
                f"--web.listen-address={self.address}", *self.more]

    def ask(self, path, **parameters):
        """The `data` of an answer of the HTTP API."""
        body = urllib.parse.urlencode(parameters, doseq=True).encode()
        status, text = request("POST", f"{self.url}/api/v1/{path}", body,
                               {"Content-Type": "application/x-www-form-urlencoded"})
        assert status == 200, text
        return json.loads(text)["data"]

    def query(self, promql, **more):
        """[(labels, value or values), ...] of an instant query."""
        result = self.ask("query", query=promql, **more)["result"]
        return [(row["metric"], row.get("values") or float(row["value"][1])) for row in result]

    def is_scraping(self):
        """All targets have answered a scrape."""
        return [value for _, value in self.query("up")] == [1.0] * len(self.targets)


class Pretender:
    """A server that answers as the test says: answer(method, path, body) -> (status, bytes), or None to
    close the connection. Takes the place of either program."""

    def __init__(self, answer, port=0):
        self.answer, self.seen = answer, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def take(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.seen.append((self.command, self.path, body.decode("utf-8", "replace")))
                answer = outer.answer(*outer.seen[-1])
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])
            do_GET = do_PUT = do_POST = do_DELETE = take

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = allow_reuse_address = True

            def handle_error(self, *_):
                pass  # who asked has gone
        self.server = Quiet(("127.0.0.1", port), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
