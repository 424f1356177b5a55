"""POP3: 1,000 messages of 4 KiB fetched and deleted over loopback, and a box of 50,000
opened, beside Dovecot on a Maildir of the same files. The client is the same; "pipelined"
sends RETR and DELE of 25 messages at once, "one by one" of each message."""

import itertools
import os
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
  driver = passwd-file
  args = scheme=CRYPT username_format=%n /var/lib/bench/accounts
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
    """Debian's, with its defaults, and the password as expensive to check as ours."""

    name = "Dovecot"
    label = "dovecot"
    packages = ("dovecot-core", "dovecot-pop3d")
    password_hash = None
    users = [("dovecot", 953), ("dovenull", 954), (USER, 960)]

    def start(self):
        (self.place / "mail").mkdir()
        os.chown(self.place / "mail", 960, 960)
        (self.place / "dovecot.conf").write_text(DOVECOT.format(port=self.port))
        (self.place / "accounts").write_text(f"{USER}:{self.password_hash}\n")
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

    def password_hash(self):
        for line in (self.gateway.root / "control/accounts").read_text().splitlines():
            if line.startswith(USER + ":"):
                return line.split(":")[1]
        raise LookupError(USER)


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
    """As quick as Python can be: it looks for the ends of replies and at nothing else."""

    def __init__(self, port):
        self.stream = socket.create_connection(("127.0.0.1", port), 60)
        self._read_until(b"", b"\r\n")
        self.line(f"USER {USER}")
        self.line(f"PASS {PASSWORD}")

    def _read_until(self, got, end):
        while not got.endswith(end):
            part = self.stream.recv(1 << 20)
            assert part, f"closed after {got[-80:]!r}"
            got += part
        return got

    def say(self, *commands):
        self.stream.sendall("".join(one + "\r\n" for one in commands).encode())

    def line(self, command):
        self.say(command)
        got = self._read_until(b"", b"\r\n")
        assert got.startswith(b"+OK"), got

    def list(self, command):
        self.say(command)
        self._read_until(b"", b"\r\n.\r\n")

    def fetch(self, numbers):
        """RETR and DELE of each, all sent at once."""
        self.say(*(f"{verb} {number}" for number in numbers for verb in ("RETR", "DELE")))
        bodies, got = 0, b""
        while bodies < len(numbers) or not got.endswith(b"\r\n") or got.endswith(b"\r\n.\r\n"):
            part = self.stream.recv(1 << 20)
            assert part, f"closed after {got[-80:]!r}"
            bodies += (got[-4:] + part).count(b"\r\n.\r\n")
            assert b"\n-ERR" not in part, part
            got = got[-4:] + part

    def close(self):
        self.line("QUIT")
        self.stream.close()


def fetch(server, count, window):
    fill(server, count)
    cpu, times = server.processes.cpu_s(), [time.monotonic()]
    client = Client(server.port)
    times.append(time.monotonic())
    client.line("STAT")
    client.list("UIDL")
    times.append(time.monotonic())
    for first in range(1, count + 1, window):
        client.fetch(range(first, min(first + window, count + 1)))
    times.append(time.monotonic())
    client.close()
    times.append(time.monotonic())
    left = len(os.listdir(server.maildir / "cur")) + len(os.listdir(server.maildir / "new"))
    assert left == 0, f"{server.name} left {left} messages"
    return {
        "rate": count / (times[-1] - times[0]),
        "cpu": (server.processes.cpu_s() - cpu) / count * 1e3,
        "parts": [(after - before) * 1e3 for before, after in itertools.pairwise(times)],
    }


def open_box(server):
    begun = time.monotonic()
    client = Client(server.port)
    client.line("STAT")
    stat = time.monotonic() - begun
    client.list("UIDL")
    uidl = time.monotonic() - begun
    client.close()
    return stat, uidl


def section():
    count, many = size(1000, 50), size(50_000, 500)
    with OurPop3(WORK / "pop3-lontar") as own:
        Dovecot.password_hash = own.password_hash()
        with Dovecot(WORK / "pop3-dovecot") as dovecot:
            return compare(own, dovecot, count, many)


def compare(own, dovecot, count, many):
    rows, parts, opened = [], [], []
    for window, how in ((25, "pipelined"), (1, "one by one")):
        figures = {own: [], dovecot: []}
        for _ in range(runs(5)):
            for server in (own, dovecot):
                say(f"pop3: {how}: {server.name}")
                figures[server].append(fetch(server, count, window))
        rates = {server: [one["rate"] for one in ones] for server, ones in figures.items()}
        rows.append([how, spread(rates[own]), spread(rates[dovecot]),
                     median(rates[own]) / median(rates[dovecot]),
                     *(median([one["cpu"] for one in figures[server]])
                       for server in (own, dovecot))])  # fmt: skip
        parts += [[how, server.name, *map(median, zip(*(one["parts"] for one in figures[server])))]
                  for server in (own, dovecot)]  # fmt: skip
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
        f"Where the time of {count:,} goes, ms. The login is mostly the password's hash, the same "
        "for both; QUIT is the removal of the files:", "",
        table(("", "server", "login", "STAT and UIDL", "RETR and DELE", "QUIT"), parts), "",
        f"Opening a box of {many:,} (Dovecot's index warm; goal: not slower):", "",
        table(("ms from connecting", "Lontar", "Dovecot", "Lontar / Dovecot"), opened), "",
    ))  # fmt: skip
