"""Servers without 8BITMIME, and servers that refuse long lines: what readers see is what
was sent, whatever has to be done to get it there."""

import email
import pathlib
import random
import re

import pytest

import corpus
import exim
from gateway import EX_OK
from smarthost import MODERN

ANN, FAR = "ann@gate.example", "you@far.example"
WITHOUT_8BIT = [
    ("PIPELINING", "CHUNKING"),
    ("PIPELINING",),
    (),
]
TEXT = "Subject: lunch\r\n\r\nA naïve idea:\r\n.\r\n..\r\nlet us meet.\r\n".encode()
LONG = b"Subject: long\r\n\r\nshort\r\n" + b"All work and no play. " * 200 + b"\r\nend\r\n"


def signed(part):
    return (
        b"Subject: signed\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=s\r\n'
        b"\r\n--s\r\nContent-Type: text/plain\r\n\r\n" + part + b"\r\n--s\r\n"
        b"Content-Type: application/pgp-signature\r\n\r\nxxxx\r\n--s--\r\n"
    )


def body(raw):
    return raw.partition(b"\r\n\r\n")[2]


def contents(raw):
    """What a reader sees: the decoded content of each part."""
    return [
        part.get_payload(decode=True).replace(b"\r\n", b"\n")
        for part in email.message_from_bytes(raw).walk()
        if not part.is_multipart()
    ]


def is_7bit(raw):
    return raw.isascii()


def says_8bit(got):
    return any("BODY=8BITMIME" in line for line in got.session.lines)


def longest(raw):
    return max(map(len, raw.split(b"\r\n")))


@pytest.fixture
def plain(make_gateway, make_smarthost):
    """A gateway whose smarthost knows nothing of 8BITMIME."""
    def make(extensions=WITHOUT_8BIT[0], **keys):
        smarthost = make_smarthost(extensions=extensions)
        gateway = make_gateway(smarthosts={"isp": smarthost.port})
        if keys:
            gateway.smarthost("isp", host="127.0.0.1", port=smarthost.port, **keys)
        return gateway, smarthost

    return make


def carry(gateway, smarthost, *messages):
    """Sends them, each from a sender of its own, and returns what the server got."""
    for number, raw in enumerate(messages):
        with gateway.smtp() as client:
            client.ehlo()
            for code, text in (
                client.mail(f"m{number}@gate.example", ["BODY=8BITMIME"]),
                client.rcpt(FAR),
                client.data(raw),
            ):
                assert code == 250, text
    done = gateway.flush()
    assert done.returncode == EX_OK, gateway.log_text()[-3000:]
    got = {one.sender: one for one in smarthost.taken}
    return [got[f"m{number}@gate.example"] for number in range(len(messages))]


# 8-bit


@pytest.mark.parametrize("extensions", WITHOUT_8BIT)
def test_a_server_without_8bitmime_gets_7_bit_mail_that_reads_the_same(plain, extensions):
    (got,) = carry(*plain(extensions), TEXT)
    assert is_7bit(got.data) and not says_8bit(got)
    assert contents(got.data) == contents(TEXT)
    message = email.message_from_bytes(got.data)
    assert message["Subject"] == "lunch" and message["MIME-Version"] == "1.0"
    assert message.get_content_charset() == "utf-8"


def test_a_server_with_8bitmime_gets_the_very_bytes(gateway, smarthost):
    (got,) = carry(gateway, smarthost, TEXT)
    assert got.data.endswith(TEXT) and says_8bit(got)


def test_the_stored_message_keeps_its_bytes(plain):
    gateway, smarthost = plain()
    smarthost.answer = lambda step, *_: "451 4.3.0 later" if step == "BODY" else None
    gateway.send(ANN, [FAR], TEXT)
    gateway.flush()
    assert is_7bit(smarthost.messages[0].data)
    (parked,) = gateway.parked()
    assert parked.bytes.endswith(TEXT.replace(b"\r\n", b"\n"))


def test_convert8bit_no_sends_the_bytes_as_they_are(plain):
    (got,) = carry(*plain(convert8bit="no"), TEXT)
    assert got.data.endswith(TEXT)


def test_only_the_part_that_needs_it_changes(plain):
    ascii_part = b"Content-Type: text/plain\r\n\r\n  plain = \r\n"
    raw = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n\r\npreamble\r\n--b\r\n" + ascii_part + b"--b\r\n"
        b"Content-Type: text/html; charset=iso-8859-1\r\n\r\n<p>na\xefve and more</p>\r\n--b--\r\n"
    )
    (got,) = carry(*plain(), raw)
    assert is_7bit(got.data) and contents(got.data) == contents(raw)
    assert b"\r\npreamble\r\n--b\r\n" + ascii_part + b"--b\r\n" in got.data
    assert email.message_from_bytes(got.data)["Content-Transfer-Encoding"] == "7bit"


def test_the_providers_addresses_and_the_conversion_go_together(plain):
    gateway, smarthost = plain()
    gateway.control("locals", "gate.example\noffice.example\n")
    gateway.control("rewrites", "@office.example:meyer+*@isp.example\n")
    gateway.send("ann@office.example", [FAR], b"From: <ann@office.example>\r\n" + TEXT)
    assert gateway.flush().returncode == EX_OK
    (got,) = smarthost.taken
    assert b"From: <meyer+ann@isp.example>" in got.data
    assert is_7bit(got.data) and contents(got.data) == contents(TEXT)


# long lines


@pytest.fixture(scope="module")
def make_exim():
    if not exim.available():
        pytest.skip("Exim as a peer of the tests' own needs root and apt-get")
    made = []

    def make(**settings):
        made.append(exim.Exim(**settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("more", ["", "chunking_advertise_hosts ="])
def test_debians_exim_takes_a_message_with_long_lines(make_gateway, make_exim, more):
    server = make_exim(more=more)
    gateway = make_gateway(smarthosts={"isp": server.port})
    gateway.send(ANN, [FAR], LONG)
    assert gateway.flush().returncode == EX_OK, gateway.log_text()[-3000:]
    (taken,) = server.bodies()
    assert b"All work and no play." in taken
    assert gateway.mailbox("ann") == []


def test_long_lines_leave_encoded_and_never_broken(gateway, smarthost):
    (got,) = carry(gateway, smarthost, LONG)
    assert longest(got.data) <= 998 and contents(got.data) == contents(LONG)


def test_long_header_lines_are_folded(gateway, smarthost):
    people = b", ".join(b"person%d@far.example" % n for n in range(200))
    raw = b"Cc: " + people + b"\r\nSubject: x\r\n\r\ntext\r\n"
    (got,) = carry(gateway, smarthost, raw)
    assert longest(got.data) <= 998
    field = email.message_from_bytes(got.data)["Cc"]
    assert field.replace("\r\n", "").encode() == people


def test_breaklines_no_sends_long_lines_as_they_are(plain):
    (got,) = carry(*plain(MODERN, breaklines="no"), LONG)
    assert got.data.endswith(LONG)


# what may not be changed


@pytest.mark.parametrize("part", ["naïve".encode(), b"x" * 2000], ids=["8-bit", "long"])
def test_a_signed_message_is_sent_as_it_is_and_the_log_says_so(plain, part):
    gateway, smarthost = plain()
    (got,) = carry(gateway, smarthost, signed(part))
    assert got.data.endswith(signed(part))
    assert "unconverted smarthost=isp id=" in gateway.log_text()


def test_the_bounce_of_a_signed_message_names_the_cause(plain):
    gateway, smarthost = plain(MODERN)
    smarthost.answer = lambda step, got, _: (
        "550 maximum allowed line length is 998 octets, got 2000"
        if step == "BODY" and got.recipients == [FAR] else None
    )  # fmt: skip
    gateway.send(ANN, ["else@far.example"])
    gateway.send(ANN, [FAR], signed(b"x" * 2000))
    gateway.flush()
    (bounce,) = gateway.mailbox("ann")
    assert b"signed or encrypted" in bounce and b"send it again unsigned" in bounce


# whatever the message


def odd_part(chance, depth=0):
    """A part, perhaps of parts, as header and body."""
    kind = chance.choice(("text", "text", "text", "mixed", "message") if depth < 3 else ("text",))
    if kind == "mixed":
        boundary = chance.choice((b"b" * (4 - depth), b"=_Part.%d" % depth))
        parts = [odd_part(chance, depth + 1) for _ in range(chance.randrange(1, 4))]
        label = chance.choice((b"", b"Content-Transfer-Encoding: 8bit\r\n"))
        return (
            b'Content-Type: multipart/mixed;\r\n\tboundary="' + boundary + b'"\r\n' + label,
            chance.choice((b"", "Präambel\r\n".encode()))
            + b"".join(b"--" + boundary + b"\r\n" + a + b"\r\n" + b + b"\r\n" for a, b in parts)
            + b"--" + boundary + b"--\r\n",
        )  # fmt: skip
    if kind == "message":
        header, inner = odd_part(chance, depth + 1)
        return b"Content-Type: message/rfc822\r\n", b"Subject: in\r\n" + header + b"\r\n" + inner
    lines = []
    for _ in range(chance.randrange(12)):
        letters = chance.choice(("abc ", "abc =.-\t", "äöü€ x", "пример текста "))
        line = "".join(chance.choices(letters, k=chance.choice((0, 1, 20, 75, 76, 998, 999, 3000))))
        lines.append(chance.choice(("", "--", "-", ".", "From ", " ")) + line)
    header = chance.choice((
        b"", b"Content-Type: text/plain; charset=utf-8\r\n",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n",
        b"Content-Transfer-Encoding: binary\r\nContent-Type: application/octet-stream\r\n",
        b"content-transfer-encoding: 7BIT\r\n",
    ))  # fmt: skip
    return header, "\r\n".join(lines).encode() + b"\r\n" * chance.randrange(3)


def odd_message(seed):
    header, inner = odd_part(random.Random(seed))
    raw = b"Subject: odd %d\r\n" % seed + header + b"\r\n" + inner
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


def test_readers_of_odd_messages_see_what_was_sent(plain):
    messages = [odd_message(seed) for seed in range(300)]
    got = carry(*plain(), *messages)
    changed = [
        seed for seed, raw in enumerate(messages)
        if contents(got[seed].data) != contents(raw)
        or not is_7bit(got[seed].data) or longest(got[seed].data) > 998
    ]  # fmt: skip
    assert changed == []


def test_readers_of_real_messages_see_what_was_sent(plain):
    messages = corpus.well_formed()
    got = carry(*plain(), *(raw for _, raw in messages))
    changed = [
        name for (name, raw), one in zip(messages, got)
        if contents(one.data) != contents(raw) or not is_7bit(body(one.data))
    ]  # fmt: skip
    assert changed == []


def test_a_large_message_is_converted_in_little_memory(plain):
    line = "Ein Satz, der Umlaute enthält, und noch einer für alle Fälle.\r\n".encode()
    raw = b"Subject: large\r\n\r\n" + line * (16 * 1024 * 1024 // len(line))
    gateway, smarthost = plain()
    peaks = []

    def answer(step, *_):
        if step == "BODY":
            pids = [pid for pid, name in gateway.processes().items() if name == "lontar-flush"]
            status = pathlib.Path(f"/proc/{pids[0]}/status").read_text()
            peaks.append(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]))

    smarthost.answer = answer
    (got,) = carry(gateway, smarthost, raw)
    assert is_7bit(got.data) and contents(got.data) == contents(raw)
    assert peaks and max(peaks) < 32 * 1024, peaks
