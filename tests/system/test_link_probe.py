"""A link that is up while its smarthost answers."""

import os
import signal
import time

import pytest

from gateway import EX_CONFIG, EX_OK
from link import Wire, available, becomes, events, is_up, post
from waiting import never, wait_until


@pytest.fixture
def probed(make_gateway, smarthost):
    gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
    gateway.control("links/line", "probe isp every 1s\n")
    return gateway


def no(step, *_):
    """What an answering machine that is no mail server says."""
    return "421 4.3.2 not now" if step == "GREETING" else None


def test_mail_goes_while_the_smarthost_answers(probed, smarthost):
    smarthost.answer = no
    probed.start()
    post(probed)
    wait_until(lambda: smarthost.sessions, 5, "a probe")
    assert not is_up(probed)
    smarthost.answer = lambda *_: None
    wait_until(lambda: smarthost.taken, 8, "the letter at the smarthost")
    assert is_up(probed)
    smarthost.answer = no
    becomes(probed, "down", 8)
    smarthost.answer = lambda *_: None
    becomes(probed, "up", 8)
    assert events(probed) == ["up", "down", "up"]


def test_a_probe_is_one_greeting_and_goodbye(probed, smarthost):
    probed.start()
    becomes(probed, "up")
    smarthost.settle()
    assert [line.split()[0] for line in smarthost.sessions[0].lines] in (
        ["EHLO", "QUIT"],
        ["EHLO"],
    )


def test_nobody_is_hammered_while_it_is_down(probed, smarthost):
    probed.control("links/line", "probe isp every 5m\n")
    smarthost.answer = no
    probed.start()
    wait_until(lambda: smarthost.sessions, 5, "the first probe")
    never.wait(2)
    assert len(smarthost.sessions) == 1


def test_what_a_hook_said_holds(probed, smarthost):
    probed.start()
    becomes(probed, "up")
    assert probed.run("link", "down", "line").returncode == EX_OK
    smarthost.settle()
    asked = len(smarthost.sessions)
    never.wait(1.5)
    assert not is_up(probed)
    assert len(smarthost.sessions) <= asked + 1
    probed.run("link", "up", "line")
    assert is_up(probed)


def test_mail_that_goes_says_more_than_a_probe(probed, smarthost):
    """New connections are refused, but the one that is there works."""
    for _ in range(5):
        post_stopped(probed)

    def answer(step, argument, session):
        if step == "GREETING" and session.number > 1:
            return "421 4.7.0 too many connections"
        if step == "BODY":
            never.wait(0.5)
        return None

    smarthost.extensions.remove("CHUNKING")
    probed.control("indoubt", "1\n")
    smarthost.answer = answer
    probed.start()
    wait_until(lambda: len(smarthost.taken) == 5, 12, "all mail")
    assert events(probed) == ["up"]


def post_stopped(gateway):
    """Without a running gateway nothing can be parked: into the queue by hand."""
    folder = gateway.root / "spool/parked/isp"
    for part in ("tmp", "new", "cur"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    number = len(list((folder / "new").iterdir()))
    name = f"{int(time.time()) - 5}.M{number}P1.test,S=1,W=1"
    (folder / "new" / name).write_text(
        "Return-Path: <ann@gate.example>\nDelivered-To: you@far.example\nSubject: x\n\nhello\n"
    )


def test_a_killed_lontar_link_goes_on(probed, smarthost):
    probed.start()
    becomes(probed, "up")
    [pid] = [pid for pid, name in probed.processes().items() if name == "lontar-link"]
    os.kill(pid, signal.SIGKILL)
    smarthost.answer = no
    becomes(probed, "down", 8)


def test_who_dials_is_told_by_the_smarthost(probed, smarthost):
    """Each time: that it was hung up is no hook's word."""
    line = probed.folder / "line"
    smarthost.answer = lambda step, *more: None if line.exists() else no(step, *more)
    probed.control(
        "links/line", f"probe isp every 1h\ndial touch {line}\nhangup rm -f {line}\n"
    )
    probed.start()
    for number in (1, 2):
        post(probed)
        done = probed.run("call", "line")
        assert done.returncode == EX_OK, done.stderr
        assert len(smarthost.taken) == number
        assert not is_up(probed)


@pytest.mark.skipif(bool(available()), reason=available())
def test_an_interface_alone_is_not_enough_and_without_it_nobody_is_asked(
    make_gateway, make_smarthost
):
    wire = Wire()
    try:
        with wire.inside():
            smarthost = make_smarthost()
            gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
            gateway.control("links/line", "interface mail0\nprobe isp every 1s\n")
            smarthost.answer = no
            gateway.start()
        never.wait(0.5)
        assert smarthost.sessions == []
        wire.give_address()
        wire.carrier("up")
        wait_until(lambda: smarthost.sessions, 5, "a probe")
        assert not is_up(gateway)
        smarthost.answer = lambda *_: None
        becomes(gateway, "up", 8)
        wire.carrier("down")
        becomes(gateway, "down", 3)
    finally:
        wire.close()


@pytest.mark.parametrize(
    "line", ["probe isp now", "probe isp every", "probe isp every 0", "probe Isp!", "probe gone"]
)
def test_what_makes_no_sense_is_found_by_check(probed, line):
    probed.control("links/line", line + "\n")
    done = probed.run("check")
    assert done.returncode == EX_CONFIG
    assert "probe" in done.stdout + done.stderr
