"""Real messages, as (name, bytes): from Debian's packages and made by hand."""

import pathlib
import random
import re

PYTHON = pathlib.Path("/usr/lib/python3.11/test/test_email/data")
SPAMASSASSIN = pathlib.Path("/usr/share/doc/spamassassin/examples")


def _wire(raw):
    """CRLF line ends, as a mail program would send this file."""
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"").replace(b"\n", b"\r\n")


def packaged():
    """From the corpora of Debian's packages."""
    files = [*PYTHON.glob("msg_*.txt"), *SPAMASSASSIN.glob("sample-*.txt")]
    return [(file.name, _wire(file.read_bytes())) for file in sorted(files)]


FIELD = re.compile(rb"[!-9;-~]+:.*(\r\n[ \t].*)*", re.A)


def well_formed():
    """Those of the packaged ones that begin with a header, as RFC 5322 wants it."""
    return [
        (name, raw) for name, raw in packaged()
        if all(
            FIELD.fullmatch(field)
            for field in re.split(rb"\r\n(?![ \t])", raw.partition(b"\r\n\r\n")[0].rstrip())
        )
    ]  # fmt: skip


def varied(count=200):
    """Many small ones, each from its own seed: header sizes, line lengths, dots, 8-bit."""
    made = []
    for seed in range(count):
        chance = random.Random(seed)
        lines = [f"Subject: message {seed}", f"From: <someone{seed}@far.example>", ""]
        for _ in range(chance.randrange(40)):
            length = chance.choice((0, 1, 3, 40, 70, 76, 77, 200, 997, 998))
            first = chance.choice(("", ".", "..", "From ", ">From ", " ", "\t"))
            lines.append(first + "".join(chance.choices("abc. =-ä", k=length)))
        raw = [line.encode("latin-1")[:998] for line in lines]  # RFC 5321 4.5.3.1.6
        made.append((f"varied-{seed}", b"\r\n".join(raw) + b"\r\n"))
    return made


def crooked():
    """What a careless program sends, that a gateway must carry as it is. (Without a final
    newline: only BDAT can say that; DATA always ends a line.)"""
    return [
        ("lone dots", b"Subject: dots\r\n\r\n.\r\n..\r\n...\r\n.x\r\n.\r\n"),
        ("only a dot", b".\r\n"),
        ("no header", b"no header at all\r\n"),
        ("only a header", b"Subject: nothing else\r\n"),
        ("blank first line", b"\r\nbody\r\n"),
        ("8-bit", b"Subject: \xe4\xf6\xfc\r\n\r\n" + bytes(range(128, 256)) * 7 + b"\r\n"),
        ("every byte but CR and LF", b"Subject: all\r\n\r\n"
         + bytes(one for one in range(256) if one not in (10, 13)) + b"\r\n"),
        ("NUL bytes", b"Subject: nul\r\n\r\na\0b\0\0\r\n\0\r\n"),
        ("NUL in the header", b"Subject: n\0l\r\n\r\nx\r\n"),
        ("a line of 100,000", b"Subject: long\r\n\r\n" + b"x" * 100_000 + b"\r\nend\r\n"),
        ("a header line of 60,000", b"Subject: " + b"y" * 60_000 + b"\r\n\r\nend\r\n"),
        ("many blank lines", b"Subject: blank\r\n\r\n" + b"\r\n" * 5000),
        ("From lines", b"Subject: from\r\n\r\nFrom me\r\n>From me\r\n"),
        ("looks like our head", b"Return-Path: <x@y>\r\nDelivered-To: z@w\r\n\r\nbody\r\n"),
    ]  # fmt: skip


TRACE = re.compile(
    rb"(?:(?:Return-Path|Delivered-To|X-Original-To|Received): [^\n]*\n(?:[ \t][^\n]*\n)*)*"
)


def is_untouched(stored, sent):
    """stored (line ends LF) is what was sent, with nothing but trace headers in front."""
    sent = sent.replace(b"\r\n", b"\n")
    if not stored.endswith(sent):
        return False
    return TRACE.fullmatch(stored[: len(stored) - len(sent)]) is not None


def everything():
    return packaged() + varied() + crooked()
