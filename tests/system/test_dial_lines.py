"""Connecting over lines that are slow, dead, or forget: real TCP through the emulator."""

import contextlib
import os
import threading
import time

import pytest

import link
from gateway import EX_OK, EX_TEMPFAIL
from smarthost import MODERN

pytestmark = pytest.mark.skipif(bool(link.available()), reason=link.available() or "-")

FAR = "you@far.example"
# The slowest takes minutes: LONTAR_SLOW_LINE=300.
SLOW_BPS = int(os.environ.get("LONTAR_SLOW_LINE", "1200"))


@pytest.fixture
def make_far(make_gateway, make_smarthost, certificates):
    """Makes a gateway in the office and a smarthost at the ISP, with a line between."""
    with contextlib.ExitStack() as stack:

        def make(keys=(), extensions=MODERN, tls=False, **settings):
            line = stack.enter_context(link.Link(**settings))
            with line.inside("right"):
                smarthost = make_smarthost(
                    extensions=extensions, address=line.address["right"], tls=tls
                )
            stack.enter_context(line.inside("left"))
            gateway = make_gateway()
            gateway.smarthost(
                "isp", host=line.address["right"], port=smarthost.port,
                cafile=certificates.ca, **dict(keys),
            )  # fmt: skip
            gateway.control("smtproutes", ":isp\n")
            return line, gateway, smarthost

        yield make


def timed_flush(gateway):
    began = time.monotonic()
    done = gateway.flush(timeout=900)
    return done, time.monotonic() - began


def login(gateway):
    """Keys of a smarthost with TLS and a login."""
    secret = gateway.secret("isp.password", "sesame")
    return {"tls": "starttls", "user": "office", "passwordfile": secret}


def test_a_slow_line_connects_with_tls_and_a_login(make_far, record_property):
    line, gateway, smarthost = make_far(
        extensions=[*MODERN, "STARTTLS", "AUTH PLAIN LOGIN"], tls=True,
        rate_up=SLOW_BPS, rate_down=SLOW_BPS, delay_us=1_250_000, queue_bytes=20_000,
    )  # fmt: skip
    gateway.smarthost(
        "isp", host=line.address["right"], port=smarthost.port,
        cafile=gateway.folder / "ca.pem", **login(gateway),
    )  # fmt: skip
