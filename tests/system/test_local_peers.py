"""Anyone on the machine may connect to run/deliver and run/link. Whatever he sends, the
receiver lives, nobody else notices, and what was acknowledged is right."""

import os
import pathlib
import random
import resource
import socket
import struct

import pytest

from gateway import EX_NOPERM
from local_peer import (
    ACT, COMMIT, DRAFT, EVENT, FLUSH, LATER, NO, NOBODY, OPEN, PACKET_MAX, PARKED, RCPT, RECORD,
    RESET, SHOW, VERDICT, WATCH, YES, Peer, Verdict, packet,
)  # fmt: skip
from waiting import never, wait_until

ANN, BOB, FAR = "ann@gate.example", "bob@gate.example", "you@far.example"

as_root = pytest.mark.skipif(os.getuid() != 0, reason="to be another user, one must be root")


def pid_of(gateway, program):
    return min(pid for pid, name in gateway.processes().items() if name == program)


def cpu_ticks(pid):
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return int(words[11]) + int(words[12])


def assert_is_calm(pid, what):
    """Uses next to no time while nothing happens."""
    before = cpu_ticks(pid)
    never.wait(0.5)
    assert cpu_ticks(pid) - before < 0.25 * os.sysconf("SC_CLK_TCK"), f"it spins: {what}"


@pytest.fixture
def living(gateway):
    """The gateway; afterwards the same processes must serve as before."""
    before = {name: pid_of(gateway, name) for name in ("lontar-deliver", "lontar-link")}
    yield gateway
    for name, pid in before.items():
        assert pid_of(gateway, name) == pid, f"{name} has ended:\n{gateway.log_text()}"
    gateway.send(ANN, [BOB], b"Subject: after all that\r\n\r\nx\r\n")
    assert any(b"after all that" in one for one in gateway.mailbox("bob"))


def deliver(gateway, **more):
    return Peer(gateway, "deliver", **more)


NONSENSE = {
    "empty": b"",
    "half a head": b"\1\0\0",
    "a head alone": packet(RCPT, 1),
    "an unknown type": packet(77, 1),
    "type 0": packet(0, 0),
    "an answer": packet(VERDICT, 1, 0, "", "ok"),
    "a grant": packet(OPEN, 1),
    "news for watchers": packet(PARKED, 0, "isp"),
    "more behind the fields": packet(RCPT, 1, 1, ANN, BOB) + b"x",
    "a text longer than the packet": packet(RCPT, 1, 1) + struct.pack("<I", 0xFFFFFFFF) + b"a",
    "a text missing": packet(RCPT, 1, 1, ANN),
    "a number cut": packet(RCPT, 1) + b"\1\0\0",
    "an address without end": packet(RCPT, 1, 1, ANN, "a" * 60000),
    "a NUL in an address": packet(RCPT, 1, 1, ANN, b"bob\0@gate.example"),
    "a line end in an address": packet(RCPT, 1, 1, ANN, b"bob@gate.example\nDelivered-To: x"),
    "a line end in the sender": packet(RCPT, 1, 1, b"ann\r\nX: y", BOB),
    "a packet longer than any": b"\1" * (PACKET_MAX + 1),
    "a commit of nothing": packet(COMMIT, 1, 0, 0, 0),
    "a reset with fields": packet(RESET, 1, 5),
    "a watch with fields": packet(WATCH, 1, "x"),
}  # fmt: skip


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_ends_that_connection_only(living, what):
    with deliver(living) as other, deliver(living) as peer:
        assert other.rcpt(BOB).kind == YES
        peer.send(NONSENSE[what])
        assert peer.is_closed()
        fd = other.draft()
        os.write(fd, b"body\n")
        os.close(fd)
        assert other.commit(b"body\n").kind == YES


def test_out_of_order_is_refused_or_ends_the_connection(living):
    with deliver(living) as peer:
        assert peer.draft().kind == NO  # nobody named
        assert peer.rcpt("nobody@gate.example").status == "5.1.1"
        assert peer.draft().kind == NO  # nobody taken
        peer.send(packet(RESET, 99))  # never begun: no answer, no harm
        assert peer.rcpt(BOB).kind == YES
        fd = peer.draft()
        assert peer.rcpt(ANN).kind == NO  # too late
        assert peer.draft().kind == NO  # has one
        os.close(fd)
        assert peer.commit(b"").kind == YES
        peer.send(packet(COMMIT, 1, 0, 0, 0))  # twice
        assert peer.is_closed()


def test_descriptors_sent_along_are_closed(living):
    pid = pid_of(living, "lontar-deliver")
    fds = pathlib.Path(f"/proc/{pid}/fd")
    with deliver(living) as peer, open("/dev/null") as null:
        peer.rcpt(BOB, tag=7)
        before = len(list(fds.iterdir()))
        for count in (1, 2, 4, 5, 50):
            peer.send(packet(RCPT, 7, 1, ANN, BOB), [null.fileno()] * count)
            assert peer.verdict().kind == YES
        assert len(list(fds.iterdir())) == before
        with Peer(living, "link") as other:
            other.send(packet(99, 0), [null.fileno()] * 3)
            assert other.is_closed()
    wait_until(lambda: len(list(fds.iterdir())) < before, what="the peer's own to be closed")


@as_root
def test_a_strangers_trace_tells_his_uid_whatever_he_says(living):
    with deliver(living, uid=NOBODY) as peer:
        for helo in (b"-", b"trusted.example"):
            assert peer.rcpt(BOB).kind == YES
            fd = peer.draft(
                helo=helo, protocol=b"ESMTPS", ip=b"192.0.2.1", login=b"root",
                session=b"x\nX-Forged: yes",
            )  # fmt: skip
            os.write(fd, b"Subject: x\n\n")
            os.close(fd)
            assert peer.commit(b"Subject: x\n\n").kind == YES
    for stored in living.mailbox("bob"):
        assert b"\nReceived: by gate.example (user uid:65534) id " in stored
        for forged in (b"192.0.2.1", b"root", b"X-Forged", b"trusted"):
            assert forged not in stored


@as_root
def test_a_strangers_counts_are_checked(living):
    """W= of a name is promised to POP3 clients."""
    for body, lines, unended in (
        (b"one\ntwo\n", 7, 0), (b"one\ntwo\n", 2, 1), (b"one\ntwo", 1, 0), (b"a\r\nb\r\n", 2, 0),
    ):  # fmt: skip
        with deliver(living, uid=NOBODY) as peer:
            peer.rcpt(BOB)
            fd = peer.draft()
            os.write(fd, body)
            os.close(fd)
            peer.send(packet(COMMIT, 1, len(body), lines, unended))
            assert peer.verdict().kind == LATER
    assert living.mailbox("bob") == []
    with deliver(living, uid=NOBODY) as peer:
        assert peer.mail([BOB], b"one\ntwo\n").kind == YES


BAD_ADDRESSES = [
    "@gate.example", "bob@", "bob@-x-", "bob@gate..example", "b\tb@gate.example", "x@[1.2.3]",
    b"bob\xff@gate.example", b"bob@gate.example ", b"\x1b[2J@far.example", "a@b@",
]  # fmt: skip


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_what_is_no_address_is_refused(living, address):
    """It would be parked, and the smarthost would take offence at MAIL."""
    with deliver(living) as peer:
        assert peer.rcpt(address).status[:4] == "5.1."
        assert peer.rcpt(FAR, sender=address).status[:4] == "5.1."
        assert peer.draft().kind == NO
    assert living.parked() == []


def test_unusual_addresses_that_are_some_are_taken(living):
    unusual = [
        "#@[]", "", "a..b@far.example", 'x y"z\\@far.example', "a@b@far.example", "é@ö.example",
    ]  # fmt: skip
    with deliver(living) as peer:
        for tag, sender in enumerate(unusual):
            assert peer.mail([FAR], sender=sender, tag=tag).kind == YES, sender
    assert len(living.parked()) == len(unusual)
    assert sorted(one["sender"] for one in living.queue()) == sorted(unusual)


def test_one_transaction_has_one_sender(living):
    living.control("badmailfrom", "spam@evil.example\n")
    with deliver(living) as peer:
        assert peer.rcpt(BOB).kind == YES
        peer.send(packet(RCPT, 1, 1, "eve@gate.example", ANN))
        assert peer.is_closed()


def test_a_size_beyond_all_disks_is_refused(living):
    with deliver(living) as peer:
        for size in (2**64 - 1, 2**64 - 4 * 2**20, 2**63):
            peer.rcpt(BOB)
            assert peer.draft(size=size).status == "4.3.1"
        fd = peer.draft(size=100)
        os.write(fd, b"x\n")
        os.close(fd)
        assert peer.commit(b"x\n").kind == YES
    [stored] = living.mailbox("bob")
    assert stored.count(b"Return-Path:") == 1


def test_a_draft_kept_open_or_spoiled_is_not_delivered(living):
    def spoil_open(fd, keep):
        keep.append(os.dup(fd))

    def spoil_short(fd, keep):
        os.ftruncate(fd, 3)

    def spoil_head(fd, keep):
        size = os.fstat(fd).st_size
        os.ftruncate(fd, 0)
        os.write(fd, b"Return-Path: <root@gate.example>\n".ljust(size, b"x")[:size])

    def spoil_in_flight(fd, keep):
        pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        socket.send_fds(pair[0], [b"x"], [fd])
        keep.extend(pair)

    for spoil in (spoil_open, spoil_short, spoil_head, spoil_in_flight):
        keep = []
        with deliver(living) as peer:
            peer.rcpt(BOB)
            fd = peer.draft()
            os.write(fd, b"body\n")
            spoil(fd, keep)
            os.close(fd)
            verdict = peer.commit(b"body\n")
            assert verdict.kind == LATER, spoil.__name__
        for one in keep:
            one.close() if isinstance(one, socket.socket) else os.close(one)
    assert living.mailbox("bob") == []
    incoming = living.root / "spool/incoming"
    wait_until(lambda: not list(incoming.iterdir()), what="the drafts to be removed")


def test_who_hears_nothing_costs_no_time(living):
    """A peer that can no longer be told anything is gone, not tried for ever."""
    with deliver(living) as peer, Peer(living, "link") as other:
        peer.socket.shutdown(socket.SHUT_RD)
        other.socket.shutdown(socket.SHUT_RD)
        peer.send(packet(RCPT, 1, 1, ANN, BOB))
        other.send(packet(SHOW, 1))
        assert_is_calm(pid_of(living, "lontar-deliver"), "answers to a half-closed peer")
        assert_is_calm(pid_of(living, "lontar-link"), "answers to a half-closed peer")


@as_root
def test_who_does_not_read_is_closed_before_he_costs_memory(living):
    pid = pid_of(living, "lontar-deliver")

    def resident():
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096

    before = resident()
    peers = [deliver(living, uid=NOBODY) for _ in range(20)]
    for peer in peers:
        peer.socket.settimeout(5)
        with pytest.raises(OSError):
            for _ in range(200000):
                peer.send(packet(RESET, 1))
                peer.send(packet(DRAFT, 1, 0, *[b""] * 5))
    assert resident() - before < 20 * 2**20
    for peer in peers:
        peer.close()


def test_no_descriptors_left_is_waited_out(living):
    for name in ("deliver", "link", "auth"):
        pid = pid_of(living, f"lontar-{name}")
        usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = max(int(fd.name) for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir())
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 1, usual[1]))
        try:
            peers = [Peer(living, name) for _ in range(6)]
            assert_is_calm(pid, f"{name} without descriptors")
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
        if name == "deliver":
            assert [peer.rcpt(BOB).kind for peer in peers] == [YES] * 6
        for peer in peers:
            peer.close()


@as_root
def test_strangers_cannot_keep_others_out(living):
    for name in ("deliver", "link"):
        crowd = [Peer(living, name, uid=uid) for uid in range(2000, 2012) for _ in range(100)]
        try:
            if name == "deliver":
                with deliver(living) as ours:
                    assert ours.mail([BOB]).kind == YES
            else:
                done = living.run("link", "up", "ppp0")
                assert done.returncode == 0, done.stderr
        finally:
            for peer in crowd:
                peer.close()


@as_root
def test_a_stranger_has_a_bounded_number_of_drafts(living):
    drafts = []
    with deliver(living, uid=NOBODY) as peer:
        for tag in range(100):
            if peer.rcpt(BOB, tag=tag).kind != YES:
                break
            drafts.append(peer.draft(tag=tag))
        assert 1 <= len(drafts) <= 20
    for fd in drafts:
        os.close(fd)
    incoming = living.root / "spool/incoming"
    wait_until(lambda: not list(incoming.iterdir()), what="his drafts to be removed")


def test_thousands_of_transactions_leave_nothing_behind(living):
    """A seeded crowd: most give up somewhere, the others' mail is all there."""
    rng = random.Random(2)
    pid = pid_of(living, "lontar-deliver")
    fds = pathlib.Path(f"/proc/{pid}/fd")
    acknowledged = []
    incoming = living.root / "spool/incoming"
    before = len(list(fds.iterdir()))
    for connection in range(40):
        with deliver(living) as peer:
            for number in range(50):
                tag = rng.randrange(2**32)
                token = b"token-%d-%d\n" % (connection, number)
                end = rng.choice(["rcpt", "reset", "draft", "again", "commit"])
                recipients = [f"r{i}@far.example" for i in range(rng.choice([1, 1, 2, 120]))]
                for recipient in [BOB, *recipients][: rng.choice([1, 200])]:
                    peer.send(packet(RCPT, tag, 1, ANN, recipient))
                    assert peer.verdict().kind == YES
                if end == "rcpt":
                    continue
                if end == "reset":
                    peer.send(packet(RESET, tag))
                    continue
                fd = peer.draft(tag=tag)
                os.write(fd, token)
                if end != "draft":
                    os.close(fd)
                if end == "again":
                    peer.send(packet(RESET, tag))
                elif end == "commit":
                    assert peer.commit(token, tag=tag).kind == YES
                    acknowledged.append(token)
                else:
                    os.close(fd)
    wait_until(lambda: len(list(fds.iterdir())) <= before + 1, what="its descriptors to be closed")
    assert list(incoming.iterdir()) == []
    stored = living.mailbox("bob")
    assert sorted(one.rsplit(b"\n", 2)[-2] + b"\n" for one in stored) == sorted(acknowledged)


def test_noise_is_survived(living):
    """Seeded: good packets cut, lengthened, changed in a byte, in any order."""
    rng = random.Random(7)
    good = [
        packet(RCPT, 1, 1, ANN, BOB), packet(RCPT, 1, 0, "", FAR),
        packet(DRAFT, 1, 10, "ESMTP", "helo", "::1", "", "id"), packet(COMMIT, 1, 0, 0, 0),
        packet(RESET, 1), packet(WATCH, 0), packet(EVENT, 1, 1, "ppp0", "dns=1.2.3.4\nx"),
        packet(FLUSH, 1, 1, "isp\nisp\n"), packet(SHOW, 1), packet(ACT, 1, "isp", "hold", "1.M1"),
    ]  # fmt: skip
    for _ in range(400):
        with Peer(living, rng.choice(["deliver", "link"])) as peer:
            for _ in range(rng.randrange(1, 8)):
                bytes_ = bytearray(rng.choice(good))
                change = rng.randrange(4)
                if change == 0:
                    del bytes_[rng.randrange(len(bytes_)) :]
                elif change == 1:
                    bytes_[rng.randrange(len(bytes_))] = rng.randrange(256)
                elif change == 2:
                    bytes_ += bytes(rng.randrange(1, 9))
                try:
                    peer.send(bytes(bytes_))
                except OSError:
                    break


@as_root
def test_only_root_and_the_gateways_user_may_act(living):
    with Peer(living, "link", uid=NOBODY) as peer:
        for asked in (
            packet(EVENT, 1, 1, "ppp0", ""), packet(FLUSH, 2, 1, ""),
            packet(ACT, 3, "isp", "drop", "1.M1P1Q1.x"),
        ):  # fmt: skip
            peer.send(asked)
            (exit_code,) = struct.unpack_from("<Q", peer.receive()[0], 8)
            assert exit_code == EX_NOPERM


# What is to be written down once a message is durable


def begin_with_record(peer, line, fd):
    """A draft, written, and the record that goes with it."""
    assert peer.rcpt(ANN).kind == YES
    draft = peer.draft()
    os.write(draft, b"x\n")
    os.close(draft)
    peer.send(packet(RECORD, 1, line), [fd] if fd is not None else [])


def test_a_record_is_written_when_the_asker_has_gone(living):
    path = living.folder / "record"
    path.write_text("before\n")
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    peer = deliver(living)
    begin_with_record(peer, "it is safe\n", fd)
    os.close(fd)
    assert path.read_text() == "before\n"
    peer.send(packet(COMMIT, 1, 2, 1, 0))
    peer.close()
    wait_until(lambda: path.read_text() == "before\nit is safe\n", what="the record")
    assert len(living.mailbox("ann")) == 1


def test_a_record_of_what_was_not_committed_is_not_written(living):
    path = living.folder / "record"
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    peer = deliver(living)
    begin_with_record(peer, "it is safe\n", fd)
    # More is said to be there than is.
    peer.send(packet(COMMIT, 1, 99, 1, 0))
    assert peer.verdict().kind == LATER
    os.close(fd)
    assert path.read_text() == ""


@pytest.mark.parametrize(
    "what", ["nothing", "a pipe", "a file to read", "a file to overwrite", "too much"]
)
def test_a_record_goes_to_a_file_to_append_to(living, what):
    path = living.folder / "record"
    path.write_text("before\n")
    ends = os.pipe()
    fd = {
        "nothing": lambda: None,
        "a pipe": lambda: ends[1],
        "a file to read": lambda: os.open(path, os.O_RDONLY | os.O_APPEND),
        "a file to overwrite": lambda: os.open(path, os.O_RDWR),
        "too much": lambda: os.open(path, os.O_WRONLY | os.O_APPEND),
    }[what]()
    peer = deliver(living)
    begin_with_record(peer, "x" * (600 if what == "too much" else 5), fd)
    assert peer.is_closed()
    assert path.read_text() == "before\n"


@as_root
def test_a_stranger_has_nothing_written(living):
    path = living.folder / "record"
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    peer = deliver(living, uid=NOBODY)
    begin_with_record(peer, "x\n", fd)
    assert peer.is_closed()
