"""Office and ISP in two network namespaces, and tests/linkem, a bad link, between them.
Without root only a TCP relay with delay and rate (Relay) is to be had."""

import contextlib
import ctypes
import itertools
import os
import pathlib
import queue
import shutil
import socket
import subprocess
import threading
import time

from waiting import never, read_line, wait_until

HELPERS = pathlib.Path(os.environ.get("LONTAR_HELPERS", "build/helpers")).resolve()
CLONE_NEWNET = 0x40000000

# Bits a second, one-way delay in microseconds, and a queue of 1 s or ten packets.
DIALUP = {"rate_up": 33_600, "rate_down": 33_600, "delay_us": 75_000, "queue_bytes": 15_000}
GEO = {"rate_up": 512_000, "rate_down": 2_000_000, "delay_us": 300_000, "queue_bytes": 64_000}
LTE = {
    "rate_up": 10_000_000, "rate_down": 10_000_000, "delay_us": 25_000, "queue_bytes": 1_250_000,
}  # fmt: skip

_numbers = itertools.count()
_libc = ctypes.CDLL(None, use_errno=True)


def available():
    """Why there can be no Link, or "" if there can."""
    if os.getuid() != 0:
        return "network namespaces need root"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun"
    if not shutil.which("ip"):
        return "no ip command"
    return "" if (HELPERS / "linkem").exists() else "build/helpers/linkem is not built"


def _enter(path):
    with open(path, "rb") as namespace:
        if _libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {path}")


def _sweep():
    """Removes what runs that were killed have left."""
    for path in pathlib.Path("/run/netns").glob("lontar-*-*-*"):
        if not os.path.exists(f"/proc/{path.name.split('-')[1]}"):
            subprocess.run(["ip", "netns", "del", path.name], capture_output=True, check=False)


class Link:
    """Sides "left" (the office, 10.77.0.1) and "right" (the ISP, 10.77.0.2); up is left to
    right. Settings are those of linkem."""

    address = {"left": "10.77.0.1", "right": "10.77.0.2"}

    def __init__(self, **settings):
        _sweep()
        name = f"lontar-{os.getpid()}-{next(_numbers)}"
        self.names = {side: f"{name}-{side}" for side in self.address}
        self.settings = settings
        self.emulator = None
        self.dropped = False
        try:
            for one in self.names.values():
                subprocess.run(["ip", "netns", "add", one], check=True, capture_output=True)
                with self._inside_name(one):
                    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            words = [f"{key}={value}" for key, value in settings.items()]
            self.emulator = subprocess.Popen(
                [HELPERS / "linkem", *self.names.values(), *words],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            )  # fmt: skip
            assert read_line(self.emulator.stdout) == b"ready\n"
        except BaseException:
            self.close()
            raise

    @staticmethod
    @contextlib.contextmanager
    def _inside_name(name):
        home = f"/proc/self/task/{threading.get_native_id()}/ns/net"
        with open(home, "rb") as back:
            _enter(f"/run/netns/{name}")
            try:
                yield
            finally:
                if _libc.setns(back.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns home")

    def inside(self, side):
        """Sockets made and programs started by this thread meanwhile are on that side."""
        return self._inside_name(self.names[side])

    def socket(self, side, *kind):
        with self.inside(side):
            return socket.socket(*kind)

    def set(self, **settings):
        """In force for every packet sent after this."""
        for key, value in settings.items():
            self.emulator.stdin.write(f"{key}={value}\n".encode())
        self.counters()

    def counters(self):
        """Since the start: up_bytes, up_packets, up_dropped, up_lost, and so for down."""
        self.emulator.stdin.write(b"counters\n")
        line = b""
        while not line.startswith(b"counters "):
            line = read_line(self.emulator.stdout)
            assert line, "linkem has ended"
            self.dropped |= line == b"carrier off\n"
        pairs = (word.split("=") for word in line.decode().split()[1:])
        return {key: int(value) for key, value in pairs}

    def wait_for_drop(self, seconds=15):
        """Until drop_at=N has cut the line."""
        if not self.dropped:
            assert read_line(self.emulator.stdout, seconds) == b"carrier off\n"
        self.dropped = False

    def has_carrier(self, side):
        with self.inside(side):
            shown = subprocess.run(
                ["ip", "link", "show", "link0"], capture_output=True, text=True, check=True
            ).stdout
        return "NO-CARRIER" not in shown

    def close(self):
        if self.emulator:
            self.emulator.stdin.close()
            self.emulator.wait(10)
            self.emulator.stdout.close()
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self.close()


class Wire:
    """A network namespace with an interface mail0, whose other end is far0."""

    address = "192.0.2.10"

    def __init__(self, interface="mail0"):
        _sweep()
        self.interface = interface
        self.name = f"lontar-{os.getpid()}-{next(_numbers)}-wire"
        subprocess.run(["ip", "netns", "add", self.name], check=True, capture_output=True)
        self.ip("link", "set", "lo", "up")
        self.add()

    def add(self):
        self.ip("link", "add", self.interface, "type", "veth", "peer", "name", "far0")
        self.ip("link", "set", self.interface, "up")

    def ip(self, *words):
        # Not `ip -n`, which mounts: a root that is no mount point refuses that.
        with self.inside():
            done = subprocess.run(["ip", *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def carrier(self, state):
        self.ip("link", "set", "far0", state)

    def give_address(self):
        self.ip("address", "add", f"{self.address}/24", "dev", self.interface)

    def take_address(self):
        self.ip("address", "flush", "dev", self.interface)

    def inside(self):
        """As in Link."""
        return Link._inside_name(self.name)

    def close(self):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)


# What a gateway knows of its link `line`.


def is_up(gateway, name="line"):
    return {one["name"]: one["state"] for one in gateway.status()["links"]}.get(name) == "up"


def becomes(gateway, state, seconds=5):
    wait_until(lambda: is_up(gateway) == (state == "up"), seconds, f"the link {state}")


def events(gateway):
    """What the log says became of the link: ["up", "down", ...]."""
    return [
        line.split("state=")[1].split()[0]
        for line in gateway.log_text().splitlines()
        if "link name=line state=" in line
    ]


def post(gateway):
    done = gateway.run(
        "-f", "ann@gate.example", "you@far.example", program="sendmail",
        input="Subject: out\n\nhello\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


class Relay:
    """127.0.0.1:port leads to target, later by delay_us and at most as fast as the rates."""

    def __init__(self, target, rate_up=0, rate_down=0, delay_us=0):
        self.target = target
        self.delay_s = delay_us / 1e6
        self.rates = (rate_up, rate_down)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target), timeout=10)
            except OSError:
                return
            far.settimeout(None)
            self._open += [near, far]
            for here, there, rate in ((near, far, self.rates[0]), (far, near, self.rates[1])):
                travelling = queue.Queue(64)
                threading.Thread(
                    target=self._take, args=(here, rate, travelling), daemon=True
                ).start()
                threading.Thread(target=self._give, args=(there, travelling), daemon=True).start()

    def _take(self, here, rate, travelling):
        free_at, data = 0.0, b"first"
        while data:
            try:
                data = here.recv(1448)
            except OSError:
                data = b""
            free_at = max(free_at, time.monotonic()) + (len(data) * 8 / rate if rate else 0)
            travelling.put((free_at + self.delay_s, data))

    def _give(self, there, travelling):
        data = b"first"
        while data:
            due, data = travelling.get()
            never.wait(max(due - time.monotonic(), 0))
            with contextlib.suppress(OSError):
                if data:
                    there.sendall(data)
                else:
                    there.shutdown(socket.SHUT_WR)

    def close(self):
        """Drops the line."""
        for one in (self.listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
