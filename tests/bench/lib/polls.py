# SPDX-License-Identifier: Apache-2.0
"""polls.py PORT PID: park polls, see what memory they take, hang up, see when that is noticed."""
import pathlib
import socket
import sys
import time

PARKED = 6000
WARM = 1000  # tables and the heap's own slack grow with these


def anonymous_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("no RssAnon in /proc")


def server_sockets(port):
    """Connections that the server still holds, whatever their state."""
    local = f":{port:04X}"
    count = 0
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(local) and fields[3] in ("01", "08") and fields[9] != "0":
            count += 1
    return count


def park(port, first, last):
    socks = []
    for i in range(first, last):
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        sock.bind((f"127.1.0.{i // 2000 + 1}", 0))  # the search for a port slows down after 2,000
        sock.connect(("127.0.0.1", port))
        sock.sendall(b"GET /api/v1/agent/tasks%s HTTP/1.1\r\nHost: bench\r\nUser-Agent: phoenix-agent/0.1.0\r\n"
                     b"Accept: */*\r\nX-Agent-Host-ID: bench-%05d\r\n\r\n" % (QUERY, i))
        socks.append(sock)
    return socks


def settle(pid, port, count):
    """Until the server has accepted all and its memory stands still."""
    before = -1
    while True:
        now = anonymous_bytes(pid)
        if server_sockets(port) >= count and now == before:
            return now
        before = now
        time.sleep(0.3)


port, pid = int(sys.argv[1]), int(sys.argv[2])
QUERY = b"?wait=60s" if pathlib.Path(f"/proc/{pid}/comm").read_text().startswith("phoenix-api") else b""
socks = park(port, 0, WARM)
start = settle(pid, port, WARM)
socks += park(port, WARM, PARKED)
each = (settle(pid, port, PARKED) - start) / (PARKED - WARM)
print(f"3:parked_poll_bytes {each:.0f} B 3500 {'ok' if each <= 3500 else 'short'}")

for sock in socks:
    sock.close()
closed = time.monotonic()
while server_sockets(port) > 0 and time.monotonic() - closed < 30:
    time.sleep(0.005)
took = time.monotonic() - closed
print(f"20:hang_up_noticed {took:.3f} s 1 {'ok' if took <= 1 else 'short'}")
