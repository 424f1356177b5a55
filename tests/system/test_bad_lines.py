"""Lines that end too soon or lose packets: what a call cannot carry is not begun again and
again, and a line that loses packets is known as one."""

import contextlib
import re

import pytest

import link
from gateway import EX_OK
from waiting import wait_until

pytestmark = pytest.mark.skipif(bool(link.available()), reason=link.available() or "-")

FAR = "you@far.example"
LARGE = b"Subject: large\r\n\r\n" + b"0123456789 0123456789 0123456789\r\n" * 9000
# 32,000 bytes a second: the letter takes ten seconds, a call is cut after three.
LINE = {"rate_up": 256_000, "rate_down": 256_000, "delay_us": 20_000, "queue_bytes": 32_000}
CUT_BYTES = 100_000


@pytest.fixture
def far(make_gateway, make_smarthost):
    """(line, gateway, smarthost): the office left, the smarthost right; the test runs in
    the office."""
    with contextlib.ExitStack() as stack:
        line = stack.enter_context(link.Link(**LINE))
        with line.inside("right"):
            smarthost = make_smarthost(address=line.address["right"])
        stack.enter_context(line.inside("left"))
        gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
        gateway.smarthost("isp", host=line.address["right"], port=smarthost.port, tls="none")
        gateway.control("links/line", "smarthosts isp\n")
        gateway.start()
        yield line, gateway, smarthost


def is_flushing(gateway):
    return any(one.startswith("lontar-flush") for one in gateway.processes().values())


def call_that_is_cut(line, gateway):
    """The line goes up, and ends in the middle of the letter."""
    line.set(drop_at=CUT_BYTES)
    assert gateway.run("link", "up", "line").returncode == EX_OK
    line.wait_for_drop(30)
    end_call(line, gateway)


def end_call(line, gateway):
    assert gateway.run("link", "down", "line").returncode == EX_OK
    wait_until(lambda: not is_flushing(gateway), 10, "the end of the flush")
    line.set(carrier=1)


def waiting_letter(gateway):
    [letter] = [one for one in gateway.queue() if one["size"] > CUT_BYTES]
    return letter


def notices(gateway):
    return [
        path.read_text()
        for path in (gateway.root / "mail/ann/Maildir/new").glob("*")
        if "need about" in path.read_text()
    ]


def subjects(smarthost):
    return [re.search(rb"Subject: (\w+)", one.data).group(1).decode() for one in smarthost.taken]


def test_a_letter_that_no_call_carries_is_begun_once_and_told_once(far):
    line, gateway, smarthost = far
    gateway.send("ann@gate.example", [FAR], LARGE)
    call_that_is_cut(line, gateway)
    why = waiting_letter(gateway)["why"]
    assert re.search(r"need about (9|10|11) s on the link line, which stood [2-9] s at most", why), why
    assert "lontar release" in waiting_letter(gateway)["mend"]
    wait_until(lambda: notices(gateway), 10, "the notice to the sender")
    before = line.counters()["up_bytes"]
    for number in range(2):
        gateway.send("ann@gate.example", [FAR], f"Subject: small{number}\r\n\r\nhello\r\n".encode())
        assert gateway.run("link", "up", "line").returncode == EX_OK
        wait_until(lambda number=number: f"small{number}" in subjects(smarthost), 20, "small mail")
        wait_until(lambda: not is_flushing(gateway), 10, "the end of the flush")
        end_call(line, gateway)
    assert line.counters()["up_bytes"] - before < 20_000
    assert len(notices(gateway)) == 1
    assert "need about" in waiting_letter(gateway)["why"]


@pytest.mark.parametrize("way", ["released", "better link", "long call"])
def test_a_letter_that_no_call_carried_goes_when_something_has_changed(far, way):
    line, gateway, smarthost = far
    gateway.send("ann@gate.example", [FAR], LARGE)
    call_that_is_cut(line, gateway)
    letter = waiting_letter(gateway)
    if way == "released":
        assert gateway.run("release", letter["id"]).returncode == EX_OK
    if way == "better link":
        gateway.control("links/cable", "smarthosts isp\n")
    name = "cable" if way == "better link" else "line"
    assert gateway.run("link", "up", name).returncode == EX_OK
    wait_until(lambda: subjects(smarthost) == ["large"], 60, "the large letter")
    wait_until(lambda: gateway.queue() == [], 10, "an empty queue")


def note(gateway):
    text = (gateway.root / "spool/state/smarthosts/isp").read_text()
    return dict(line.split("=", 1) for line in text.splitlines())


def test_a_line_that_loses_packets_is_known_as_one(far):
    line, gateway, smarthost = far
    line.set(rate_up=1_000_000, rate_down=1_000_000, delay_us=50_000, loss=200_000, seed=5)

    def flush():
        for number in range(20):
            gateway.send("ann@gate.example", [FAR], LARGE[:4000])
        before = len(smarthost.taken), len(smarthost.sessions)
        assert gateway.run("link", "up", "line").returncode == EX_OK
        wait_until(lambda: len(smarthost.taken) == before[0] + 20, 120, "all mail")
        wait_until(lambda: not is_flushing(gateway), 30, "the end of the flush")
        assert gateway.run("link", "down", "line").returncode == EX_OK
        return len(smarthost.sessions) - before[1]

    flush()
    assert 50 < int(note(gateway)["lost_permille"]) < 400
    # Its next call begins with several connections: they seldom wait at the same time.
    assert flush() > 1
    line.set(loss=0)
    for _ in range(4):
        flush()
    assert note(gateway)["lost_permille"] == "0"
