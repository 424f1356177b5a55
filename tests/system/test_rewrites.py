"""The office's addresses outside, and back (control/rewrites)."""

import email
import email.policy

from gateway import EX_CONFIG, EX_OK
from pickup_stand import fetch

REWRITES = """
ann@office.example:ann.meyer@isp.example
@office.example:meyer+*@isp.example
sat:ann@office.example:boat12@sat.example
"""
LETTER = (
    b"From: \"Ann, (ann@office.example)\" <ann@office.example> (home)\r\n"
    b"To: you@far.example,\r\n\tBob =?utf-8?Q?J=C3=BC?= <bob@office.example>\r\n"
    b"Message-ID: <1@office.example>\r\n"
    b"Subject: ann@office.example\r\n\r\nann@office.example\r\n"
)
WHEN_IT_LEFT = (
    b"From: \"Ann, (ann@office.example)\" <ann.meyer@isp.example> (home)\r\n"
    b"To: you@far.example,\r\n\tBob =?utf-8?Q?J=C3=BC?= <meyer+bob@isp.example>\r\n"
    b"Message-ID: <1@office.example>\r\n"
    b"Subject: ann@office.example\r\n\r\nann@office.example\r\n"
)
PEOPLE = ("ann.meyer@isp.example", "meyer+bob@isp.example")


def settle(gateway):
    gateway.control("locals", "gate.example\noffice.example\n")
    gateway.control("rewrites", REWRITES)
    return gateway


def test_mail_leaves_under_the_providers_address(gateway, smarthost):
    settle(gateway)
    gateway.send("ann@office.example", ["you@far.example"], LETTER)
    (parked,) = gateway.parked()
    assert b"Return-Path: <ann@office.example>" in parked.bytes
    assert b"isp.example" not in parked.bytes
    assert gateway.flush().returncode == EX_OK
    (got,) = smarthost.taken
    assert got.sender == "ann.meyer@isp.example"
    assert got.data.endswith(WHEN_IT_LEFT)


def test_a_smarthost_may_have_names_of_its_own(make_gateway, smarthost):
    gateway = settle(make_gateway(smarthosts={"sat": smarthost.port}))
    gateway.send("ann@office.example", ["you@far.example"], LETTER)
    assert gateway.flush().returncode == EX_OK
    assert smarthost.taken[0].sender == "boat12@sat.example"
    assert b"<boat12@sat.example> (home)" in smarthost.taken[0].data


def test_large_headers_and_bodies_leave_whole_one_after_the_other(gateway, smarthost):
    settle(gateway)
    names = b",\r\n ".join(b"<m%05d@office.example>" % number for number in range(3000))
    bodies = []
    for number in range(12):
        body = b"%d\r\n" % number + b"line of text\r\n" * 20000
        bodies.append(body)
        gateway.send("x@office.example", ["you@far.example"],
                     b"Cc: " + names + b"\r\nFrom: x@office.example\r\n\r\n" + body)  # fmt: skip
    assert gateway.flush().returncode == EX_OK
    found = []
    for got in smarthost.taken:
        header, _, body = got.data.partition(b"\r\n\r\n")
        found.append(body)
        assert header.count(b"<meyer+m") == 3000
        assert b"@office.example" not in header
    assert sorted(found) == sorted(bodies)


def test_a_refusal_finds_the_sender_at_once(gateway, smarthost):
    settle(gateway)
    smarthost.answer = lambda step, argument, session: (
        "550 5.1.1 nobody" if step == "RCPT" else None
    )
    gateway.send("ann@office.example", ["you@far.example"], LETTER)
    gateway.flush()
    (bounce,) = gateway.mailbox("ann")
    assert b"5.1.1 nobody" in bounce


def test_a_line_that_makes_no_sense_keeps_mail_here(gateway, smarthost):
    settle(gateway)
    gateway.send("ann@office.example", ["you@far.example"], LETTER)
    gateway.control("rewrites", "# office\nann@office.example\n")
    done = gateway.run("check")
    assert done.returncode == EX_CONFIG
    assert "control/rewrites:2: write office address:provider's address" in done.stdout
    assert gateway.flush().returncode != EX_OK
    assert not smarthost.messages and len(gateway.parked()) == 1


def test_check_knows_the_smarthosts_that_are_named(gateway):
    gateway.control("rewrites", "nowhere:ann@office.example:a@isp.example\n")
    assert "control/rewrites: no smarthost nowhere" in gateway.run("check").stdout


def test_check_warns_where_two_people_have_one_address_outside(gateway):
    gateway.control("rewrites", "ann@gate.example:x@isp.example\nbob@gate.example:x@isp.example\n")
    done = gateway.run("check")
    assert done.returncode == EX_OK
    assert (
        "warning: control/rewrites: what comes for x@isp.example is bob@gate.example's, "
        "and not ann@gate.example's" in done.stdout
    )


def test_explain_says_as_whom_a_sender_leaves(gateway):
    settle(gateway)
    done = gateway.run("explain", "you@far.example", "--from", "ann@office.example")
    assert "ann@office.example leaves as ann.meyer@isp.example" in done.stdout


def test_what_went_out_comes_back_to_whom_it_belongs(office, make_postfix, make_dovecot):
    postfix, dovecot = make_postfix(), make_dovecot()
    gateway = settle(office(dovecot.pop3, user="all", to=None, multidrop="Delivered-To"))
    gateway.smarthost("isp", host="127.0.0.1", port=postfix.port, tls="none")
    gateway.control("smtproutes", ":isp\n")
    gateway.start()

    def comes(named, message, sender="you@far.example"):
        head = f"Return-Path: <{sender}>\nDelivered-To: {named}\n"
        return head.encode() + b"Received: by isp.example; Sun, 22 Nov 2026 10:00:00 +0000\n" + message

    assert gateway.run("pickup", "--probe", "isp", *PEOPLE).returncode == EX_OK
    dovecot.put("all", [comes(name, one.body) for one in gateway.parked() for name in PEOPLE])
    assert gateway.run("pickup", "--probe", "isp").returncode == EX_OK
    dovecot.empty("all")
    assert gateway.flush().returncode in (EX_OK, 75)
    postfix.forget()

    gateway.send("ann@office.example", ["you@far.example"], LETTER)
    assert gateway.flush().returncode == EX_OK
    (left,) = [one for one in postfix.mail() if b"Message-ID: <1@" in one]
    left = email.message_from_bytes(left, policy=email.policy.default)
    assert left["Return-Path"] == "<ann.meyer@isp.example>"
    writer = left["From"].addresses[0].addr_spec
    colleague = left["To"].addresses[1].addr_spec
    answer = (
        f"From: you@far.example\nTo: Ann <{writer}>\nCc: {colleague}\n"
        "Message-ID: <2@far.example>\nSubject: Re: x\n\nmeyer+bob@isp.example\n"
    ).encode()
    failure = (
        "From: MAILER-DAEMON@isp.example\nTo: ann.meyer@isp.example\n"
        "Message-ID: <3@isp.example>\nSubject: undelivered\n\nsorry\n"
    ).encode()
    dovecot.put("all", [comes(writer, answer), comes(colleague, answer),
                        comes("ann.meyer@isp.example", failure, sender="")])  # fmt: skip
    assert fetch(gateway) == EX_OK
    got = [one for one in gateway.mailbox("ann") if b"Subject: Re: x" in one]
    assert len(got) == 1
    assert b"\nTo: Ann <ann@office.example>\nCc: bob@office.example\n" in got[0]
    assert got[0].endswith(b"\n\nmeyer+bob@isp.example\n")
    assert any(b"Subject: undelivered" in one for one in gateway.mailbox("ann"))
    assert any(b"Subject: Re: x" in one for one in gateway.mailbox("bob"))


def test_large_mail_comes_back_under_the_offices_names(office, make_dovecot):
    dovecot = make_dovecot()
    gateway = settle(office(dovecot.pop3, user="large"))
    body = b"x" * 76 + b"\n"
    dovecot.put("large", [b"To: ann.meyer@isp.example\nSubject: large\n\n" + body * 40000])
    assert fetch(gateway) == EX_OK
    (got,) = gateway.mailbox("ann")
    assert b"\nTo: ann@office.example\nSubject: large\n\n" in got
    assert got.endswith(b"\n\n" + body * 40000)
