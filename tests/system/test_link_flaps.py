"""A link that comes and goes faster than a flush can follow."""

import os
import signal
import struct
import threading

import pytest

from gateway import EX_OK, EX_TEMPFAIL
from local_peer import DONE, FLUSH, SHOW, Peer, packet
from waiting import wait_until

ANN, FAR = "ann@gate.example", "you@far.example"


def flusher(gateway):
    return [pid for pid, name in gateway.processes().items() if name == "lontar-flush"]


def link(gateway, state):
    done = gateway.run("link", state, "ppp0")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def stalled(gateway, smarthost):
    """A flush whose first message has been sent and is not answered; open.set() answers."""
    gate = threading.Event()
    smarthost.answer = lambda step, *_: gate.wait(30) and None if step == "BODY" else None
    for number in range(3):
        gateway.send(ANN, [FAR], f"Subject: m{number}\r\n\r\nx\r\n".encode())
    link(gateway, "up")
    wait_until(lambda: smarthost.messages, what="the first message at the smarthost")
    gateway.open = gate
    yield gateway
    gate.set()


def test_a_link_that_is_back_before_the_flush_has_gone_gets_a_new_one(stalled, smarthost):
    link(stalled, "down")
    smarthost.answer = lambda *_: None
    stalled.send(ANN, [FAR], b"Subject: in between\r\n\r\nx\r\n")
    link(stalled, "up")
    wait_until(
        lambda: any(b"in between" in one.data for one in smarthost.taken), 8, "the new flush"
    )


def test_ten_flaps_later_mail_goes_at_once(gateway, smarthost):
    for number in range(10):
        gateway.send(ANN, [FAR])
        link(gateway, "up")
        link(gateway, "down")
    link(gateway, "up")
    wait_until(lambda: not gateway.parked(), 8, "all mail to be sent")
    gateway.send(ANN, [FAR])
    wait_until(lambda: not gateway.parked(), 8, "the last mail to be sent")


def done(peer, tag):
    """The exit code of LINK_DONE for what was asked by this tag; progress is passed over."""
    while True:
        bytes_, _ = peer.receive()
        assert bytes_, "the connection was closed"
        kind, answered = struct.unpack_from("<II", bytes_)
        if (kind, answered) == (DONE, tag):
            return struct.unpack_from("<Q", bytes_, 8)[0]


def test_who_asked_for_a_flush_hears_when_it_does_not_stop(stalled):
    """lontar-link gives up on one that hangs; who asked must not wait for ever."""
    [pid] = flusher(stalled)
    with Peer(stalled, "link") as peer:
        peer.send(packet(FLUSH, 1, 1, "isp"))
        peer.send(packet(SHOW, 2))
        assert done(peer, 2) == EX_OK
        os.kill(pid, signal.SIGSTOP)
        try:
            link(stalled, "down")
            assert done(peer, 1) == EX_TEMPFAIL
        finally:
            os.kill(pid, signal.SIGKILL)


def test_who_asked_for_a_flush_that_waits_its_turn_hears_of_the_links_end(
    make_gateway, make_smarthost
):
    first, second = make_smarthost(), make_smarthost()
    gate = threading.Event()
    first.answer = lambda step, *_: gate.wait(30) and None if step == "BODY" else None
    gateway = make_gateway(start=False, smarthosts={"isp": first.port, "sat": second.port})
    gateway.control("concurrencyremote", "1\n")
    gateway.control("smtproutes", "sea.example:sat\n:isp\n")
    gateway.start()
    gateway.send(ANN, [FAR])
    link(gateway, "up")
    wait_until(lambda: first.messages, what="the first message at the smarthost")
    gateway.send(ANN, ["you@sea.example"])
    with Peer(gateway, "link") as peer:
        peer.send(packet(FLUSH, 1, 1, "sat"))
        peer.send(packet(SHOW, 2))
        assert done(peer, 2) == EX_OK
        link(gateway, "down")
        assert done(peer, 1) == EX_TEMPFAIL
    gate.set()


def test_a_flush_goes_on_while_another_link_serves(stalled, smarthost):
    [pid] = flusher(stalled)
    assert stalled.run("link", "up", "wlan0").returncode == 0
    link(stalled, "down")
    stalled.open.set()
    wait_until(lambda: not stalled.parked(), 8, "all mail to be sent")
    assert len(smarthost.taken) == 3
    assert len(smarthost.sessions) == 1


def test_a_killed_lontar_link_comes_back_and_knows_that_the_link_is_up(gateway):
    link(gateway, "up")
    [pid] = [pid for pid, name in gateway.processes().items() if name == "lontar-link"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not gateway._alive(pid), what="its end")
    gateway.send(ANN, [FAR])
    wait_until(lambda: not gateway.parked(), 8, "what was parked meanwhile to be sent")


def test_a_flush_asked_for_while_one_is_at_work_ends_with_it(gateway):
    for _ in range(5):
        gateway.send(ANN, [FAR])
        link(gateway, "up")
        assert gateway.flush(timeout=20).returncode == EX_OK
        assert gateway.parked() == []
        link(gateway, "down")


def state(gateway, name="ppp0"):
    return {one["name"]: one["state"] for one in gateway.status()["links"]}.get(name)


def test_ups_and_downs_from_all_sides_end_as_the_last_one_said(gateway, smarthost):
    """Hooks of several programs at once: none is lost, and mail goes where one says up."""
    for number in range(3):
        gateway.send(ANN, [FAR], f"Subject: m{number}\r\n\r\nx\r\n".encode())
    threads = [
        threading.Thread(target=gateway.run, args=("link", word, "ppp0", f"speed_bps={number}"))
        for number, word in enumerate(["up", "up", "down", "up", "down", "down", "up", "up"])
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    link(gateway, "down")
    assert state(gateway) == "down"
    link(gateway, "up")
    link(gateway, "up")
    assert state(gateway) == "up"
    wait_until(lambda: not gateway.parked(), 8, "all mail to be sent")
    assert len(smarthost.taken) == 3


def test_a_down_without_an_up_and_an_up_of_another_call_are_taken_as_they_come(gateway, smarthost):
    link(gateway, "down")
    assert state(gateway) == "down"
    assert gateway.run("link", "up", "ppp0", "dns=127.0.0.1").returncode == 0
    since = gateway.status()["links"][0]["since"]
    assert gateway.run("link", "up", "ppp0", "local=10.0.0.9").returncode == 0
    assert gateway.status()["links"][0]["since"] == since
    note = (gateway.root / "spool/state/links/ppp0").read_text()
    assert "local=10.0.0.9" in note
    assert "dns=127.0.0.1" not in note


def test_an_event_while_lontar_link_is_being_started_again_is_heard(gateway):
    for word in ("up", "down", "up"):
        [pid] = [pid for pid, name in gateway.processes().items() if name == "lontar-link"]
        os.kill(pid, signal.SIGKILL)
        link(gateway, word)
        wait_until(lambda: state(gateway) == word, 8, f"the link {word}")
        wait_until(
            lambda: "lontar-link" in gateway.processes().values(), what="another lontar-link"
        )
    gateway.send(ANN, [FAR])
    wait_until(lambda: not gateway.parked(), 8, "the mail to be sent")


def test_an_event_while_the_gateway_ends_is_there_at_its_next_start(gateway):
    link(gateway, "up")
    ending = threading.Thread(target=gateway.stop)
    ending.start()
    link(gateway, "down")
    ending.join()
    assert state(gateway) == "down"
    gateway.start()
    assert state(gateway) == "down"


def test_only_what_was_up_under_this_boot_is_up(stopped_gateway):
    stopped_gateway.run("link", "up", "ppp0")
    note = stopped_gateway.root / "spool/state/links/ppp0"
    lines = note.read_text().splitlines()
    note.write_text(
        "\n".join("boot_id=another" if one.startswith("boot_id=") else one for one in lines) + "\n"
    )
    stopped_gateway.start()
    assert state(stopped_gateway) == "down"
    link(stopped_gateway, "up")
    assert state(stopped_gateway) == "up"
