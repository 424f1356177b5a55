"""What servers really say: replies of any length and shape, and offers that are not so."""

import email
import email.policy

import pytest

from waiting import wait_until

ANN, FAR = "ann@gate.example", "you@far.example"
CHUNKED = ["PIPELINING", "CHUNKING", "SIZE 0", "8BITMIME"]
PIPELINED = ["PIPELINING", "SIZE 0", "8BITMIME"]
PLAIN = ["SIZE 0", "8BITMIME"]

LINES = {
    "kilobytes": "%s 5.2.252 SendAsDenied; " + "0123456789abcdef " * 400,
    "a thousand lines": "%s-5.2.252 SendAsDenied\r\n" + "%s-more\r\n" * 1000 + "%s end",
}


@pytest.fixture(params=[CHUNKED, PIPELINED, PLAIN], ids=["chunked", "pipelined", "one by one"])
def talk(request, make_gateway, make_smarthost):
    smarthost = make_smarthost(extensions=request.param)
    return make_gateway(smarthosts={"isp": smarthost.port}), smarthost


def say(smarthost, verb, reply, when=lambda argument: True):
    smarthost.answer = lambda step, argument, session: (
        reply if step == verb and when(argument) else None
    )


def reply_of(shape, code):
    return LINES[shape].replace("%s", code)


def bounce_of(gateway, user="ann"):
    [stored] = wait_until(lambda: gateway.mailbox(user), what="the bounce")
    report = email.message_from_bytes(stored, policy=email.policy.default)
    [part] = [one for one in report.walk() if one.get_content_type() == "message/delivery-status"]
    return part.get_payload()[1]


@pytest.mark.parametrize("shape", LINES)
def test_a_long_reply_that_accepts_is_heard(talk, shape):
    gateway, smarthost = talk
    say(smarthost, "BODY", reply_of(shape, "250"))
    for number in range(3):
        gateway.send(ANN, [FAR], b"Subject: %d\r\n\r\nx\r\n" % number)
    assert gateway.flush().returncode == 0
    assert gateway.parked() == []
    assert len(smarthost.messages) == 3


@pytest.mark.parametrize("shape", LINES)
def test_a_long_reply_that_refuses_is_heard(talk, shape):
    gateway, smarthost = talk
    say(smarthost, "BODY", reply_of(shape, "554"))
    gateway.send(ANN, [FAR])
    gateway.flush()
    assert len(smarthost.messages) == 1
    assert not any(one["state"] == "uncertain" for one in gateway.queue())
    assert "554_" in gateway.log_text() and "SendAsDenied" in gateway.log_text()


def test_the_last_line_of_a_reply_decides(talk):
    gateway, smarthost = talk
    say(smarthost, "RCPT", "250-looking\r\n550 5.1.1 no such person", lambda one: "gone@" in one)
    gateway.send(ANN, [FAR, "gone@far.example"])
    assert gateway.flush().returncode == 0
    assert [one.recipients for one in smarthost.taken] == [[FAR]]
    recipient = bounce_of(gateway)
    assert recipient["Final-Recipient"].endswith("gone@far.example")
    assert recipient["Status"] == "5.1.1"


def test_the_last_line_decides_about_the_body_too(talk):
    gateway, smarthost = talk
    say(smarthost, "BODY", "554-it looks bad\r\n250 2.0.0 taken all the same")
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 0
    assert gateway.parked() == []
    assert gateway.mailbox("ann") == []
    assert len(smarthost.messages) == 1


def test_lines_without_a_code_within_a_reply_are_its_text(talk):
    gateway, smarthost = talk
    say(smarthost, "RCPT", "550-5.1.1 no such person\r\n127.0.0.1 told us\r\n550 bye")
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 0
    recipient = bounce_of(gateway)
    assert recipient["Status"] == "5.1.1"
    assert "no such person 127.0.0.1 told us bye" in " ".join(
        recipient["Diagnostic-Code"].split()
    )


@pytest.mark.parametrize("reply", ["354 go on", "050 debug", "150 wait"])
def test_a_reply_that_has_no_place_accepts_nothing(talk, reply):
    gateway, smarthost = talk
    say(smarthost, "BODY", reply)
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 75
    assert len(gateway.parked()) == 1
    assert gateway.mailbox("ann") == []
    assert len(smarthost.messages) == 1


@pytest.mark.parametrize("extensions", [PIPELINED, PLAIN], ids=["pipelined", "one by one"])
def test_a_message_is_not_in_doubt_if_data_is_answered_without_354(
    make_gateway, make_smarthost, extensions
):
    smarthost = make_smarthost(extensions=extensions)
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    say(smarthost, "DATA", "250 ok")
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 75
    assert [one["state"] for one in gateway.queue()] == ["waiting"]


@pytest.mark.parametrize(
    "sizes", [["SIZE 100"], ["SIZE 10000000", "SIZE 70000"], ["SIZE 70000", "SIZE 10000000"]]
)
def test_a_size_that_cannot_be_meant_keeps_no_message_back(make_gateway, make_smarthost, sizes):
    smarthost = make_smarthost(extensions=["PIPELINING", "CHUNKING", *sizes])
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    gateway.send(ANN, [FAR], b"Subject: large\r\n\r\n" + b"x" * 70 + b"\r\n" * 60000)
    assert gateway.flush().returncode == 0
    assert len(smarthost.taken) == 1
    assert "SIZE=" in smarthost.sessions[-1].lines[1]


def test_the_server_itself_refuses_what_is_too_large_for_it(make_gateway, make_smarthost):
    smarthost = make_smarthost(extensions=["PIPELINING", "CHUNKING", "SIZE 70000"])
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    say(smarthost, "MAIL", "552 5.3.4 ours takes 70000", lambda one: "SIZE=" in one)
    gateway.send(ANN, [FAR], b"Subject: large\r\n\r\n" + b"x\r\n" * 30000)
    gateway.send(ANN, [FAR], b"Subject: small\r\n\r\nx\r\n")
    assert gateway.flush().returncode == 0
    assert [b"Subject: small" in one.data for one in smarthost.messages] == [True]
    recipient = bounce_of(gateway)
    assert recipient["Status"] == "5.3.4"
    assert "ours takes 70000" in recipient["Diagnostic-Code"]
