"""A line that is cut at a given byte."""

import contextlib
import select
import socket
import struct
import threading

from waiting import wait_until

UP, DOWN = "up", "down"


def _reset(stream):
    """Closed as by a line that is dead: nothing more arrives."""
    with contextlib.suppress(OSError):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


class CutRelay:
    """127.0.0.1:port leads to target. cuts: for each of the next connections None, or
    (direction, bytes): when so many have passed that way, both ends find the line dead;
    on_cut() is called before that. without: a capability that is not let through.

    steps: where each piece ended that passed in the last connection."""

    def __init__(self, target, without=None):
        self.target = target
        self.without = without and without.encode() + b"\r\n"
        self.cuts = []
        self.on_cut = lambda: None
        self.on_begin = lambda: None
        self.steps = []
        self.passed = {UP: 0, DOWN: 0}  # of all connections
        self._open = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target), timeout=10)
            except OSError:
                return
            for one in (near, far):
                one.settimeout(None)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open += 1
            cut = self.cuts.pop(0) if self.cuts else None
            self.on_begin()
            threading.Thread(target=self._serve, args=(near, far, cut), daemon=True).start()

    def _serve(self, near, far, cut):
        try:
            self._carry(near, far, cut)
        except OSError:
            pass
        finally:
            _reset(near)
            _reset(far)
            self._open -= 1

    def _carry(self, near, far, cut):
        passed = {UP: 0, DOWN: 0}
        self.steps = []
        while True:
            for here in select.select([near, far], [], [])[0]:
                direction, there = (UP, far) if here is near else (DOWN, near)
                data = here.recv(65536)
                if not data:
                    there.shutdown(socket.SHUT_WR)
                    return
                if self.without and direction == DOWN and passed[DOWN] < 2000:
                    data = data.replace(self.without, b"")
                left = cut[1] - passed[direction] if cut and cut[0] == direction else None
                is_cut = left is not None and len(data) >= left
                there.sendall(data[:left] if is_cut else data)
                passed[direction] += left if is_cut else len(data)
                self.passed[direction] += left if is_cut else len(data)
                self.steps.append((direction, passed[direction]))
                if is_cut:
                    self.on_cut()
                    return

    def settle(self):
        wait_until(lambda: not self._open, what="the end of all connections")

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
