"""Whatever a server says, one call asks it a bounded number of times, and what one letter was
told is not held against others."""

import pytest

from smarthost import Last
from waiting import never

ANN, BOB, FAR = "ann@gate.example", "bob@gate.example", "you@far.example"
CHUNKED = ["PIPELINING", "CHUNKING", "SIZE 0", "8BITMIME"]
PLAIN = ["SIZE 0", "8BITMIME"]
NOT_YOURS = "553 5.7.1 sender address rejected: not owned by user"
UNCLEAR = "554 transaction failed"


@pytest.fixture(params=[CHUNKED, PLAIN], ids=["chunked", "one by one"])
def talk(request, make_gateway, make_smarthost):
    smarthost = make_smarthost(extensions=request.param)
    return make_gateway(smarthosts={"isp": smarthost.port}), smarthost


def send(gateway, count, sender=ANN, recipients=(FAR,)):
    with gateway.smtp() as client:
        for number in range(count):
            client.sendmail(sender, recipients, b"Subject: %d\r\n\r\nx\r\n" % number)


def say(smarthost, step, reply, when=lambda argument: True):
    smarthost.answer = lambda at, argument, session: (
        reply if at == step and when(argument) else None
    )


def take(smarthost):
    smarthost.answer = lambda *_: None


def asked(smarthost, verb):
    return sum(line.startswith(verb) for one in smarthost.sessions for line in one.lines)


def reports(gateway):
    return [
        one for user in ("ann", "bob") for one in gateway.mailbox(user)
        if b"multipart/report" in one
    ]  # fmt: skip


def test_all_letters_of_a_sender_go_in_the_call_that_finds_the_refusal_over(talk):
    gateway, smarthost = talk
    say(smarthost, "MAIL", NOT_YOURS)
    send(gateway, 6)
    gateway.flush()
    assert len(gateway.parked()) == 6
    take(smarthost)
    assert gateway.flush().returncode == 0
    assert len(smarthost.taken) == 6


def test_a_letter_that_was_refused_for_its_sender_and_was_hung_up_on_goes_in_the_end(talk):
    gateway, smarthost = talk
    send(gateway, 1)
    say(smarthost, "MAIL", NOT_YOURS)
    gateway.flush()
    say(smarthost, "MAIL", "CLOSE")
    gateway.flush()
    assert len(gateway.parked()) == 1
    take(smarthost)
    assert gateway.flush().returncode == 0
    assert len(smarthost.taken) == 1


def test_too_many_recipients_at_the_end_of_the_body_is_not_asked_for_ever(talk):
    gateway, smarthost = talk
    say(smarthost, "BODY", "452 4.5.3 Too many recipients")
    send(gateway, 1, recipients=["a@far.example", "b@far.example", "c@far.example"])
    assert gateway.flush(timeout=20).returncode == 75
    assert len(smarthost.messages) <= 4
    assert reports(gateway) == []


def test_too_many_recipients_at_the_end_of_the_body_makes_fewer_a_transaction(talk):
    gateway, smarthost = talk
    say(smarthost, "BODY", "452 4.5.3 Too many recipients", lambda got: len(got.recipients) > 2)
    everybody = [f"{name}@far.example" for name in "abcdefgh"]
    send(gateway, 1, recipients=everybody)
    assert gateway.flush(timeout=20).returncode == 0
    assert sorted(to for one in smarthost.taken for to in one.recipients) == everybody


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "BODY"])
def test_a_server_that_ends_each_session_without_taking_anything_is_left_alone(talk, step):
    gateway, smarthost = talk
    say(smarthost, step, "452 4.4.5 too many messages in this session")
    send(gateway, 20)
    assert gateway.flush(timeout=20).returncode == 75
    assert len(smarthost.sessions) <= 5
    assert len(gateway.parked()) == 20
    take(smarthost)
    assert gateway.flush().returncode == 0
    assert len(smarthost.taken) == 20


def test_a_letter_that_is_hung_up_on_says_nothing_about_messages_a_connection(talk):
    gateway, smarthost = talk
    say(smarthost, "RCPT", Last("550 5.1.1 no such person"), lambda to: "gone@" in to)
    send(gateway, 1)
    send(gateway, 1, recipients=["gone@far.example"])
    gateway.flush()
    send(gateway, 8)
    before = len(smarthost.sessions)
    assert gateway.flush().returncode == 0
    assert len(smarthost.sessions) == before + 1


def test_unclear_words_and_the_end_of_the_connection_bounce_nothing_of_several_senders(talk):
    gateway, smarthost = talk
    say(smarthost, "RCPT", Last(UNCLEAR))
    for sender in (ANN, BOB):
        send(gateway, 1, sender, ["a@far.example", "b@far.example"])
    assert gateway.flush().returncode == 75
    assert len(gateway.parked()) == 2
    assert reports(gateway) == []


def test_the_letters_of_one_sender_are_not_all_bounced_for_unclear_words(talk):
    gateway, smarthost = talk
    say(smarthost, "RCPT", UNCLEAR)
    send(gateway, 150)
    assert gateway.flush().returncode == 75
    assert len(gateway.parked()) == 150
    assert reports(gateway) == []
    assert asked(smarthost, "RCPT") < 150
    told = gateway.queue()[0]
    assert (told["state"], told["scope"]) == ("waiting", "sender")
    take(smarthost)
    assert gateway.flush().returncode == 0
    assert len(smarthost.taken) == 150


def test_the_stops_of_letters_that_are_gone_are_forgotten(talk):
    gateway, smarthost = talk
    say(smarthost, "MAIL", "CLOSE")
    send(gateway, 3)
    gateway.flush()
    stops = gateway.root / "spool/state/stops/isp"
    assert "scope=suspect" in stops.read_text()
    ids = [one["id"] for one in gateway.queue()]
    assert gateway.run("drop", "--silent", *ids).returncode == 0
    take(smarthost)
    send(gateway, 1)
    assert gateway.flush().returncode == 0
    assert not stops.exists() or "scope=suspect" not in stops.read_text()


class Flood:
    """At one step the server talks without end, until the client hangs up."""

    MOST = 64 << 20

    def __init__(self, step, line):
        self.step, self.line = step, (line + "\r\n").encode() * 100
        self.sent = 0

    def __call__(self, step, argument, session):
        if step != self.step:
            return None
        try:
            while self.sent < self.MOST:
                session.socket.sendall(self.line)
                self.sent += len(self.line)
        except OSError:
            pass
        return "DROP"


@pytest.mark.parametrize("line", ["%s-and so on", "%s and so on", "no code at all", "x" * 2000])
@pytest.mark.parametrize(
    "step, code", [("GREETING", 220), ("EHLO", 250), ("MAIL", 250), ("BODY", 250)]
)
def test_a_server_that_talks_without_end_is_hung_up_on(gateway, smarthost, step, code, line):
    smarthost.answer = Flood(step, line.replace("%s", str(code)))
    send(gateway, 1)
    gateway.flush(timeout=30)
    smarthost.settle()
    assert smarthost.answer.sent < 3 * 8 << 20


def test_a_reply_that_comes_byte_by_byte_for_ever_is_no_reply(gateway, smarthost):
    smarthost.answer = Trickle()
    send(gateway, 1)
    assert gateway.flush(timeout=30).returncode == 75
    smarthost.settle()


class Trickle:
    """Says that it closes, and does not: four times a second it says one byte more."""

    def __call__(self, step, argument, session):
        if step != "MAIL":
            return None
        session.reply("421 4.3.2 closing")
        try:
            session.socket.sendall(b"250-")
            while True:
                session.socket.sendall(b"x")
                never.wait(0.25)
        except OSError:
            return "DROP"
