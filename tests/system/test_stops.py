"""What a server refuses stops as little as can be, ends by itself, and is told to one."""

import re
import time

import pytest

import stop_stand
from gateway import EX_CONFIG, EX_OK, EX_TEMPFAIL
from stop_stand import (
    let_pass, letters, link_up, state, stopped_again, stops_file, take, words,
)  # fmt: skip
from waiting import wait_until

ANN, FAR = "ann@gate.example", "you@far.example"
RELAYING = "550 5.7.1 Relaying denied"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def refuse(smarthost, step="MAIL", reply=RELAYING):
    stop_stand.refuse(smarthost, step, reply)


@pytest.fixture
def stopped(gateway, smarthost):
    """One message of ann's waits; the server refuses us, and was asked once, with no link."""
    refuse(smarthost)
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert state(gateway) == "stopped"
    return gateway


def test_status_and_queue_say_what_stops_the_mail_and_until_when(stopped):
    status = stopped.smarthost_status()
    assert status["scope"] == "place"
    assert RFC3339.fullmatch(status["until"])
    assert status["mend"]
    assert "Relaying denied" in status["last_error"]
    [queued] = stopped.queue()
    assert queued["state"] == "waiting"
    assert (queued["scope"], queued["until"]) == ("place", status["until"])
    assert queued["mend"] == status["mend"]
    assert "Relaying denied" in queued["why"] and "Relaying denied" in queued["last_error"]
    for shown in (stopped.run("status").stdout, stopped.run("queue").stdout):
        assert re.search(r", again at [^(]*\d\d:\d\d or when a link comes up \(.*Relaying", shown)
        assert status["mend"] in shown
    assert "`lontar flush isp`" in stopped.run("status").stdout
    assert "smarthost isp is stopped" in stopped.run("explain", FAR).stdout


def test_check_names_the_command_that_ends_a_stop(stopped, smarthost):
    done = stopped.run("check")
    assert done.returncode == EX_CONFIG
    [line] = [one for one in done.stdout.splitlines() if "smarthost isp" in one]
    assert "Relaying denied" in line and "`lontar flush isp`" in line
    take(smarthost)
    assert stopped.flush("isp").returncode == EX_OK
    done = stopped.run("check")
    assert "smarthost isp" not in done.stdout and done.returncode == EX_OK


def test_nothing_bounces_while_a_smarthost_is_stopped(stopped, smarthost):
    for number in range(3):
        stopped.send(ANN, [f"you{number}@far.example"])
        stopped.flush()
    assert len(stopped.parked()) == 4
    assert not [one for one in stopped.mailbox("ann") if b"multipart/report" in one]


def test_a_person_ends_a_stop_at_once(stopped, smarthost):
    take(smarthost)
    assert stopped.flush("isp").returncode == EX_OK
    assert len(smarthost.taken) == 1
    status = stopped.smarthost_status()
    assert status["state"] == "empty"
    assert (status["scope"], status["until"], status["mend"]) == (None, None, None)
    assert not stops_file(stopped).exists()


def test_a_link_that_comes_up_tries_again_with_one_connection(stopped, smarthost):
    before = len(smarthost.sessions)
    link_up(stopped)
    wait_until(lambda: len(smarthost.sessions) == before + 1, what="the feeler")
    stopped_again(stopped, 2)
    assert state(stopped) == "stopped"
    # New mail does not hurry it.
    for _ in range(3):
        stopped.send(ANN, [FAR])
    assert [one["scope"] for one in stopped.queue()] == ["place"] * 4
    assert len(smarthost.sessions) == before + 1
    assert stopped.run("link", "down", "ppp0").returncode == EX_OK
    take(smarthost)
    link_up(stopped)
    wait_until(lambda: len(smarthost.taken) == 4, what="all mail")
    wait_until(lambda: not stops_file(stopped).exists(), what="the end of the stop")


def test_a_stop_whose_time_is_over_ends_while_the_link_stays_up(stopped, smarthost):
    link_up(stopped)
    stopped_again(stopped, 2)
    take(smarthost)
    let_pass(stopped, 86400)
    wait_until(lambda: smarthost.taken, 20, "the mail")


def test_a_changed_password_file_ends_a_refused_login(make_gateway, make_smarthost):
    smarthost = make_smarthost(extensions=["PIPELINING", "AUTH PLAIN LOGIN"])
    refuse(smarthost, "AUTH", "535 5.7.8 authentication failed")
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    secret = gateway.secret("isp.password", "not this")
    gateway.smarthost(
        "isp", host="127.0.0.1", port=smarthost.port, tls="none", user="office",
        passwordfile=secret,
    )  # fmt: skip
    gateway.send(ANN, [FAR])
    link_up(gateway)
    wait_until(lambda: state(gateway) == "stopped", what="a stop")
    take(smarthost)
    gateway.secret("isp.password", "but this")
    wait_until(lambda: smarthost.taken, 20, "the mail")


def test_a_refused_login_is_not_asked_again_at_each_flap(gateway, smarthost):
    refuse(smarthost)
    gateway.send(ANN, [FAR])
    gateway.flush()
    file = stops_file(gateway)
    file.write_text(file.read_text().replace("scope=place", "scope=login"))
    before = len(smarthost.sessions)
    for _ in range(3):
        link_up(gateway)
        assert gateway.smarthost_status()["scope"] == "login"
        gateway.run("link", "down", "ppp0")
    assert len(smarthost.sessions) == before
    # Its time is over: the next link-up is for it.
    let_pass(gateway, 86400)
    take(smarthost)
    link_up(gateway)
    wait_until(lambda: smarthost.taken, what="the mail")


def test_a_quota_is_a_warning_that_nobody_needs_to_act_on(stopped, smarthost):
    file = stops_file(stopped)
    text = file.read_text().replace("scope=place", "scope=account")
    file.write_text(
        re.sub(
            "mend=.*", "mend=", re.sub("what=.*", "what=daily limit of the provider", text)
        ).replace(
            RELAYING, "550 5.4.5 Daily user sending limit exceeded"
        )
    )
    done = stopped.run("check")
    assert done.returncode == EX_OK
    assert "warning: smarthost isp is stopped: daily limit of the provider, again at" in done.stdout
    [queued] = stopped.queue()
    assert (queued["scope"], queued["mend"]) == ("account", None)
    assert "or when a link comes up" not in queued["why"]
    assert queued["why"].startswith("daily limit of the provider, again at ")


def test_the_postmaster_is_told_once_with_the_command_that_helps(stopped, smarthost):
    [letter] = wait_until(lambda: letters(stopped), 30, "a letter to the postmaster")
    assert letter["Subject"] == "Mail waits: smarthost isp is stopped"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "<postmaster@gate.example>" in letter["From"]
    assert letter["Message-ID"].endswith("@gate.example>")
    assert "Relaying denied" in words(letter)
    assert "lontar flush isp" in words(letter)
    assert "The gateway tries again at" in words(letter)
    assert stopped.smarthost_status()["mend"] in words(letter)
    # Refused again, and again over another link: it is known.
    assert stopped.flush("isp").returncode == EX_TEMPFAIL
    link_up(stopped)
    stopped_again(stopped, 3)
    let_pass(stopped, 90000)
    assert stopped.flush("isp").returncode == EX_TEMPFAIL
    assert len(letters(stopped)) == 1
    # Well again, and then not: that is news.
    take(smarthost)
    assert stopped.flush("isp").returncode == EX_OK
    refuse(smarthost)
    stopped.send(ANN, [FAR])
    for _ in range(2):
        stopped.flush("isp")
    wait_until(lambda: len(letters(stopped)) == 2, 30, "the second letter")


def test_without_a_gateway_the_postmaster_is_told_too(stopped):
    stopped.stop()
    assert stopped.flush("isp").returncode == EX_TEMPFAIL
    assert len(letters(stopped)) == 1


def put_stop(gateway, **fields):
    """As a flush would: a stop beside those that are there."""
    file = stops_file(gateway)
    file.parent.mkdir(exist_ok=True)
    now = int(time.time())
    fields = {"since": now, "until": now + 900, "times": 1, **fields}
    text = "".join(f"{key}={value}\n" for key, value in fields.items())
    before = file.read_text().removesuffix("end\n") if file.exists() else ""
    file.write_text(f"{before}{text}\nend\n")


def test_mail_of_a_refused_sender_is_called_so_and_other_mail_is_not(gateway):
    gateway.send("root@gate.example", [FAR])
    gateway.send(ANN, [FAR])
    put_stop(
        gateway, scope="sender", key="root@gate.example",
        reason="553 5.7.1 not owned by auth user",
    )  # fmt: skip
    queue = {one["sender"]: one for one in gateway.queue()}
    assert queue["root@gate.example"]["scope"] == "sender"
    assert "not owned by auth user" in queue["root@gate.example"]["why"]
    assert queue[ANN]["scope"] is None
    assert state(gateway) == "waiting"
    assert "1 sender stopped" in gateway.run("status").stdout
    done = gateway.run("check")
    assert "mail from <root@gate.example> is stopped" in done.stdout
    assert done.returncode == EX_CONFIG


def test_a_refused_sender_of_the_office_is_told_too(make_gateway, smarthost):
    gateway = make_gateway(start=False, users=("ann", "bob"), smarthosts={"isp": smarthost.port})
    refuse(smarthost, "BODY", "451 4.3.0 later")
    assert gateway.run("-f", "bob@gate.example", FAR, program="sendmail", input="\nx\n").returncode == EX_OK
    put_stop(
        gateway, scope="sender", key="bob@gate.example", times=2, reason="553 5.7.1 not yours",
    )  # fmt: skip
    gateway.flush("isp")
    [letter] = letters(gateway)
    assert letter["Subject"] == "Mail from bob@gate.example waits"
    [told] = gateway.mailbox("bob")
    assert b"From: Mail gateway <postmaster@gate.example>\n" in told
    assert b"You need not send it again" in told.replace(b"\n", b" ")
    assert b"553 5.7.1 not yours" in told
    gateway.flush("isp")
    assert len(letters(gateway)) == len(gateway.mailbox("bob")) == 1


def test_a_letter_that_the_gateway_holds_says_why_until_it_is_released(gateway):
    gateway.send(ANN, [FAR])
    [parked] = gateway.parked()
    assert gateway.run("hold", parked.id).returncode == EX_OK
    assert gateway.queue()[0]["why"] == "held by the operator"
    put_stop(gateway, scope="person", key=parked.id, until=0, reason="unclear three times")
    [queued] = gateway.queue()
    assert (queued["state"], queued["scope"], queued["until"]) == ("held", "person", None)
    assert queued["why"] == "held by the gateway: unclear three times"
    assert f"lontar release {parked.id}" in queued["mend"]
    done = gateway.run("check")
    assert f"message {parked.id} is held: unclear three times" in done.stdout
    assert gateway.run("release", parked.id).returncode == EX_OK
    assert gateway.queue()[0]["scope"] is None
    assert "is held" not in gateway.run("check").stdout
