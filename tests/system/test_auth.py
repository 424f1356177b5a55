"""lontar-auth alone, with this test as its master and its session workers."""

import array
import crypt
import os
import select
import socket
import struct
import subprocess
import time

import pytest

from local_peer import packet as pack

BIN = os.environ.get("LONTAR_BIN", "build/bin")

LISTENER, GO, READY, START = 1, 4, 5, 6  # ipc/master.h
HELLO, PERMIT, LOGIN, RESULT, BYE = 1, 2, 3, 4, 5  # ipc/auth.h
YES, NO, LATER = 0, 1, 2
DEADLINE_S = 20


def unpack(packet, shape):
    fields, at = list(struct.unpack_from("<II", packet)), 8
    for letter in shape:
        if letter == "n":
            fields.append(struct.unpack_from("<Q", packet, at)[0])
            at += 8
        else:
            size = struct.unpack_from("<I", packet, at)[0]
            fields.append(packet[at + 4 : at + 4 + size])
            at += 4 + size
    assert at == len(packet)
    return fields


def cdb(records):
    """D. J. Bernstein's constant database, as cdbmake writes it."""

    def hashed(key):
        value = 5381
        for byte in key:
            value = ((value << 5) + value ^ byte) & 0xFFFFFFFF
        return value

    body, tables = b"", [[] for _ in range(256)]
    for key, value in records:
        number = hashed(key)
        tables[number & 255].append((number, 2048 + len(body)))
        body += struct.pack("<II", len(key), len(value)) + key + value
    head, tail = b"", b""
    for table in tables:
        slots = [(0, 0)] * (2 * len(table))
        for number, position in table:
            at = (number >> 8) % len(slots)
            while slots[at][1]:
                at = (at + 1) % len(slots)
            slots[at] = (number, position)
        head += struct.pack("<II", 2048 + len(body) + len(tail), len(slots))
        tail += b"".join(struct.pack("<II", *slot) for slot in slots)
    return head + body + tail


class Auth:
    def __init__(self, root, **settings):
        control = root / "control"
        control.mkdir(parents=True)
        (root / "run").mkdir()
        (control / "me").write_text("office.example\n")
        hashed = crypt.crypt("sesame", crypt.mksalt(crypt.METHOD_SHA256, rounds=1000))
        (control / "accounts").write_text(f"ann:{hashed}:\n")
        (control / "accounts.cdb").write_bytes(cdb([(b"ann", hashed.encode())]))
        for name, text in settings.items():
            (control / name).write_text(text + "\n")
        self.path = str(root / "run" / "auth")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(self.path)
        listener.listen()
        listener.setblocking(False)
        self.master, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.log = root / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [os.path.abspath(os.path.join(BIN, "lontar-auth"))],
                cwd=root,
                stderr=log,
                pass_fds=[3],
                preexec_fn=lambda: os.dup2(child.fileno(), 3),
            )
        child.close()
        socket.send_fds(
            self.master, [pack(LISTENER, 0, b"auth", b"run/auth")], [listener.fileno()]
        )
        self.master.send(pack(GO, 0))
        listener.close()
        assert unpack(self.hear(self.master)[0], "") == [READY, 0]
        self.workers = []

    def hear(self, sock):
        sock.settimeout(DEADLINE_S)
        packet, fds, _, _ = socket.recv_fds(sock, 65536, 4)
        return packet, [socket.socket(fileno=fd) for fd in fds]

    def worker(self):
        worker = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        worker.connect(self.path)
        self.workers.append(worker)
        return worker

    def hello(self, worker, tag, service=b"smtp", ip=b"192.0.2.1"):
        worker.send(pack(HELLO, tag, service, ip))
        fields = unpack(self.hear(worker)[0], "nnnnntttt")
        assert fields[:2] == [PERMIT, tag]
        return dict(
            zip(
                ["verdict", "may_relay", "plain", "databytes", "timeout_s"]
                + ["suffix", "me", "greeting", "text"],
                fields[2:],
            )
        )

    def login(self, worker, tag, user, password):
        worker.send(pack(LOGIN, tag, user, password))
        packet, sockets = self.hear(worker)
        kind, got_tag, verdict, name, text = unpack(packet, "ntt")
        assert (kind, got_tag) == (RESULT, tag)
        return verdict, name, sockets

    def close(self):
        for worker in self.workers:
            worker.close()
        self.process.terminate()
        assert self.process.wait(DEADLINE_S) == 0
        self.master.close()


@pytest.fixture
def auth(tmp_path):
    started = []

    def start(**settings):
        started.append(Auth(tmp_path, **settings))
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_a_right_password_is_right_and_a_wrong_one_is_not(auth):
    auth = auth()
    worker = auth.worker()
    assert auth.hello(worker, 7, b"submission")["verdict"] == YES
    assert auth.login(worker, 7, b"ann", b"sesame") == (YES, b"ann", [])
    assert auth.login(worker, 7, b"Ann@office.example", b"sesame") == (YES, b"ann", [])
    assert auth.login(worker, 7, b"ann", b"sesam") == (NO, b"", [])
    log = auth.log.read_text()
    assert "auth ok user=ann service=submission ip=192.0.2.1" in log
    assert "auth failed user=ann" in log
    assert "sesam" not in log


def test_what_is_no_account_is_refused_and_a_mistyped_password_not_logged(auth):
    auth = auth()
    worker = auth.worker()
    auth.hello(worker, 1, b"submission")
    assert auth.login(worker, 1, b"My Secret!", b"ann")[0] == NO
    assert auth.login(worker, 1, b"bob", b"sesame")[0] == NO
    assert "Secret" not in auth.log.read_text()


def test_a_pop3_login_brings_the_socket_of_its_mailbox(auth):
    auth = auth()
    worker = auth.worker()
    assert auth.hello(worker, 1, b"pop3", b"127.0.0.1")["plain"] == 1
    verdict, name, sockets = auth.login(worker, 1, b"ann", b"sesame")
    assert (verdict, name, len(sockets)) == (YES, b"ann", 1)
    packet, private = auth.hear(auth.master)
    assert unpack(packet, "tt") == [START, 0, b"mailbox", b"ann"]
    private[0].send(b"hello session")
    assert auth.hear(sockets[0])[0] == b"hello session"


def test_a_guesser_waits_longer_each_time(auth):
    auth = auth()
    worker = auth.worker()
    auth.hello(worker, 1, b"submission")
    began = time.monotonic()
    assert auth.login(worker, 1, b"ann", b"sesame")[0] == YES
    assert time.monotonic() - began < 1.5
    began = time.monotonic()
    assert auth.login(worker, 1, b"ann", b"1234")[0] == NO
    assert 2 <= time.monotonic() - began < 4
    began = time.monotonic()
    assert auth.login(worker, 1, b"ann", b"12345")[0] == NO
    assert 4 <= time.monotonic() - began < 7
    other = auth.worker()  # somebody else is not slowed down
    auth.hello(other, 1, b"submission", b"192.0.2.2")
    began = time.monotonic()
    assert auth.login(other, 1, b"ann", b"sesame")[0] == YES
    assert time.monotonic() - began < 2


def test_sessions_of_all_workers_count_together_until_they_end(auth):
    auth = auth(concurrencyperip="2")
    first, second = auth.worker(), auth.worker()
    assert auth.hello(first, 1)["verdict"] == YES
    assert auth.hello(second, 1)["verdict"] == YES
    assert auth.hello(second, 2)["verdict"] == LATER
    second.send(pack(BYE, 2))  # of the one refused
    assert auth.hello(second, 3)["verdict"] == LATER
    second.send(pack(BYE, 1))
    assert auth.hello(second, 4)["verdict"] == YES
    first.close()
    end = time.monotonic() + DEADLINE_S
    tag = 5
    while auth.hello(second, tag)["verdict"] != YES:
        tag += 1
        assert time.monotonic() < end


def test_settings_decide_how_a_client_is_served(auth):
    auth = auth(databytes="1000", smtpgreeting="hello there", timeoutsmtpd="77")
    worker = auth.worker()
    permit = auth.hello(worker, 1, b"smtp", b"127.0.0.1")
    assert (permit["databytes"], permit["timeout_s"]) == (1000, 77)
    assert (permit["me"], permit["greeting"]) == (b"office.example", b"hello there")
    assert (permit["may_relay"], permit["plain"]) == (1, 0)
    assert auth.hello(worker, 2, b"smtp", b"198.51.100.9")["may_relay"] == 0
    assert auth.hello(worker, 3, b"pop3", b"198.51.100.9")["plain"] == 0
    assert auth.hello(worker, 4, b"pop3", b"127.0.0.1")["timeout_s"] == 600


@pytest.mark.parametrize(
    "nonsense",
    [b"x", pack(99, 1), pack(HELLO, 1, b"smtp"), pack(LOGIN, 1, b"a", b"b")]
    + [pack(HELLO, 1, b"s" * 100, b"127.0.0.1"), pack(HELLO, 1, b"a\0b", b"")],
)
def test_nonsense_ends_that_connection_and_no_other(auth, nonsense):
    auth = auth()
    good, bad = auth.worker(), auth.worker()
    auth.hello(good, 1)
    bad.send(nonsense)
    assert auth.hear(bad)[0] == b""
    assert auth.login(good, 1, b"ann", b"sesame")[0] == YES


def test_a_session_that_leaves_while_its_password_is_compared_harms_nobody(auth):
    auth = auth()
    worker = auth.worker()
    for tag in range(40):
        auth.hello(worker, tag, b"submission", b"192.0.2.%d" % tag)
    for tag in range(40):
        worker.send(pack(LOGIN, tag, b"ann", b"sesame"))
        if tag % 2:
            worker.send(pack(BYE, tag))
    heard = set()
    staying = {tag for tag in range(40) if tag % 2 == 0}
    while not staying <= heard:
        heard.add(unpack(auth.hear(worker)[0], "ntt")[1])
    assert auth.hello(auth.worker(), 99)["verdict"] == YES


def test_it_ends_with_its_master(auth):
    auth = auth()
    auth.master.close()
    assert auth.process.wait(DEADLINE_S) == 75
    auth.close = lambda: None
    auth.master = None
