"""Something else answers in the provider's place: a hotel's portal, a name server that
lies, a certificate that is judged by a clock that cannot be right."""

import os
import ssl
import time

import pytest

from certificates import Certificates
from gateway import EX_OK, EX_TEMPFAIL
from name_server import Zone
from stop_stand import (
    flap, let_pass, link_down, link_up, state, stopped_again, take,
)  # fmt: skip
from waiting import wait_until

ANN, BOB, FAR = "ann@gate.example", "bob@gate.example", "you@far.example"
REAL = ["PIPELINING", "CHUNKING", "SIZE 0", "STARTTLS", "AUTH PLAIN"]


def write_smarthost(gateway, smarthost, certificates, tls, login=True):
    keys = {"user": "office", "passwordfile": gateway.secret("isp.password", "sesame")}
    gateway.smarthost(
        "isp", host="localhost", port=smarthost.port, tls=tls, cafile=certificates.ca,
        **(keys if login else {}),
    )  # fmt: skip


@pytest.fixture(params=["starttls", "starttls, no login", "try"])
def known(request, make_gateway, make_smarthost, certificates):
    """A provider that took a letter over TLS, and two more letters, which now wait."""
    smarthost = make_smarthost(tls=True, extensions=REAL)
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    tls, _, rest = request.param.partition(",")
    write_smarthost(gateway, smarthost, certificates, tls, tls == "starttls" and not rest)
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == EX_OK
    for sender in (ANN, BOB):
        gateway.send(sender, [FAR])
    return gateway, smarthost


def nothing_bounced(gateway):
    return not gateway.mailbox("ann") and not gateway.mailbox("bob")


def real_provider_is_back(gateway, smarthost, extensions=REAL):
    smarthost.extensions = extensions
    take(smarthost)
    link_up(gateway)
    wait_until(lambda: len(smarthost.taken) == 3, what="all mail")
    assert nothing_bounced(gateway)
    wait_until(lambda: state(gateway) == "empty", what="nothing being stopped")


@pytest.mark.parametrize("offers", [["PIPELINING", "SIZE 0"], []], ids=["modern", "bare"])
def test_a_portal_without_tls_gets_no_letter_where_there_was_tls(known, offers):
    gateway, smarthost = known
    smarthost.extensions = offers
    link_up(gateway)
    stopped_again(gateway, 1)
    status = gateway.smarthost_status()
    assert (status["state"], status["scope"]) == ("stopped", "network")
    assert status["until"] and status["mend"]
    assert len(smarthost.messages) == 1
    assert nothing_bounced(gateway)
    link_down(gateway)
    real_provider_is_back(gateway, smarthost)


@pytest.mark.parametrize("tls", ["starttls", "try"])
@pytest.mark.parametrize("named", [True, False], ids=["of the same name", "of another name"])
def test_a_portal_with_a_certificate_of_its_own_gets_no_letter(
    make_gateway, make_smarthost, certificates, tls, named, folder
):
    smarthost = make_smarthost(tls=True, extensions=REAL)
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    write_smarthost(gateway, smarthost, certificates, tls, login=False)
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == EX_OK
    for sender in (ANN, BOB):
        gateway.send(sender, [FAR])
    real, portal = smarthost.tls, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (folder / "portal").mkdir()
    made = Certificates(folder / "portal", "localhost" if named else "portal.example")
    portal.load_cert_chain(made.certificate, made.key)
    smarthost.tls = portal
    link_up(gateway)
    stopped_again(gateway, 1)
    assert gateway.smarthost_status()["scope"] == "network"
    assert len(smarthost.messages) == 1
    link_down(gateway)
    smarthost.tls = real
    real_provider_is_back(gateway, smarthost)


@pytest.mark.parametrize(
    "reply", ["550 5.7.1 Access denied", "554 please log in to the hotspot", "550 no"]
)
@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT"])
def test_a_portal_that_refuses_everything_makes_nothing_bounce(
    make_gateway, make_smarthost, step, reply
):
    smarthost = make_smarthost()
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    for sender in (ANN, BOB, ANN):
        gateway.send(sender, [FAR])
    smarthost.answer = lambda at, *_: (
        reply if at == step or (at == "HELO" and step == "EHLO") else None
    )
    flap(gateway)
    assert nothing_bounced(gateway)
    assert len(gateway.parked()) == 3
    assert [one["attempts"] for one in gateway.queue()] == [0, 0, 0]
    real_provider_is_back(gateway, smarthost, smarthost.extensions)


def test_the_real_provider_is_back_on_the_same_link(known):
    """Nobody tells that the portal was paid: the gateway looks by itself."""
    gateway, smarthost = known
    smarthost.extensions = ["SIZE 0"]
    link_up(gateway)
    stopped_again(gateway, 1)
    smarthost.extensions = REAL
    let_pass(gateway, 900)
    wait_until(lambda: len(smarthost.taken) == 3, 20, "all mail")


# the clock


def test_a_certificate_is_judged_when_the_clock_is_right(make_gateway, make_smarthost, certificates, folder):
    """The certificate begins in two days; by the spool's folder that is three days ago."""
    smarthost = make_smarthost(tls=True, extensions=REAL)
    smarthost.tls.load_cert_chain(certificates.not_before(folder, 2 * 86400), certificates.key)
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    write_smarthost(gateway, smarthost, certificates, "starttls")
    gateway.send(ANN, [FAR])
    parked = gateway.root / "spool" / "parked"
    os.utime(parked, (time.time() + 5 * 86400,) * 2)
    link_up(gateway)
    stopped_again(gateway, 1)
    status = gateway.smarthost_status()
    assert (status["state"], status["scope"]) == ("stopped", "clock")
    assert "clock" in status["mend"]
    assert smarthost.messages == []
    # The time has come from somewhere; the link stays up, and nobody says a word.
    smarthost.tls.load_cert_chain(certificates.certificate, certificates.key)
    os.utime(parked)
    wait_until(lambda: len(smarthost.taken) == 1, 90, "the letter")


def test_an_expired_certificate_by_a_good_clock_is_told_to_the_postmaster(
    make_gateway, make_smarthost, certificates, folder
):
    smarthost = make_smarthost(tls=True, extensions=REAL)
    smarthost.tls.load_cert_chain(certificates.not_before(folder, -30 * 86400), certificates.key)
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    write_smarthost(gateway, smarthost, certificates, "starttls")
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == EX_TEMPFAIL
    status = gateway.smarthost_status()
    assert (status["scope"], status["state"]) == ("certificate", "stopped")
    assert "expired" in status["last_error"]
    wait_until(lambda: gateway.mailbox("ann"), what="a letter to the postmaster")


# names


@pytest.fixture
def direct(make_gateway, make_smarthost):
    """A gateway that sends to each domain's own mail host, and the names it asks for."""
    smarthost = make_smarthost(address="127.0.0.2")
    zone = Zone({})
    gateway = make_gateway(start=False)
    gateway.smarthost("direct", type="mx", port=smarthost.port)
    gateway.control("smtproutes", ":direct\n")
    yield gateway.start(), smarthost, zone
    zone.close()


def direct_link_up(gateway, zone):
    assert gateway.run("link", "up", "line", f"dns={zone.address}").returncode == EX_OK


def test_a_name_server_that_knows_no_name_at_all_makes_nothing_bounce(direct):
    gateway, smarthost, zone = direct
    del zone.records["a.root-servers.net"]
    gateway.send(ANN, [FAR])
    direct_link_up(gateway, zone)
    wait_until(lambda: ("a.root-servers.net", 1) in zone.asked, what="the question")
    wait_until(lambda: "lontar-flush" not in gateway.processes().values(), what="its end")
    assert gateway.mailbox("ann") == []
    assert len(gateway.parked("direct")) == 1
    assert gateway.run("link", "down", "line").returncode == EX_OK
    zone.records.update({
        "a.root-servers.net": {"A": ["198.41.0.4"]}, "far.example": {"A": ["127.0.0.2"]},
    })  # fmt: skip
    direct_link_up(gateway, zone)
    wait_until(lambda: len(smarthost.taken) == 1, 30, "the letter")
    assert gateway.mailbox("ann") == []


def test_a_name_that_does_not_exist_by_an_honest_name_server_bounces(direct):
    gateway, smarthost, zone = direct
    gateway.send(ANN, [FAR])
    direct_link_up(gateway, zone)
    wait_until(lambda: gateway.mailbox("ann"), what="the bounce")
    assert gateway.parked("direct") == []
