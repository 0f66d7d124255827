# SPDX-License-Identifier: Apache-2.0
"""A flood of batches of samples from hosts that know no measure: each thread is a host that sends the next
batch as soon as the last one is answered, and again at once when it was refused. A process of its own, so
that it does not slow down who measures.

    flood.py PORT HOSTS SECONDS ROWS

prints, as JSON, what was answered: {"accepted": {host: batches}, "refused": {status: n},
"waits": {Retry-After: n}}"""
import collections
import http.client
import json
import sys
import threading
import time
import uuid

MEASURES = ["up", "series", "points_total", "points_in_total", "dropped_total", "bytes_total"]


def template(rows, host_number):
    """A body with @@@@@@@@@@ where the number of the batch goes, and ########## where its second goes: no row is
    like another. Blanks make it as large as people write it."""
    row = '{"experiment_id":"%s","variant":"baseline","ts":##########%06d000,"values":[1,%d,1234567.125,1234567.125,1234567.125,1234567.125]}'
    experiment = str(uuid.UUID(int=1000 + host_number))
    samples = (", " + " " * 300).join(row % (experiment, i, i) for i in range(rows))
    return ('{"stream":"%s","seq":@@@@@@@@@@,"measures":%s,"samples":[%s]}' %
            (uuid.UUID(int=2000 + host_number), json.dumps(MEASURES), samples)).encode()


class Flooder(threading.Thread):
    def __init__(self, port, number, until, rows):
        super().__init__(daemon=True)
        self.port, self.host, self.until = port, f"flood-{number}", until
        self.body, self.accepted = template(rows, number), 0
        self.refused, self.waits = collections.Counter(), collections.Counter()
        self.second = int(time.time()) - 36000

    def batch(self, seq):
        return self.body.replace(b"@@@@@@@@@@", b"%10d" % seq).replace(b"#" * 10, b"%10d" % (self.second + seq))

    def send(self, connection, body):
        connection.request("POST", "/api/v1/agent/metrics", body,
                           {"X-Agent-Host-ID": self.host, "Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer

    def run(self):
        connection, seq = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60), 1
        body = self.batch(seq)
        while time.monotonic() < self.until:
            answer = self.send(connection, body)
            if answer.status == 202:
                self.accepted, seq = self.accepted + 1, seq + 1
                body = self.batch(seq)
            else:
                self.refused[str(answer.status)] += 1
                self.waits[answer.headers.get("Retry-After")] += 1
        connection.close()


def main(port, hosts, seconds, rows):
    until = time.monotonic() + float(seconds)
    threads = [Flooder(int(port), i, until, int(rows)) for i in range(int(hosts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"accepted": {t.host: t.accepted for t in threads},
                      "refused": sum((t.refused for t in threads), collections.Counter()),
                      "waits": sum((t.waits for t in threads), collections.Counter())}))


if __name__ == "__main__":
    main(*sys.argv[1:])
