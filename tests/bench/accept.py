"""Accept and deliver on the LAN: 4 KiB messages over loopback, until they are in the
Maildirs (or, outbound with the link down, until they are accepted)."""

import time

import ours
import peers
from measure import (
    QUICK, WORK, Flushes, Machine, disk_alone, figure, median, runs, say, size, smtpload, spread,
    table, wait_for,
)  # fmt: skip

# clients, messages a connection, outbound, and the goal: times the best peer that syncs
SHAPES = (
    ("1 x 1, delivered", 1, 1, False, 3),
    ("8 x 1, delivered", 8, 1, False, 8),
    ("32 x 1, delivered", 32, 1, False, 8),
    ("8 x 20, delivered", 8, 20, False, 8),
    ("8 x 20, outbound accepted", 8, 20, True, 2.5),
)
# Messages and runs of each: the slow ones get less work for the same rate.
SERVERS = (
    (ours.Lontar, 2000, 3), (peers.Postfix, 2000, 3), (peers.OpenSMTPD, 400, 2),
    (peers.Exim, 60, 1),
)  # fmt: skip


def once(server, shape, messages):
    """One run: rates, CPU and the times of the reply to the body. Nothing is removed before
    it: ext4 steps over each inode that was freed in the last minutes, one by one, when it
    looks for a free one."""
    _, clients, per_connection, outbound, _ = shape
    recipients = [peers.OUTSIDE] if outbound else server.local
    before = server.delivered()
    machine = Machine()
    begun, cpu = time.monotonic(), server.processes.cpu_s()
    done = smtpload(server.port, clients, messages, per_connection, server.sender, recipients)
    if not outbound:
        wait_for(lambda: server.delivered() >= before + done["accepted"], 60, "delivery")
    seconds = done["seconds"] if outbound else time.monotonic() - begun
    return {
        "rate": done["accepted"] / seconds,
        "cpu": (server.processes.cpu_s() - cpu) / messages * 1e3,
        "busy": machine.busy(), "p50": done["p50_ms"], "p99": done["p99_ms"],
        "failed": done["refused"] + done["failed"],
    }  # fmt: skip


def compare():
    """{(server, shape): [run]}, all servers up at once and idle but the one measured, in
    turn."""
    results = {}
    servers = []
    try:
        for kind, messages, rounds in SERVERS:
            try:
                server = kind(WORK / f"accept-{kind.label}")
                server.__enter__()
                servers.append((server, size(messages, messages // 20), runs(rounds)))
            except (TimeoutError, RuntimeError, OSError, AssertionError) as fault:
                results[kind.name, "it did not start"] = str(fault)
        for server, messages, _ in servers:
            once(server, SHAPES[3], min(messages, 200))  # warm
        for shape in SHAPES:
            for turn in range(runs(3)):
                for server, messages, rounds in servers:
                    if turn < rounds and (server.name, shape[0]) not in results:
                        say(f"accept: {shape[0]}: {server.name}")
                        try:
                            results.setdefault((server.name, shape), []).append(
                                once(server, shape, messages)
                            )
                        except TimeoutError as fault:
                            results[server.name, shape[0]] = str(fault)
    finally:
        for server, _, _ in servers:
            server.__exit__(None, None, None)
    return results


def flushes_of(kind, clients):
    """Device flushes a message, of an ext4 on a loop device of its own."""
    disk = Flushes(WORK / "disk")
    try:
        with kind(disk.path / kind.label) as server:
            counts = []
            for outbound in (False, True):
                messages = size(50, 10) * clients
                shape = ("", clients, 20, outbound, 0)
                once(server, shape, messages)
                wait_for(lambda: quiet(disk), 30, "a quiet disk")
                before = disk.count()
                once(server, shape, messages)
                counts.append((disk.count() - before) / messages)
    finally:
        disk.close()
    return counts


def quiet(disk):
    before = disk.count()
    time.sleep(1)
    return disk.count() == before


def rates(results):
    rows = []
    for shape in SHAPES:
        row = [shape[0]]
        for kind, _, _ in SERVERS:
            row.append(spread([one["rate"] for one in results.get((kind.name, shape), [])]))
        own = median([one["rate"] for one in results.get(("Lontar", shape), [])])
        best = max((median([one["rate"] for one in results[kind.name, shape]]), kind.name)
                   for kind, _, _ in SERVERS[1:] if results.get((kind.name, shape)))  # fmt: skip
        row += [f"x {figure(own / best[0])} ({best[1]})"]
        posix = median([one["rate"] for one in results.get(("Postfix", shape), [])])
        row += [f"x {figure(own / posix)}" if posix else "-", f"x {shape[4]}"]
        rows.append(row)
    head = ["messages/s: median (least to most)", *(kind.name for kind, _, _ in SERVERS),
            "beside the best peer", "beside Postfix", "goal, beside the best peer"]  # fmt: skip
    return table(head, rows)


def costs(results):
    rows = []
    for shape in SHAPES:
        for kind, _, _ in SERVERS:
            found = results.get((kind.name, shape))
            if found:
                rows.append([shape[0], kind.name, *(
                    median([one[key] for one in found])
                    for key in ("cpu", "busy", "p50", "p99", "failed"))])  # fmt: skip
    return table(("clients x mails a connection", "server", "CPU ms a message",
                  "machine busy, of 1", "reply p50, ms", "reply p99, ms", "not taken"), rows)  # fmt: skip


def section():
    alone = disk_alone(WORK / "disk-alone")
    results = compare()
    parts = [__doc__.strip(), "",
             "OpenSMTPD syncs no queue file at all; Postfix syncs no folder. Exim and OpenSMTPD "
             "get fewer messages, being slower; all four run at once, three of them idle.", "",
             rates(results), "",
             f"What the disk alone allows one after the other (4 KiB written and synced, renamed, "
             f"the folder synced, nothing else): {figure(alone)} messages/s.", "",
             "CPU: goal at most 0.5 ms a message. Reply to the body with 32 clients: goal p99 "
             "under 30 ms.", "", costs(results), ""]  # fmt: skip
    parts += [f"{key[0]}, {key[1]}: {text}." for key, text in results.items()
              if isinstance(text, str)]  # fmt: skip
    rows = []
    for kind in (ours.Lontar, peers.Postfix) + (() if QUICK else (peers.OpenSMTPD,)):
        for clients in (1, 16):
            say(f"accept: device flushes: {kind.name}, {clients}")
            rows.append([f"{clients} at once", kind.name, *flushes_of(kind, clients)])
    parts += ["Device flushes a message, on an ext4 on a loop device (goal: at most 4 alone, at most "
              "0.3 at 16 at once):", "",
              table(("clients", "server", "delivered", "outbound"), rows), ""]  # fmt: skip
    return "\n".join(parts)
