"""Large queues: what many parked messages cost. Over loopback, to the project's own sink."""

import os
import pathlib
import shutil
import subprocess
import threading
import time

import ours
from flush import NoLink
from measure import WORK, figure, median, runs, say, size, smtpload, table
from ours import Lontar
from peers import OUTSIDE
from sinks import OwnSink, sink

MANY = size(100_000, 2_000)
LINKS_MAX = 60_000  # of one inode; ext4 takes 65,000


def first_screen(server):
    """Seconds until `lontar queue` has written 24 lines."""
    begun = time.monotonic()
    with subprocess.Popen(
        [ours.BIN / "lontar", "queue"], env=server.gateway.environment,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        for _ in range(24):
            process.stdout.readline()
        seconds = time.monotonic() - begun
        process.stdout.close()
    return seconds


class Peak:
    """The largest memory of lontar-flush while it runs."""

    def __init__(self, server):
        self.server, self.rss, self.pss, self.over = server, 0, 0, False
        self.thread = threading.Thread(target=self._watch)

    def _watch(self):
        while not self.over:
            for pid, name in self.server.gateway.processes().items():
                if name == "lontar-flush":
                    self._look(pathlib.Path(f"/proc/{pid}"))
            time.sleep(0.1)

    def _look(self, proc):
        try:
            text = (proc / "status").read_text() + (proc / "smaps_rollup").read_text()
        except OSError:
            return
        for line in text.splitlines():
            if line.startswith("VmHWM:"):
                self.rss = max(self.rss, int(line.split()[1]))
            if line.startswith("Pss:"):
                self.pss = max(self.pss, int(line.split()[1]))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *fault):
        self.over = True
        self.thread.join()


def with_many(count):
    """Start, first screen, and a flush of everything."""
    with NoLink() as line, sink(OwnSink, line, None) as sunk:
        server = Lontar(WORK / "queue", smarthost=sunk.address)
        server.start()
        try:
            server.settle_routes(sunk)
            server.gateway.stop()
            server.park(count)
            start = server.start()
            screen = median([first_screen(server) for _ in range(runs(5))])
            sunk.expect(count)
            with Peak(server) as peak:
                begun = server.link_up()
                taken = sunk.wait(300)
            server.wait_until_flushed()
        finally:
            server.stop()
    return [count, start, screen, (taken["first_mail"] - begun) * 1e3,
            count / (taken["last"] - begun), peak.pss / 1024, peak.rss / 1024]  # fmt: skip


def fill_more(server, have, count):
    """Entries for the cost of accepting: hard links, for accepting reads none of them."""
    folder = server.folders[0]
    source = None
    for number in range(have, count):
        name = f"{1_600_000_000 + number // 1000}.M{number % 1000000}P2Q{number}.gate,S=4300,W=4300"
        if source is None or number % LINKS_MAX == 0:
            source = folder / name
            source.write_bytes(b"Return-Path: <a@gate.example>\nDelivered-To: b@far.example\n\n")
        else:
            os.link(source, folder / name)


def accept_cost(counts):
    rows = []
    server = Lontar(WORK / "queue-accept")
    have = 0
    for count in counts:
        say(f"queue: accepting with {count:,} parked")
        fill_more(server, have, count)
        have = count
        server.start()
        try:
            many = size(2000, 200)
            smtpload(server.port, 8, many // 4, 20, server.sender, [OUTSIDE])
            done, alone = [], []
            for _ in range(runs(3)):
                done.append(smtpload(server.port, 8, many, 20, server.sender, [OUTSIDE]))
                alone.append(smtpload(server.port, 1, many // 5, 20, server.sender, [OUTSIDE]))
        finally:
            server.gateway.stop()
        rows.append([count, *(median([one["accepted"] / one["seconds"] for one in ones])
                              for ones in (done, alone)),
                     median([one["p99_ms"] for one in done])])  # fmt: skip
    server.processes.close()
    shutil.rmtree(server.place, ignore_errors=True)
    return rows


def section():
    rows = []
    for count in (MANY // 20, MANY):
        say(f"queue: {count:,} parked")
        rows.append(with_many(count))
    share = rows[1][4] / rows[0][4]
    growth = accept_cost((0, *(size((1_000, 10_000, 100_000, 1_000_000), (100, 1_000)))))
    return "\n".join((
        __doc__.strip(), "",
        table(("parked", "start of lontar run, s (goal 1)",
               "first screen of lontar queue, s (goal 0.2)",
               "hook to first MAIL, ms (goal 100)", "flushed, messages/s",
               "flusher PSS, MiB (goal 32)", "its peak RSS, MiB"), rows), "",
        f"The long queue is flushed at {figure(share)} of the short one's rate (goal: 0.9).", "",
        "Accepting while so much is parked (8 clients with 20 mails a connection; one client):",
        "", table(("parked", "8 x 20, messages/s", "1 x 20, messages/s", "8 x 20 reply p99, ms"),
                  growth), "",
    ))  # fmt: skip
