"""A link that is up and down by the kernel's word: a real interface in a namespace."""

import os
import signal

import pytest

from gateway import EX_OK
from link import Wire, available, becomes, events, is_up, post
from waiting import never, wait_until

pytestmark = pytest.mark.skipif(bool(available()), reason=available())


@pytest.fixture
def wire():
    made = Wire()
    yield made
    made.close()


@pytest.fixture
def watched(make_gateway, make_smarthost, wire):
    """A gateway in the namespace, link `line` on mail0, and a smarthost there."""
    with wire.inside():
        smarthost = make_smarthost()
    gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
    gateway.control("links/line", "interface mail0\n")
    gateway.smarthost_peer = smarthost

    def start():
        with wire.inside():
            gateway.start()
        return gateway

    gateway.start_inside = start
    return gateway


def test_carrier_and_address_make_a_link_and_mail_goes_at_once(watched, wire):
    watched.start_inside()
    post(watched)
    wire.give_address()  # without a carrier that is nothing
    assert not is_up(watched)
    wire.carrier("up")
    wait_until(lambda: watched.smarthost_peer.taken, 5, "the letter at the smarthost")
    wire.carrier("down")
    becomes(watched, "down")
    wire.carrier("up")
    becomes(watched, "up")
    wire.take_address()
    becomes(watched, "down")
    assert events(watched) == ["up", "down", "up", "down"]


def test_an_interface_that_is_up_at_the_start_is_a_link(watched, wire):
    wire.give_address()
    wire.carrier("up")
    watched.start_inside()
    becomes(watched, "up")


def test_one_that_went_down_while_nobody_watched_is_none(watched, wire):
    wire.give_address()
    wire.carrier("up")
    watched.start_inside()
    becomes(watched, "up")
    watched.stop()
    wire.carrier("down")
    watched.start_inside()
    becomes(watched, "down")


def test_an_interface_that_vanishes_and_comes_back(watched, wire):
    wire.give_address()
    wire.carrier("up")
    watched.start_inside()
    becomes(watched, "up")
    wire.ip("link", "del", "mail0")
    becomes(watched, "down")
    wire.ip("link", "add", "mail0", "type", "veth", "peer", "name", "far0")
    wire.ip("link", "set", "mail0", "up")
    wire.carrier("up")
    wire.give_address()
    becomes(watched, "up")


def test_addresses_that_lead_nowhere_make_no_link(watched, wire):
    watched.start_inside()
    wire.carrier("up")
    wire.ip("address", "add", "169.254.7.7/16", "dev", "mail0")
    wire.ip("address", "add", "fe80::7/64", "dev", "mail0")
    wire.give_address()
    becomes(watched, "up")
    wire.ip("address", "del", f"{wire.address}/24", "dev", "mail0")
    becomes(watched, "down")


def test_a_renewed_address_is_no_event(watched, wire):
    wire.give_address()
    wire.carrier("up")
    watched.start_inside()
    becomes(watched, "up")
    for _ in range(5):
        wire.take_address()
        wire.give_address()
    never.wait(0.7)  # longer than an address may be away
    assert events(watched) == ["up"]


def test_hook_and_kernel_saying_the_same_are_one_event_and_the_hooks_facts_stay(watched, wire):
    watched.start_inside()
    wire.give_address()
    wire.carrier("up")
    becomes(watched, "up")
    assert watched.run("link", "up", "line", "dns=192.0.2.53", "speed_bps=9600").returncode == 0
    note = watched.root / "spool/state/links/line"
    assert "dns=192.0.2.53" in note.read_text()
    since = watched.status()["links"][0]["since"]
    wire.carrier("down")
    becomes(watched, "down")
    assert watched.run("link", "down", "line", "seconds=12").returncode == 0
    assert not is_up(watched)
    wire.carrier("up")
    becomes(watched, "up")
    assert watched.status()["links"][0]["since"] >= since


def test_the_hooks_facts_survive_a_short_loss(watched, wire):
    watched.start_inside()
    wire.give_address()
    wire.carrier("up")
    watched.run("link", "up", "line", "dns=192.0.2.53")
    becomes(watched, "up")
    wire.carrier("down")
    becomes(watched, "down")
    wire.carrier("up")
    becomes(watched, "up")
    note = (watched.root / "spool/state/links/line").read_text()
    assert "dns=192.0.2.53" in note
    assert f"local={wire.address}" in note


def test_a_hook_that_comes_too_late_waits_for_the_interface(watched, wire):
    watched.start_inside()
    wire.give_address()
    done = watched.run("link", "up", "line", "dns=192.0.2.53")
    assert done.returncode == EX_OK
    assert "no carrier" in done.stderr
    assert not is_up(watched)
    wire.carrier("up")
    becomes(watched, "up")
    assert "dns=192.0.2.53" in (watched.root / "spool/state/links/line").read_text()


def test_a_person_who_says_down_is_obeyed_until_the_next_event(watched, wire):
    wire.give_address()
    wire.carrier("up")
    watched.start_inside()
    becomes(watched, "up")
    watched.run("link", "down", "line")
    assert not is_up(watched)
    [pid] = [pid for pid, name in watched.processes().items() if name == "lontar-link"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: watched.run("link", "down", "other").returncode == 0, what="the next one")
    assert not is_up(watched)
    wire.carrier("down")
    never.wait(0.7)
    wire.carrier("up")
    becomes(watched, "up")


def test_an_interface_that_flaps_ends_as_it_is(watched, wire):
    watched.start_inside()
    wire.give_address()
    for _ in range(10):
        wire.carrier("up")
        post(watched)
        wire.carrier("down")
    wire.carrier("up")
    becomes(watched, "up")
    wait_until(lambda: not watched.parked(), 8, "all mail to be sent")
    assert len(watched.smarthost_peer.taken) == 10
    wire.carrier("down")
    becomes(watched, "down")


def test_a_call_needs_no_hook_where_the_kernel_tells(watched, wire):
    ip = f"nsenter --net=/run/netns/{wire.name} ip"
    watched.control(
        "links/line",
        "interface mail0\n"
        f"dial {ip} link set far0 up && {ip} address add {wire.address}/24 dev mail0\n"
        f"hangup {ip} address flush dev mail0 && {ip} link set far0 down\n",
    )
    watched.start_inside()
    post(watched)
    done = watched.run("call", "line")
    assert done.returncode == EX_OK, done.stderr
    assert len(watched.smarthost_peer.taken) == 1
    becomes(watched, "down")
    assert events(watched) == ["up", "down"]


def test_a_new_setting_is_seen_without_a_restart(watched, wire):
    wire.give_address()
    wire.carrier("up")
    watched.control("links/line", "# nothing yet\n")
    watched.start_inside()
    assert not is_up(watched)
    watched.control("links/line", "interface mail0\n")
    watched.run("service", "hup", "link")
    becomes(watched, "up")
