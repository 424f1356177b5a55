"""Memory: proportional set size (PSS) of all of a server's processes, idle and with idle
SMTP connections that have said EHLO."""

import contextlib
import socket
import time

import ours
import peers
from measure import WORK, figure, say, size, table

SERVERS = ((ours.Lontar, 200), (peers.Postfix, 90), (peers.OpenSMTPD, 200), (peers.Exim, 200))


def steady_pss(server):
    """When two looks a second apart agree to 1 %."""
    last = None
    for _ in range(20):
        now = server.processes.pss_kib()
        if last and abs(now - last) * 100 <= last:
            return now
        last = now
        time.sleep(1)
    return last


def connect(port):
    stream = socket.create_connection(("127.0.0.1", port), 20)
    stream.recv(512)
    stream.sendall(b"EHLO pc.gate.example\r\n")
    stream.recv(2048)
    return stream


def of(kind, connections):
    with kind(WORK / f"memory-{kind.label}") as server:
        idle = steady_pss(server)
        processes = server.processes.each()
        with contextlib.ExitStack() as stack:
            for _ in range(connections):
                stack.enter_context(connect(server.port))
            full = steady_pss(server)
    row = [kind.name, len(processes), idle / 1024, connections, (full - idle) / connections]
    return row, processes


def section():
    rows, parts = [], {}
    for kind, connections in SERVERS:
        say(f"memory: {kind.name}")
        try:
            row, parts[kind.name] = of(kind, size(connections, 20))
            rows.append(row)
        except (TimeoutError, RuntimeError, OSError) as fault:
            rows.append([kind.name, str(fault), None, None, None])
    best = min((row[2], row[0]) for row in rows[1:] if row[2])
    return "\n".join((
        __doc__.strip(), "",
        table(("server", "processes", "idle, MiB", "connections", "KiB a connection"), rows), "",
        f"Goals: 8 MiB idle, 65 KiB a connection. Idle, Lontar takes {figure(rows[0][2] / best[0])} "
        f"of what {best[1]} takes.", "",
        "Lontar's processes, idle. What the workers and the POP3 server have written to is mostly "
        "OpenSSL's: its tables and its relocations, once a process:", "",
        table(("program", "PSS, KiB", "written to, KiB"), parts.get("Lontar", [])),
    ))  # fmt: skip
