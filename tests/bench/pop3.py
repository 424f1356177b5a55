"""POP3: 1,000 messages of 4 KiB fetched and deleted over loopback, and a box of 50,000
opened, beside Dovecot on a Maildir of the same files. The client is the same; "pipelined"
keeps 50 commands under way."""

import os
import re
import shutil
import socket
import time

import ours
from measure import WORK, median, runs, say, size, spread, table
from peers import Unpacked

USER, PASSWORD = "user0", ours.PASSWORD

DOVECOT = """
protocols = pop3
listen = 127.0.0.1
base_dir = /run/dovecot
log_path = /var/lib/bench/dovecot.log
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
default_internal_user = dovecot
default_internal_group = dovecot
default_login_user = dovenull
mail_location = maildir:/var/lib/bench/mail/%u
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=960 gid=960 home=/var/lib/bench/mail/%u
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service stats {{
  client_limit = 1000
}}
"""


class Dovecot(Unpacked):
    """Debian's, with its defaults."""

    name = "Dovecot"
    label = "dovecot"
    packages = ("dovecot-core", "dovecot-pop3d")
    users = [("dovecot", 953), ("dovenull", 954), (USER, 960)]

    def start(self):
        (self.place / "mail").mkdir()
        os.chown(self.place / "mail", 960, 960)
        (self.place / "dovecot.conf").write_text(
            DOVECOT.format(port=self.port, password=PASSWORD)
        )
        self.launch("mkdir /run/dovecot; exec dovecot -F -c /var/lib/bench/dovecot.conf")
        self.maildir = self.place / "mail" / USER
        self.owner = 960


class OurPop3(ours.Lontar):
    def __enter__(self):
        super().__enter__()
        self.port = self.gateway.ports["pop3"]
        self.maildir = self.gateway.root / "mail" / USER / "Maildir"
        self.owner = self.maildir.stat().st_uid
        return self


def fill(server, count):
    """The same files for each: names with sizes, as both know them."""
    shutil.rmtree(server.maildir, ignore_errors=True)
    for sub in ("new", "tmp", "cur"):
        (server.maildir / sub).mkdir(parents=True)
    line = b"The quick brown fox jumps over the lazy dog, again and again.\n"
    body = b"From: load@bench.example\nSubject: load\n\n" + line * (4096 // (len(line) + 1))
    wire = len(body) + body.count(b"\n")
    for number in range(count):
        name = f"{1_700_000_000 + number // 1000}.M{number}P1Q{number}.gate,S={len(body)},W={wire}"
        (server.maildir / "cur" / f"{name}:2,").write_bytes(body)
    for path in (server.maildir, *server.maildir.iterdir(), *(server.maildir / "cur").iterdir()):
        os.chown(path, server.owner, server.owner)


class Client:
    def __init__(self, port):
        self.stream = socket.create_connection(("127.0.0.1", port), 60)
        self.file = self.stream.makefile("rb", 1 << 16)
        self.file.readline()
        self.ask([f"USER {USER}", f"PASS {PASSWORD}"], 1)

    def line(self):
        line = self.file.readline()
        assert line.startswith(b"+OK"), line
        return line

    def ask(self, commands, window):
        """Sends all, so many at a time; reads all replies."""
        for first in range(0, len(commands), window):
            part = commands[first : first + window]
            self.stream.sendall("".join(one + "\r\n" for one in part).encode())
            for one in part:
                self.line()
                if re.match("RETR|UIDL|LIST", one):
                    while self.file.readline() != b".\r\n":
                        pass

    def close(self):
        self.ask(["QUIT"], 1)
        self.file.close()
        self.stream.close()


def fetch(server, count, window):
    fill(server, count)
    begun, cpu = time.monotonic(), server.processes.cpu_s()
    client = Client(server.port)
    client.ask(["STAT", "UIDL"], 1)
    client.ask(
        [f"{verb} {number + 1}" for number in range(count) for verb in ("RETR", "DELE")], window
    )
    client.close()
    seconds = time.monotonic() - begun
    left = len(os.listdir(server.maildir / "cur")) + len(os.listdir(server.maildir / "new"))
    assert left == 0, f"{server.name} left {left} messages"
    return count / seconds, (server.processes.cpu_s() - cpu) / count * 1e3


def open_box(server):
    begun = time.monotonic()
    client = Client(server.port)
    client.ask(["STAT"], 1)
    stat = time.monotonic() - begun
    client.ask(["UIDL"], 1)
    uidl = time.monotonic() - begun
    client.close()
    return stat, uidl


def section():
    count, many = size(1000, 50), size(50_000, 500)
    rows, opened = [], []
    with OurPop3(WORK / "pop3-lontar") as own, Dovecot(WORK / "pop3-dovecot") as dovecot:
        for window, how in ((50, "pipelined"), (1, "one by one")):
            figures = {own: [], dovecot: []}
            for _ in range(runs(5)):
                for server in (own, dovecot):
                    say(f"pop3: {how}: {server.name}")
                    figures[server].append(fetch(server, count, window))
            rates = {server: [one[0] for one in ones] for server, ones in figures.items()}
            rows.append([how, spread(rates[own]), spread(rates[dovecot]),
                         median(rates[own]) / median(rates[dovecot]),
                         *(median([one[1] for one in figures[server]])
                           for server in (own, dovecot))])  # fmt: skip
        say("pop3: a large box")
        times = {}
        for server in (own, dovecot):
            fill(server, many)
            open_box(server)  # warms the index
        for _ in range(runs(5)):
            for server in (own, dovecot):
                times.setdefault(server, []).append(open_box(server))
        for part, what in ((0, "until STAT is answered"), (1, "until UIDL is listed")):
            own_s, their_s = ([one[part] * 1e3 for one in times[server]]
                              for server in (own, dovecot))  # fmt: skip
            opened.append([what, spread(own_s), spread(their_s), median(own_s) / median(their_s)])
    return "\n".join((
        __doc__.strip(), "",
        table(("fetched and deleted, messages/s", "Lontar", "Dovecot", "Lontar / Dovecot (goal 2)",
               "Lontar CPU ms a message", "Dovecot CPU ms"), rows), "",
        f"Opening a box of {many:,} (Dovecot's index warm; goal: not slower):", "",
        table(("ms from connecting", "Lontar", "Dovecot", "Lontar / Dovecot"), opened), "",
    ))  # fmt: skip
