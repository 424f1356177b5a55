"""A pickup uses of a link what its file allows, and no more."""

import subprocess
import threading
import time

import pytest

from gateway import BIN, EX_OK, EX_TEMPFAIL
from link import Link, available
from local_peer import packet
from name_server import Zone
from pickup_stand import fetch, letter, subjects
from pop3_stand import pair, start
from waiting import wait_until

LINK_STOP, LINK_ALLOW = 9, 15  # src/ipc/link.h
PRIVATE_FD = 4
UNLIMITED = 2**64 - 1

NOTICE = "A large message waits at the provider"
SMALL, MIDDLE, BIG = (letter(n, ("z" * 99 + "\n") * lines) for n, lines in
                      ((0, 10), (1, 200), (2, 600)))  # fmt: skip


@pytest.fixture
def link(office):
    """link(port, keys of the link..., alone, ...): an office whose link ppp0 is up."""

    def set_up(port, alone=True, link=None, **keys):
        gateway = office(port, every="0", **keys)
        for name, text in (link or {}).items():
            gateway.control(f"links/{name}", text)
        if not alone:
            gateway.start()
        assert gateway.run("link", "up", "ppp0").returncode == EX_OK
        return gateway

    return set_up


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "gateway"])
def test_what_does_not_fit_into_the_budget_is_not_begun(link, make_provider, alone):
    provider = make_provider([BIG, MIDDLE, SMALL])
    gateway = link(provider.port, alone, {"ppp0": "budget 50k per day\n"})
    if alone:
        assert fetch(gateway) == EX_TEMPFAIL
    wait_until(lambda: gateway.status()["pickups"][0]["last_error"], what="the pickup's end")
    assert subjects(gateway) == ["letter 0", "letter 1"]
    assert provider.messages == [BIG]
    assert not [one for one in provider.commands() if one == "RETR 1"]
    (pickup,) = gateway.status()["pickups"]
    assert (pickup["waiting"], pickup["bytes"]) == (1, len(BIG) + BIG.count(b"\n"))
    assert "larger budget of ppp0" in pickup["last_error"]


def test_a_link_that_takes_any_message_costs_no_header_of_each(link, make_provider):
    """Without UIDL a message is known again by its header, but none is left there."""
    provider = make_provider([SMALL, MIDDLE])
    provider.uid = None
    gateway = link(provider.port)
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == ["letter 0", "letter 1"]
    assert not [one for one in provider.commands() if one.startswith("TOP")]


def test_a_link_with_a_largest_message_reads_headers_to_tell_of_one_once(link, make_provider):
    provider = make_provider([BIG, SMALL])
    provider.uid = None
    gateway = link(provider.port, True, {"ppp0": "maxsize 30k\n"})
    assert fetch(gateway) == EX_OK
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == [NOTICE, "letter 0"]
    assert provider.messages == [BIG]


def test_a_smaller_one_goes_on_where_what_was_asked_for_does_not_fit(link, make_provider):
    provider = make_provider([BIG, SMALL])
    gateway = link(provider.port, True, {"ppp0": "budget 40k per day\n"}, maxsize="30k")
    assert fetch(gateway) == EX_OK
    (large,) = gateway.status()["pickups"][0]["held_messages"]
    gateway.run("release", large["id"])
    assert fetch(gateway) == EX_TEMPFAIL
    assert subjects(gateway) == [NOTICE, "letter 0"]
    assert gateway.status()["pickups"][0]["held_messages"][0]["state"] == "asked"
    gateway.control("links/ppp0", "budget 400k per day\n")
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == [NOTICE, "letter 0", "letter 2"]


def test_a_budget_that_ends_in_the_middle_of_a_message_stops_it(link, make_provider):
    provider = make_provider([SMALL, MIDDLE])
    # The listing says less than there is.
    provider.size = lambda message: 100
    gateway = link(provider.port, True, {"ppp0": "budget 8k per day\n"})
    done = gateway.run("pickup", "isp")
    assert done.returncode == EX_TEMPFAIL
    assert "used up" in done.stderr
    assert subjects(gateway) == ["letter 0"]
    gateway.control("links/ppp0", "")
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == ["letter 0", "letter 1"]


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "gateway"])
def test_what_is_too_large_for_a_link_comes_over_another(link, make_provider, alone):
    provider = make_provider([BIG, SMALL])
    gateway = link(provider.port, alone, {"ppp0": "maxsize 30k\ncost 1 EUR per mb\n"})
    if alone:
        assert fetch(gateway) == EX_OK
    wait_until(lambda: len(gateway.mailbox("ann")) == 2, what="the notice")
    assert subjects(gateway) == [NOTICE, "letter 0"]
    (told,) = [one for one in gateway.mailbox("ann") if NOTICE.encode() in one]
    assert b"over the present link (30.0 KiB)" in told
    assert b"Cost:    about 0.07 EUR over ppp0\n" in told
    wait_until(lambda: gateway.status()["pickups"][0]["last_ok"], what="the pickup's end")
    gateway.run("link", "up", "eth0")
    if alone:
        assert fetch(gateway) == EX_OK
    wait_until(lambda: "letter 2" in subjects(gateway), what="the large message")
    wait_until(lambda: not gateway.status()["pickups"][0]["held_messages"], what="its end")
    assert provider.retrieved == 2


def test_a_person_s_wish_is_more_than_the_link_s_limit(link, make_provider):
    provider = make_provider([BIG, SMALL])
    gateway = link(provider.port, False, {"ppp0": "maxsize 30k\n"})
    wait_until(lambda: len(gateway.mailbox("ann")) == 2, what="the notice")
    (large,) = gateway.status()["pickups"][0]["held_messages"]
    assert gateway.run("release", large["id"]).returncode == EX_OK
    wait_until(lambda: "letter 2" in subjects(gateway), what="the large message")


@pytest.fixture
def worker(office):
    """worker(port): a lontar-pickup at work, and lontar-link's end of its socket."""
    begun = []

    def begin(port, **keys):
        gateway = office(port, **keys)
        ours, its = pair()
        process = start(
            [BIN / "lontar-pickup", "--alone", "isp"], {PRIVATE_FD: its}, cwd=gateway.root,
            stderr=open(gateway.folder / "stderr", "wb"),
        )  # fmt: skip
        its.close()
        begun.append((process, ours))
        return gateway, process, ours

    yield begin
    for process, ours in begun:
        ours.close()
        process.wait(20)


def half_a_message(provider, number):
    """The provider gives only the beginning of it, for as long as it is asked."""
    begun = threading.Event()

    def answer(verb, argument, session):
        if (verb, argument) == ("RETR", number):
            session.socket.sendall(b"+OK\r\nSubject: half\r\n\r\nz\r\n")
            begun.set()
            session.stream.read()
            return "DROP"
        return None

    provider.answer = answer
    return begun


@pytest.mark.parametrize(
    "told, why",
    [
        (lambda: packet(LINK_ALLOW, 0, UNLIMITED, int(time.time())), "time of the link is over"),
        (lambda: packet(LINK_ALLOW, 0, UNLIMITED, int(time.time()) + 1), "time of the link"),
        (lambda: packet(LINK_ALLOW, 0, 500, 2**63 - 1), "budget of the link is used up"),
        (lambda: packet(LINK_STOP, 0, "the window of ppp0 closes"), "the window of ppp0 closes"),
    ],
    ids=["over", "soon over", "used up", "stopped"],
)
def test_the_end_itself_stops_in_the_middle_of_a_message(make_provider, worker, told, why):
    provider = make_provider([SMALL, MIDDLE])
    begun = half_a_message(provider, "2")
    gateway, process, link = worker(provider.port)
    assert begun.wait(15)
    link.send(told())
    assert process.wait(4) == EX_TEMPFAIL
    assert why in gateway.status()["pickups"][0]["last_error"]
    assert subjects(gateway) == ["letter 0"]
    provider.answer = lambda verb, argument, session: None
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == ["letter 0", "letter 1"]
    assert provider.retrieved == 2


def used_in(link):
    """The last word on it."""
    link.settimeout(5)
    used = 0
    while told := link.recv(65536):
        # kind, tag, sent, sent_bytes, waiting, waiting_bytes, used_bytes
        if told[0] == 7:
            used = int.from_bytes(told[40:48], "little")
    return used


@pytest.fixture
def far(office, make_provider):
    """A provider beyond a link, and the office's side of it."""
    if why := available():
        pytest.skip(why)
    with Link(rate_up=512_000, rate_down=512_000, delay_us=20_000) as line:
        with line.inside("right"):
            provider = make_provider([SMALL, MIDDLE], address=line.address["right"])
        with line.inside("left"):
            yield line, provider


def test_bytes_are_counted_as_the_link_does(far, worker):
    line, provider = far
    before = line.counters()
    gateway, process, link = worker(provider.port, host=line.address["right"])
    assert process.wait(15) == EX_OK
    told = used_in(link)
    after = line.counters()
    counted = sum(after[key] - before[key] for key in ("up_bytes", "down_bytes"))
    assert abs(counted - told) < counted * 0.03


def test_mail_comes_over_the_link_s_own_interface_and_no_other(far, office):
    line, provider = far
    subprocess.run(["ip", "tuntap", "add", "other0", "mode", "tun"], check=True)
    with line.inside("right"):
        zone = Zone({"pop.isp.example": {"A": [line.address["right"]]}}, line.address["right"])
    gateway = office(provider.port, host="pop.isp.example")
    gateway.run("link", "up", "sat", "interface=other0", f"dns={zone.address}")
    assert fetch(gateway) == EX_TEMPFAIL
    assert zone.asked == [] and provider.sessions == []
    gateway.run("link", "up", "sat", "interface=link0", f"dns={zone.address}")
    assert fetch(gateway) == EX_OK
    assert {name for name, _ in zone.asked} == {"pop.isp.example"}
    assert subjects(gateway) == ["letter 0", "letter 1"]
    zone.close()


def test_a_budget_is_overrun_by_what_is_on_its_way_alone(far, worker):
    line, provider = far
    provider.messages = [letter(3, ("z" * 99 + "\n") * 4000)]
    provider.size = lambda message: 100
    before = line.counters()
    _, process, link = worker(provider.port, host=line.address["right"])
    link.send(packet(LINK_ALLOW, 0, 100_000, 2**63 - 1))
    assert process.wait(15) == EX_TEMPFAIL
    wait_until(lambda: not provider._open, what="the server's end of it")
    after = line.counters()
    counted = sum(after[key] - before[key] for key in ("up_bytes", "down_bytes"))
    # Of 400,000; what the server had sent by then has been paid for.
    assert counted < 160_000
