"""Logging in at servers whose offers are wrong, and what is told of those that refuse."""

import base64
import hashlib
import os
import time

import pytest

from gateway import EX_OK, EX_TEMPFAIL
from provider import Provider

ANN, FAR = "ann@gate.example", "you@far.example"
# OVH and others: no password passes by CRAM-MD5 or DIGEST-MD5.
BROKEN_CRAM = ["PIPELINING", "STARTTLS", "AUTH CRAM-MD5 DIGEST-MD5 PLAIN LOGIN"]
HASHED = "{SHA256}" + base64.b64encode(
    hashlib.sha256(Provider.password.encode()).digest()
).decode()


@pytest.fixture
def make_office(make_gateway, make_smarthost, certificates):
    """A gateway that logs in at a scripted smarthost over TLS."""

    def make(extensions, refused=()):
        smarthost = make_smarthost(tls=True, extensions=extensions)
        smarthost.answer = lambda step, argument, _: (
            "535 5.7.8 Authentication failed"
            if step == "AUTH" and argument.split()[0] in refused
            else None
        )
        gateway = make_gateway(smarthosts={"isp": smarthost.port})
        gateway.smarthost(
            "isp", host="localhost", port=smarthost.port, tls="starttls", user="office",
            passwordfile=gateway.secret("isp.password", "sesame"), cafile=certificates.ca,
        )  # fmt: skip
        gateway.send(ANN, [FAR])
        return gateway, smarthost

    return make


def logins(smarthost):
    lines = [line for one in smarthost.sessions for line in one.lines]
    return [line.split()[1] for line in lines if line.startswith("AUTH ")]


def test_a_cram_md5_that_never_works_is_not_tried_over_tls(make_office):
    gateway, smarthost = make_office(BROKEN_CRAM, refused=("CRAM-MD5", "DIGEST-MD5"))
    done = gateway.flush()
    assert done.returncode == EX_OK, done.stderr
    assert logins(smarthost) == ["PLAIN"]


def test_another_mechanism_is_tried_if_one_is_refused(make_office):
    gateway, smarthost = make_office(BROKEN_CRAM, refused=("PLAIN",))
    done = gateway.flush()
    assert done.returncode == EX_OK, done.stderr
    assert logins(smarthost) == ["PLAIN", "LOGIN"]


def test_a_wrong_password_is_said_twice_at_most(make_office):
    gateway, smarthost = make_office(BROKEN_CRAM, refused=("CRAM-MD5", "PLAIN", "LOGIN"))
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert len(logins(smarthost)) == 2
    assert "535 5.7.8" in gateway.smarthost_status()["last_error"]


@pytest.mark.parametrize("kind", ["pop3", "imap"])
def test_a_provider_that_keeps_only_hashes_gives_us_our_mail(
    office, make_dovecot, certificates, kind
):
    dovecot = make_dovecot(
        stored=HASHED, more="auth_mechanisms = cram-md5 digest-md5 plain login\n"
    )
    dovecot.put("ann", [b"Subject: in\n\nhello\n"])
    gateway = office(
        getattr(dovecot, kind), type=kind, host="localhost", tls="starttls", cafile=certificates.ca
    )
    gateway.start()
    done = gateway.run("pickup")
    assert done.returncode == EX_OK, done.stderr
    assert "1 fetched" in done.stdout


def test_a_portal_is_told_by_its_own_words(make_office):
    gateway, smarthost = make_office([])
    smarthost.answer = lambda step, *_: (
        "HTTP/1.1 302 Found\r\nLocation: http://hotspot.example/" if step == "GREETING" else None
    )
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert "HTTP/1.1 302 Found" in gateway.smarthost_status()["last_error"]


def test_all_lines_of_a_refused_greeting_are_told(make_office):
    gateway, smarthost = make_office([])
    smarthost.answer = lambda step, *_: (
        "554-5.7.1 Your address is listed\r\n554 5.7.1 see https://bl.example/192.0.2.1"
        if step == "GREETING"
        else None
    )
    assert gateway.flush().returncode == EX_TEMPFAIL
    told = gateway.smarthost_status()["last_error"]
    assert "554 5.7.1 Your address is listed see https://bl.example/192.0.2.1" in told


def test_a_clock_in_doubt_judges_no_certificate(make_office, certificates, folder):
    """The certificate begins in two days; by the spool's folder that is three days ago."""
    gateway, smarthost = make_office(["STARTTLS", "AUTH PLAIN"])
    later = certificates.not_before(folder, 2 * 86400)
    smarthost.tls.load_cert_chain(later, certificates.key)
    parked = gateway.root / "spool" / "parked"
    os.utime(parked, (time.time() + 5 * 86400,) * 2)
    assert gateway.flush().returncode == EX_TEMPFAIL
    status = gateway.smarthost_status()
    assert "clock" in status["last_error"]
    assert status["state"] != "held"
    # The clock has been set right: now it was for a reason that the folder is so new.
    os.utime(parked)
    smarthost.tls.load_cert_chain(certificates.certificate, certificates.key)
    assert gateway.flush().returncode == EX_OK
