"""Lontar as the benchmarks run it: 8 users, the smarthost "isp"."""

import os
import pathlib
import shutil
import sys
import time

from measure import ROOT, WORK, Processes, run, smtpload, wait_for

# A copy: a make meanwhile must not change what is measured.
BIN = WORK / "bin"
if not BIN.exists():
    shutil.copytree(os.environ.get("LONTAR_BIN", ROOT / "build/bin"), BIN, symlinks=True)
os.environ["LONTAR_BIN"] = str(BIN)
os.environ.setdefault("LONTAR_HELPERS", str(ROOT / "build/helpers"))
sys.path.insert(0, str(ROOT / "tests/system"))

from gateway import Gateway  # noqa: E402

USERS = [f"user{number}" for number in range(8)]
PASSWORD = "bench"
OUTSIDE = "you@far.example"


class Lontar:
    name = "Lontar"
    label = "lontar"

    def __init__(self, place, smarthost=("127.0.0.1", 9), **more):
        self.place = pathlib.Path(place)
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        self.processes = Processes()
        self.gateway = Gateway(self.place, users=[], smarthosts={"isp": smarthost[1]})
        for user in USERS:
            self.gateway.run("user", "add", f"{user}:{PASSWORD}")
        keys = {"host": smarthost[0], "port": smarthost[1], "tls": "none"} | more
        self.gateway.smarthost("isp", **keys)
        self.gateway.control("concurrencyincoming", "2000\n")
        self.gateway.control("concurrencyperip", "2000\n")
        self.gateway.control("connectrate", "0\n")
        self.gateway.control("listen", "smtp 127.0.0.1:0\npop3 127.0.0.1:0\n")
        self.sender = "user0@gate.example"
        self.folders = [self.gateway.root / "spool/parked/isp" / sub for sub in ("new", "cur")]
        for folder in (*self.folders, self.folders[0].with_name("tmp")):
            folder.mkdir(parents=True)
        self.local = [f"{user}@gate.example" for user in USERS]

    def start(self):
        """Seconds until every listener accepts."""
        begun = time.monotonic()
        self.gateway.start(preexec_fn=self.processes.enter)
        self.processes.root = self.gateway.process.pid
        self.port = self.gateway.ports["smtp"]
        return time.monotonic() - begun

    def delivered(self):
        return sum(
            len(os.listdir(self.gateway.root / "mail" / user / "Maildir/new")) for user in USERS
        )

    def parked(self):
        return sum(len(os.listdir(folder)) for folder in self.folders)

    def forget(self):
        folders = [self.gateway.root / "mail" / user / "Maildir/new" for user in USERS]
        for folder in folders + self.folders:
            for path in folder.iterdir():
                path.unlink()

    def park(self, count, size=4096, start=0):
        """Parked files made directly, as the gateway would have made them."""
        folder = self.folders[0]
        line = b"The quick brown fox jumps over the lazy dog, again and again.\n"
        head = b"From: load@bench.example\nTo: you@far.example\nSubject: load\n\n"
        body = head + line * ((size - len(head) - head.count(b"\n")) // (len(line) + 1) + 1)
        begun = int(time.time())
        for number in range(start, start + count):
            trace = b"Received: from pc.gate.example by gate.example; bench %d\n" % number
            message = trace + body
            envelope = b"Return-Path: <%s>\nDelivered-To: %s\n" % (
                self.sender.encode(), OUTSIDE.encode(),
            )  # fmt: skip
            wire = len(message) + message.count(b"\n")
            unique = f"{begun}.M{number % 1000000}P1Q{number}.gate"
            with open(folder / f"{unique},S={len(envelope) + len(message)},W={wire}", "wb") as out:
                out.write(envelope + message)

    def settle_routes(self, sunk):
        """A first flush: it notes the routes, by which parked mail is looked through once
        when they change."""
        smtpload(self.port, 1, 1, 1, self.sender, [OUTSIDE])
        sunk.expect(1)
        self.link_up()
        sunk.wait(20)
        self.wait_until_flushed(20)
        self.link_down()

    def link_up(self):
        """The hook. Returns when it was called."""
        begun = time.monotonic()
        done = self.gateway.run("link", "up", "office")
        assert done.returncode == 0, done.stderr
        return begun

    def link_down(self):
        self.gateway.run("link", "down", "office")

    def wait_until_flushed(self, seconds=300):
        wait_for(lambda: self.parked() == 0, seconds, "the flush")

    def stop(self):
        if self.gateway.process:
            self.gateway.stop()
        self.processes.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *fault):
        self.stop()


def version():
    return run(BIN / "lontar", "--version").strip()
