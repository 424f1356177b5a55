"""A link is its interface: whoever brings it up, and whatever they call it, the terms of the
file that names the interface hold. Played by pppd's own scripts, ifupdown and NetworkManager
on real interfaces."""

import re
import threading
import time

import pytest

from link import becomes, events, is_up
from machine import Machine, impossible
from waiting import never, wait_until

WHY = impossible()
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY)

ANN, FAR = "ann@gate.example", "you@far.example"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SHUT = DAYS[(time.localtime().tm_wday + 3) % 7]
TERMS = {
    "a shut window": f"window {SHUT}\n",
    "a budget of 1k": "budget 1k per month\n",
    "maxsize 50k": "maxsize 50k\n",
}
DISPATCHED = "NetworkManager/dispatcher.d/90-lontar"
IF_UP = "network/if-up.d/lontar"


def letter(size):
    line = "x" * 70 + "\r\n"
    return f"Subject: {size}\r\n\r\n{line * (size // 72 + 1)}".encode()


def links(gateway):
    return {one["name"]: one["state"] for one in gateway.status()["links"]}


@pytest.fixture
def make_machine(folder):
    made = []

    def make(interface="ppp0"):
        place = folder / f"machine{len(made)}"
        place.mkdir()
        made.append(Machine(place, interface))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def settle(make_gateway, make_smarthost):
    """A gateway on a machine, and a smarthost there; link: what control/links/line says."""

    def make(machine, link=None):
        with machine.wire.inside():
            smarthost = make_smarthost()
        gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
        if link is not None:
            gateway.control("links/line", link)
        machine.tell(gateway)
        with machine.wire.inside():
            gateway.start()
        gateway.smarthost_peer = smarthost
        gateway.post = lambda size: post(machine, gateway, size)
        return gateway

    return make


def post(machine, gateway, size):
    with machine.wire.inside():
        gateway.send(ANN, [FAR], letter(size))


# Who brings the interface up: a machine, and how it does.


class Pppd:
    """Debian's /etc/ppp/ip-up, which runs our script by run-parts."""

    interface = "ppp0"
    ipparam = ""

    def __init__(self, machine):
        self.machine = machine
        for way in ("ip-up", "ip-down", "ipv6-up", "ipv6-down"):
            machine.hook(f"ppp/{way}.d/90lontar", f"ppp/{way}.d/90lontar")

    def up(self):
        self.machine.wire.carrier("up")
        self.machine.wire.give_address()
        return self.machine.pppd_says("ip-up", self.ipparam)

    def down(self):
        self.machine.wire.take_address()
        self.machine.pppd_says(
            "ip-down", self.ipparam, CONNECT_TIME="7", BYTES_SENT="9", BYTES_RCVD="9"
        )


class PppdOfAProvider(Pppd):
    ipparam = "isp"


class NetworkManager:
    """The connection has a name of its own."""

    interface = "wwan0"
    hooks = (DISPATCHED, ("NetworkManager/dispatcher.d/90-lontar",
                          "NetworkManager/dispatcher.d/pre-down.d/90-lontar"))  # fmt: skip

    def __init__(self, machine):
        self.machine = machine
        machine.hook(self.hooks[0], *self.hooks[1])
        machine.wire.carrier("up")
        machine.manage("My Phone")

    def up(self):
        self.machine.nmcli("connection", "up", "My Phone")

    def down(self):
        self.machine.nmcli("connection", "down", "My Phone")


class NetworkManagerWithIfupdown(NetworkManager):
    """Debian's 01-ifupdown runs /etc/network/if-up.d, and never if-down.d."""

    hooks = ("ifupdown/if-up.d/lontar", (IF_UP,))


class Modem:
    """What NetworkManager tells of a modem (NetworkManager-dispatcher(8)): the device is
    ttyUSB1, and its network is elsewhere. No modem can be had here, so our hook is run with
    that environment."""

    interface = "ppp0"
    told = {
        "CONNECTION_ID": "My Phone", "CONNECTION_UUID": "x", "DEVICE_IFACE": "ttyUSB1",
        "IP4_NUM_ADDRESSES": "1", "IP4_ADDRESS_0": "192.0.2.10/24 192.0.2.1",
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    }  # fmt: skip

    def __init__(self, machine):
        self.machine = machine
        machine.hook(DISPATCHED, DISPATCHED)

    def say(self, action, **more):
        self.machine.run(f"/etc/{DISPATCHED}", "ttyUSB1", action, **self.told, **more)

    def up(self):
        self.machine.wire.carrier("up")
        self.machine.wire.give_address()
        self.say("up", DEVICE_IP_IFACE="ppp0")

    def down(self):
        self.machine.wire.take_address()
        self.say("down")


class Ifupdown:
    interface = "eth9"

    def __init__(self, machine):
        self.machine = machine
        machine.hook("ifupdown/if-up.d/lontar", IF_UP)
        machine.hook("ifupdown/if-down.d/lontar", "network/if-down.d/lontar")
        machine.wire.carrier("up")

    def up(self):
        self.machine.ifupdown("ifup")

    def down(self):
        self.machine.ifupdown("ifdown")


SPEAKERS = {
    "pppd without ipparam": Pppd,
    "pppd with ipparam isp": PppdOfAProvider,
    "NetworkManager": NetworkManager,
    "NetworkManager with ifupdown": NetworkManagerWithIfupdown,
    "a modem at ttyUSB1": Modem,
    "ifupdown": Ifupdown,
}


@pytest.fixture(params=SPEAKERS.values(), ids=SPEAKERS.keys())
def speaker(request, make_machine):
    return request.param(make_machine(request.param.interface))


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS.keys())
def test_a_large_letter_keeps_to_the_terms_whatever_the_hook_calls_the_link(
    speaker, settle, terms
):
    gateway = settle(speaker.machine, f"interface {speaker.interface}\n{terms}")
    gateway.post(2_000_000)
    speaker.up()
    becomes(gateway, "up")
    (why,) = [one["why"] for one in gateway.queue()]
    assert "line" in why and gateway.smarthost_peer.taken == []
    assert links(gateway) == {"line": "up"}


def test_one_up_is_one_link_and_what_crosses_it_is_booked(speaker, settle):
    gateway = settle(speaker.machine, f"interface {speaker.interface}\nbudget 10m per month\n")
    gateway.post(20_000)
    speaker.up()
    becomes(gateway, "up")
    wait_until(lambda: gateway.smarthost_peer.taken, what="the letter")
    speaker.down()
    becomes(gateway, "down")
    (link,) = gateway.status()["links"]
    assert (link["name"], link["state"]) == ("line", "down")
    used = lambda: gateway.status()["links"][0]["budgets"][0]["used"]  # noqa: E731
    wait_until(used, 5, "the bytes in the link's books")
    assert set(events(gateway)) == {"up", "down"}


def test_an_interface_that_no_file_names_is_a_link_whose_use_is_booked(speaker, settle):
    gateway = settle(speaker.machine)
    gateway.post(20_000)
    speaker.up()
    wait_until(lambda: gateway.smarthost_peer.taken, what="the letter")
    ((name, state),) = links(gateway).items()
    assert state == "up"
    speaker.down()
    becomes_down = lambda: links(gateway) == {name: "down"}  # noqa: E731
    wait_until(becomes_down, 5, "its end, whether or not a hook tells of it")
    gateway.stop()
    books = (gateway.root / "spool/state/usage").glob(f"{name}*")
    assert max(int(re.search(r"month_bytes=(\d+)", one.read_text())[1]) for one in books) > 0


# files that are written while their link is at work


@pytest.fixture
def pppd(make_machine):
    return Pppd(make_machine("ppp0"))


def test_a_file_written_while_its_link_is_at_work_takes_hold(pppd, settle):
    gateway = settle(pppd.machine)
    pppd.up()
    assert links(gateway) == {"ppp0": "up"}
    gateway.control("links/line", "interface ppp0\nmaxsize 50k\n")
    wait_until(lambda: links(gateway) == {"line": "up", "ppp0": "down"}, 5, "the file's link")
    gateway.post(200_000)
    gateway.post(2_000)
    wait_until(lambda: gateway.smarthost_peer.taken, what="the small letter")
    (large,) = gateway.queue()
    assert "line" in large["why"] and len(gateway.smarthost_peer.taken) == 1
    pppd.down()
    becomes(gateway, "down")


def test_a_flush_at_work_begins_anew_on_the_file_s_terms(pppd, settle):
    gateway = settle(pppd.machine)
    arrived, may_go = threading.Event(), threading.Event()

    def answer(step, *_):
        if step == "GREETING":
            arrived.set()
            may_go.wait(20)

    gateway.smarthost_peer.answer = answer
    gateway.post(2_000)
    gateway.post(2_000_000)
    pppd.up()
    assert arrived.wait(10)
    gateway.control("links/line", "interface ppp0\nmaxsize 50k\n")
    becomes(gateway, "up")
    may_go.set()
    large = lambda: [one for one in gateway.queue() if one["size"] > 1_000_000]  # noqa: E731
    wait_until(lambda: "line" in large()[0]["why"], what="why the large letter waits")
    wait_until(lambda: len(gateway.queue()) == 1, what="the small letter's end")
    assert len(gateway.smarthost_peer.taken) == 1


def test_terms_written_while_its_link_is_at_work_take_hold(pppd, settle):
    gateway = settle(pppd.machine, "interface ppp0\n")
    pppd.up()
    becomes(gateway, "up")
    gateway.post(2_000)
    wait_until(lambda: gateway.smarthost_peer.taken, what="the small letter")
    gateway.control("links/line", f"interface ppp0\nwindow {SHUT}\n")
    shut = lambda: "link name=line closed reason=" in gateway.log_text()  # noqa: E731
    wait_until(shut, 5, "the window")
    gateway.post(2_000)
    assert len(gateway.queue()) == 1 and len(gateway.smarthost_peer.taken) == 1
    gateway.control("links/line", "interface ppp0\n")
    wait_until(lambda: len(gateway.smarthost_peer.taken) == 2, 5, "the open link")


def test_a_file_that_names_another_interface_lets_this_one_go(pppd, settle):
    gateway = settle(pppd.machine, "interface ppp0\nmaxsize 50k\n")
    pppd.up()
    becomes(gateway, "up")
    gateway.control("links/line", "interface ppp1\n")
    wait_until(lambda: links(gateway) == {"line": "down", "ppp0": "up"}, 5, "two links")
    gateway.control("links/line", "interface ppp0\n")
    wait_until(lambda: links(gateway) == {"line": "up", "ppp0": "down"}, 5, "one link")


# late words


@pytest.mark.parametrize("link", ["interface ppp0\n", None], ids=["with a file", "without"])
def test_an_up_that_comes_after_its_interface_has_gone_is_not_believed(pppd, settle, link):
    gateway = settle(pppd.machine, link)
    pppd.up()
    wait_until(lambda: "up" in links(gateway).values(), what="the link")
    pppd.machine.wire.ip("link", "del", "ppp0")
    wait_until(lambda: "up" not in links(gateway).values(), what="the end of the link")
    late = pppd.machine.pppd_says("ip-up")
    assert "up" not in links(gateway).values()
    assert "gone" in late.stderr
    assert "state=not-believed" in gateway.log_text()
    pppd.machine.wire.add()
    pppd.up()
    wait_until(lambda: "up" in links(gateway).values(), what="the next call")


def test_the_interface_s_end_is_remembered_over_a_restart(pppd, settle):
    gateway = settle(pppd.machine)
    pppd.up()
    assert links(gateway) == {"ppp0": "up"}
    gateway.stop()
    pppd.machine.wire.ip("link", "del", "ppp0")
    with pppd.machine.wire.inside():
        gateway.start()
    wait_until(lambda: links(gateway) == {"ppp0": "down"}, 5, "the end of the link")


def test_without_a_file_a_link_survives_a_lost_carrier(pppd, settle):
    gateway = settle(pppd.machine)
    pppd.up()
    assert links(gateway) == {"ppp0": "up"}
    pppd.machine.wire.carrier("down")
    wait_until(lambda: links(gateway) == {"ppp0": "down"}, 5, "the lost carrier")
    pppd.machine.wire.carrier("up")
    wait_until(lambda: links(gateway) == {"ppp0": "up"}, 5, "the carrier")


# two families


def give_ipv6(machine):
    machine.wire.carrier("up")
    machine.wire.ip("address", "add", "2001:db8::2/64", "dev", "ppp0", "nodad")


@pytest.mark.parametrize("link", ["interface ppp0\n", None], ids=["with a file", "without"])
def test_a_line_with_ipv6_alone_is_a_link(pppd, settle, link):
    gateway = settle(pppd.machine, link)
    name = "line" if link else "ppp0"
    gateway.post(2_000)
    give_ipv6(pppd.machine)
    pppd.machine.pppd_says("ipv6-up", "", "fe80::2", "fe80::1")
    wait_until(lambda: gateway.smarthost_peer.taken, what="the letter")
    assert links(gateway) == {name: "up"}
    pppd.machine.pppd_says("ipv6-down", "", "fe80::2", "fe80::1")
    assert links(gateway) == {name: "down"}


@pytest.mark.parametrize("link", ["interface ppp0\n", None], ids=["with a file", "without"])
@pytest.mark.parametrize("first", ["ip-down", "ipv6-down"])
def test_with_both_families_the_link_is_up_until_the_last_has_gone(pppd, settle, first, link):
    gateway = settle(pppd.machine, link)
    name = "line" if link else "ppp0"
    machine = pppd.machine
    pppd.up()
    give_ipv6(machine)
    machine.pppd_says("ipv6-up", "", "fe80::2", "fe80::1")
    assert links(gateway) == {name: "up"}
    for script in sorted(["ip-down", "ipv6-down"], key=first.__ne__):
        assert is_up(gateway, name)
        family = "-6" if script == "ipv6-down" else "-4"
        machine.wire.ip(family, "address", "flush", "dev", "ppp0", "scope", "global")
        machine.pppd_says(script)
    assert links(gateway) == {name: "down"}


# several names


def test_two_files_at_one_interface_are_told_apart_by_the_hook(pppd, settle):
    gateway = settle(pppd.machine, "interface ppp0\n")
    gateway.control("links/other", "interface ppp0\n")
    pppd.machine.wire.carrier("up")
    pppd.machine.wire.give_address()
    for name in ("other", "line", "other"):
        pppd.machine.pppd_says("ip-up", name)
        up = lambda: [one for one, state in links(gateway).items() if state == "up"]  # noqa: E731
        wait_until(lambda name=name: up() == [name], what=f"{name} alone")


def test_the_second_hook_of_one_event_makes_no_second_link(make_machine, settle):
    manager = NetworkManager(make_machine("wwan0"))
    manager.machine.hook("ifupdown/if-up.d/lontar", IF_UP)
    gateway = settle(manager.machine)
    manager.up()
    wait_until(lambda: "up" in links(gateway).values(), what="the link")
    wait_until(lambda: gateway.log_text().count("state=up") >= 2, what="both hooks' words")
    assert list(links(gateway).values()) == ["up"]
    manager.down()
    wait_until(lambda: list(links(gateway).values()) == ["down"], 5, "its end")
    never.wait(0.7)  # longer than an address may be away
    assert list(links(gateway).values()) == ["down"]
