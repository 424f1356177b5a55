"""The POP3 server."""

import poplib
import time

import pytest

from gateway import PASSWORD


def fill(gateway, count):
    with gateway.smtp() as client:
        for number in range(count):
            client.sendmail("x@y.example", ["bob@gate.example"], b"Subject: %d\r\n\r\nx" % number)


def test_capa_names_what_is_served(gateway):
    client = gateway.pop3("bob")
    offered = client.capa()
    assert {"TOP", "UIDL", "USER", "PIPELINING", "RESP-CODES"} <= set(offered)


def test_a_uidl_is_the_maildir_base_name_and_stays(gateway):
    fill(gateway, 3)
    first = [line.split()[1].decode() for line in gateway.pop3("bob").uidl()[1]]
    maildir = gateway.root / "mail/bob/Maildir"
    names = [path.name for sub in ("new", "cur") for path in (maildir / sub).iterdir()]
    assert sorted(first) == sorted(name.split(",")[0].split(":")[0] for name in names)
    again = [line.split()[1].decode() for line in gateway.pop3("bob").uidl()[1]]
    assert again == first


def test_dele_without_quit_removes_nothing(gateway):
    fill(gateway, 2)
    client = gateway.pop3("bob")
    client.dele(1)
    client.close()
    assert len(gateway.mailbox("bob")) == 2


def test_rset_takes_dele_back(gateway):
    fill(gateway, 2)
    client = gateway.pop3("bob")
    client.dele(1)
    with pytest.raises(poplib.error_proto):
        client.retr(1)
    client.rset()
    assert client.stat()[0] == 2
    client.quit()
    assert len(gateway.mailbox("bob")) == 2


def test_top_sends_so_many_lines(gateway):
    gateway.send("x@y.example", ["bob@gate.example"], b"Subject: t\r\n\r\n1\r\n2\r\n3\r\n")
    _, lines, _ = gateway.pop3("bob").top(1, 2)
    assert lines[-3:] == [b"", b"1", b"2"]


@pytest.mark.parametrize("user, password", [("bob", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_login_is_refused(gateway, user, password):
    client = poplib.POP3("127.0.0.1", gateway.ports["pop3"], timeout=20)
    with pytest.raises(poplib.error_proto) as refused:
        client.user(user or "x y")
        client.pass_(password)
    assert b"-ERR" in refused.value.args[0]


@pytest.mark.parametrize("line", ["FROB", "STAT", "RETR 1", "LIST", "DELE 1", "TOP 1 1", "x" * 5000])
def test_before_the_login_nothing_is_told(gateway, line):
    with gateway.connect("pop3") as wire:
        assert wire.greeting.startswith("+OK")
        assert wire.say(line).startswith("-ERR")


@pytest.mark.parametrize("line", ["RETR 0", "RETR 9", "RETR", "RETR x", "DELE 9", "TOP 1", "TOP 1 -1", "UIDL 9", "LIST 99999999999999999999"])
def test_a_wrong_number_is_refused(gateway, line):
    fill(gateway, 1)
    with gateway.connect("pop3") as wire:
        wire.say("USER bob")
        assert wire.say(f"PASS {PASSWORD}").startswith("+OK")
        assert wire.say(line).startswith("-ERR")
        assert wire.say("NOOP").startswith("+OK")


def test_fifty_thousand_messages_open_in_well_under_a_second(gateway):
    new = gateway.root / "mail/bob/Maildir/new"
    new.mkdir(parents=True, exist_ok=True)
    (new.parent / "cur").mkdir(exist_ok=True)
    (new.parent / "tmp").mkdir(exist_ok=True)
    for number in range(50_000):
        (new / f"1700000000.M{number:06}P1Q1.h,S=10,W=11").write_bytes(b"Subject:x\n")
    client = poplib.POP3("127.0.0.1", gateway.ports["pop3"], timeout=30)
    client.user("bob")
    began = time.monotonic()
    client.pass_(PASSWORD)
    assert client.stat() == (50_000, 550_000)
    taken = time.monotonic() - began
    assert taken < 1, f"{taken:.2f} s"
    client.close()
