"""Connecting over lines that are slow or dead, swallow large packets, or forget: real TCP
through the emulator."""

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
# The slowest of interest takes minutes: LONTAR_SLOW_LINE=300.
SLOW_BPS = int(os.environ.get("LONTAR_SLOW_LINE", "1200"))
FAST = {"rate_up": 1_000_000, "rate_down": 1_000_000, "delay_us": 20_000, "queue_bytes": 64_000}


@pytest.fixture
def make_far(make_gateway, make_smarthost, certificates):
    """Makes a gateway in the office and a smarthost at the ISP, with a line between; the
    test then runs in the office."""
    with contextlib.ExitStack() as stack:

        def make(tls=False, extensions=MODERN, **settings):
            line = stack.enter_context(link.Link(**settings))
            with line.inside("right"):
                smarthost = make_smarthost(
                    extensions=extensions, address=line.address["right"], tls=tls
                )
            stack.enter_context(line.inside("left"))
            gateway = make_gateway(smarthosts={"isp": smarthost.port})
            keys = {"tls": "starttls", "user": "office"} if tls else {"tls": "none"}
            if tls:
                keys["passwordfile"] = secret(gateway)
            gateway.smarthost(
                "isp", host=line.address["right"], port=smarthost.port,
                cafile=certificates.ca, **keys,
            )  # fmt: skip
            return line, gateway, smarthost

        yield make


def secret(gateway):
    name = gateway.secret("isp.password", "sesame")
    with contextlib.suppress(LookupError, PermissionError):
        import shutil

        path = gateway.root / "control" / name
        shutil.chown(path, group="lontarout")
        path.chmod(0o640)
    return name


def timed_flush(gateway):
    began = time.monotonic()
    done = gateway.flush(timeout=1500)
    return done, time.monotonic() - began


def test_a_slow_line_connects_with_tls_and_a_login(make_far, record_property):
    line, gateway, smarthost = make_far(
        tls=True, extensions=[*MODERN, "STARTTLS", "AUTH PLAIN LOGIN"], rate_up=SLOW_BPS,
        rate_down=SLOW_BPS, delay_us=1_250_000, queue_bytes=20_000,
    )  # fmt: skip
    gateway.send("ann@gate.example", [FAR])
    done, took_s = timed_flush(gateway)
    record_property("figure", f"TLS, login and a letter at {SLOW_BPS} bit/s: {took_s:.0f} s")
    assert done.returncode == EX_OK, done.stderr
    assert len(smarthost.taken) == 1
    assert len(smarthost.sessions) == 1


@pytest.mark.parametrize("step", ["GREETING", "BODY"])
def test_a_dead_line_is_noticed_within_a_minute(make_far, step):
    line, gateway, smarthost = make_far(**FAST)
    dead = threading.Event()

    def answer(at, *_):
        if at == step and not dead.is_set():
            line.set(loss=1_000_000)
            dead.set()

    smarthost.answer = answer
    gateway.send("ann@gate.example", [FAR])
    done, took_s = timed_flush(gateway)
    assert dead.is_set()
    assert done.returncode == EX_TEMPFAIL
    assert took_s < 60


def test_a_nat_that_forgets_does_not_lose_the_last_reply(make_far):
    """It forgets after 18 s of silence; the server takes 25 s for its last reply."""
    line, gateway, smarthost = make_far(**FAST, forget_ms=18_000)
    slow = threading.Event()
    smarthost.answer = lambda step, *_: slow.wait(25) and None if step == "BODY" else None
    gateway.send("ann@gate.example", [FAR])
    done, took_s = timed_flush(gateway)
    assert done.returncode == EX_OK, done.stderr
    assert len(smarthost.messages) == 1
    assert 25 <= took_s < 40


def test_a_certificate_that_vanishes_on_the_way_comes_in_small_pieces(make_far):
    """Packets over 700 bytes are lost without a word, the server's first flight among
    them."""
    line, gateway, smarthost = make_far(
        tls=True, extensions=[*MODERN, "STARTTLS", "AUTH PLAIN LOGIN"], **FAST, largest=700
    )
    gateway.send("ann@gate.example", [FAR], b"Subject: large\r\n\r\n" + b"0123456789\r\n" * 1000)
    done, took_s = timed_flush(gateway)
    assert done.returncode == EX_OK, done.stderr
    assert took_s < 60
    assert len(smarthost.sessions) == 2


def test_a_path_mtu_black_hole_is_cured_and_remembered(make_far):
    """In the open, where only the letters are large: packets over 1,000 bytes vanish."""
    line, gateway, smarthost = make_far(**FAST, largest=1000)
    large = b"Subject: large\r\n\r\n" + b"0123456789\r\n" * 1000
    for _ in range(7):
        gateway.send("ann@gate.example", [FAR], large)
    done, took_s = timed_flush(gateway)
    assert done.returncode == EX_OK, done.stderr
    assert took_s < 60
    assert len(smarthost.taken) == 7
    before = len(smarthost.sessions)
    gateway.send("ann@gate.example", [FAR], large)
    assert gateway.flush().returncode == EX_OK
    assert len(smarthost.sessions) == before + 1


def test_an_address_that_does_not_answer_is_given_up(make_far):
    line, gateway, smarthost = make_far(**FAST, loss=1_000_000)
    gateway.send("ann@gate.example", [FAR])
    done, took_s = timed_flush(gateway)
    assert done.returncode == EX_TEMPFAIL
    assert took_s < 90
