# SPDX-License-Identifier: Apache-2.0
"""What the HTTP server does with input that no client of good will sends, over raw sockets.

Runs against the fixture server of tests/unit/http: the server of phoenix-api with routes made for
this (HTTP_FIXTURE may name the program)."""
import json
import os
import pathlib
import resource
import signal
import socket
import struct
import subprocess
import time

import pytest

from env.common import BUILD, wait_until

HOST = b"Host: a\r\n"
GET = b"GET /state HTTP/1.1\r\n" + HOST
POST = b"POST /raw HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
POLL = b"GET /api/v1/agent/tasks HTTP/1.1\r\n" + HOST + b"X-Agent-Host-ID: h1\r\n\r\n"


def program():
    return os.environ.get("HTTP_FIXTURE") or str(BUILD / "tests/unit/http/http_fixture")


class Server:
    def __init__(self, *args, files=None):
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) if files else None
        self.process = subprocess.Popen([program(), *map(str, args)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, preexec_fn=limit)
        line = self.process.stdout.readline().split()
        assert line and line[0] == b"port", "the server did not start"
        self.address = ("127.0.0.1", int(line[1]))

    def dial(self, timeout=10):
        return socket.create_connection(self.address, timeout)

    def state(self):
        return json.loads(ask(self, GET + b"Connection: close\r\n\r\n").body)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        """Exit status (1 when a waiter was forgotten) and what it logged."""
        self.process.send_signal(signal.SIGTERM)
        _, log = self.process.communicate(timeout=20)
        return self.process.returncode, log.decode()


class Answer:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        self.body = body

    def problem(self):
        assert self.headers["content-type"] == "application/problem+json"
        document = json.loads(self.body)
        assert document["status"] == self.status
        assert document["type"].startswith("urn:phoenix:problem:")
        return document


class Reader:
    """Reads answers off one connection."""

    def __init__(self, sock):
        self.sock, self.data = sock, b""

    def fill(self):
        more = self.sock.recv(65536)
        self.data += more
        return bool(more)

    def answer(self, has_body=True):
        while b"\r\n\r\n" not in self.data:
            if not self.fill():
                return None
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        if head.startswith(b"HTTP/1.1 100"):
            return self.answer(has_body)
        answer = Answer(head, b"")
        length = int(answer.headers.get("content-length", 0)) if has_body else 0
        while len(self.data) < length:
            assert self.fill(), "the answer was cut"
        answer.body, self.data = self.data[:length], self.data[length:]
        return answer

    def is_closed(self):
        try:
            return not self.data and not self.fill()
        except ConnectionResetError:
            return True


def ask(server, data):
    with server.dial() as sock:
        sock.sendall(data)
        return Reader(sock).answer()


@pytest.fixture(scope="module")
def server():
    s = Server()
    yield s
    status, _ = s.stop()
    assert status == 0


REFUSED = {
    "two lengths": (POST + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 400),
    "two equal lengths": (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    "signed length": (POST + b"Content-Length: +3\r\n\r\nabc", 400),
    "negative length": (POST + b"Content-Length: -3\r\n\r\nabc", 400),
    "hexadecimal length": (POST + b"Content-Length: 0x3\r\n\r\nabc", 400),
    "list of lengths": (POST + b"Content-Length: 3,3\r\n\r\nabc", 400),
    "length and coding": (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "unknown coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    "two codings": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "coding twice": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "hexadecimal chunk size": (CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", 400),
    "chunk extension": (CHUNKED + b"3;a=b\r\nabc\r\n0\r\n\r\n", 400),
    "chunk of another size": (CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", 400),
    "trailer": (CHUNKED + b"3\r\nabc\r\n0\r\nX-Admin: 1\r\n\r\n", 400),
    "folded header": (GET + b"X: a\r\n b\r\n\r\n", 400),
    "bare LF": (b"GET /state HTTP/1.1\nHost: a\n\n", 400),
    "one bare LF": (GET + b"X: a\n\r\n", 400),
    "bare CR": (GET + b"X: a\rb\r\n\r\n", 400),
    "NUL in a value": (GET + b"X: a\0b\r\n\r\n", 400),
    "NUL in the path": (b"GET /st\0ate HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "control byte": (GET + b"X: a\x01b\r\n\r\n", 400),
    "space before the colon": (GET + b"Y : q\r\n\r\n", 400),
    "no colon": (GET + b"nonsense\r\n\r\n", 400),
    "no Host": (b"GET /state HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (GET + b"Host: b\r\n\r\n", 400),
    "two credentials": (GET + b"Authorization: a\r\nauthorization: b\r\n\r\n", 400),
    "two content types": (POST + b"Content-Type: a\r\nContent-Type: b\r\nContent-Length: 0\r\n\r\n", 400),
    "two agents": (GET + b"X-Agent-Host-ID: a\r\nX-Agent-Host-ID: b\r\n\r\n", 400),
    "absolute form": (b"GET http://evil/state HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "CONNECT": (b"CONNECT a:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "dots": (b"GET /a/../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "encoded dots": (b"GET /%2e%2e/state HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "encoded NUL": (b"GET /state%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "encoded slash": (b"GET /items/a%2fb HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "empty segment": (b"GET //state HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "bad UTF-8": (b"GET /items/%ff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "raw UTF-8": ("GET /items/ä HTTP/1.1\r\n".encode() + HOST + b"\r\n", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "empty line": (b"\r\n" + GET + b"\r\n", 400),
    "body of a GET": (GET + b"Content-Length: 3\r\n\r\nabc", 400),
    "body of a HEAD": (b"HEAD /state HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc", 400),
    "100 kB header": (GET + b"X: " + b"a" * 100000 + b"\r\n\r\n", 413),
    "100 kB path": (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 413),
    "5,000 headers": (GET + b"".join(b"X-%d: a\r\n" % i for i in range(5000)) + b"\r\n", 413),
    "10 MB body": (POST + b"Content-Length: 10000000\r\n\r\n" + b"x" * 1000000, 413),
    "10 MB of chunks": (CHUNKED + b"80000\r\n" + b"x" * 0x80000 + b"\r\n80001\r\n", 413),
}


@pytest.mark.parametrize("data,status", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("portions", ["at once", "in two"])
def test_refused_and_closed(server, data, status, portions):
    with server.dial() as sock:
        reader = Reader(sock)
        try:
            if portions == "in two":
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.sendall(data[:len(data) // 2])
                time.sleep(0.002)  # two segments, usually; the answer is the same
                sock.sendall(data[len(data) // 2:])
            else:
                sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused while it was being sent
        answer = reader.answer()
        assert answer.status == status
        answer.problem()
        assert answer.headers["connection"] == "close"
        assert reader.is_closed()


def test_a_header_that_is_refused_is_answered_before_the_request_is_complete(server):
    with server.dial() as sock:
        sock.sendall(b"GET /state HTTP/1.1\r\nHost: a\r\nX : a\r\n")
        assert Reader(sock).answer().status == 400


TAKEN = {
    "chunks": (CHUNKED + b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", b"abc0123456789"),
    "length": (POST + b"Content-Length: 3\r\n\r\nabc", b"abc"),
    "spaces around a value": (POST + b"Content-Length: \t 3 \r\n\r\nabc", b"abc"),
    "1 MiB": (POST + b"Content-Length: 1048576\r\n\r\n" + b"y" * 1048576, b"y" * 1048576),
    "expectation": (POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc", b"abc"),
    "HTTP/1.0 without Host": (b"POST /raw HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
}


@pytest.mark.parametrize("data,body", TAKEN.values(), ids=TAKEN.keys())
def test_taken(server, data, body):
    answer = ask(server, data)
    assert answer.status == 200
    assert answer.body == body


def test_a_request_may_come_byte_by_byte(server):
    with server.dial() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in CHUNKED + b"3\r\nabc\r\n0\r\n\r\n":
            sock.sendall(bytes([byte]))
        assert Reader(sock).answer().body == b"abc"


def test_100_continue_is_sent(server):
    with server.dial() as sock:
        sock.sendall(POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 100")
        sock.sendall(b"abc")
        assert Reader(sock).answer().body == b"abc"


def test_pipelined_requests_are_answered_in_order(server):
    with server.dial() as sock:
        one = b"GET /items/%d HTTP/1.1\r\n" + HOST + b"\r\n"
        sock.sendall(b"".join(one % i for i in range(200)))
        reader = Reader(sock)
        for i in range(200):
            assert json.loads(reader.answer().body)["id"] == str(i)


def test_a_bad_request_behind_a_good_one_closes_after_the_good_answer(server):
    with server.dial() as sock:
        sock.sendall(b"GET /items/1 HTTP/1.1\r\n" + HOST + b"\r\n" + b"GET /items/2 HTTP/1.1\nHost: a\n\n")
        reader = Reader(sock)
        answer = reader.answer()
        assert answer.status == 200 and json.loads(answer.body)["id"] == "1"
        assert answer.headers["connection"] == "close"
        assert reader.is_closed()


def test_a_smuggled_request_is_never_executed(server):
    wake = b"POST /wake HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n"
    with server.dial() as poll:
        poll.sendall(POLL)
        wait_until(lambda: server.state()["waiters"] == 1, "the poll waits")
        for head in (POST + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(wake),
                     POST + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"HEAD /state HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(wake)):
            ask(server, head + wake)
        assert server.state()["waiters"] == 1
    wait_until(lambda: server.state()["waiters"] == 0, "the poll is gone")


def test_keep_alive_and_close(server):
    with server.dial() as sock:
        reader = Reader(sock)
        for _ in range(3):
            sock.sendall(GET + b"\r\n")
            assert "connection" not in reader.answer().headers
        sock.sendall(GET + b"Connection: close\r\n\r\n")
        assert reader.answer().headers["connection"] == "close"
        assert reader.is_closed()
    with server.dial() as sock:
        reader = Reader(sock)
        sock.sendall(b"GET /state HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert reader.answer().headers["connection"] == "keep-alive"
        sock.sendall(b"GET /state HTTP/1.0\r\n\r\n")
        reader.answer()
        assert reader.is_closed()


def test_head_has_the_headers_of_get_and_no_body(server):
    with server.dial() as sock:
        reader = Reader(sock)
        sock.sendall(b"HEAD /items/1 HTTP/1.1\r\n" + HOST + b"\r\n")
        answer = reader.answer(has_body=False)
        assert answer.status == 200 and int(answer.headers["content-length"]) > 0
        sock.sendall(GET + b"\r\n")
        assert reader.answer().status == 200


def test_methods_and_paths(server):
    answer = ask(server, b"PATCH /items/1 HTTP/1.1\r\n" + HOST + b"\r\n")
    assert answer.status == 405 and answer.headers["allow"] == "GET, HEAD, PUT"
    for method in (b"TRACE", b"OPTIONS", b"DELETE", b"BREW"):
        assert ask(server, method + b" /state HTTP/1.1\r\n" + HOST + b"\r\n").status == 405
    assert ask(server, b"GET /nowhere HTTP/1.1\r\n" + HOST + b"\r\n").problem()["title"] == "Not found"
    assert ask(server, b"GET /statex HTTP/1.1\r\n" + HOST + b"\r\n").status == 404


def test_agents_must_say_who_they_are(server):
    poll = b"POST /api/v1/agent/heartbeat HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n"
    assert ask(server, poll + b"X-Agent-Host-ID: web-1\r\n\r\n").status == 204
    for header in (b"", b"X-Agent-Host-ID: \r\n", b"X-Agent-Host-ID: a b\r\n", b"X-Agent-Host-ID: ../a\r\n",
                   b"X-Agent-Host-ID: " + b"a" * 64 + b"\r\n"):
        answer = ask(server, poll + header + b"\r\n")
        assert answer.status == 401 and "www-authenticate" in answer.headers
        answer.problem()


def echo(server, body, content_type=b"application/json"):
    return ask(server, b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Type: " + content_type +
               b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def test_bodies_are_judged(server):
    assert json.loads(echo(server, b'{"name":"a"}').body) == {"name": "a", "count": 3}
    assert echo(server, b'{"name":"a"}', b"application/json; charset=utf-8").status == 200
    assert echo(server, b'{"name":"a"}', b"text/plain").status == 415
    assert echo(server, b'{"name":"a"}', b"application/jsonx").status == 415
    for text in (b'{"name":', b'{"name":"a","name":"b"}', b'{"name":NaN}', b"\xff", b'{"count":99999999999999999999}',
                 b'{"name":"a"}x'):
        assert echo(server, text).status == 400, text
    assert echo(server, b"[" * 10000).status in (400, 413)
    problem = echo(server, b'{"count":11,"x":1}').problem()
    assert problem["status"] == 422
    assert {e["pointer"] for e in problem["errors"]} == {"/name", "/count", "/x"}
    assert echo(server, b"").status == 422
    assert ask(server, b"PUT /items/1 HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\n{}").status == 400


def test_queries_are_judged(server):
    def item(query):
        return ask(server, b"GET /items/1?" + query + b" HTTP/1.1\r\n" + HOST + b"\r\n")
    assert json.loads(item(b"q=a%20b+c&limit=5").body)["q"] == "a b c"
    for query, pointer in ((b"nope=1", "/nope"), (b"limit=0", "/limit"), (b"limit=x", "/limit"),
                           (b"limit=1e3", "/limit"), (b"q=" + b"a" * 21, "/q")):
        problem = item(query).problem()
        assert problem["status"] == 422 and problem["errors"][0]["pointer"] == pointer
    for query in (b"q=1&q=2", b"q=%00", b"q=%ff", b"q=%2"):
        assert item(query).status == 400
    assert ask(server, b"GET /state?x=1 HTTP/1.1\r\n" + HOST + b"\r\n").status == 422


def test_request_ids_are_echoed_if_they_are_sane(server):
    answer = ask(server, b"GET /nowhere HTTP/1.1\r\n" + HOST + b"X-Request-ID: abc-1\r\n\r\n")
    assert answer.headers["x-request-id"] == "abc-1" and answer.problem()["request_id"] == "abc-1"
    answer = ask(server, b"GET /nowhere HTTP/1.1\r\n" + HOST + b'X-Request-ID: a"b\r\n\r\n')
    assert answer.problem()["request_id"] == answer.headers["x-request-id"] != 'a"b'


def test_a_busy_answer_says_when_to_come_again(server):
    answer = ask(server, b"GET /busy HTTP/1.1\r\n" + HOST + b"\r\n")
    assert answer.status == 503 and 1 <= int(answer.headers["retry-after"]) <= 5
    assert answer.problem()["remedy"] == "come again"


def test_clients_that_drip_are_cut_off(server):
    start = time.monotonic()
    with server.dial() as sock:
        reader = Reader(sock)
        try:
            for byte in (GET + b"X: " + b"a" * 1000):
                sock.sendall(bytes([byte]))
                time.sleep(0.05)
                if time.monotonic() - start > 10:
                    pytest.fail("a dripping client is still connected")
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert reader.is_closed()
    assert 1.5 < time.monotonic() - start < 6  # the limit of the fixture is 2 s


def test_an_idle_connection_is_not_cut_off_by_the_request_limit(server):
    with server.dial() as sock:
        reader = Reader(sock)
        sock.sendall(GET + b"\r\n")
        reader.answer()
        time.sleep(2.5)
        sock.sendall(GET + b"\r\n")
        assert reader.answer().status == 200


def test_a_waiter_is_answered(server):
    with server.dial() as sock:
        reader = Reader(sock)
        for _ in range(3):
            sock.sendall(POLL)
            wait_until(lambda: server.state()["waiters"] == 1, "the poll waits")
            ask(server, b"POST /wake HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n")
            assert reader.answer().body == b"[]"


@pytest.mark.parametrize("how", ["close", "reset", "half-close", "reset after more bytes"])
def test_a_waiter_that_leaves_is_noticed_within_a_second(server, how):
    gone = server.state()["gone"]
    sock = server.dial()
    sock.sendall(POLL)
    wait_until(lambda: server.state()["waiters"] == 1, "the poll waits")
    if how == "half-close":
        sock.shutdown(socket.SHUT_WR)
    if how == "reset after more bytes":
        sock.sendall(POLL)
        time.sleep(0.05)
    if how.startswith("reset"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how != "half-close":
        sock.close()
    wait_until(lambda: server.state()["gone"] == gone + 1, "the waiter is gone", 1)
    before = server.cpu_seconds()
    time.sleep(0.2)
    assert server.cpu_seconds() - before < 0.1  # nothing spins
    sock.close()


def test_a_reset_in_the_middle_of_an_answer_harms_nobody(server):
    body = b"z" * 1048576
    for _ in range(20):
        sock = server.dial()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(POST + b"Content-Length: 1048576\r\n\r\n" + body)
        sock.recv(100)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    wait_until(lambda: server.state()["open"] == 1, "only the asker is connected")


def test_a_large_body_may_follow_a_poll_on_the_same_connection(server):
    with server.dial() as sock:
        reader = Reader(sock)
        sock.sendall(POLL)
        wait_until(lambda: server.state()["waiters"] == 1, "the poll waits")
        ask(server, b"POST /wake HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n")
        reader.answer()
        sock.sendall(POST + b"Content-Length: 500000\r\n\r\n" + b"q" * 500000)
        assert len(reader.answer().body) == 500000


def test_connections_above_the_cap_wait_in_the_queue():
    s = Server(20)
    first = [s.dial() for _ in range(20)]
    readers = [Reader(c) for c in first]
    for c, r in zip(first, readers):
        c.sendall(GET + b"\r\n")
        assert r.answer().status == 200
    late = s.dial()
    late.sendall(GET + b"\r\n")
    late.settimeout(0.2)
    with pytest.raises(TimeoutError):
        late.recv(1)
    first[0].close()
    late.settimeout(5)
    assert Reader(late).answer().status == 200
    for c in first + [late]:
        c.close()
    assert s.stop()[0] == 0


def test_out_of_descriptors_it_neither_spins_nor_floods_the_log():
    s = Server(10000, files=40)
    held = [s.dial() for _ in range(100)]
    before, start = s.cpu_seconds(), time.monotonic()
    time.sleep(2)
    assert (s.cpu_seconds() - before) / (time.monotonic() - start) <= 0.05
    for c in held:
        c.close()
    wait_until(lambda: s.state()["open"] == 1, "it accepts again")
    status, log = s.stop()
    assert status == 0
    assert 1 <= log.count("HTTP_ACCEPT") <= 5
