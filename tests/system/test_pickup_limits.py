"""A pickup uses of a link what its file allows, and no more."""

import pytest

from gateway import EX_OK, EX_TEMPFAIL
from pickup_stand import fetch, letter, subjects
from waiting import wait_until

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
