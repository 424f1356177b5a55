"""The flush: over one connection, to any server, each recipient on his own."""

import email
import email.policy
import re

import pytest

from waiting import wait_until

ANN, FAR = "ann@gate.example", "you@far.example"


def said(verb, reply, when=lambda argument: True):
    """An answer function that says reply at verb."""
    return lambda step, argument, session: (
        reply if step == verb and when(argument) else None
    )


def test_all_mail_goes_over_one_connection(gateway, smarthost):
    for number in range(20):
        gateway.send(ANN, [FAR], b"Subject: %d\r\n\r\nx\r\n" % number)
    assert len(gateway.parked()) == 20
    assert gateway.flush().returncode == 0
    assert gateway.parked() == []
    assert len(smarthost.taken) == 20
    assert len(smarthost.sessions) == 1


def test_nobody_waits_for_replies_where_pipelining_is_offered(gateway, smarthost):
    for number in range(20):
        gateway.send(ANN, [FAR], b"Subject: %d\r\n\r\nx\r\n" % number)
    assert gateway.flush().returncode == 0
    [session] = smarthost.sessions
    assert sum(session.waits) < len(session.waits) / 2


def test_a_server_without_pipelining_gets_one_command_at_a_time(make_gateway, make_smarthost):
    smarthost = make_smarthost(extensions=["SIZE 0", "8BITMIME"])
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    for number in range(5):
        gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 0
    [session] = smarthost.sessions
    assert all(session.waits)
    assert len(smarthost.taken) == 5


def test_recipients_of_one_smarthost_share_one_body(gateway, smarthost):
    people = [f"p{number}@far.example" for number in range(7)]
    gateway.send(ANN, people)
    [parked] = gateway.parked()
    assert parked.recipients == people
    assert gateway.flush().returncode == 0
    [got] = smarthost.taken
    assert got.recipients == people


def test_more_than_a_hundred_recipients_make_more_files(gateway, smarthost):
    people = [f"p{number}@far.example" for number in range(150)]
    gateway.send(ANN, people)
    assert sorted(len(one.recipients) for one in gateway.parked()) == [50, 100]
    assert gateway.flush().returncode == 0
    assert sorted(p for one in smarthost.taken for p in one.recipients) == sorted(people)


def test_a_recipient_told_to_wait_stays_parked(gateway, smarthost):
    smarthost.answer = said("RCPT", "451 4.3.0 try later", lambda one: "slow@" in one)
    gateway.send(ANN, [FAR, "slow@far.example"])
    assert gateway.flush().returncode == 75
    [parked] = gateway.parked()
    assert parked.unsettled == ["slow@far.example"]
    [queued] = gateway.queue()
    assert queued["recipients"] == ["slow@far.example"]
    assert queued["attempts"] == 1
    assert smarthost.taken[0].recipients == [FAR]


def test_a_body_told_to_wait_stays_parked(gateway, smarthost):
    smarthost.answer = said("BODY", "452 4.3.1 disk full")
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 75
    [queued] = gateway.queue()
    assert queued["state"] == "waiting"
    assert "4.3.1" in (queued["last_error"] or "") + queued["why"]


def bounce_of(gateway, user="ann"):
    [stored] = wait_until(lambda: gateway.mailbox(user), what="the bounce")
    return email.message_from_bytes(stored, policy=email.policy.default)


def status_of(report):
    """The delivery-status part: fields of the message, then of each recipient."""
    [part] = [one for one in report.walk() if one.get_content_type() == "message/delivery-status"]
    return part.get_payload()


def test_a_refused_recipient_is_bounced_at_once_and_the_others_get_it(gateway, smarthost):
    smarthost.answer = said("RCPT", "550 5.1.1 no such person", lambda one: "gone@" in one)
    gateway.send(ANN, [FAR, "gone@far.example"], b"Subject: lunch\r\n\r\nsecret body\r\n")
    assert gateway.flush().returncode == 0
    assert gateway.parked() == []
    [got] = smarthost.taken
    assert got.recipients == [FAR]

    report = bounce_of(gateway)
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    assert report["Return-Path"] == "<>"
    assert report["To"] == ANN
    assert report["Auto-Submitted"].startswith("auto-")
    message, recipient = status_of(report)
    assert message["Reporting-MTA"] == "dns; gate.example"
    assert recipient["Final-Recipient"].split(";")[1].strip() == "gone@far.example"
    assert recipient["Action"] == "failed"
    assert recipient["Status"] == "5.1.1"
    assert "550 5.1.1 no such person" in recipient["Diagnostic-Code"]
    text = next(report.iter_parts()).get_content()
    assert "gone@far.example" in text
    assert "Subject: lunch" in report.as_string()
    assert "secret body" not in report.as_string()


def test_a_refused_body_is_bounced_once_for_all_recipients(gateway, smarthost):
    smarthost.answer = said("BODY", "554 5.6.0 we do not like it")
    gateway.send(ANN, [FAR, "other@far.example"])
    assert gateway.flush().returncode == 0
    assert gateway.parked() == []
    report = bounce_of(gateway)
    statuses = status_of(report)[1:]
    assert len(statuses) == 2
    assert {one["Status"] for one in statuses} == {"5.6.0"}


def test_a_refused_bounce_goes_to_the_postmaster(make_gateway, make_smarthost):
    smarthost = make_smarthost()
    smarthost.answer = said("RCPT", "550 5.1.1 no such person")
    gateway = make_gateway(users=("ann", "bob"), smarthosts={"isp": smarthost.port})
    gateway.send("", [FAR])
    assert gateway.flush().returncode == 0
    assert gateway.parked() == []
    found = [gateway.root / "mail" / one / "Maildir/new" for one in ("postmaster", "ann", "bob")]
    [stored] = [path.read_bytes() for new in found if new.exists() for path in new.iterdir()]
    assert b"no such person" in stored


@pytest.mark.parametrize(
    "step, reply",
    [
        ("GREETING", "554 5.3.2 no service for you"),
        ("EHLO", "550 5.7.1 go away"),
        ("MAIL", "550 5.7.1 your host may not"),
        ("MAIL", "530 5.7.0 must issue STARTTLS first"),
        ("MAIL", "535 5.7.8 authentication needed"),
    ],
)
def test_a_server_that_refuses_us_is_held_and_nothing_bounces(gateway, smarthost, step, reply):
    smarthost.answer = lambda at, *_: reply if at in (step, "HELO" if step == "EHLO" else step) else None
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 75
    assert len(gateway.parked()) == 1
    assert gateway.mailbox("ann") == []
    status = gateway.smarthost_status()
    assert status["state"] == "stopped"
    assert reply.split(" ", 2)[2] in status["last_error"]

    # A person ends the stop at once.
    smarthost.answer = lambda *_: None
    assert gateway.flush().returncode == 0
    assert gateway.smarthost_status()["state"] == "empty"


def test_the_same_refusal_of_everything_holds_the_smarthost(gateway, smarthost):
    smarthost.answer = said("RCPT", "550 5.7.1 your address is listed")
    for number in range(3):
        gateway.send(ANN, [FAR], b"Subject: %d\r\n\r\nx\r\n" % number)
    assert gateway.flush().returncode == 75
    assert len(gateway.parked()) == 3
    assert gateway.mailbox("ann") == []
    assert gateway.smarthost_status()["state"] == "stopped"


def test_mail_that_arrives_while_the_link_is_up_goes_at_once(gateway, smarthost):
    assert gateway.run("link", "up", "ppp0").returncode == 0
    gateway.send(ANN, [FAR])
    wait_until(lambda: smarthost.taken, what="the message at the smarthost")
    wait_until(lambda: gateway.parked() == [], what="the end of the parked file")


def test_two_smarthosts_are_served_at_once(make_gateway, make_smarthost):
    import threading

    both = threading.Barrier(2, timeout=20)
    one, other = make_smarthost(), make_smarthost()
    for smarthost in (one, other):
        smarthost.answer = lambda step, *_: both.wait() and None if step == "BODY" else None
    gateway = make_gateway(smarthosts={"one": one.port, "other": other.port})
    gateway.control("smtproutes", "other.example:other\n:one\n")
    gateway.send(ANN, ["x@far.example", "y@other.example"])
    assert gateway.flush().returncode == 0
    assert [len(one.taken), len(other.taken)] == [1, 1]


def test_a_down_smarthost_does_not_stop_the_other(make_gateway, make_smarthost):
    other = make_smarthost()
    gateway = make_gateway(smarthosts={"one": 1, "other": other.port})
    gateway.control("smtproutes", "other.example:other\n:one\n")
    gateway.send(ANN, ["x@far.example", "y@other.example"])
    assert gateway.flush().returncode == 75
    assert len(other.taken) == 1
    assert len(gateway.parked("one")) == 1


def test_flush_works_without_a_running_gateway(gateway, smarthost):
    gateway.send(ANN, [FAR])
    gateway.stop()
    assert gateway.flush().returncode == 0
    assert len(smarthost.taken) == 1
    assert gateway.parked() == []


def test_a_flush_with_nothing_to_send_calls_nobody(gateway, smarthost):
    assert gateway.flush().returncode == 0
    assert smarthost.sessions == []


def test_the_messages_id_and_date_stay_when_it_is_sent_again(gateway, smarthost):
    smarthost.answer = said("BODY", "DROP")
    gateway.send(ANN, [FAR], b"Message-ID: <1@gate>\r\nDate: today\r\n\r\nx\r\n")
    assert gateway.flush().returncode == 75
    smarthost.answer = lambda *_: None
    [queued] = gateway.queue()
    assert queued["state"] == "uncertain"
    assert gateway.run("release", queued["id"]).returncode == 0
    assert gateway.flush().returncode == 0
    first, second = smarthost.messages
    assert first.data == second.data


@pytest.mark.parametrize("tls, auth, keys", [
    (None, False, {"tls": "none"}),
    ("starttls", False, {"tls": "starttls"}),
    ("starttls", True, {"tls": "starttls"}),
    ("starttls", True, {"tls": "starttls", "auth": "login"}),
    ("implicit", True, {"tls": "implicit", "auth": "plain"}),
    (None, True, {"tls": "none", "auth": "cram-md5"}),
])  # fmt: skip
def test_postfix_takes_our_mail(make_gateway, make_postfix, certificates, tls, auth, keys):
    postfix = make_postfix(tls=tls, auth=auth)
    gateway = make_gateway(smarthosts={"isp": postfix.port})
    if auth:
        secret = gateway.secret("isp.password", postfix.password)
        keys = {**keys, "user": postfix.user, "passwordfile": secret}
    gateway.smarthost(
        "isp", host="localhost", port=postfix.port, cafile=certificates.ca, **keys
    )
    gateway.send(ANN, [FAR, "nobody@far.example", "later@far.example"])
    assert gateway.flush().returncode == 75, gateway.log_text()[-2000:]
    [stored] = wait_until(lambda: list(postfix.mail()), what="the mail at Postfix")
    assert b"hello" in stored
    if tls:
        assert re.search(rb"with ESMTPS", stored) or not auth
    [parked] = gateway.parked()
    assert parked.unsettled == ["later@far.example"]
    assert "nobody of that name" in bounce_of(gateway).as_string()


def test_a_certificate_of_a_stranger_holds_the_smarthost(make_gateway, make_smarthost):
    smarthost = make_smarthost(tls=True, extensions=["STARTTLS", "PIPELINING"])
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    gateway.smarthost("isp", host="localhost", port=smarthost.port, tls="starttls")
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 75
    assert smarthost.messages == []
    assert gateway.smarthost_status()["state"] == "stopped"
    assert "certificate" in gateway.smarthost_status()["last_error"].lower()


def test_a_server_that_lost_its_tls_gets_no_password(make_gateway, make_smarthost):
    smarthost = make_smarthost(extensions=["PIPELINING", "AUTH PLAIN LOGIN"])
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    secret = gateway.secret("isp.password", "hush hush")
    gateway.smarthost(
        "isp", host="localhost", port=smarthost.port, tls="starttls", user="office",
        passwordfile=secret,
    )  # fmt: skip
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 75
    assert not any("AUTH" in line for one in smarthost.sessions for line in one.lines)
    assert smarthost.messages == []
    assert gateway.smarthost_status()["state"] == "stopped"


def test_a_wrong_password_holds_the_smarthost(make_gateway, make_postfix, certificates):
    postfix = make_postfix(tls="starttls", auth=True)
    gateway = make_gateway(smarthosts={"isp": postfix.port})
    secret = gateway.secret("isp.password", "not this")
    gateway.smarthost(
        "isp", host="localhost", port=postfix.port, tls="starttls", cafile=certificates.ca,
        user=postfix.user, passwordfile=secret,
    )  # fmt: skip
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 75
    assert len(gateway.parked()) == 1
    assert gateway.mailbox("ann") == []
    assert gateway.smarthost_status()["state"] == "stopped"


@pytest.mark.parametrize("source", ["tokenfile", "tokencommand"])
def test_a_token_logs_in(make_gateway, make_smarthost, certificates, source):
    import base64

    smarthost = make_smarthost(
        tls=True, implicit=True, extensions=["PIPELINING", "AUTH XOAUTH2"]
    )
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    token = gateway.secret("token", "ya29.token")
    keys = {"tokenfile": token, "tokencommand": f"cat {gateway.root}/control/{token}"}
    gateway.smarthost(
        "isp", host="localhost", port=smarthost.port, tls="implicit", cafile=certificates.ca,
        user="office@isp.example", auth="xoauth2", **{source: keys[source]},
    )  # fmt: skip
    gateway.send(ANN, [FAR])
    done = gateway.flush()
    assert done.returncode == 0, done.stderr + gateway.log_text()[-1000:]
    lines = [line for one in smarthost.sessions for line in one.lines]
    [login] = [line for line in lines if line.startswith("AUTH XOAUTH2")]
    decoded = base64.b64decode(login.split()[2])
    assert decoded == b"user=office@isp.example\1auth=Bearer ya29.token\1\1"
