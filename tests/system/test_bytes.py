"""Mail is bytes: what came is what goes on, but for the trace headers in front."""

import os

import pytest

import corpus
from waiting import wait_until

ANN, BOB = "ann@gate.example", "bob@gate.example"


def by_sender(messages):
    """Each message was sent from an address of its own."""
    found = {}
    for stored in messages:
        first = stored.split(b"\n", 1)[0].rstrip(b"\r")
        assert first.startswith(b"Return-Path: <"), first
        found[first[14:-1].decode()] = stored
    return found


def send_all(gateway, messages, recipient):
    """Returns {sender: what was sent}."""
    sent = {}
    with gateway.smtp() as client:
        client.ehlo()
        for number, (name, raw) in enumerate(messages):
            sender = f"m{number}@gate.example"
            for code, text in (
                client.mail(sender, ["BODY=8BITMIME"]),
                client.rcpt(recipient),
                client.data(raw),
            ):
                assert code == 250, (name, code, text)
            sent[sender] = (name, raw)
    return sent


def test_a_colleague_gets_the_bytes_that_were_sent(gateway):
    sent = send_all(gateway, corpus.everything(), BOB)
    got = by_sender(gateway.mailbox("bob"))
    assert got.keys() == sent.keys()
    changed = [
        name for sender, (name, raw) in sent.items()
        if not corpus.is_untouched(got[sender], raw)
    ]  # fmt: skip
    assert not changed


def test_a_server_with_chunking_gets_the_bytes_that_were_sent(gateway, smarthost):
    gateway.smarthost("isp", host="127.0.0.1", port=smarthost.port, breaklines="no")
    sent = send_all(gateway, corpus.everything(), "you@far.example")
    assert gateway.flush().returncode == 0, gateway.log_text()[-2000:]
    assert gateway.parked() == []
    got = {one.sender: one.data for one in smarthost.taken}
    assert got.keys() == sent.keys()
    changed = [
        name for sender, (name, raw) in sent.items()
        if not corpus.is_untouched(got[sender].replace(b"\r\n", b"\n"), raw)
    ]  # fmt: skip
    assert not changed


@pytest.mark.parametrize("without", [(), ("chunking",), ("chunking", "pipelining")])
def test_postfix_gets_the_bytes_of_every_well_formed_message(make_gateway, make_postfix, without):
    postfix = make_postfix(without=without)
    gateway = make_gateway(smarthosts={"isp": postfix.port})
    sent = send_all(gateway, corpus.well_formed() + corpus.varied(60), "you@far.example")
    assert gateway.flush().returncode == 0, gateway.log_text()[-2000:]
    assert gateway.parked() == []
    wait_until(lambda: len(list(postfix.mail())) >= len(sent), 30, "delivery by Postfix")
    got = by_sender(postfix.mail())
    changed = [
        name for sender, (name, raw) in sent.items()
        if not corpus.is_untouched(got[sender], raw)
    ]  # fmt: skip
    assert not changed


@pytest.mark.parametrize("extensions", [("PIPELINING",), ("8BITMIME",), None])
def test_lines_of_dots_survive_servers_that_know_only_data(make_gateway, make_smarthost, extensions):
    smarthost = make_smarthost(extensions=extensions or ())
    if extensions is None:
        smarthost.answer = lambda step, *_: "502 5.5.1 what?" if step == "EHLO" else None
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    messages = [one for one in corpus.varied(30) if one[1].isascii()] + corpus.crooked()[:2]
    sent = send_all(gateway, messages, "you@far.example")
    assert gateway.flush().returncode == 0, gateway.log_text()[-2000:]
    got = {one.sender: one.data for one in smarthost.taken}
    assert got.keys() == sent.keys()
    for sender, (name, raw) in sent.items():
        assert corpus.is_untouched(got[sender].replace(b"\r\n", b"\n"), raw), name


def chunk(wire, sender, recipient, *chunks):
    wire.hello(f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>")
    for number, data in enumerate(chunks):
        last = " LAST" if number == len(chunks) - 1 else ""
        wire.send(b"BDAT %d%s\r\n" % (len(data), last.encode()) + data)
        answer = wire.reply()
        assert answer.startswith("250"), answer


@pytest.mark.parametrize(
    "chunks",
    [
        [b"Subject: unended\r\n\r\nno final newline"],
        [b"Subject: two\r\n\r\nhalf a l", b"ine and a half\r\n"],
        [b"Subject: cut in CRLF\r", b"\n\r\n.\r", b"\n"],
        [b"Subject: last is empty\r\n\r\nx\r\n", b""],
        [b""],
    ],
)
def test_chunks_arrive_as_one_message(gateway, chunks):
    with gateway.connect() as wire:
        chunk(wire, ANN, BOB, *chunks)
    [stored] = gateway.mailbox("bob")
    assert corpus.is_untouched(stored, b"".join(chunks))


def test_an_empty_message_is_a_message(gateway, smarthost):
    with gateway.connect() as wire:
        wire.hello(f"MAIL FROM:<{ANN}>", f"RCPT TO:<{BOB}>", "RCPT TO:<you@far.example>", "DATA")
        wire.send(b".\r\n")
        assert wire.reply().startswith("250")
    [stored] = gateway.mailbox("bob")
    assert corpus.is_untouched(stored, b"")
    assert gateway.flush().returncode == 0
    [got] = smarthost.taken
    assert corpus.is_untouched(got.data.replace(b"\r\n", b"\n"), b"")


def test_twenty_five_megabytes_arrive(gateway, smarthost):
    line = os.urandom(36).hex().encode() + b"\r\n"
    raw = b"Subject: large\r\n\r\n" + line * (25 * 1024 * 1024 // len(line))
    gateway.send(ANN, [BOB, "you@far.example"], raw)
    [stored] = gateway.mailbox("bob")
    assert corpus.is_untouched(stored, raw)
    [parked] = gateway.parked()
    assert int(parked.facts["S"]) == parked.path.stat().st_size
    assert gateway.flush().returncode == 0
    [got] = smarthost.taken
    assert corpus.is_untouched(got.data.replace(b"\r\n", b"\n"), raw)
