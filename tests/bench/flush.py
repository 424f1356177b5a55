"""Flush: from the hook (or the peer's command) to the last 250, over emulated links."""

import contextlib
import socket
import threading
import time

import lossy
from link import DIALUP, GEO, LTE, Link
from measure import (
    QUICK, WORK, figure, median, runs, say, size, smtpload, spread, table, wait_for,
)  # fmt: skip
from ours import Lontar
from peers import OUTSIDE, Postfix, free_port
from sinks import (
    EximSink, OpenSMTPDSink, OwnSink, PostfixLoginSink, PostfixSink, SmtpSink, sink,
)  # fmt: skip

LIMIT_S = 240


class NoLink:
    """No limit: loopback."""

    settings = {}
    address = {"left": "127.0.0.1", "right": "127.0.0.1"}

    def __init__(self):
        self.port = free_port()

    @contextlib.contextmanager
    def inside(self, side):
        del side
        yield

    def counters(self):
        return {"up_bytes": 0, "down_bytes": 0, "up_dropped": 0, "up_lost": 0}

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        pass


def round_trip_s(settings):
    return 2 * settings.get("delay_us", 0) / 1e6


def flush(server, sunk, line, count):
    """One flush of what is parked."""
    sunk.expect(count)
    before, cpu = line.counters(), server.processes.cpu_s()
    begun = server.link_up() if isinstance(server, Lontar) else server.flush()
    taken = sunk.wait(LIMIT_S)
    after = line.counters()
    seconds = taken["last"] - begun
    up = after["up_bytes"] - before["up_bytes"]
    rate, trip = line.settings.get("rate_up", 0), round_trip_s(line.settings)
    if isinstance(server, Lontar):
        server.wait_until_flushed(30)
        server.link_down()
    else:
        wait_for(lambda: server.parked() == 0, 30, "the end of the peer's flush")
    first = taken.get("first_mail")
    return {
        "seconds": seconds,
        "bytes": up / count if rate else None,
        "bytes_down": (after["down_bytes"] - before["down_bytes"]) / count if rate else None,
        "floor": up * 8 / rate + 3.5 * trip if rate else None,
        "drops": after["up_dropped"] - before["up_dropped"] if rate else None,
        "connections": taken.get("connections"),
        "cpu": (server.processes.cpu_s() - cpu) / count * 1e3,
        "first_mail": (first - begun - 3.5 * trip) * 1e3 if first else None,
    }


def cell(place, settings, kind, sink_kind, count, bytes_, rounds):
    """So many flushes by a server over a link to a sink; the results, or why there are
    none."""
    results = []
    try:
        with Link(**settings) if settings else NoLink() as line:
            with sink(sink_kind, line, place / "sink") as sunk, line.inside("left"):
                keys = sunk.keys() if hasattr(sunk, "keys") else {}
                with kind(place / "gateway", smarthost=sunk.address, **keys) as server:
                    for _ in range(rounds):
                        done = smtpload(server.port, 8, count, 20, server.sender, [OUTSIDE], bytes_)
                        assert done["accepted"] == count, done
                        results.append(flush(server, sunk, line, count))
    except (TimeoutError, AssertionError, RuntimeError, OSError) as fault:
        say(f"  flush: {kind.name} to {sink_kind.name}: {fault}")
        return str(fault).splitlines()[0]
    return results


def bulk(settings, total, control):
    """Seconds from connect() until so many bytes have arrived over one TCP connection."""
    with Link(**settings) as line:
        server = line.socket("right", socket.AF_INET, socket.SOCK_STREAM)
        server.bind((line.address["right"], 7000))
        server.listen()
        client = line.socket("left", socket.AF_INET, socket.SOCK_STREAM)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, control.encode())
        begun = time.monotonic()

        def send():
            client.connect((line.address["right"], 7000))
            client.sendall(bytes(total))

        sender = threading.Thread(target=send)
        sender.start()
        stream, _ = server.accept()
        got = 0
        while got < total:
            got += len(stream.recv(65536))
        seconds = time.monotonic() - begun
        sender.join()
        for one in (stream, client, server):
            one.close()
    return seconds


def control_in_use():
    with open("/proc/sys/net/ipv4/tcp_congestion_control", encoding="ascii") as file:
        return file.read().strip()


# name, link, messages, bytes, runs, goals (CHUNKING, without), rows (server, sink, messages)
LINKS = (
    ("dial-up 33.6 kbit/s, 150 ms", DIALUP, 100, 2048, 1, (58.5, 62), (
        (Lontar, OwnSink, 1), (Lontar, SmtpSink, 1), (Postfix, SmtpSink, 1),
        (Lontar, PostfixSink, 1),
    )),
    ("GEO 512 kbit/s up, 600 ms", GEO, 200, 4096, 1, (17.3, 20.5), (
        (Lontar, OwnSink, 1), (Lontar, SmtpSink, 1), (Postfix, SmtpSink, 1),
        (Lontar, PostfixSink, 1), (Lontar, PostfixLoginSink, 1), (Lontar, EximSink, 1),
        (Lontar, OpenSMTPDSink, 10),
    )),
    ("GEO with 1 % loss", {**GEO, "loss": 10_000}, 200, 4096, 1, (None, None), (
        (Lontar, OwnSink, 1), (Postfix, SmtpSink, 1),
    )),
    ("LTE 10 Mbit/s, 50 ms", LTE, 200, 4096, 3, (1.1, 1.5), (
        (Lontar, OwnSink, 1), (Lontar, SmtpSink, 1), (Postfix, SmtpSink, 1),
        (Lontar, PostfixSink, 1), (Lontar, PostfixLoginSink, 1), (Lontar, EximSink, 1),
        (Lontar, OpenSMTPDSink, 10),
    )),
    ("none (loopback)", {}, 5000, 4096, 3, (None, None), (
        (Lontar, OwnSink, 1), (Lontar, SmtpSink, 1), (Postfix, SmtpSink, 1),
    )),
)  # fmt: skip


def rows_of(number, only=None):
    name, settings, count, bytes_, rounds, goals, rows = LINKS[number]
    found = []
    for row, (kind, sink_kind, divide) in enumerate(rows):
        if only and (kind, sink_kind) not in only:
            continue
        say(f"flush: {name}: {kind.name} to {sink_kind.name}")
        place = WORK / f"flush-{number}-{row}"
        messages = size(count, max(count // 20, 10)) // divide
        results = cell(place, settings, kind, sink_kind, messages, bytes_, runs(rounds))
        found.append((kind, sink_kind, messages, results))
    return name, settings, goals, found


def row(kind, sink_kind, messages, results, goals):
    who = [kind.name, sink_kind.name, messages]
    if isinstance(results, str):
        return who + [results] + ["-"] * 9
    values = {key: [one[key] for one in results] for key in results[0]}
    middle = {key: median(list_) for key, list_ in values.items()}
    goal = None
    if kind is Lontar and sink_kind in (OwnSink, SmtpSink, PostfixSink):
        goal = goals[sink_kind is SmtpSink]
    ratio = middle["seconds"] / middle["floor"] if middle["floor"] else None
    return who + [
        spread(values["seconds"]), middle["floor"], ratio, goal, messages / middle["seconds"],
        middle["bytes"], middle["bytes_down"], max(values["drops"], key=lambda one: one or 0),
        middle["connections"], middle["first_mail"], middle["cpu"],
    ]  # fmt: skip


HEAD = ("server", "to", "messages", "s: median (least to most)", "floor, s", "s / floor",
        "goal, s", "messages/s", "IP bytes up a message", "down", "dropped in the queue",
        "connections", "to the first MAIL, ms over 3.5 round trips", "CPU ms a message")  # fmt: skip


def ratios(found):
    """How many times quicker we are than the peer, for the same sink."""
    peers = {(sink_kind, kind.name): results for kind, sink_kind, _, results in found
             if kind is not Lontar and not isinstance(results, str)}  # fmt: skip
    lines = []
    for kind, sink_kind, _, results in found:
        if kind is not Lontar or isinstance(results, str):
            continue
        for (peer_sink, peer), theirs in peers.items():
            own = median([one["seconds"] for one in results])
            their = median([one["seconds"] for one in theirs])
            if messages_agree(found, kind, sink_kind, peer_sink):
                lines.append(f"Lontar to {sink_kind.name} takes {figure(own / their)} of the time of "
                             f"{peer} to {peer_sink.name} (x {figure(their / own)}).")  # fmt: skip
    return " ".join(lines)


def messages_agree(found, kind, sink_kind, peer_sink):
    counts = {(one, to): messages for one, to, messages, _ in found}
    return counts[kind, sink_kind] == counts.get((Postfix, peer_sink))


def ceilings(settings, count, bytes_):
    """The same amount of data by plain TCP."""
    lines = []
    total = min(count * (bytes_ + 200), 20 * settings["rate_up"] // 8)
    for control in dict.fromkeys((control_in_use(), "cubic")):
        seconds = bulk(settings, total, control)
        share = total * 8 / settings["rate_up"] / seconds
        lines.append(f"{control} {figure(seconds)} s, {share:.2f} of the rate")
    return (f"Plain TCP, one connection, {total:,} bytes from connect() to the last byte: "
            + "; ".join(lines) + ".")  # fmt: skip


def hook_with_many(count):
    """From the hook to the first MAIL with so many messages parked, ms."""
    with NoLink() as line, sink(OwnSink, line, None) as sunk:
        with Lontar(WORK / "flush-hook", smarthost=sunk.address) as server:
            server.settle_routes(sunk)
            server.park(count)
            sunk.expect(count)
            begun = server.link_up()
            first = wait_for(lambda: first_mail(sunk), 60, "the first MAIL")
            server.link_down()
    return (first - begun) * 1e3


def first_mail(sunk):
    sunk.process.stdin.write("report\n")
    words = sunk.process.stdout.readline().split()
    return float(dict(word.split("=") for word in words[1:])["first_mail"])


def fetch_peers():
    """From outside the emulated links, which lead nowhere."""
    for kind in (EximSink.kind, OpenSMTPDSink.kind):
        try:
            kind.unpack()
        except RuntimeError as fault:
            say(f"  flush: {kind.name}: {fault}")


def section():
    """Markdown of this section."""
    found, threads = {}, []
    fetch_peers()

    def slow(numbers):
        for number in numbers:
            found[number] = rows_of(number)

    for numbers in ([[1]] if QUICK else [[0], [1, 2]]):
        threads.append(threading.Thread(target=slow, args=(numbers,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    for number in (3, 4):
        found[number] = rows_of(number)
    parts = [__doc__.strip(), ""]
    for number in sorted(found):
        name, settings, goals, rows = found[number]
        parts += [f"### {name}", "", table(HEAD, [row(*one, goals) for one in rows]), ""]
        if settings and not settings.get("loss") and not QUICK:
            parts += [ceilings(settings, *LINKS[number][2:4]), ""]
        parts += [ratios(rows), ""]
    many = size(100_000, 2_000)
    times = [(count, hook_with_many(count)) for count in (100, many)]
    parts += ["### From the hook to the first MAIL, no link limit", "",
              table(("messages parked", "ms (goal: 100)"), times), ""]  # fmt: skip
    parts += ["### Links that lose packets", "", lossy.section()]
    return "\n".join(parts)
