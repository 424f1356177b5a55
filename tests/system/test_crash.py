"""kill -9 of any one process under load, then start: every acknowledged recipient is
found. And a disk that is full, which loses nothing either."""

import os
import signal
import smtplib
import subprocess
import threading

import pytest

from waiting import wait_until

ANN, BOB, FAR = "ann@gate.example", "bob@gate.example", "you@far.example"


class Load:
    """Clients that send until they are stopped, and remember what was acknowledged."""

    def __init__(self, gateway, clients=4):
        self.gateway = gateway
        self.acknowledged = []
        self.over = threading.Event()
        self.threads = [
            threading.Thread(target=self._send, args=(number,), daemon=True)
            for number in range(clients)
        ]
        for thread in self.threads:
            thread.start()

    def _send(self, client):
        number = 0
        while not self.over.is_set():
            try:
                with self.gateway.smtp() as smtp:
                    while not self.over.is_set():
                        token = f"token-{client}-{number}-end"
                        number += 1
                        body = f"Subject: {token}\r\n\r\n{token}\r\n".encode() + b"x" * 3000
                        smtp.sendmail(ANN, [BOB, FAR], body)
                        self.acknowledged.append(token)
            except (OSError, smtplib.SMTPException):
                self.over.wait(0.02)  # it was killed: knock again

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()


def tokens(texts):
    found = set()
    for text in texts:
        head = text.partition(b"Subject: token-")[2].split(b"\n", 1)[0]
        found.add("token-" + head.strip().decode())
    return found


def check_all_found(gateway, smarthost, acknowledged):
    assert len(acknowledged) > 0
    missing = set(acknowledged) - tokens(gateway.mailbox("bob"))
    assert not missing, f"{len(missing)} of {len(acknowledged)} not in bob's mailbox"
    outside = tokens([one.bytes for one in gateway.parked()])
    outside |= tokens([one.data for one in smarthost.messages])
    missing = set(acknowledged) - outside
    assert not missing, f"{len(missing)} of {len(acknowledged)} neither parked nor sent"


@pytest.mark.parametrize(
    "victim",
    ["lontar", "lontar-smtpd", "lontar-deliver", "lontar-auth", "lontar-link",
     "lontar-pop3d", "lontar-flush"],
)  # fmt: skip
def test_kill_9_loses_nothing_that_was_acknowledged(gateway, smarthost, victim):
    if victim in ("lontar-flush", "lontar-link"):
        assert gateway.run("link", "up", "ppp0").returncode == 0
    load = Load(gateway)
    wait_until(lambda: len(load.acknowledged) > 30, what="some load")

    def find():
        if victim == "lontar":
            return gateway.process.pid
        found = [p for p, n in gateway.processes().items() if n == victim]
        return found[0] if found else None

    family = gateway.processes()
    os.kill(wait_until(find, what=victim), signal.SIGKILL)
    at_kill = len(load.acknowledged)
    if victim == "lontar":
        gateway.process.wait(10)
        wait_until(
            lambda: not any(gateway._alive(pid) for pid in family), 3, "the end of its children"
        )
        load.stop()
        gateway.process.stdout.close()
        gateway.start()
    else:
        wait_until(
            lambda: len(load.acknowledged) > at_kill + 30, 20, f"service after {victim} died"
        )
        load.stop()
        gateway.stop()
        gateway.start()
    check_all_found(gateway, smarthost, load.acknowledged)
    assert list((gateway.root / "spool/incoming").iterdir()) == []
    for queued in gateway.queue():
        assert queued["state"] in ("waiting", "uncertain", "sending")
    assert gateway.flush().returncode in (0, 75)


@pytest.fixture
def small_disk(folder):
    """A tmpfs of 12 MB under the root."""
    place = folder / "small"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m,mode=755", "none", place], capture_output=True
    )
    if done.returncode:
        pytest.skip("a mount needs root")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_is_temporary_and_loses_nothing(small_disk, smarthost):
    from gateway import Gateway

    gateway = Gateway(small_disk, smarthosts={"isp": smarthost.port}).start()
    try:
        taken, answer = 0, ""
        with gateway.connect() as wire:
            wire.hello()
            for _ in range(100):
                for line in (f"MAIL FROM:<{ANN}>", f"RCPT TO:<{BOB}>", f"RCPT TO:<{FAR}>", "DATA"):
                    answer = wire.say(line)
                    if answer[0] == "4":
                        break
                else:
                    wire.send((b"x" * 70 + b"\r\n") * 5000 + b".\r\n")
                    answer = wire.reply()
                if answer[0] != "2":
                    break
                taken += 1
        assert answer[:3] in ("451", "452") and " 4.3." in answer, answer
        assert taken > 2
        assert len(gateway.mailbox("bob")) == taken
        assert len(gateway.parked()) == taken
        # Room again: it goes on.
        for path in (gateway.root / "mail/bob/Maildir/new").iterdir():
            path.unlink()
        gateway.send(ANN, [BOB])
        assert len(gateway.mailbox("bob")) == 1
    finally:
        gateway.stop()


def test_a_dead_master_takes_its_children_along(gateway):
    family = gateway.processes()
    assert family
    os.kill(gateway.process.pid, signal.SIGKILL)
    gateway.process.wait(10)
    wait_until(lambda: not any(map(gateway._alive, family)), 3, "the end of its children")
    gateway.process.stdout.close()
    gateway.start()
    gateway.send(ANN, [BOB])
