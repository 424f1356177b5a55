"""Links that lose packets: a flush beside plain TCP connections that carry the same bytes
over the same link, with the same packets lost, in turn.

Which packets are lost follows from a seed (tests/linkem), and a round is one seed: our
flush on a link of which nothing is known, our flush with what the call before it has
learnt, and plain TCP with each congestion control. Plain TCP is timed from connect() to the last byte's
arrival, a flush from the hook to the last message taken by the sink: greeting and EHLO,
two round trips that plain TCP does not have, are in our time."""

import queue
import re
import socket
import threading
import time

from link import Link
from measure import WORK, figure, median, runs, say, table, wait_for
from ours import Lontar
from sinks import OwnSink

MEMORY = "spool/state/smarthosts/isp"
ENVELOPE_BYTES = 80  # MAIL, RCPT and BDAT of a message

LOSS_5 = {"rate_up": 1_000_000, "rate_down": 1_000_000, "delay_us": 50_000,
          "queue_bytes": 125_000, "loss": 50_000}  # fmt: skip
HF = {"rate_up": 1_200, "rate_down": 1_200, "delay_us": 1_500_000, "queue_bytes": 6_000,
      "loss": 50_000}  # fmt: skip

# name, link, messages, bytes, rounds, links at a time, times of plain TCP allowed
ROWS = (
    ("1 Mbit/s, 100 ms, 5 % lost", LOSS_5, 50, 4096, 48, 6, 1.2),
    ("1 Mbit/s, 100 ms, 20 % lost", {**LOSS_5, "loss": 200_000}, 50, 4096, 48, 6, 1.2),
    ("HF radio 1,200 bit/s, 3 s, 5 % lost", HF, 6, 1024, 12, 12, 1.3),
)  # fmt: skip


def plain(line, total, control, limit_s):
    """Seconds of one TCP connection that carries so many bytes up."""
    server = line.socket("right", socket.AF_INET, socket.SOCK_STREAM)
    server.bind((line.address["right"], 0))
    server.listen()
    server.settimeout(limit_s)
    client = line.socket("left", socket.AF_INET, socket.SOCK_STREAM)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, control.encode())
    client.settimeout(limit_s)
    begun = time.monotonic()

    def send():
        client.connect((line.address["right"], server.getsockname()[1]))
        client.sendall(bytes(total))

    sender = threading.Thread(target=send)
    sender.start()
    stream, _ = server.accept()
    stream.settimeout(limit_s)
    got = 0
    while got < total:
        got += len(stream.recv(65536))
    seconds = time.monotonic() - begun
    sender.join()
    for one in (client, stream, server):
        one.close()
    return seconds


class Stand:
    """A link with our gateway at one end and a sink at the other."""

    def __init__(self, place, settings, count, bytes_, limit_s):
        self.count, self.bytes_, self.limit_s = count, bytes_, limit_s
        # CUBIC takes minutes where one of five packets is lost.
        self.controls = controls() if settings["loss"] < 200_000 else controls()[:1]
        self.line = Link(**{**settings, "loss": 0, "rate_up": 0, "rate_down": 0, "delay_us": 0})
        self.sunk = OwnSink(self.line)
        with self.line.inside("left"):
            self.server = Lontar(place, smarthost=self.sunk.address)
            self.server.start()
            self.server.settle_routes(self.sunk)
        self.line.set(**settings)

    def close(self):
        with self.line.inside("left"):
            self.server.stop()
        self.sunk.close()
        self.line.close()

    def forget(self):
        """What was learnt was learnt of another link."""
        note = self.server.gateway.root / MEMORY
        note.write_text(re.sub(r"(?m)^link=.*", "link=", note.read_text()))

    def parked_bytes(self):
        return sum(
            int(re.search(r"W=(\d+)", path.name).group(1)) + ENVELOPE_BYTES
            for folder in self.server.folders for path in folder.iterdir()
        )  # fmt: skip

    def flush(self, seed):
        """{"seconds", "bytes": IP bytes up, "first": seconds to the first MAIL}."""
        with self.line.inside("left"):
            self.server.park(self.count, self.bytes_)
            total = self.parked_bytes()
            self.sunk.expect(self.count)
            self.line.set(seed=seed)
            before = self.line.counters()["up_bytes"]
            begun = self.server.link_up()
            taken = self.sunk.wait(self.limit_s)
            sent = self.line.counters()["up_bytes"] - before
            self.server.wait_until_flushed(self.limit_s)
            self.server.link_down()
            self.wait_for_silence()
        return {"seconds": taken["last"] - begun, "bytes": sent, "total": total,
                "first": taken["first_mail"] - begun, "connections": taken["connections"]}  # fmt: skip

    def wait_for_silence(self):
        """A late packet of a connection that is over must not take the next one's luck."""
        quiet_s = max(1, 4 * self.line.settings["delay_us"] / 1e6)
        seen = [self.line.counters(), time.monotonic()]

        def is_silent():
            now = self.line.counters()
            if now != seen[0]:
                seen[:] = [now, time.monotonic()]
            return time.monotonic() - seen[1] > quiet_s

        wait_for(is_silent, self.limit_s, "silence on the link")

    def plain(self, seed, total, control):
        self.line.set(seed=seed)
        before = self.line.counters()["up_bytes"]
        seconds = plain(self.line, total, control, self.limit_s)
        sent = self.line.counters()["up_bytes"] - before
        self.wait_for_silence()
        return {"seconds": seconds, "bytes": sent}

    def round(self, seed):
        self.forget()
        done = {"first call": self.flush(seed)}
        done["later call"] = self.flush(seed)
        total = done["first call"]["total"]
        for control in self.controls:
            done[control] = self.plain(seed, total, control)
        return done


def controls():
    """The system's own first."""
    with open("/proc/sys/net/ipv4/tcp_congestion_control", encoding="ascii") as file:
        own = file.read().strip()
    with open("/proc/sys/net/ipv4/tcp_available_congestion_control", encoding="ascii") as file:
        known = file.read().split()
    return list(dict.fromkeys([own] + [one for one in ("cubic", "bbr") if one in known]))


def rounds_of(number, place=WORK, rounds=None):
    """[{"first call": {...}, "later call": ..., "bbr": ..., "cubic": ...}, ...]"""
    _, settings, count, bytes_, all_rounds, at_a_time, _ = ROWS[number]
    seeds, done = queue.Queue(), []
    for seed in range(1, 1 + (rounds or runs(all_rounds))):
        seeds.put(seed)

    def work(worker):
        stand = Stand(place / f"lossy-{number}-{worker}", settings, count, bytes_, 1500)
        try:
            while True:
                seed = seeds.get_nowait()
                try:
                    done.append({"seed": seed, **stand.round(seed)})
                except (TimeoutError, OSError) as fault:
                    say(f"  lossy: seed {seed}: {fault}")
        except queue.Empty:
            pass
        finally:
            stand.close()

    workers = [threading.Thread(target=work, args=(one,)) for one in range(min(at_a_time, seeds.qsize()))]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    return sorted(done, key=lambda one: one["seed"])


HEAD = ("link", "who", "rounds", "s: median", "mean", "least to most", "IP bytes up",
        "times plain TCP: of the medians", "median of the pairs", "goal")  # fmt: skip


def lines_of(number, done):
    name, *_, goal = ROWS[number]
    own = controls()[0]
    lines = []
    for who in [key for key in done[0] if key != "seed"]:
        seconds = [one[who]["seconds"] for one in done]
        pairs = median([one[who]["seconds"] / one[own]["seconds"] for one in done])
        middle = median(seconds) / median([one[own]["seconds"] for one in done])
        is_ours = who.endswith("call")
        lines.append((
            name, f"Lontar, {who}" if is_ours else f"plain TCP, {who}", len(done), median(seconds),
            sum(seconds) / len(seconds), f"{figure(min(seconds))} to {figure(max(seconds))}",
            median([one[who]["bytes"] for one in done]), middle, pairs, goal if is_ours else None,
        ))  # fmt: skip
    return lines


def section():
    """Markdown of this section."""
    lines = []
    for number, (name, *_) in enumerate(ROWS):
        say(f"lossy: {name}")
        lines += lines_of(number, rounds_of(number))
    return f"{__doc__.strip()}\n\n{table(HEAD, lines)}\n"
