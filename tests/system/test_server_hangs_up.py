"""A server that says something and hangs up: what it said counts, and the call goes on."""

import collections
import email
import os

import pytest

import smarthost as scripted
from smarthost import Last
from waiting import wait_until

ANN, FAR = "ann@gate.example", "you@far.example"
CHUNKED = ["PIPELINING", "CHUNKING", "SIZE 0", "8BITMIME"]
PIPELINED = ["PIPELINING", "SIZE 0", "8BITMIME"]
PLAIN = ["SIZE 0", "8BITMIME"]


@pytest.fixture(params=[CHUNKED, PIPELINED, PLAIN], ids=["chunked", "pipelined", "one by one"])
def talk(request, make_gateway, make_smarthost):
    smarthost = make_smarthost(extensions=request.param)
    return make_gateway(smarthosts={"isp": smarthost.port}), smarthost


def subjects(messages):
    return sorted(email.message_from_bytes(one.data)["Subject"] for one in messages)


def send(gateway, subject, recipients):
    gateway.send(ANN, recipients, b"Subject: %s\r\n\r\nx\r\n" % subject.encode())


def test_a_recipient_refused_for_good_is_bounced_though_the_server_hangs_up(talk):
    gateway, smarthost = talk
    smarthost.answer = lambda step, argument, session: (
        Last("550 5.1.1 no such person") if step == "RCPT" and "gone@" in argument else None
    )
    send(gateway, "bad", ["gone@far.example"])
    send(gateway, "mixed", [FAR, "gone@far.example"])
    send(gateway, "good", [FAR])
    assert gateway.flush().returncode == 0
    assert gateway.parked() == []
    assert subjects(smarthost.taken) == ["good", "mixed"]
    assert sorted(one.recipients for one in smarthost.taken) == [[FAR], [FAR]]
    wait_until(lambda: len(gateway.mailbox("ann")) == 2, what="both bounces")


@pytest.mark.parametrize("reply", ["450 4.2.0 later", "421 4.3.2 not now"])
def test_one_told_to_wait_goes_last_and_counts_though_the_server_hangs_up(talk, reply):
    gateway, smarthost = talk
    smarthost.answer = lambda step, argument, session: (
        Last(reply) if step == "RCPT" and "slow@" in argument else None
    )
    send(gateway, "slow", ["slow@far.example"])
    for number in range(5):
        send(gateway, f"good {number}", [FAR])
    assert gateway.flush().returncode == 75
    assert subjects(smarthost.taken) == [f"good {number}" for number in range(5)]
    [queued] = gateway.queue()
    assert queued["recipients"] == ["slow@far.example"]
    assert queued["state"] == "waiting"
    assert queued["attempts"] == 1


@pytest.mark.parametrize("reply", ["554 5.7.1 spam", "452 4.3.1 full", "421 4.3.2 not now"])
def test_a_refused_body_keeps_no_other_message_back_though_the_server_hangs_up(talk, reply):
    gateway, smarthost = talk
    smarthost.answer = lambda step, argument, session: (
        Last(reply) if step == "BODY" and b"Subject: bad" in argument.data else None
    )
    send(gateway, "bad", [FAR])
    for number in range(5):
        send(gateway, f"good {number}", [FAR])
    gateway.flush()
    assert subjects(smarthost.taken) == [f"good {number}" for number in range(5)]
    assert sum(b"Subject: bad" in one.data for one in smarthost.messages) == 1
    assert all(one["state"] != "uncertain" for one in gateway.queue())


def test_thirty_unknown_people_and_a_server_that_hangs_up_at_each(talk):
    gateway, smarthost = talk
    smarthost.answer = lambda step, argument, session: (
        Last("550 5.1.1 unknown") if step == "RCPT" and "gone" in argument else None
    )
    for number in range(30):
        send(gateway, f"bad {number}", [f"gone{number}@far.example"])
    for number in range(2):
        send(gateway, f"good {number}", [FAR])
    assert gateway.flush().returncode == 0
    assert subjects(smarthost.taken) == ["good 0", "good 1"]
    wait_until(lambda: len(gateway.mailbox("ann")) == 30, what="the bounces")


@pytest.mark.parametrize(
    "words",
    [Last("421 4.7.0 too many messages"), "CLOSE", "452 4.4.5 too many messages in this session"],
    ids=["421", "closed", "452"],
)
def test_ten_messages_a_connection_all_go_in_one_call(talk, words):
    gateway, smarthost = talk
    begun = collections.Counter()

    def answer(step, argument, session):
        if step == "MAIL":
            begun[session] += 1
        return words if step == "MAIL" and begun[session] > 10 else None

    smarthost.answer = answer
    for number in range(25):
        send(gateway, f"{number:02}", [FAR])
    assert gateway.flush().returncode == 0
    assert subjects(smarthost.messages) == [f"{number:02}" for number in range(25)]
    assert len(smarthost.sessions) <= 4


def test_limits_of_messages_a_connection_are_kept(make_gateway, make_smarthost):
    smarthost = make_smarthost(extensions=[*CHUNKED, "LIMITS MAILMAX=10"])
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    for number in range(25):
        send(gateway, f"{number:02}", [FAR])
    assert gateway.flush().returncode == 0
    assert len(smarthost.taken) == 25
    mails = [sum(line.startswith("MAIL") for line in one.lines) for one in smarthost.sessions]
    assert max(mails) <= 10


@pytest.mark.parametrize("code", ["500", "502", "503"])
def test_chunking_that_does_not_work_is_not_used_again(
    make_gateway, make_smarthost, monkeypatch, code
):
    monkeypatch.setattr(scripted.Session, "on_bdat", None)
    smarthost = make_smarthost(extensions=CHUNKED)
    smarthost.answer = lambda step, argument, session: (
        f"{code} 5.5.1 what?" if step == "BDAT" else None
    )
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    for number in range(3):
        send(gateway, f"{number}", [FAR])
    assert gateway.flush().returncode == 0
    assert subjects(smarthost.messages) == ["0", "1", "2"]
    assert gateway.mailbox("ann") == []
    before = len(smarthost.sessions)
    send(gateway, "3", [FAR])
    assert gateway.flush().returncode == 0
    [session] = smarthost.sessions[before:]
    assert not any(line.startswith("BDAT") for line in session.lines)


@pytest.mark.skipif(
    not os.environ.get("LONTAR_LONG_WAITS"), reason="three minutes: LONTAR_LONG_WAITS=1"
)
def test_a_front_that_swallows_bdat_gets_data_in_the_same_call(
    make_gateway, make_smarthost, monkeypatch
):
    def swallow(session, argument):
        while True:
            session.fill()

    monkeypatch.setattr(scripted.Session, "on_bdat", swallow)
    smarthost = make_smarthost(extensions=CHUNKED)
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    for number in range(3):
        send(gateway, f"{number}", [FAR])
    gateway.flush(timeout=250)
    # What was under way when the silence began may have arrived; the others have.
    states = [one["state"] for one in gateway.queue()]
    assert set(states) <= {"uncertain"}
    assert len(smarthost.taken) + len(states) == 3
    send(gateway, "later", [FAR])
    gateway.flush()
    assert "later" in subjects(smarthost.taken)
    assert not any(line.startswith("BDAT") for line in smarthost.sessions[-1].lines)


def test_a_server_that_answers_one_of_two_commands_gets_one_at_a_time(
    make_gateway, make_smarthost, monkeypatch
):
    """VPOP3: what came together with a command is thrown away."""
    whole = scripted.Session.line

    def line(session):
        text = whole(session)
        session.unread = b""
        return text

    monkeypatch.setattr(scripted.Session, "line", line)
    smarthost = make_smarthost(extensions=PIPELINED)
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    for number in range(3):
        send(gateway, f"{number}", [FAR])
    assert gateway.flush(timeout=150).returncode == 0
    assert len(smarthost.taken) == 3
    before = len(smarthost.sessions)
    send(gateway, "3", [FAR])
    assert gateway.flush().returncode == 0
    assert all(smarthost.sessions[before].waits)


def test_what_stays_unclear_three_times_is_held_and_shown(talk):
    gateway, smarthost = talk
    gateway.control("uncertainwait", "1\n")
    smarthost.answer = lambda step, argument, session: "354 go on" if step == "BODY" else None
    send(gateway, "odd", [FAR])

    def is_held():
        gateway.flush()
        return gateway.queue()[0]["state"] == "held"

    wait_until(is_held, what="the message being held")
    assert len(smarthost.messages) == 3
    assert "354" in str(gateway.queue()[0])


@pytest.mark.parametrize("reply", ["452 4.5.3 too many recipients", "552 5.5.3 too many recipients"])
def test_recipients_beyond_the_servers_limit_go_in_the_next_transaction(talk, reply):
    """RFC 5321 4.5.3.1.10: 552 there means 452."""
    gateway, smarthost = talk
    smarthost.answer = lambda step, argument, session: (
        reply if step == "RCPT" and len(session.recipients) == 10 else None
    )
    people = [f"p{number:02}@far.example" for number in range(40)]
    send(gateway, "many", people)
    assert gateway.flush().returncode == 0
    assert sorted(sum((one.recipients for one in smarthost.taken), [])) == people
    assert len(smarthost.sessions) == 1
    assert gateway.mailbox("ann") == []
