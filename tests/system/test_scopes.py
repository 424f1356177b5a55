"""How far a refusal reaches: one letter, one sender, one bad recipient or a limit of the
provider's never stops more than itself."""

import email

import pytest

from gateway import BIN, EX_OK, EX_TEMPFAIL
from stop_stand import (
    flap, let_pass, letters, link_down, link_up, refuse, state, stopped_again, stops_file, take,
    wait_for_the_end_of_flushes, words,
)  # fmt: skip
from waiting import wait_until

ANN, BOB, CRON, FAR = "ann@gate.example", "bob@gate.example", "root@gate.example", "you@far.example"
NOT_OWNED = "553 5.7.1 <root@gate.example>: Sender address rejected: not owned by auth user office"
CHUNKED = ["PIPELINING", "CHUNKING", "SIZE 0", "8BITMIME"]
PIPELINED = ["PIPELINING", "SIZE 0", "8BITMIME"]
PLAIN = ["SIZE 0", "8BITMIME"]


@pytest.fixture(params=[CHUNKED, PIPELINED, PLAIN], ids=["chunked", "pipelined", "one by one"])
def talk(request, make_gateway, make_smarthost):
    smarthost = make_smarthost(extensions=request.param)
    return make_gateway(smarthosts={"isp": smarthost.port}), smarthost


def subjects(messages):
    return sorted(email.message_from_bytes(one.data)["Subject"] for one in messages)


def send(gateway, subject, sender=ANN, recipients=(FAR,)):
    gateway.send(sender, list(recipients), b"Subject: %s\r\n\r\nx\r\n" % subject.encode())


def bounces(gateway, user="ann"):
    return [one for one in gateway.mailbox(user) if b"multipart/report" in one]


def asked(smarthost, sender=""):
    """How many messages were begun, of that sender or of all."""
    lines = [line for session in smarthost.sessions for line in session.lines]
    return sum(line.startswith(f"MAIL FROM:<{sender}") for line in lines)


def logins(smarthost):
    lines = [line for session in smarthost.sessions for line in session.lines]
    return sum(line.startswith("AUTH ") for line in lines)


# recipients


def test_dead_addresses_bounce_each_at_once_and_stop_nothing(talk):
    gateway, smarthost = talk
    refuse(smarthost, "RCPT", "550 5.1.1 User unknown", lambda argument: "gone" in argument)
    send(gateway, "good 0")
    send(gateway, "bad 0", recipients=["gone0@far.example"])
    send(gateway, "bad 1", BOB, recipients=["gone1@far.example"])
    send(gateway, "good 1")
    assert gateway.flush().returncode == EX_OK
    assert subjects(smarthost.taken) == ["good 0", "good 1"]
    wait_until(lambda: bounces(gateway) and bounces(gateway, "bob"), what="both bounces")
    assert state(gateway) == "empty"
    assert not stops_file(gateway).exists()


def test_a_dead_address_bounces_though_it_is_all_there_is(talk):
    gateway, smarthost = talk
    refuse(smarthost, "RCPT", "550 5.1.1 User unknown")
    for number in range(3):
        send(gateway, f"bad {number}", recipients=[f"gone{number}@far.example"])
    assert gateway.flush().returncode == EX_OK
    wait_until(lambda: len(bounces(gateway)) == 3, what="the bounces")
    take(smarthost)
    send(gateway, "good")
    assert gateway.flush().returncode == EX_OK
    assert subjects(smarthost.taken) == ["good"]


# senders


@pytest.fixture
def root_is_refused(talk):
    """Three letters of root's and two of ann's; the server takes none of root's."""
    gateway, smarthost = talk
    refuse(smarthost, "MAIL", NOT_OWNED, lambda argument: CRON in argument)
    for number in range(3):
        send(gateway, f"cron {number}", CRON)
        send(gateway, f"mail {number}", ANN)
    assert gateway.flush().returncode == EX_TEMPFAIL
    return gateway, smarthost


def test_a_refused_sender_waits_alone_and_the_postmaster_is_told(root_is_refused):
    gateway, smarthost = root_is_refused
    assert subjects(smarthost.taken) == ["mail 0", "mail 1", "mail 2"]
    assert bounces(gateway) == []
    queue = gateway.queue()
    assert [one["scope"] for one in queue] == ["sender"] * 3
    assert {one["attempts"] for one in queue} == {0}
    assert state(gateway) == "waiting"
    [letter] = wait_until(lambda: letters(gateway), what="a letter to the postmaster")
    assert "not owned by auth user" in words(letter)


def test_a_refused_sender_is_asked_for_with_one_letter_a_call(root_is_refused):
    gateway, smarthost = root_is_refused
    for _ in range(2):
        before = asked(smarthost, CRON)
        flap(gateway)
        assert asked(smarthost, CRON) == before + 1
    before = asked(smarthost, CRON)
    send(gateway, "mail 3", ANN)
    link_up(gateway)
    wait_until(lambda: "mail 3" in subjects(smarthost.taken), what="mail of others")
    wait_for_the_end_of_flushes(gateway)
    assert asked(smarthost, CRON) == before + 1


@pytest.mark.parametrize("end", ["link", "release"])
def test_a_sender_is_free_again_at_the_next_link_up_or_by_a_person(root_is_refused, end):
    gateway, smarthost = root_is_refused
    take(smarthost)
    if end == "link":
        link_up(gateway)
    else:
        assert gateway.run("release", *[one["id"] for one in gateway.queue()]).returncode == EX_OK
        gateway.flush()
    wait_until(lambda: not gateway.parked(), 20, "root's mail")
    assert len(smarthost.taken) == 6
    wait_until(lambda: not stops_file(gateway).exists(), what="the end of the stop")


def test_a_sender_is_free_again_after_a_while_by_itself(talk):
    gateway, smarthost = talk
    refuse(smarthost, "MAIL", NOT_OWNED + ", try again in 5 seconds", lambda one: CRON in one)
    send(gateway, "cron 0", CRON)
    send(gateway, "cron 1", CRON)
    link_up(gateway)
    stopped_again(gateway, 1)
    take(smarthost)
    wait_until(lambda: subjects(smarthost.taken) == ["cron 0", "cron 1"], 20, "root's mail")


def test_a_sender_who_is_refused_at_rcpt_is_the_one_who_waits(talk):
    gateway, smarthost = talk
    smarthost.answer = lambda step, argument, session: (
        "550 5.1.8 <root@gate.example>: Sender address rejected: Domain not found"
        if step == "RCPT" and session.sender == CRON
        else None
    )
    send(gateway, "cron", CRON)
    send(gateway, "mail", ANN)
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert subjects(smarthost.taken) == ["mail"]
    [queued] = gateway.queue()
    assert (queued["sender"], queued["scope"]) == (CRON, "sender")
    assert bounces(gateway) == []


def test_several_different_senders_who_are_refused_stop_the_smarthost(make_gateway, make_smarthost):
    smarthost = make_smarthost(extensions=PLAIN)
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    refuse(smarthost, "MAIL", "553 5.7.1 Sender address rejected: not owned by auth user office")
    for sender in (ANN, BOB, CRON, "x@gate.example", "y@gate.example"):
        send(gateway, "x", sender)
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert gateway.smarthost_status()["scope"] == "place"
    assert asked(smarthost) == 3
    assert bounces(gateway) == []


def test_a_receipt_that_the_provider_never_takes_ends_as_a_note_to_the_postmaster(talk):
    gateway, smarthost = talk
    refuse(smarthost, "MAIL", "501 5.1.7 Invalid sender", lambda argument: "<>" in argument)
    send(gateway, "mail 0")
    send(gateway, "read receipt", "")
    send(gateway, "mail 1")
    assert gateway.flush().returncode == EX_OK
    assert subjects(smarthost.taken) == ["mail 0", "mail 1"]
    assert state(gateway) == "empty"
    [note] = wait_until(lambda: gateway.mailbox("ann"), what="the note")
    assert b"read receipt" in note and b"501" in note


@pytest.mark.parametrize(
    ("step", "reply"),
    [
        ("MAIL", "501 5.1.7 Invalid sender"),
        ("MAIL", "501 Invalid MAIL FROM address provided"),  # Amazon SES
        ("MAIL", "503 5.5.4 Bad sequence of commands: null reverse-path is not allowed"),
        ("MAIL", "553 5.7.1 Sender address rejected: not owned by auth user."),  # Yandex
        ("MAIL", "550 5.7.1 Null sender is not allowed"),
        ("RCPT", "550 5.1.8 <>: Sender address rejected: null senders are not accepted"),
    ],
)
def test_a_lone_receipt_that_is_refused_stops_nothing(talk, step, reply):
    gateway, smarthost = talk
    smarthost.answer = lambda at, argument, session: (
        reply
        if at == step and ("<>" in argument if step == "MAIL" else session.sender == "")
        else None
    )
    send(gateway, "read receipt", "")
    assert gateway.flush().returncode == EX_OK
    [note] = wait_until(lambda: gateway.mailbox("ann"), what="the note")
    assert b"read receipt" in note
    assert state(gateway) == "empty"
    send(gateway, "mail")
    assert gateway.flush().returncode == EX_OK
    assert subjects(smarthost.taken) == ["mail"]


def test_nullsender_names_the_address_that_such_a_provider_gets(make_gateway, make_smarthost):
    smarthost = make_smarthost()
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    gateway.smarthost("isp", host="127.0.0.1", port=smarthost.port, nullsender=ANN)
    refuse(smarthost, "MAIL", "501 5.1.7 Invalid sender", lambda argument: "<>" in argument)
    send(gateway, "read receipt", "")
    assert gateway.flush().returncode == EX_OK
    assert [one.sender for one in smarthost.taken] == [ANN]


# the account

QUOTA = "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\r\n" \
        "550 5.4.5 sending limits go to support.example {} - gsmtp"  # fmt: skip


def exhausted(smarthost, step, template):
    """Each reply has another id, as Gmail's have."""
    number = iter(range(10**6))
    smarthost.answer = lambda at, *_: (
        template.format(f"a640c23a62f3a-{next(number)}") if at == step else None
    )


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "BODY"])
def test_a_spent_quota_stops_at_the_first_and_counts_nothing(talk, step):
    gateway, smarthost = talk
    exhausted(smarthost, step, QUOTA)
    for number in range(30):
        send(gateway, f"{number:02}")
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert bounces(gateway) == []
    queue = gateway.queue()
    assert len(queue) == 30
    assert {one["attempts"] for one in queue} == {0}
    assert {one["scope"] for one in queue} == {"account"}
    status = gateway.smarthost_status()
    assert (status["state"], status["scope"]) == ("stopped", "account")
    assert status["until"]
    assert "Daily user sending limit exceeded" in status["last_error"]
    assert len(smarthost.sessions) == 1


def test_a_spent_quota_is_over_after_its_time_by_itself(gateway, smarthost):
    exhausted(smarthost, "BODY", QUOTA)
    for number in range(30):
        send(gateway, f"{number:02}")
    link_up(gateway)
    stopped_again(gateway, 1)
    before = asked(smarthost)
    take(smarthost)
    send(gateway, "30")
    assert asked(smarthost) == before
    let_pass(gateway, 86400)
    wait_until(lambda: len(smarthost.taken) == 31, 20, "all mail")


def test_a_quota_that_is_spent_after_100_letters_is_asked_for_a_handful_of_times(talk):
    gateway, smarthost = talk
    smarthost.answer = lambda step, argument, session: (
        "450 4.2.1 The user you are trying to contact is receiving mail too quickly: "
        "Daily user sending limit exceeded"
        if step == "MAIL" and len(smarthost.taken) >= 100
        else None
    )
    for number in range(130):
        send(gateway, f"{number:03}")
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert len(smarthost.taken) == 100
    # What had left before the first refusal came cannot be taken back.
    before = asked(smarthost)
    assert before <= (100 + 32 if "CHUNKING" in smarthost.extensions else 105)
    for _ in range(3):
        flap(gateway, tries=False)
    assert asked(smarthost) == before
    assert {one["attempts"] for one in gateway.queue()} == {0}
    assert gateway.smarthost_status()["scope"] == "account"


# the place


@pytest.mark.parametrize(
    "reply",
    [
        "554 5.7.1 <you@far.example>: Relay access denied",
        "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org; "
        "https://www.spamhaus.org/query/ip/192.0.2.7",
    ],
    ids=["relaying", "block list"],
)
def test_a_lone_letter_that_is_refused_for_the_place_waits_for_another(talk, reply):
    gateway, smarthost = talk
    refuse(smarthost, "RCPT", reply)
    send(gateway, "lone")
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert bounces(gateway) == []
    status = gateway.smarthost_status()
    assert (status["state"], status["scope"]) == ("stopped", "place")
    assert [one["attempts"] for one in gateway.queue()] == [0]
    take(smarthost)
    link_up(gateway)
    wait_until(lambda: subjects(smarthost.taken) == ["lone"], what="the letter")


def test_a_lone_letter_that_is_refused_for_the_place_goes_over_the_fallback(
    make_gateway, make_smarthost
):
    first, second = make_smarthost(), make_smarthost()
    gateway = make_gateway(smarthosts={"isp": first.port, "sat": second.port})
    gateway.smarthost("isp", host="127.0.0.1", port=first.port, fallback="sat")
    refuse(first, "RCPT", "554 5.7.1 <you@far.example>: Relay access denied")
    send(gateway, "lone")
    link_up(gateway)
    wait_until(lambda: subjects(second.taken) == ["lone"], what="the letter at the second")
    assert asked(first) == 1
    assert bounces(gateway) == []


def test_once_others_went_only_the_letter_that_was_refused_for_the_place_waits(talk):
    gateway, smarthost = talk
    refuse(smarthost, "RCPT", "554 5.7.1 Relay access denied", lambda one: "abroad" in one)
    send(gateway, "good 0")
    send(gateway, "bad", recipients=["you@abroad.example"])
    send(gateway, "good 1")
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert subjects(smarthost.taken) == ["good 0", "good 1"]
    [queued] = gateway.queue()
    assert (queued["recipients"], queued["scope"]) == (["you@abroad.example"], "place")
    assert state(gateway) == "waiting"
    assert bounces(gateway) == []


# the login


@pytest.fixture
def logged_in(make_gateway, make_smarthost):
    """A letter went after a login; now the server refuses the same login."""
    smarthost = make_smarthost(extensions=["PIPELINING", "AUTH PLAIN"])
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    gateway.smarthost(
        "isp", host="127.0.0.1", port=smarthost.port, tls="none", user="office",
        passwordfile=gateway.secret("isp.password", "sesame"),
    )  # fmt: skip
    send(gateway, "first")
    assert gateway.flush().returncode == EX_OK
    refuse(smarthost, "AUTH", "535 5.7.8 Error: authentication failed")
    send(gateway, "second")
    return gateway, smarthost


def test_a_login_that_worked_is_tried_seldom_enough_that_no_account_locks(logged_in):
    gateway, smarthost = logged_in
    waits = []
    for times in range(1, 5):
        link_up(gateway)
        stopped_again(gateway, times)
        link_down(gateway)
        before = logins(smarthost)
        for _ in range(3):
            flap(gateway, tries=False)
        assert logins(smarthost) == before
        waits.append(round(wait_of(gateway) / 60))
        let_pass(gateway, 86400)
    assert waits == [15, 60, 240, 240]
    assert logins(smarthost) == 1 + 4


def wait_of(gateway):
    """Of the one stop, seconds."""
    text = stops_file(gateway).read_text()
    stop = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    assert stop["scope"] == "login"
    return int(stop["until"]) - stops_file(gateway).stat().st_mtime


def test_a_login_that_works_again_brings_the_mail_at_the_next_link_up(logged_in):
    gateway, smarthost = logged_in
    link_up(gateway)
    stopped_again(gateway, 1)
    assert gateway.smarthost_status()["scope"] == "login"
    link_down(gateway)
    take(smarthost)
    let_pass(gateway, 1000)
    link_up(gateway)
    wait_until(lambda: subjects(smarthost.taken) == ["first", "second"], what="the letter")


# what a connection or a call carries


def test_a_call_goes_on_over_new_connections_after_each_progress(make_gateway, make_smarthost):
    """Ten letters a connection, and then 421; then 421 to all."""
    smarthost = make_smarthost(extensions=CHUNKED)
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    gateway.control(
        "links/line", f"dial {BIN}/lontar link up line\nhangup {BIN}/lontar link down line\n"
    )
    smarthost.answer = lambda step, argument, session: (
        "421 4.7.0 too many messages in this session"
        if step == "MAIL" and sum(one.session is session for one in smarthost.taken) >= 10
        else None
    )
    for number in range(35):
        send(gateway, f"{number:02}")
    assert gateway.run("call", "line").returncode == EX_OK
    assert subjects(smarthost.taken) == [f"{number:02}" for number in range(35)]


def test_no_attempt_is_counted_for_letters_that_were_not_tried(talk):
    gateway, smarthost = talk
    smarthost.answer = lambda step, argument, session: (
        "421 4.3.2 busy, come back later" if step == "MAIL" and len(smarthost.taken) >= 10 else None
    )
    for number in range(30):
        send(gateway, f"{number:02}")
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert len(smarthost.taken) == 10
    assert sum(one["attempts"] for one in gateway.queue()) <= 3
    # All that were under way, two as feelers, and the ten.
    assert asked(smarthost) <= 30 + 3


def send_five_behind_a_bad_one(gateway, smarthost, step, end):
    smarthost.answer = lambda at, argument, session: (
        end if at == step and "bad@" in argument else None
    )
    send(gateway, "b", "bad@gate.example", ["bad@far.example"])
    for number in range(5):
        send(gateway, f"good {number}")


GOOD = [f"good {number}" for number in range(8)]


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
def test_a_letter_that_always_makes_the_server_hang_up_keeps_no_other_back(talk, step):
    gateway, smarthost = talk
    gateway.control("uncertainwait", "1\n")
    send_five_behind_a_bad_one(gateway, smarthost, step, "CLOSE")
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert subjects(smarthost.taken) == GOOD[:5]
    [queued] = gateway.queue()
    assert queued["recipients"] == ["bad@far.example"]
    assert queued["attempts"] >= 1
    assert len(smarthost.sessions) <= 6
    for number in range(5, 8):
        send(gateway, f"good {number}")
    before = len(smarthost.sessions)
    gateway.flush()
    assert subjects(smarthost.taken) == GOOD
    assert len(smarthost.sessions) <= before + 3
    begun = [line for line in smarthost.sessions[before].lines if line.startswith("MAIL")]
    assert not any("bad@" in line for line in begun[:3])


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
def test_one_that_makes_the_server_cut_the_connection_keeps_no_other_back(talk, step):
    """With chunking all six are in doubt then; the next time the bad one goes last."""
    gateway, smarthost = talk
    gateway.control("uncertainwait", "1\n")
    send_five_behind_a_bad_one(gateway, smarthost, step, "DROP")

    def have_the_good_gone():
        gateway.flush()
        return subjects(smarthost.taken) == GOOD[:5]

    if "CHUNKING" in smarthost.extensions:
        wait_until(have_the_good_gone, what="the good letters")
    else:
        assert have_the_good_gone()
    assert len(smarthost.sessions) <= 8
    assert gateway.queue()[0]["recipients"] == ["bad@far.example"]


# real Postfix, with its own limits


def test_postfix_that_hangs_up_after_too_many_errors_gets_all_in_one_call(
    make_gateway, make_postfix
):
    """smtpd_hard_error_limit is 20: one letter to 30 unknown people, 30 letters to one
    each, and two good ones."""
    postfix = make_postfix(more=("smtpd_error_sleep_time = 0",))
    gateway = make_gateway(smarthosts={"isp": postfix.port})
    send(gateway, "bad", recipients=[f"p{number}@gone.example" for number in range(30)])
    for number in range(30):
        send(gateway, f"bad {number:02}", recipients=[f"q{number}@gone.example"])
    send(gateway, "good 0")
    send(gateway, "good 1")
    assert gateway.flush(timeout=200).returncode == EX_OK
    wait_until(lambda: len(postfix.mail()) == 2, what="the good letters")
    gone = [b"%c%d@gone.example" % (kind, number) for kind in b"pq" for number in range(30)]
    wait_until(
        lambda: not [one for one in gone if one not in b"".join(bounces(gateway))],
        what="all that bounced being told",
    )
