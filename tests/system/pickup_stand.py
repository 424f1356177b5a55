"""What tests of pickups share: letters, a provider by script, an office that fetches them."""

import re

from provider import CAPABILITIES

PLAIN = tuple(one for one in CAPABILITIES if one != "PIPELINING")


def letter(number, body="hello\n"):
    return (
        f"Return-Path: <x{number}@far.example>\n"
        "Received: from far.example by isp.example; Sun, 22 Nov 2026 10:00:00 +0000\n"
        f"Message-ID: <{number}@far.example>\n"
        f"Subject: letter {number}\n\n{body}"
    ).encode()


def letters(count):
    return [letter(number, "x" * 40 * number + "\n") for number in range(count)]


def subjects(gateway, user="ann"):
    found = [re.search(rb"^Subject: (.*)$", one, re.M) for one in gateway.mailbox(user)]
    return sorted(one[1].decode() for one in found if one)


def expected(count):
    return sorted(f"letter {number}" for number in range(count))


def fetch(gateway):
    return gateway.run("pickup", "isp").returncode
