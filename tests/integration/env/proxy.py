# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy between an agent and an API, to break connections where a test wants it."""
import socket
import threading


class Proxy:
    def __init__(self, port):
        self.port_behind = port
        self.marks = ()   # the next answer that holds all of them is cut in half
        self.cut = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.listener.getsockname()[1]

    def cut_next(self, *marks):
        self.cut.clear()
        self.marks = marks

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                front, _ = self.listener.accept()
                back = socket.create_connection(("127.0.0.1", self.port_behind))
            except OSError:
                return
            for source, sink, is_answer in ((front, back, False), (back, front, True)):
                threading.Thread(target=self._pump, args=(source, sink, is_answer), daemon=True).start()

    def _pump(self, source, sink, is_answer):
        try:
            while data := source.recv(1 << 20):
                if is_answer and self.marks and all(mark in data for mark in self.marks):
                    self.marks = ()
                    sink.sendall(data[:len(data) // 2])
                    self.cut.set()
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
