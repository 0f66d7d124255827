# SPDX-License-Identifier: Apache-2.0
"""Several phoenix-api processes under a parent; ends and restarts that nobody notices; full connection tables."""
import contextlib
import os
import re
import resource
import select
import signal
import socket
import subprocess
import time

import pytest
from env.api import Api
from env.common import SLOW, WRAP, wait_until
from env.workers import Load, Postgres, Workers, exchange, gone, metric, wait_until_gone


@pytest.fixture(scope="module")
def postgres():
    server = Postgres()
    yield server
    server.close()


@pytest.fixture
def workers(folder, postgres, api_settings):
    settings = dict(api_settings)
    server = Workers(folder, postgres, settings.pop("workers", 3), settings).start()
    yield server
    server.close()


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def poll(host, wait="30s"):
    return f"GET /api/v1/agent/tasks?wait={wait} HTTP/1.1\r\nHost: a\r\nX-Agent-Host-ID: {host}\r\n\r\n".encode()


def answers(clients):
    """What each is told until the other side closes, and when, in the order of the ends."""
    poller, waiting = select.poll(), {client.fileno(): client for client in clients}
    for fd in waiting:
        poller.register(fd, select.POLLIN)
    while waiting:
        ready = poller.poll(20000 * SLOW)
        assert ready, f"{len(waiting)} are not answered"
        for fd, _ in ready:
            client = waiting.pop(fd)
            poller.unregister(fd)
            yield b"".join(iter(lambda: client.recv(4096), b"")), time.monotonic()
            client.close()


# ---- the parent

def test_workers_share_a_port_and_operators_reach_each(workers):
    ports = workers.admin_ports()
    assert len(set(ports)) == 3
    for _ in range(60):
        assert b" 200 OK" in exchange(workers.port, HEALTH)
    taken = [metric(port, "phoenix_http_connections_total") for port in ports]
    assert sum(taken) >= 60 and min(taken) > 0


def test_a_worker_that_was_killed_is_replaced_and_nobody_is_refused(workers):
    old = workers.pids()
    os.kill(old[1], signal.SIGKILL)
    for _ in range(40):  # a third of them waits in the queue of the one that is not there
        assert b" 200 OK" in exchange(workers.port, HEALTH)
    pids = wait_until(lambda: len(workers.pids()) == 3 and workers.pids(), "the worker is back")
    assert set(old) - set(pids) == {old[1]}
    assert re.search(r"WORKER_ENDED .*worker=1 .*signal=9", workers.log_text())


def test_a_worker_that_keeps_ending_is_started_at_longer_and_longer_intervals(workers):
    ends, seen = [], set(workers.pids()[:2])
    for _ in range(4):
        pid = wait_until(lambda: [pid for pid in workers.pids() if pid not in seen and not gone(pid)], "it is back")[0]
        ends.append(time.monotonic())
        seen.add(pid)
        os.kill(pid, signal.SIGKILL)
    assert ends[1] - ends[0] > 0.1 and ends[3] - ends[2] > 0.4
    assert workers.log_text().count("event=WORKER_ENDED") >= 3


def start_poll(workers):
    client = socket.create_connection(("127.0.0.1", workers.port), timeout=20 * SLOW)
    client.sendall(poll("h1"))
    wait_until(lambda: workers.total("phoenix_polls_waiting") == 1, "it waits")
    return client


def test_the_end_is_in_order(workers):
    pids = workers.pids()
    with start_poll(workers) as client:
        workers.stop(within=4)
        answer, _ = next(answers([client]))
    assert answer.startswith(b"HTTP/1.1 200 OK") and answer.endswith(b"\r\n\r\n[]")
    assert all(gone(pid) for pid in pids)
    assert workers.log_text().count("event=STOPPED") == 4


def test_workers_end_in_order_when_their_parent_is_killed(workers):
    pids = workers.pids()
    with start_poll(workers) as client:
        workers.stop(signal.SIGKILL)
        answer, _ = next(answers([client]))
    assert answer.startswith(b"HTTP/1.1 200 OK") and answer.endswith(b"\r\n\r\n[]")
    wait_until_gone(pids, "the workers have ended")


def ended(folder, **settings):
    """Start what cannot start; answers its status and its log."""
    api = Api(folder, settings)
    api.spawn()
    status = api.process.wait(20 * SLOW)
    return status, api.log_text()


def test_a_store_for_one_process_is_refused_with_a_remedy(folder):
    status, log = ended(folder, workers=2)
    assert status == 1 and re.search(r"sqlite is for one process \(set store to pg, or workers to 1\)", log)


def test_the_parent_ends_when_no_worker_can_start(folder):
    status, log = ended(folder, workers=3, store="pg", **{"pg.conninfo": "host=/nowhere dbname=x"})
    assert status == 1 and log.count("event=START_FAILED") == 3


# ---- rolling restart

def test_a_rolling_restart_loses_no_request(workers):
    beat = b'{"host_id":"h9","status":"healthy","active_tasks":[]}'
    load = [Load(workers) for _ in range(4)] + [Load(workers, new_each_time=True) for _ in range(2)]
    load += [Load(workers, "POST", "/api/v1/agent/heartbeat", beat, host="h9") for _ in range(2)]
    polls = [Load(workers, path="/api/v1/agent/tasks?wait=20s", host=f"h{i}") for i in range(12)]
    wait_until(lambda: workers.total("phoenix_polls_waiting") == len(polls), "all wait")
    for _ in range(2):
        old = workers.pids()
        workers.process.send_signal(signal.SIGHUP)
        wait_until(lambda: workers.replaced(old), "all workers are replaced", timeout=60)
    wait_until(lambda: workers.total("phoenix_polls_waiting") == len(polls), "all wait again")
    for one in load:
        assert one.end() == [] and one.answered > 10 and one.slowest < 2 * SLOW
    assert sum(one.closed for one in load[:4]) >= 4
    assert [one.faults for one in polls] == [[]] * len(polls) and all(one.answered >= 2 for one in polls)
    for one in polls:
        one.over = True


def test_a_successor_that_cannot_start_leaves_the_old_ones_in_place(folder, postgres):
    config = folder / "api.yaml"
    config.write_text("admin.listen: 127.0.0.1:0\n")
    api = Workers(folder, postgres, 2, {"config": config, "admin.listen": None}).start()
    try:
        old = api.pids()
        config.write_text("retention: never\n")
        api.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "RESTART_FAILED" in api.log_text(), "the restart is given up")
        assert api.pids() == old and b" 200 OK" in exchange(api.port, HEALTH)
        config.write_text("retention: 200h\nadmin.listen: ''\n")  # the second is the parent's, so not theirs to say
        api.process.send_signal(signal.SIGHUP)
        wait_until(lambda: api.replaced(old), "all workers are replaced")
        assert api.total("phoenix_store_up") == 2
    finally:
        api.close()


# ---- the lease of what runs once

TTL = 2


@pytest.mark.api(**{"lease.ttl": f"{TTL}s"})
def test_another_goes_on_when_the_holder_of_the_lease_is_killed(workers):
    holder, epoch = workers.holder()
    start = time.monotonic()
    os.kill(holder, signal.SIGKILL)
    assert workers.holder(but=holder)[1] == epoch + 1
    assert 0.6 * TTL < time.monotonic() - start < 15 / 8 * TTL * SLOW


@pytest.mark.api(**{"lease.ttl": f"{TTL}s"})
def test_a_holder_that_was_stopped_too_long_knows_that_it_is_the_holder_no_more(workers):
    holder, epoch = workers.holder()
    os.kill(holder, signal.SIGSTOP)
    other = workers.holder(but=holder)
    assert other[1] == epoch + 1
    os.kill(holder, signal.SIGCONT)
    wait_until(lambda: re.search(rf"LEASE_LOST .*epoch={epoch}\"", workers.log_text()), "it knows")
    time.sleep(TTL)
    assert workers.lease() == other
    assert holder in workers.pids() and b" 200 OK" in exchange(workers.port, HEALTH)


def test_the_lease_is_handed_over_at_once_by_a_holder_that_ends_in_order(workers):
    holder, epoch = workers.holder()
    start = time.monotonic()
    os.kill(holder, signal.SIGTERM)
    wait_until_gone([holder], "it has ended")
    assert workers.holder(but=holder)[1] == epoch + 1
    assert time.monotonic() - start < 5 * SLOW  # long before the ttl of 8 s
    assert "LEASE_LOST" not in workers.log_text()


def test_idle_workers_look_at_their_leases_less_than_once_a_second(workers):
    workers.holder()
    time.sleep(1)
    before, start = workers.total("phoenix_store_statements_total"), time.monotonic()
    time.sleep(6)
    rate = (workers.total("phoenix_store_statements_total") - before) / (time.monotonic() - start)
    assert rate <= 3 * 1.0, f"{rate} statements/s of three idle workers"


# ---- one process: sockets from elsewhere, the end, limits

def test_a_socket_from_systemd_keeps_its_queue_over_a_restart(folder):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_inheritable(listener.fileno(), True)
        api = Api(folder, {"listen": "127.0.0.1:1"}, wrapper=[
            "/bin/bash", "-c", f'exec 3<&{listener.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "sh", *WRAP])
        popen = subprocess.Popen
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(subprocess, "Popen", lambda *a, **k: popen(*a, pass_fds=[listener.fileno()], **k))
            api.start()
            assert api.port == listener.getsockname()[1]
            api.stop()
            with socket.create_connection(("127.0.0.1", api.port), timeout=20 * SLOW) as early:
                early.sendall(HEALTH)
                api.start()
                assert b" 200 OK" in early.recv(65536)
            api.stop()


@contextlib.contextmanager
def descriptors(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(n, hard)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect_all(port, n, request):
    clients = []
    for i in range(n):
        client = socket.create_connection(("127.0.0.1", port), timeout=20 * SLOW)
        client.sendall(request(i))
        clients.append(client)
    return clients


@pytest.mark.api(**{"drain.time": "4s", "log.level": "info"})
def test_a_thousand_polls_are_answered_at_the_end_and_not_all_at_once(api):
    n = 1000
    with descriptors(n + 200):
        clients = connect_all(api.port, n, lambda i: poll(f"h{i}", "60s"))
        wait_until(lambda: api.metric("phoenix_polls_waiting") == n, "all wait")
        start, ends = time.monotonic(), []
        api.process.send_signal(signal.SIGTERM)
        for answer, at in answers(clients):
            assert answer.startswith(b"HTTP/1.1 200 OK") and answer.endswith(b"\r\n\r\n[]"), answer
            assert b"\r\nConnection: close\r\n" in answer
            ends.append(at - start)
        assert api.process.wait(10 * SLOW) == 0
    assert len(ends) == n and ends[-1] < 4 * SLOW
    assert ends[n // 2] > 0.4 and ends[n // 4] < ends[n // 2] < ends[-n // 4]


@pytest.mark.api(**{"api.max_connections": 16, "admin.listen": "127.0.0.1:0"})
def test_operators_get_in_when_all_connections_are_taken(api):
    admin = int(re.search(r"operators reach process \d+ at http://127.0.0.1:(\d+)", api.log_text()).group(1))
    clients = connect_all(api.port, 16, lambda i: HEALTH[:20])
    with socket.create_connection(("127.0.0.1", api.port), timeout=0.5) as late:
        late.sendall(HEALTH)
        with pytest.raises(TimeoutError):
            late.recv(100)
        assert b" 200 OK" in exchange(admin, HEALTH)
        assert metric(admin, "phoenix_http_connections") == 16
        clients.pop().close()
        late.settimeout(20 * SLOW)
        assert b" 200 OK" in late.recv(65536)
    for client in clients:
        client.close()


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_out_of_descriptors_it_neither_spins_nor_floods_the_log_and_recovers(api):
    pid = api.process.pid
    in_use = len(os.listdir(f"/proc/{pid}/fd"))
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (in_use + 5, limits[1]))
    clients = connect_all(api.port, 40, lambda i: HEALTH[:20])
    wait_until(lambda: "event=HTTP_ACCEPT" in api.log_text(), "it is out of descriptors")
    used, before, span = cpu_s(pid), api.log_text().count("\n"), 3
    time.sleep(span)
    assert cpu_s(pid) - used <= 0.05 * span * SLOW
    assert api.log_text().count("\n") - before <= span + 1
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    assert b" 200 OK" in exchange(api.port, HEALTH)
    for client in clients:
        client.close()


def test_connections_are_bounded_by_the_limit_of_descriptors(folder):
    api = Api(folder, {"api.max_connections": 500}, wrapper=[
        "/bin/sh", "-c", 'ulimit -n 160; exec "$@"', "sh", *WRAP])
    api.start()
    possible = int(re.search(r"CONNECTIONS_LIMITED .*?(\d+) connections instead of 500", api.log_text()).group(1))
    assert 16 <= possible <= 100
    clients = connect_all(api.port, possible + 30, lambda i: HEALTH[:20])
    time.sleep(0.3)
    assert "event=HTTP_ACCEPT" not in api.log_text()
    for client in clients:
        client.close()
    assert b" 200 OK" in exchange(api.port, HEALTH)
    api.close()
