"""A flush against a server that does one random wrong thing a session. Whatever it does, no
recipient is lost, none gets a message twice in one call, none is bounced for a reason that
the server did not give, the call ends, and a server that is well again gets all the rest.

LONTAR_MODEL_ROUNDS=N plays N rounds instead of the usual few; LONTAR_MODEL_SEED=N plays
round N alone, as the failure message asks."""

import collections
import email
import os
import random
import re
import signal
import time

import pytest

from gateway import EX_OK, EX_TEMPFAIL
from smarthost import Last
from waiting import wait_until

LETTERS = 12
CALLS = 3
CALL_MOST_S = 40
GONE_MOST_S = 2.5
OFFERS = (
    ("PIPELINING", "CHUNKING", "SIZE 0", "8BITMIME"),
    ("PIPELINING", "SIZE 0", "8BITMIME"),
    ("SIZE 0",),
    ("PIPELINING", "CHUNKING", "SIZE 100", "SIZE", "LIMITS MAILMAX=1 RCPTMAX=1", "8BITMIME"),
    ("PIPELINING", "LIMITS MAILMAX=0 RCPTMAX=0 MAILMAX=x", "SIZE 99999999999999999999", "AUTH"),
    ("CHUNKING", "SIZE 0", "X-" + "Y" * 600, "-", "250 250"),
)
WORDS = (
    "421 4.3.2 closing", "450 4.2.1 busy", "451 4.7.1 greylisted, try in 300 seconds",
    "452 4.5.3 too many recipients", "452 4.4.5 too many messages in this session",
    "454 4.7.0 slow down", "500 5.5.1 unknown command", "501 5.5.4 syntax",
    "502 5.5.1 not implemented", "503 5.5.1 bad sequence", "521 5.3.2 no mail here",
    "550 5.1.1 user unknown", "550 no", "550 5.7.1 relaying denied",
    "550 5.4.5 daily user sending limit exceeded", "552 5.3.4 too large",
    "553 5.7.1 sender address rejected: not owned by user", "554 5.7.1 spam",
    "554 transaction failed", "571 go away", "250-ok\r\n550 no", "550-no\r\n250 ok",
)  # fmt: skip
NO_ANSWER = (
    "354 go on", "050 what", "hello", "250", "999 9.9.9 nine", "\x00\x00\x00", "150 wait",
    "250 2.0.0 " + "long " * 20000, "250-" + "\r\n250-".join(map(str, range(300))) + "\r\n250 end",
    "550 " + "x" * 1100000, "250 ok\r\n250 ok", "334 ", "<html>",
)  # fmt: skip
RECIPIENT = re.compile(r"<(r(\d+)-\d+@[^>]*)>")


class Fault:
    """What one session does wrong: at its `at`-th answer, `what`."""

    def __init__(self, dice):
        self.at = dice.choice((0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 11, 13, 17, 25))
        kind = dice.random()
        self.is_unheard = True  # nothing is known of what the server does from then on
        if kind < 0.1:
            self.what = "DROP"
        elif kind < 0.2:
            self.what = "CLOSE"
        elif kind < 0.4:
            self.what = dice.choice(NO_ANSWER)
        else:
            self.what = dice.choice(WORDS)
            self.is_unheard = False
        if not self.is_unheard and dice.random() < 0.5:
            self.what = Last(self.what)
        self.is_for_ever = not self.is_unheard and dice.random() < 0.3
        self.is_taken_all_the_same = dice.random() < 0.5


class Ledger:
    """The server's own account of what it did."""

    def __init__(self, dice):
        self.dice = dice
        self.is_well = False
        self.call = 0
        self.faults = {}
        self.counts = collections.Counter()
        self.taken = collections.defaultdict(list)  # of a recipient: numbers of calls
        self.in_doubt = set()  # recipients: taken, and the client may not know
        self.refused = set()  # recipients, senders: for good
        self.at_answer = lambda number: None
        self.answers = 0

    def fault_of(self, session):
        if session not in self.faults:
            has_one = not self.is_well and self.dice.random() < 0.8
            self.faults[session] = Fault(self.dice) if has_one else None
        return self.faults[session]

    def said(self, step, argument, session, reply):
        """Notes a refusal for good, and of whom."""
        if not re.search(r"(^|\n)5", reply) and not reply.startswith("5"):
            return
        if step == "MAIL":
            self.refused.add(argument[5:].partition(" ")[0].strip("<>"))
        elif step == "RCPT":
            self.refused.add(argument[3:].strip("<>"))
        elif step in ("DATA", "BODY", "BDAT"):
            self.refused.update(session.recipients)

    def took(self, got, is_heard):
        for recipient in got.recipients:
            self.taken[recipient].append(self.call)
            if not is_heard:
                self.in_doubt.add(recipient)

    def answer(self, step, argument, session):
        fault = self.fault_of(session)
        number = self.counts[session]
        self.counts[session] += 1
        self.answers += 1
        self.at_answer(self.answers)
        is_wrong = fault and (number == fault.at or (number > fault.at and fault.is_for_ever))
        if is_wrong and step != "QUIT":
            self.said(step, argument, session, str(fault.what))
            last = fault.what.rpartition("\n")[2]
            if step == "BODY" and (last.startswith("2") or fault.is_unheard):
                if last.startswith("2") or fault.is_taken_all_the_same:
                    self.took(argument, is_heard=False)
            return fault.what
        if step == "BODY":
            self.took(argument, is_heard=not (fault and fault.is_unheard and number > fault.at))
        return None


def send(gateway, dice):
    """{recipient: sender}"""
    people = {}
    with gateway.smtp() as client:
        for number in range(LETTERS):
            sender = dice.choice(("ann@gate.example", "bob@gate.example"))
            recipients = [f"r{number}-{i}@far.example" for i in range(dice.choice((1, 1, 1, 3)))]
            body = b"x" * 70 + b"\r\n"
            body *= dice.choice((1, 1, 1, 10, 900))
            client.sendmail(sender, recipients, b"Subject: %d\r\n\r\n" % number + body)
            people.update(dict.fromkeys(recipients, sender))
    return people


def bounced(gateway):
    found = collections.Counter()
    for user in ("ann", "bob"):
        for one in gateway.mailbox(user):
            for part in email.message_from_bytes(one).walk():
                address = part.get("Final-Recipient")
                if address and part.get("Action") == "failed":
                    found[address.partition(";")[2].strip()] += 1
    return found


def local_waits(gateway):
    return any((gateway.root / "spool/parked/local").glob("[nc]*/*"))


def check(gateway, people, ledger):
    told = wait_until(lambda: not local_waits(gateway) and [bounced(gateway)], what="bounces")[0]
    waiting = collections.Counter(to for one in gateway.parked() for to in one.unsettled)
    for recipient, sender in people.items():
        calls = ledger.taken[recipient]
        where = (len(calls), told[recipient], waiting[recipient])
        assert len(calls) == len(set(calls)), f"{recipient} has it twice of one call: {calls}"
        assert told[recipient] <= 1 and waiting[recipient] <= 1, f"{recipient}: {where}"
        if told[recipient]:
            reasons = {recipient, sender} & ledger.refused
            assert reasons, f"{recipient} was bounced, and the server did not refuse it"
        assert any(where), f"{recipient} is lost"
        if recipient not in ledger.in_doubt:
            assert sum(where) == 1, f"{recipient}: taken, bounced, waiting {where}"


def flush_of(gateway):
    return next((pid for pid, name in gateway.processes().items() if name == "lontar-flush"), 0)


def strike(gateway, ledger, dice, number):
    """At a random answer of the call the flush is told to stop, or killed."""
    at = ledger.answers + dice.randrange(30)
    struck = []

    def at_answer(now):
        if now >= at and not struck:
            pid = flush_of(gateway)
            struck.append((pid, time.monotonic()))
            if pid:
                os.kill(pid, number)

    ledger.at_answer = at_answer
    return struck


def run_call(gateway, ledger, dice):
    ledger.call += 1
    kind = dice.random()
    number = signal.SIGTERM if kind < 0.15 else signal.SIGKILL if kind < 0.25 else None
    struck = strike(gateway, ledger, dice, number) if number else []
    done = gateway.flush(timeout=CALL_MOST_S)
    ledger.at_answer = lambda number: None
    if struck and struck[0][0]:
        wait_until(lambda: flush_of(gateway) != struck[0][0], what="the end of the flush")
        assert time.monotonic() - struck[0][1] < GONE_MOST_S, "it did not leave when told"
        ledger.in_doubt.update(to for to, calls in ledger.taken.items() if ledger.call in calls)
    wait_until(lambda: not flush_of(gateway), CALL_MOST_S, what="the end of the flush")
    return done


def play(seed, make_gateway, make_smarthost):
    dice = random.Random(seed)
    ledger = Ledger(dice)
    smarthost = make_smarthost(extensions=dice.choice(OFFERS))
    smarthost.answer = ledger.answer
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    gateway.control("uncertainwait", "1\n")
    people = send(gateway, dice)
    try:
        for _ in range(CALLS):
            done = run_call(gateway, ledger, dice)
            smarthost.settle()
            assert done.returncode in (EX_OK, EX_TEMPFAIL), done.stderr
            check(gateway, people, ledger)
        ledger.is_well = True
        ledger.call += 1
        release(gateway)

        def is_empty():
            gateway.flush(timeout=CALL_MOST_S)
            ledger.call += 1
            return not gateway.parked()

        wait_until(is_empty, what="an empty queue")
        smarthost.settle()
        check(gateway, people, ledger)
        assert "ERROR: AddressSanitizer" not in gateway.log_text()
    finally:
        gateway.stop()


def release(gateway):
    """A person lets go what the server's unclear answers made the gateway hold."""
    held = [one["id"] for one in gateway.queue() if one["state"] == "held"]
    if held:
        done = gateway.run("release", *held)
        assert done.returncode == EX_OK, done.stderr


SEED = os.environ.get("LONTAR_MODEL_SEED")
ROUNDS = int(os.environ.get("LONTAR_MODEL_ROUNDS", 8))


@pytest.mark.parametrize("seed", [int(SEED)] if SEED else range(ROUNDS))
def test_no_server_makes_a_flush_lose_repeat_or_invent(seed, make_gateway, make_smarthost):
    play(seed, make_gateway, make_smarthost)
