# SPDX-License-Identifier: Apache-2.0
"""A receiver of OTLP/HTTP that does as the test says, and a decoder of what came: written from metrics.proto, in
another language than the generator."""
import http.server
import struct
import threading


class Sink:
    """Keeps the bodies. `behave(n)` says what request number n is answered with: (status, headers, body), or
    None: nothing, ever."""

    def __init__(self, behave=None):
        self.bodies, self.lock, self.ends = [], threading.Lock(), threading.Event()
        self.n = 0
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with sink.lock:
                    sink.n += 1
                    answer = behave(sink.n) if behave else (200, {}, b"")
                    if answer and answer[0] == 200:
                        sink.bodies.append(body)
                if answer is None:
                    sink.ends.wait(30)
                    self.close_connection = True
                    return
                self.send_response(answer[0])
                for name, value in {"Content-Length": str(len(answer[2])), **answer[1]}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer[2])

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def points(self):
        with self.lock:
            bodies = list(self.bodies)
        return [p for body in bodies for p in decode(body)]

    def close(self):
        self.ends.set()
        self.server.shutdown()
        self.server.server_close()


def fields(data):
    """(number, value) of a message: ints of varints, bytes of the rest."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, varint()
            continue
        n = 8 if kind == 1 else varint()
        assert kind in (1, 2) and at + n <= len(data)
        yield tag >> 3, data[at:at + n]
        at += n


def attribute(data):
    pair = dict(fields(data))
    return pair[1].decode(), dict(fields(pair[2]))[1].decode()


def decode(body):
    """[{metric, kind, labels, start, time, value | count, sum, buckets, bounds}] of an export."""
    points = []
    for _, resource_metrics in fields(body):
        for number, scope in fields(resource_metrics):
            if number != 2:
                continue
            for number, metric in fields(scope):
                if number == 2:
                    points += decode_metric(metric)
    return points


def decode_metric(metric):
    name, points = "", []
    for number, value in fields(metric):
        if number == 1:
            name = value.decode()
        if number in (5, 7, 9):
            kind = {5: "gauge", 7: "sum", 9: "histogram"}[number]
            points += [decode_point(kind, p) for n, p in fields(value) if n == 1]
    return [dict(p, metric=name) for p in points]


def decode_point(kind, data):
    point, labels = {"kind": kind}, []
    for number, value in fields(data):
        if number == (9 if kind == "histogram" else 7):
            labels.append(attribute(value))
        elif number in (2, 3):
            point["start" if number == 2 else "time"] = struct.unpack("<Q", value)[0]
        elif kind == "histogram":
            form = {4: "<Q", 5: "<d", 6: "<%dQ" % (len(value) // 8), 7: "<%dd" % (len(value) // 8)}[number]
            unpacked = struct.unpack(form, value)
            point[{4: "count", 5: "sum", 6: "buckets", 7: "bounds"}[number]] = unpacked if number > 5 else unpacked[0]
        else:
            point["value"] = struct.unpack({4: "<d", 6: "<q"}[number], value)[0]
    return dict(point, labels=tuple(labels))
