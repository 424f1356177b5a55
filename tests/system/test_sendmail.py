"""sendmail, as people's programs call it."""

import re

import pytest

MESSAGE = "To: bob@gate.example\nSubject: from a program\n\nHello.\n"


def sendmail(gateway, *words, message=MESSAGE, **more):
    return gateway.run(*words, program="sendmail", input=message, **more)


@pytest.mark.parametrize("words", [
    ("bob@gate.example",), ("-t",), ("-i", "bob@gate.example"), ("-oi", "-t"),
    ("-f", "ann@gate.example", "-t"), ("-fann@gate.example", "-t"),
    ("-F", "Ann", "bob@gate.example"), ("-bm", "bob@gate.example"),
    ("-oem", "-odb", "-i", "-t"), ("-B8BITMIME", "-t"), ("-N", "never", "-t"),
    ("-v", "-t"), ("-i", "--", "bob@gate.example"),
])  # fmt: skip
def test_sendmail_takes_the_options_people_use(gateway, words):
    done = sendmail(gateway, *words)
    assert done.returncode == 0, done.stderr
    [stored] = gateway.mailbox("bob")
    assert b"Subject: from a program\n" in stored
    assert re.search(rb"^Date: ", stored, re.M)
    assert re.search(rb"^Message-ID: <", stored, re.M | re.I)
    assert re.search(rb"^From: ", stored, re.M)
    assert stored.endswith(b"\nHello.\n")


def test_bcc_is_removed_and_served(gateway):
    done = sendmail(gateway, "-t", message="To: bob@gate.example\nBcc: ann@gate.example\n\nx\n")
    assert done.returncode == 0, done.stderr
    for user in ("ann", "bob"):
        [stored] = gateway.mailbox(user)
        assert b"Bcc" not in stored


@pytest.mark.parametrize("words, ends", [((), 1), (("-i",), 2), (("-oi",), 2)])
def test_a_lone_dot_ends_unless_told_not_to(gateway, words, ends):
    done = sendmail(
        gateway, *words, "bob@gate.example", message="Subject: x\n\none\n.\ntwo\n"
    )
    assert done.returncode == 0
    [stored] = gateway.mailbox("bob")
    assert (b"two" in stored) == (ends == 2)


def test_the_sender_is_the_caller_by_default(gateway):
    assert sendmail(gateway, "bob@gate.example").returncode == 0
    [stored] = gateway.mailbox("bob")
    assert re.match(rb"Return-Path: <[a-z0-9._-]+@gate\.example>\n", stored)


def test_outbound_mail_is_parked(gateway):
    assert sendmail(gateway, "-f", "ann@gate.example", "you@far.example").returncode == 0
    [parked] = gateway.parked()
    assert parked.recipients == ["you@far.example"]


def test_75_when_it_cannot_be_taken_now(gateway):
    gateway.stop()
    done = sendmail(gateway, "bob@gate.example", env={**gateway.environment})
    # Root may write the spool itself; anyone else must wait for the gateway.
    assert done.returncode in (0, 75)
    assert (done.returncode == 0) == (len(gateway.mailbox("bob")) == 1)


def test_an_unknown_recipient_is_told(gateway):
    done = sendmail(gateway, "nobody@gate.example")
    assert done.returncode in (67, 69, 75)
    assert "nobody@gate.example" in done.stderr


def test_bs_speaks_smtp(gateway):
    lines = "EHLO x\r\nMAIL FROM:<ann@gate.example>\r\nRCPT TO:<bob@gate.example>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n"
    done = sendmail(gateway, "-bs", message=lines)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("250 ") >= 3
    assert len(gateway.mailbox("bob")) == 1


def test_bp_and_mailq_show_the_queue(gateway):
    gateway.send("ann@gate.example", ["you@far.example"])
    for done in (gateway.run("-bp", program="sendmail"), gateway.run(program="mailq")):
        assert done.returncode == 0, done.stderr
        assert "you@far.example" in done.stdout


def test_an_ordinary_user_may_send(gateway):
    import os
    import pwd
    import subprocess

    from gateway import BIN

    if os.getuid() != 0:
        pytest.skip("needs root to become somebody else")
    nobody = pwd.getpwnam("nobody").pw_uid
    if subprocess.run(["test", "-x", BIN / "sendmail"], user=nobody).returncode:
        pytest.skip("the checkout is not open to other users")
    done = sendmail(gateway, "bob@gate.example", user=nobody)
    assert done.returncode == 0, done.stderr
    [stored] = gateway.mailbox("bob")
    assert stored.startswith(b"Return-Path: <nobody@gate.example>")
