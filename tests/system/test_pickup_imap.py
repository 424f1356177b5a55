"""Mail that waits at a provider's IMAP server comes in once, and not a byte of it twice."""

import os
import random
import re
import shutil

import pytest

from dovecot import Dovecot, available
from gateway import EX_CONFIG, EX_OK, EX_TEMPFAIL
from test_pickup import expected, letter, letters, subjects
from waiting import wait_until

PASSWORD = "isp-secret"


@pytest.fixture
def office(make_gateway):
    """A gateway that is only initialised; office(port, keys...) writes its pickup."""
    gateway = make_gateway(start=False)
    secret = gateway.root / "control" / gateway.secret("secrets/isp", PASSWORD)
    if os.geteuid() == 0:
        try:
            shutil.chown(secret, group="lontarout")
            secret.chmod(0o640)
        except LookupError:
            pass

    def set_up(port, **keys):
        settings = {
            "type": "imap", "host": "127.0.0.1", "port": port, "tls": "none", "user": "ann",
            "passwordfile": "secrets/isp", "to": "ann", **keys,
        }  # fmt: skip
        gateway.control(
            "pickups/isp", "".join(f"{k} {v}\n" for k, v in settings.items() if v is not None)
        )
        return gateway

    return set_up


def fetch(gateway):
    return gateway.run("pickup", "isp").returncode


# Dovecot


@pytest.fixture(scope="module")
def make_dovecot(certificates):
    if not available():
        pytest.skip("Dovecot as a provider of the tests' own needs root and dovecot-imapd")
    made = []

    def make(**settings):
        made.append(Dovecot(certificates, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def dovecot(make_dovecot):
    return make_dovecot()


@pytest.fixture(scope="module")
def compressing(make_dovecot):
    return make_dovecot(imap_plugins="imap_zlib")


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
@pytest.mark.parametrize("server", ["dovecot", "compressing"])
def test_a_real_provider_is_emptied_into_the_mailbox(office, request, certificates, server, tls):
    dovecot = request.getfixturevalue(server)
    port = dovecot.imaps if tls == "implicit" else dovecot.imap
    gateway = office(port, tls=tls, cafile=certificates.ca, user=tls)
    dovecot.put(tls, letters(40))
    done = gateway.run("pickup")
    assert done.returncode == EX_OK, done.stderr
    assert "40 fetched" in done.stdout
    assert subjects(gateway) == expected(40)
    assert dovecot.left(tls) == 0
    protocol = b"IMAP" if tls == "none" else b"IMAPS"
    first = gateway.mailbox("ann")[0]
    assert first.startswith(b"Return-Path: <x0@far.example>\n")
    assert first.count(b"Return-Path") == 1
    assert b" by gate.example with " + protocol + b" id pickup-isp-" in first
