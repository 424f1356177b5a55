"""lontar-deliver killed, or told of a failure, at the system calls of one message: what was
acknowledged is there, nothing torn is seen, and a failure is temporary. A seeded sample
of all calls; LONTAR_FAULTS=N takes N of each kind, 0 all."""

import collections
import os
import random
import re
import shutil
import signal
import subprocess

import pytest

from test_crash import Load, check_all_found
from test_durability import Trace
from waiting import wait_until

pytestmark = pytest.mark.skipif(
    not shutil.which("strace") or os.getuid() != 0, reason="strace as root"
)

ANN, BOB, FAR = "ann@gate.example", "bob@gate.example", "you@far.example"
CALLS = (
    "openat,write,pread64,fdatasync,fsync,syncfs,linkat,renameat2,sendmsg,recvmsg,fchown,"
    "fchmod,unlinkat,mkdirat,fcntl,newfstatat,fstatfs,accept4,epoll_wait"
)
ERRORS = {  # what each may be told, besides EIO
    "openat": ["ENOSPC", "EMFILE", "EACCES"], "write": ["ENOSPC", "EDQUOT"],
    "renameat2": ["EEXIST", "ENOSPC", "EXDEV"], "linkat": ["EMLINK", "ENOSPC"],
    "recvmsg": ["EAGAIN"], "sendmsg": ["EAGAIN", "ENOBUFS"], "mkdirat": ["ENOSPC"],
    "epoll_wait": ["EINTR"], "accept4": ["EMFILE"], "fcntl": ["EAGAIN"],
}  # fmt: skip
SAMPLE = int(os.environ.get("LONTAR_FAULTS", "20"))


class Injection:
    """strace on one process, which it makes stumble."""

    def __init__(self, pid, what):
        self.process = subprocess.Popen(
            ["strace", "-p", str(pid), "-o", "/dev/null", "-e", f"inject={what}"],
            stderr=subprocess.PIPE,
        )
        line = self.process.stderr.readline()
        assert b"attached" in line, line

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        self.process.stderr.close()


def deliver_pids(gateway):
    """lontar-deliver and its syncer."""
    return sorted(p for p, name in gateway.processes().items() if name == "lontar-deliver")


def share_spool(gateway):
    """As where the flusher is another user: files are handed to his group."""
    os.chown(gateway.root / "spool/parked", -1, 1)


class Ledger:
    def __init__(self):
        self.sent = 0
        self.acknowledged = []

    def send(self, gateway):
        """One message for a colleague, a second one and the world; the last reply."""
        self.sent += 1
        token = f"token-{self.sent}-"
        body = f"Subject: {token}\r\n\r\n".encode() + b"x" * 3000 + b"\r\nend\r\n"
        reply = ""
        try:
            with gateway.connect() as wire:
                for line in ("EHLO x", f"MAIL FROM:<{ANN}>", f"RCPT TO:<{BOB}>",
                             f"RCPT TO:<{ANN}>", f"RCPT TO:<{FAR}>", "DATA"):  # fmt: skip
                    reply = wire.say(line)
                    if reply[:1] not in ("2", "3"):
                        return reply
                wire.send(body + b".\r\n")
                reply = wire.reply()
        except OSError:
            return reply if reply[:1] in ("4", "5") else ""
        if reply[:1] == "2":
            self.acknowledged.append(token)
        return reply

    def check(self, gateway, what):
        places = {
            "bob": gateway.mailbox("bob"), "ann": gateway.mailbox("ann"),
            "parked": [one.bytes for one in gateway.parked()],
        }  # fmt: skip
        for place, files in places.items():
            found = collections.Counter()
            for stored in files:
                assert stored.startswith(b"Return-Path: <ann@gate.example>\n"), what
                assert stored.endswith(b"x\nend\n"), f"{what}: torn in {place}"
                found[re.search(rb"^Subject: (\S+)$", stored, re.M)[1].decode()] += 1
            missing = set(self.acknowledged) - set(found)
            assert not missing, f"{what}: {missing} not in {place}"
            assert not found or max(found.values()) == 1, f"{what}: twice in {place}"


def count_calls(gateway, folder, ledger):
    """{(which process, call): how often} for one message."""
    pids = deliver_pids(gateway)
    tracer = Trace(gateway, "lontar-deliver", CALLS, folder / "trace")
    assert ledger.send(gateway)[:3] == "250"
    counts = collections.Counter()
    for line in tracer.lines():
        found = re.match(r"(\d+) +[\d.]+ (\w+)\(", line)
        if found and int(found[1]) in pids:
            counts[pids.index(int(found[1])), found[2]] += 1
    return counts


def sample(points, seed):
    return sorted(random.Random(seed).sample(points, SAMPLE or len(points))
                  if len(points) > SAMPLE else points)  # fmt: skip


def test_killed_at_any_call_nothing_acknowledged_is_lost(make_gateway, smarthost, tmp_path):
    settings = {"smarthosts": {"isp": smarthost.port}}
    gateway = make_gateway(**settings)
    share_spool(gateway)
    counts = count_calls(gateway, tmp_path, Ledger())
    gateway.stop()
    points = [(*key, n) for key, count in sorted(counts.items()) for n in range(1, count + 1)]
    for which, call, number in sample(points, 1):
        what = f"killed at {call} {number} of process {which}"
        gateway = make_gateway(start=False, **settings)
        share_spool(gateway)
        gateway.start()
        ledger = Ledger()
        pid = deliver_pids(gateway)[which]
        with Injection(pid, f"{call}:signal=SIGKILL:when={number}"):
            reply = ledger.send(gateway)
            assert reply[:1] != "5", f"{what}: {reply}"
            if gateway._alive(pid):  # the calls are not as many each time
                os.kill(pid, signal.SIGKILL)
        ledger.check(gateway, what)
        gateway.stop()
        gateway.start()
        assert list((gateway.root / "spool/incoming").iterdir()) == [], what
        ledger.check(gateway, what)
        assert ledger.send(gateway)[:3] == "250", what
        ledger.check(gateway, what)
        gateway.stop()


def test_a_failure_at_any_call_is_temporary(make_gateway, smarthost, tmp_path):
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    share_spool(gateway)
    ledger = Ledger()
    counts = count_calls(gateway, tmp_path, ledger)
    points = [
        (which, call, number, error)
        for (which, call), count in sorted(counts.items())
        for number in range(1, count + 1)
        for error in ["EIO", *ERRORS.get(call, [])]
    ]  # fmt: skip
    for which, call, number, error in sample(points, 2):
        what = f"{error} at {call} {number} of process {which}"
        with Injection(deliver_pids(gateway)[which], f"{call}:error={error}:when={number}"):
            reply = ledger.send(gateway)
        assert reply[:1] != "5", f"{what}: {reply}"
        wait_until(lambda: len(deliver_pids(gateway)) == 2, what=f"lontar-deliver after {what}")
        wait_until(lambda: ledger.send(gateway)[:3] == "250", what=f"service after {what}")
        ledger.check(gateway, what)


def test_restarted_under_load_it_goes_at_once_and_loses_nothing(gateway, smarthost):
    load = Load(gateway, clients=8)
    wait_until(lambda: len(load.acknowledged) > 50, what="some load")
    for _ in range(3):
        pids = deliver_pids(gateway)
        at_stop = len(load.acknowledged)
        for pid in pids:  # as systemd tells the whole group
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not any(map(gateway._alive, pids)), 3, "its end")
        wait_until(lambda: len(load.acknowledged) > at_stop + 20, 20, "service again")
    load.stop()
    assert "the process that syncs the disk has ended" not in gateway.log_text()
    check_all_found(gateway, smarthost, load.acknowledged)
