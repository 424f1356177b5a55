"""What the SMTP server says to good and bad input."""

import contextlib
import os
import pathlib
import re
import signal

import pytest

from gateway import unverified
from waiting import wait_until

ANN, BOB = "ann@gate.example", "bob@gate.example"
MAIL, RCPT = f"MAIL FROM:<{ANN}>", f"RCPT TO:<{BOB}>"


def test_ehlo_offers_what_is_served(gateway):
    with gateway.smtp() as client:
        client.ehlo()
        offered = set(client.esmtp_features)
    assert {"pipelining", "size", "8bitmime", "smtputf8", "enhancedstatuscodes",
            "chunking", "starttls"} <= offered  # fmt: skip
    assert "auth" not in offered


def test_a_colleague_has_the_mail_when_250_was_said(gateway):
    gateway.send(ANN, [BOB], b"Subject: tea?\r\n\r\nNow.\r\n")
    [stored] = gateway.mailbox("bob")
    head, _, body = stored.partition(b"\n\n")
    assert head.startswith(b"Return-Path: <ann@gate.example>\n")
    assert body == b"Now.\n"
    received = re.search(rb"^Received: .*?(?=^\S)", head + b"\nX", re.M | re.S).group()
    assert b"by gate.example" in received
    assert b"[127.0.0.1]" in received
    assert b"with ESMTP" in received


def test_blind_copies_stay_blind(gateway):
    gateway.send("x@elsewhere.example", [ANN, BOB])
    for user, other in ((ANN, b"bob@"), (BOB, b"ann@")):
        [stored] = gateway.mailbox(user.split("@")[0])
        assert other not in stored


@pytest.mark.parametrize(
    "lines, answer",
    [
        (["FROB"], "500 5.5.1"),
        (["MAIL FROM:<a@b>"], "503 5.5.1"),
        (["EHLO"], "501 5.5.4"),
        (["EHLO a.example", RCPT], "503 5.5.1"),
        (["EHLO a.example", "DATA"], "503 5.5.1"),
        (["EHLO a.example", MAIL, MAIL], "503 5.5.1"),
        (["EHLO a.example", MAIL, "DATA"], "554 5.5.1"),
        (["EHLO a.example", "MAIL FROM:<a@b"], "501 5.1.7"),
        (["EHLO a.example", "MAIL"], "501 5.5.4"),
        (["EHLO a.example", f"{MAIL} SIZE=x"], "501 5.5.4"),
        (["EHLO a.example", f"{MAIL} COLOUR=red"], "555 5.5.4"),
        (["EHLO a.example", f"{MAIL} SIZE=99999999999999", RCPT, "DATA"], "452 4.3.1"),
        (["EHLO a.example", MAIL, "RCPT TO:<nobody@gate.example>"], "550 5.1.1"),
        (["EHLO a.example", MAIL, "RCPT TO:<>"], "501 5.1.3"),
        (["EHLO a.example", MAIL, RCPT, "BDAT x"], "501 5.5.4"),
        (["EHLO a.example", "VRFY bob"], "252 2."),
        (["HELP"], "214 2.0.0"),
        (["NOOP anything"], "250 2.0.0"),
        (["EHLO a.example", MAIL, "RSET"], "250 2.0.0"),
        (["EHLO a.example", "STARTTLS now"], "501 5.5.4"),
        (["EHLO a.example", "AUTH PLAIN"], "538 5.7.11"),
        (["DATA\0"], "50"),
        (["QUIT"], "221 2.0.0"),
    ],
)
def test_each_fault_has_its_answer(gateway, lines, answer):
    with gateway.connect() as wire:
        for line in lines:
            said = wire.say(line)
        assert said.startswith(answer)


def test_an_oversized_line_is_refused_and_the_session_goes_on(gateway):
    with gateway.connect() as wire:
        wire.hello()
        assert wire.say("NOOP " + "x" * 20_000) == "500 5.5.2 line too long"
        assert wire.say("NOOP").startswith("250")


def test_a_line_without_end_is_not_listened_to(gateway):
    with gateway.connect() as wire:
        wire.hello()
        with pytest.raises(OSError):
            while True:
                wire.send(b"x" * 100_000)


@pytest.mark.parametrize("ending", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n"])
def test_no_second_message_can_be_smuggled_in(gateway, ending):
    with gateway.connect() as wire:
        wire.hello(MAIL, RCPT, "DATA")
        smuggled = b"MAIL FROM:<evil@x>\r\nRCPT TO:<bob@gate.example>\r\nDATA\r\nevil\r\n"
        wire.send(b"Subject: x\r\n\r\nx" + ending + smuggled + b".\r\n")
        assert re.match(r"5\d\d 5\.", wire.reply())
    assert gateway.mailbox("bob") == []


def test_commands_need_crlf(gateway):
    with gateway.connect() as wire:
        wire.hello()
        wire.send(b"NOOP\nNOOP\r\n")
        assert wire.reply()[0] == "5"


def test_pipelined_commands_are_answered_in_order(gateway):
    with gateway.connect() as wire:
        wire.hello()
        wire.send(
            f"{MAIL}\r\nRCPT TO:<nobody@gate.example>\r\n{RCPT}\r\nDATA\r\n".encode()
        )
        assert [wire.reply()[:3] for _ in range(4)] == ["250", "550", "250", "354"]
        wire.send(b"x\r\n.\r\nQUIT\r\n")
        assert [wire.reply()[:3] for _ in range(2)] == ["250", "221"]
    assert len(gateway.mailbox("bob")) == 1


def test_what_was_piped_behind_starttls_is_not_executed(gateway):
    with gateway.connect() as wire:
        wire.hello()
        wire.send(b"STARTTLS\r\nMAIL FROM:<evil@x>\r\n")
        wire.reply()
        try:
            secure = unverified().wrap_socket(wire.socket, server_hostname="localhost")
            secure.sendall(b"RCPT TO:<bob@gate.example>\r\n")
            assert secure.recv(1000).startswith(b"503")
        except OSError:
            pass  # closing is as good an answer


def test_a_message_over_databytes_is_refused(stopped_gateway):
    stopped_gateway.control("databytes", "2000\n")
    gateway = stopped_gateway.start()
    with gateway.connect() as wire:
        assert "SIZE 2000" in wire.say("EHLO a.example")
        assert wire.say(f"{MAIL} SIZE=2001").startswith("552 5.3.4")
        wire.hello(f"{MAIL} SIZE=100", RCPT, "DATA")
        wire.send(b"x" * 70 + b"\r\n" * 2000 + b".\r\n")
        assert wire.reply().startswith("552 5.3.4")
        assert wire.say("NOOP").startswith("250")
    assert gateway.mailbox("bob") == []
    wait_until(
        lambda: not list((gateway.root / "spool/incoming").iterdir()), what="the draft's end"
    )


def test_a_message_that_goes_round_in_circles_is_refused(gateway):
    hops = b"Received: from a by b; Sun, 22 Nov 2026 12:00:00 +0000\r\n" * 120
    with gateway.connect() as wire:
        wire.hello(MAIL, RCPT, "DATA")
        wire.send(hops + b"\r\nx\r\n.\r\n")
        assert wire.reply().startswith("554 5.4.6")
    assert gateway.mailbox("bob") == []


def test_a_connection_lost_in_the_body_leaves_nothing(gateway):
    with gateway.connect() as wire:
        wire.hello(MAIL, RCPT, "DATA")
        wire.send(b"half a mess")
    wait_until(
        lambda: not list((gateway.root / "spool/incoming").iterdir()), what="the draft's end"
    )
    assert gateway.mailbox("bob") == []


def test_one_address_cannot_take_all_connections(stopped_gateway):
    stopped_gateway.control("concurrencyperip", "3\n")
    gateway = stopped_gateway.start()
    wires = [gateway.connect() for _ in range(3)]
    with gateway.connect() as one_more:
        assert one_more.greeting == "421 too many connections from your address, try later"
        assert one_more.is_closed()
    for wire in wires:
        wire.close()


def test_a_silent_client_is_told_goodbye(stopped_gateway):
    stopped_gateway.control("timeoutsmtpd", "1\n")
    gateway = stopped_gateway.start()
    with gateway.connect() as wire:
        assert wire.reply().startswith("421 4.4.2")
        assert wire.is_closed()


def test_utf8_addresses_are_taken(gateway, smarthost):
    with gateway.connect() as wire:
        wire.hello("MAIL FROM:<ann@gate.example> SMTPUTF8", "RCPT TO:<jürgen@far.example>", "DATA")
        wire.send("Subject: grüße\r\n\r\nx\r\n.\r\n".encode())
        assert wire.reply().startswith("250")
    assert gateway.flush().returncode == 0
    [got] = smarthost.taken
    assert got.recipients == ["jürgen@far.example"]
    assert "SMTPUTF8" in got.session.arguments or any(
        "SMTPUTF8" in line for line in got.session.lines
    )


def udp_sockets(pid):
    """What the process has open for asking a name server."""
    opened = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            opened.add(os.readlink(entry))
    tables = [pathlib.Path(f"/proc/{pid}/net/{name}").read_text() for name in ("udp", "udp6")]
    inodes = {line.split()[9] for table in tables for line in table.splitlines()[1:]}
    return {name for name in opened if name[8:-1] in inodes}


def test_accepting_asks_no_name_server(gateway):
    """No look-up and no connection: with the cable out it is exactly as fast."""
    with gateway.smtp() as client:
        client.ehlo("a.name.that.does.not.resolve.example")
        client.sendmail("x@does.not.resolve.example", [BOB, "y@nor.this.example"], b"x")
    for pid, program in gateway.processes().items():
        if program.startswith(("lontar-smtpd", "lontar-deliver")):
            assert udp_sockets(pid) == set()


def test_stopping_lets_nobody_hang(gateway):
    with gateway.connect() as wire:
        wire.hello()
        assert gateway.stop(signal.SIGTERM) == 0
        rest = wire.stream.read()
        assert rest == b"" or rest.startswith(b"421 ")
