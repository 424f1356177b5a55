"""People fetch their mail: curl, mpop, fetchmail and Python at a running gateway."""

import hashlib
import os
import poplib
import re
import socket
import subprocess
import time

import pytest

from corpus import everything
from gateway import PASSWORD, unverified
from waiting import wait_until

poplib._MAXLINE = 1_000_000  # its own limit of 2048 is below what mail has

BARE = [
    b"Subject: no final newline\n\nlast line",
    b"Subject: NUL\n\na\0b\n\0\n",
    b"Subject: dots\n\n.\n..\n...x\n.\n",
    b"Subject: empty body\n\n",
    b"",
    b"\n",
    b".",
    bytes(one for one in range(256) if one not in (10, 13)) + b"\n",
    b"Subject: long\n\n" + b"x" * 200_000 + b"\n",
]


def wire(stored):
    text = stored.replace(b"\n", b"\r\n")
    return text if not text or text.endswith(b"\r\n") else text + b"\r\n"


def put(gateway, user, messages, sized=True):
    new = gateway.root / "mail" / user / "Maildir/new"
    for folder in ("tmp", "new", "cur"):
        (new.parent / folder).mkdir(parents=True, exist_ok=True)
    written = {}
    for number, message in enumerate(messages):
        name = f"{1700000000 + number}.M{number:06}P1Q1.gate.example"
        if sized:
            name += f",S={len(message)},W={len(wire(message))}"
        # Equal ones share an inode: 50,000 new ones would take a busy disk a minute.
        if message in written:
            os.link(written[message], new / name)
        else:
            (new / name).write_bytes(message)
            written[message] = new / name
    # Mailboxes belong to whoever delivers.
    owner = (gateway.root / "mail").stat()
    for path in [new.parent.parent, new.parent, *new.parent.iterdir(), *written.values()]:
        os.chown(path, owner.st_uid, owner.st_gid)


def left(gateway, user):
    return len(gateway.mailbox(user))


class Raw:
    """A client that sees every byte."""

    def __init__(self, gateway, user="ann"):
        self.socket = socket.create_connection(("127.0.0.1", gateway.ports["pop3"]), 20)
        self.file = self.socket.makefile("rb")
        self.answers = [self.file.readline()]
        for line in (f"USER {user}", f"PASS {PASSWORD}"):
            self.answers.append(self.say(line.encode()))
            assert self.answers[-1].startswith(b"+OK"), self.answers

    def say(self, *lines):
        self.socket.sendall(b"".join(line + b"\r\n" for line in lines))
        return self.file.readline()

    def body(self):
        """Up to the dot, dots still doubled."""
        lines = []
        while not lines or lines[-1] != b".\r\n":
            lines.append(self.file.readline())
            assert lines[-1].endswith(b"\r\n")
        return b"".join(lines[:-1])


@pytest.fixture
def office(make_gateway):
    return make_gateway()


@pytest.mark.parametrize("sized", [True, False])
def test_every_octet_arrives_and_was_counted(office, sized):
    put(office, "ann", BARE, sized)
    client = Raw(office)
    for number, message in enumerate(BARE, 1):
        assert client.say(b"LIST %d" % number) == b"+OK %d %d\r\n" % (
            number,
            len(wire(message)),
        )
        assert client.say(b"RETR %d" % number).startswith(b"+OK")
        assert re.sub(rb"(?m)^\.\.", b".", client.body()) == wire(message)
    assert client.say(b"STAT") == b"+OK %d %d\r\n" % (
        len(BARE),
        sum(len(wire(message)) for message in BARE),
    )


def test_what_came_by_smtp_is_fetched_as_it_was_sent(office):
    messages = [(name, message) for name, message in everything()]
    with office.smtp() as smtp:
        for _, message in messages:
            smtp.ehlo_or_helo_if_needed()
            assert smtp.docmd("MAIL FROM:<bob@gate.example> BODY=8BITMIME")[0] == 250
            assert smtp.docmd("RCPT TO:<ann@gate.example>")[0] == 250
            assert smtp.docmd("DATA")[0] == 354
            stuffed = re.sub(rb"(?m)^\.", b"..", message)
            smtp.send(stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n")
            assert smtp.getreply()[0] == 250
    stored = office.mailbox("ann")
    client = Raw(office)
    for number, (name, message) in enumerate(messages, 1):
        assert client.say(b"RETR %d" % number).startswith(b"+OK"), name
        got = re.sub(rb"(?m)^\.\.", b".", client.body())
        assert got == wire(stored[number - 1]), name
        assert got.endswith(wire(message.replace(b"\r\n", b"\n"))), name
        size = client.say(b"LIST %d" % number).split()[2]
        assert int(size) == len(got), name


def test_fifty_thousand_messages(office):
    put(office, "ann", [b"Subject: one\n\nhello\n"] * 50_000)
    client = poplib.POP3("127.0.0.1", office.ports["pop3"], timeout=20)
    client.user("ann")
    began = time.monotonic()
    client.pass_(PASSWORD)
    opened = time.monotonic() - began
    assert opened < 1.5  # the password's crypt(3) is in it
    assert client.stat()[0] == 50_000
    assert len(client.list()[1]) == 50_000
    ids = client.uidl()[1]
    assert len(set(line.split()[1] for line in ids)) == 50_000
    assert client.retr(50_000)[1][0] == b"Subject: one"
    client.dele(25_000)
    client.quit()
    again = office.pop3()
    assert [line.split()[1] for line in again.uidl()[1]] == [
        line.split()[1] for line in ids if not line.startswith(b"25000 ")
    ]


def test_a_whole_mailbox_fetched_and_emptied_in_one_breath(office):
    put(office, "ann", [b"Subject: %d\n\nhello\n" % n for n in range(500)])
    client = Raw(office)
    words = [b"RETR %d\r\nDELE %d\r\n" % (n, n) for n in range(1, 501)]
    client.socket.sendall(b"".join(words) + b"QUIT\r\n")
    for number in range(500):
        assert client.file.readline().startswith(b"+OK")
        assert client.body() == b"Subject: %d\r\n\r\nhello\r\n" % number
        assert client.file.readline().startswith(b"+OK")
    assert client.file.readline() == b"+OK goodbye\r\n"
    assert left(office, "ann") == 0


def test_a_wrong_password_is_refused_and_the_next_may_be_right(office):
    client = poplib.POP3("127.0.0.1", office.ports["pop3"], timeout=20)
    client.user("ann")
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        client.pass_("wrong")
    client.user("ann")
    client.pass_(PASSWORD)
    assert client.stat() == (0, 0)


def test_tls_by_stls_and_from_the_start(office):
    put(office, "ann", BARE[:1])
    client = poplib.POP3("127.0.0.1", office.ports["pop3"], timeout=20)
    client.stls(unverified())
    client.user("ann")
    client.pass_(PASSWORD)
    assert client.stat()[0] == 1
    client.quit()
    client = poplib.POP3_SSL(
        "127.0.0.1", office.ports["pop3s"], context=unverified(), timeout=20
    )
    client.user("ann")
    client.pass_(PASSWORD)
    assert client.retr(1)[1][-1] == b"last line"


@pytest.mark.parametrize(
    "service, options",
    [("pop3", []), ("pop3", ["--ssl-reqd", "-k"]), ("pop3s", ["-k"])],
)
def test_curl(office, service, options):
    put(office, "ann", BARE)

    def curl(path, *more):
        url = f"{service}://127.0.0.1:{office.ports[service]}/{path}"
        return subprocess.run(
            ["curl", "-sS", "--user", f"ann:{PASSWORD}", *options, *more, url],
            capture_output=True, timeout=30, check=True,
        ).stdout  # fmt: skip

    assert curl("").count(b"\n") == len(BARE)
    for number in (1, 2, 3, 8, 9):
        assert curl(str(number)) == wire(BARE[number - 1])
    curl("1", "--request", "DELE", "--list-only")
    assert left(office, "ann") == len(BARE) - 1


def test_mpop(office, folder):
    put(office, "ann", [b"Subject: %d\n\n.\nhello\n" % n for n in range(50)])
    home = folder / "home"
    for name in ("tmp", "new", "cur"):
        (home / "inbox" / name).mkdir(parents=True)

    def mpop(*words):
        return subprocess.run(
            ["mpop", "--host=127.0.0.1", f"--port={office.ports['pop3']}", "--user=ann",
             "--auth=user", f"--passwordeval=echo '{PASSWORD}'", "--received-header=off",
             f"--delivery=maildir,{home}/inbox", f"--uidls-file={home}/uidls", *words],
            env={"HOME": str(home), "PATH": os.environ["PATH"]},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    done = mpop("--tls=off", "--keep=on")
    assert done.returncode == 0, done.stderr
    got = sorted(path.read_bytes() for path in (home / "inbox/new").iterdir())
    assert got == sorted(office.mailbox("ann"))
    assert left(office, "ann") == 50
    done = mpop("--tls=on", "--tls-starttls=on", "--tls-certcheck=off", "--keep=off")
    assert done.returncode == 0, done.stderr
    assert len(list((home / "inbox/new").iterdir())) == 50, "fetched twice"
    assert left(office, "ann") == 0


def test_fetchmail(office, folder):
    put(office, "ann", [b"Subject: %d\n\n.\nhello\n" % n for n in range(20)])
    home = folder / "home"
    home.mkdir()
    settings = home / "fetchmailrc"
    settings.write_text(
        "set invisible\nset no bouncemail\n"
        f"poll 127.0.0.1 protocol pop3 port {office.ports['pop3']} auth password\n"
        f"user ann password \"{PASSWORD}\" sslproto '' mda \"cat >>{home}/inbox\"\n"
    )
    settings.chmod(0o600)
    done = subprocess.run(
        ["fetchmail", "-f", settings, "--pidfile", home / "pid", "--idfile", home / "ids"],
        env={"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    inbox = (home / "inbox").read_bytes()
    assert [inbox.count(b"Subject: %d\n" % n) for n in range(20)] == [1] * 20
    assert inbox.count(b"\n.\nhello\n") == 20
    assert left(office, "ann") == 0


def test_one_session_under_tcpserver(office):
    put(office, "ann", BARE[:2])
    server = subprocess.Popen(
        ["tcpserver", "-v", "-H", "-R", "-l0", "127.0.0.1", "0", "lontar-pop3d"],
        env=office.environment, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        port = find_port(server.pid)
        client = poplib.POP3("127.0.0.1", port, timeout=20)
        client.user("ann")
        client.pass_(PASSWORD)
        digest = hashlib.sha256(b"\r\n".join(client.retr(2)[1]) + b"\r\n").digest()
        assert digest == hashlib.sha256(wire(BARE[1])).digest()
        client.dele(1)
        assert client.quit() == b"+OK goodbye"
        assert left(office, "ann") == 1
    finally:
        server.terminate()
        server.wait(20)
        server.stderr.close()


def find_port(pid):
    """Where the kernel let it listen."""
    def look():
        done = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True)
        found = re.search(rf"127\.0\.0\.1:(\d+) .*pid={pid},", done.stdout)
        return int(found.group(1)) if found else None

    return wait_until(look, what="tcpserver's port")
