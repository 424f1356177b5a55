"""What is on the disk when 250 is said, and what that costs."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading

import pytest

from gateway import Gateway

ANN, BOB = "ann@gate.example", "bob@gate.example"


class Trace:
    """strace of all processes of one program, in one order."""

    def __init__(self, gateway, program, calls, file):
        pids = [p for p, name in gateway.processes().items() if name == program]
        self.file = file
        self.process = subprocess.Popen(
            ["strace", "-f", "-y", "-s", "64", "-ttt", "-e", f"trace={calls}", "-o", file,
             *[word for pid in pids for word in ("-p", str(pid))]],
            stderr=subprocess.PIPE,
        )  # fmt: skip
        for _ in pids:
            assert b"attached" in self.process.stderr.readline()

    def lines(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        return self.file.read_text().splitlines()


@pytest.mark.skipif(not shutil.which("strace") or os.getuid() != 0, reason="strace as root")
def test_250_is_said_after_file_and_folder_are_synced(gateway, tmp_path):
    tracer = Trace(
        gateway, "lontar-deliver",
        "fdatasync,fsync,syncfs,link,linkat,rename,renameat,renameat2,sendmsg,sendto,write",
        tmp_path / "trace",
    )  # fmt: skip
    gateway.send(ANN, [BOB])
    lines = tracer.lines()

    def after(at, pattern):
        """The first line behind `at` that the pattern fits."""
        found = [i for i in range(at + 1, len(lines)) if re.search(pattern, lines[i])]
        assert found, f"{pattern} does not come in:\n" + "\n".join(lines)
        return found[0]

    data = after(-1, r"(fdatasync|fsync|syncfs)\(.*incoming|syncfs\(")
    placed = after(-1, r"(link|rename)\w*\(.*incoming/.*Maildir/new")
    folder = after(placed, r"fsync\(.*Maildir/new|syncfs\(")
    verdict = after(-1, r"sendmsg\(.*ok \d+\.M")  # what the session makes 250 of
    assert data < placed < folder < verdict


@pytest.fixture
def disk(folder):
    """A loop device of our own with ext4 on it: (mount point, its name in diskstats)."""
    image = folder / "image"
    place = folder / "disk"
    place.mkdir()
    with open(image, "wb") as file:
        file.truncate(256 * 1024 * 1024)

    def run(*words):
        return subprocess.run([*map(str, words)], capture_output=True, text=True)

    if run("mkfs.ext4", "-q", "-F", image).returncode:
        pytest.skip("mkfs.ext4 is missing")
    device = run("losetup", "--find", "--show", image).stdout.strip()
    if not device or run("mount", device, place).returncode:
        pytest.skip("a loop device needs root")
    yield place, pathlib.Path(device).name
    run("umount", "-l", place)
    run("losetup", "-d", device)


def flushes(name):
    for line in pathlib.Path("/proc/diskstats").read_text().splitlines():
        words = line.split()
        if words[2] == name and len(words) >= 20:
            return int(words[18])
    pytest.skip("this kernel does not count flushes")


MESSAGE = b"Subject: x\r\n\r\n" + b"x" * 2000 + b"\r\n"
ORDERS = (
    f"MAIL FROM:<{ANN}>\r\nRCPT TO:<{BOB}>\r\nBDAT {len(MESSAGE)} LAST\r\n".encode() + MESSAGE
)


def send_many(gateway, clients, each):
    """So many clients at once; each waits for 250 before it sends its next message."""
    ready = threading.Barrier(clients, timeout=30)
    answers = []

    def send():
        with gateway.connect() as wire:
            wire.hello()
            ready.wait()
            for _ in range(each):
                wire.send(ORDERS)
                answers.append([wire.reply()[:3] for _ in range(3)])

    threads = [threading.Thread(target=send) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [["250"] * 3] * (clients * each)


def test_a_message_costs_few_device_flushes(disk, record_property):
    place, name = disk
    gateway = Gateway(place).start()
    try:
        send_many(gateway, 1, 1)
        before = flushes(name)
        send_many(gateway, 1, 40)
        alone = (flushes(name) - before) / 40
        before = flushes(name)
        send_many(gateway, 16, 40)
        together = (flushes(name) - before) / 640
        assert len(gateway.mailbox("bob")) == 681
    finally:
        gateway.stop()
    record_property(
        "figure", f"device flushes a message: {alone:.2f} alone, {together:.2f} at 16 at once"
    )
    assert alone <= 4
    # Two groups take turns, of up to half the clients each: 4 flushes for eight messages,
    # a little more where the machine is busy.
    assert together <= 0.8
