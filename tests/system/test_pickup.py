"""Mail that waits at a provider comes in once, whatever happens on the way."""

import base64
import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import threading

import pytest

from cut_relay import CutRelay
from gateway import BIN, EX_CONFIG, EX_NOINPUT, EX_OK, EX_TEMPFAIL
from pickup_stand import PLAIN, expected, fetch, letter, letters, subjects
from provider import CAPABILITIES
from waiting import wait_until

# Dovecot


@pytest.fixture(scope="module")
def dovecot(make_dovecot):
    return make_dovecot()


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_a_real_provider_is_emptied_into_the_mailbox(office, dovecot, certificates, tls):
    port = dovecot.pop3s if tls == "implicit" else dovecot.pop3
    gateway = office(port, tls=tls, cafile=certificates.ca, user=tls)
    dovecot.put(tls, letters(40))
    done = gateway.run("pickup")
    assert done.returncode == EX_OK, done.stderr
    assert "40 fetched" in done.stdout
    assert subjects(gateway) == expected(40)
    assert dovecot.left(tls) == 0
    protocol = b"POP3" if tls == "none" else b"POP3S"
    first = gateway.mailbox("ann")[0]
    assert first.startswith(b"Return-Path: <x0@far.example>\n")
    assert first.count(b"Return-Path") == 1
    assert b" by gate.example with " + protocol + b" id pickup-isp-" in first


def test_mail_comes_in_when_the_link_comes_up_and_the_status_says_so(office, dovecot):
    gateway = office(dovecot.pop3, user="up").start()
    dovecot.put("up", letters(5))
    assert gateway.run("link", "up", "ppp0").returncode == EX_OK
    wait_until(lambda: gateway.status()["pickups"][0]["last_ok"], what="the pickup")
    (pickup,) = gateway.status()["pickups"]
    assert (pickup["name"], pickup["waiting"], pickup["held"]) == ("isp", 0, 0)
    assert pickup["last_error"] is None
    assert subjects(gateway) == expected(5)
    assert dovecot.left("up") == 0


def test_bytes_come_in_as_they_were_sent(office, dovecot):
    bodies = [
        b".\n..\n...\n. x\n",
        bytes(range(128, 256)) + b"\n",
        b"\xff\xfe not UTF-8\n",
        b"long " + b"y" * 100000 + b"\n",
        b"",
        b"big\n" + b"z" * 77 * 40000 + b"\n",
    ]
    gateway = office(dovecot.pop3, user="bytes")
    dovecot.put("bytes", [letter(n).partition(b"\n\n")[0] + b"\n\n" + body
                          for n, body in enumerate(bodies)])  # fmt: skip
    assert fetch(gateway) == EX_OK
    found = sorted(one.partition(b"\n\n")[2] for one in gateway.mailbox("ann"))
    assert found == sorted(bodies)


def test_mail_may_stay_at_the_provider_and_is_not_fetched_again(office, dovecot):
    gateway = office(dovecot.pop3, user="keep", keep="always")
    dovecot.put("keep", letters(10))
    assert fetch(gateway) == EX_OK
    assert "0 fetched" in gateway.run("pickup").stdout
    dovecot.put("keep", [letter(10)])
    assert "1 fetched" in gateway.run("pickup").stdout
    assert dovecot.left("keep") == 11
    assert subjects(gateway) == expected(11)


def test_a_wrong_password_is_told_and_nothing_is_lost(office, dovecot):
    gateway = office(dovecot.pop3, user="wrong")
    gateway.secret("secrets/isp", "not the password")
    dovecot.put("wrong", letters(1))
    done = gateway.run("pickup")
    assert done.returncode == EX_TEMPFAIL
    assert "AUTH" in done.stderr
    assert "AUTH" in gateway.status()["pickups"][0]["last_error"]
    assert dovecot.left("wrong") == 1


def test_no_password_is_said_where_tls_was_taken_out(office, make_provider):
    provider = make_provider(letters(1))
    done = office(provider.port, tls="starttls").run("pickup")
    assert done.returncode == EX_TEMPFAIL
    assert "STLS" in done.stderr
    assert not [line for line in provider.commands() if line[:4] in ("USER", "PASS", "AUTH")]


@pytest.mark.parametrize(
    "capability, keys, said",
    [
        ("SASL XOAUTH2", {"passwordfile": None, "tokenfile": "secrets/isp"}, "XOAUTH2"),
        ("SASL PLAIN XOAUTH2", {}, "PLAIN"),
    ],
)
def test_logins_by_sasl(office, make_provider, capability, keys, said):
    provider = make_provider(letters(1), (*CAPABILITIES, capability))
    gateway = office(provider.port, **keys)
    assert fetch(gateway) == EX_OK
    (login,) = [line for line in provider.commands() if line.startswith("AUTH")]
    mechanism, _, initial = login.partition(" ")[2].partition(" ")
    assert mechanism == said
    expected_in = b"auth=Bearer isp-secret" if said == "XOAUTH2" else b"\0ann\0isp-secret"
    assert expected_in in base64.b64decode(initial)
    assert subjects(gateway) == expected(1)


def test_a_link_that_goes_down_stops_the_pickup_and_loses_nothing(office, make_provider):
    provider = make_provider(letters(3))
    stalled = threading.Event()

    def stall(verb, argument, session):
        if verb == "RETR" and argument == "2" and not stalled.is_set():
            session.socket.sendall(b"+OK\r\nSubject: half\r\n\r\n")
            stalled.set()
            session.stream.read()
            return "DROP"
        return None

    provider.answer = stall
    gateway = office(provider.port, every="0").start()
    gateway.run("link", "up", "ppp0")
    assert stalled.wait(15)
    gateway.run("link", "down", "ppp0")
    wait_until(lambda: gateway.status()["pickups"][0]["last_error"], seconds=3, what="the stop")
    assert "down" in gateway.status()["pickups"][0]["last_error"]
    assert subjects(gateway) == expected(1)
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: not provider.messages, what="the rest")
    assert subjects(gateway) == expected(3)
    assert provider.retrieved == 3


# cuts


def count_replies(office, make_provider, capabilities, **keys):
    provider = make_provider(letters(4), capabilities)
    gateway = office(provider.port, **keys)
    assert fetch(gateway) == EX_OK
    return provider.replies


@pytest.mark.parametrize("half", [0, 0.6])
@pytest.mark.parametrize("capabilities", [CAPABILITIES, PLAIN], ids=["pipelining", "plain"])
def test_a_line_cut_at_any_reply_loses_and_repeats_nothing(
    office, make_provider, capabilities, half
):
    for number in range(count_replies(office, make_provider, capabilities)):
        provider = make_provider(letters(4), capabilities)
        provider.cut_at, provider.cut_half = number, half
        gateway = office(provider.port)
        shutil.rmtree(gateway.root / "mail/ann/Maildir")
        (gateway.root / "spool/pickup/isp").unlink()
        codes = [fetch(gateway) for _ in range(2)]
        assert codes[1] == EX_OK, f"cut at {number}: {codes}"
        assert subjects(gateway) == expected(4), f"cut at {number}"
        assert provider.messages == [], f"cut at {number}"
        # A message that was whole here is not fetched again.
        assert provider.retrieved <= 4 + 1, f"cut at {number}"


@pytest.mark.parametrize("seed", range(3))
def test_a_line_cut_at_random_bytes_again_and_again_loses_and_repeats_nothing(
    office, make_provider, seed
):
    chance = random.Random(seed)
    provider = make_provider([], chance.choice([CAPABILITIES, PLAIN]))
    gateway = office(provider.port, keep=chance.choice(["no", "0d", "always"]))
    for number in range(30):
        provider.messages.append(letter(number, "x" * chance.randrange(9000) + "\n"))
        provider.replies, provider.cut_at = 0, chance.randrange(8)
        provider.cut_half = chance.random()
        fetch(gateway)
        provider.settle()
    provider.cut_at = None
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(30)


def test_a_pickup_that_is_killed_at_any_time_loses_nothing(office, make_provider):
    chance = random.Random(7)
    provider = make_provider(letters(40), PLAIN)
    gateway = office(provider.port).start()
    for _ in range(12):
        seen = provider.retrieved + chance.randrange(1, 4)
        asked = subprocess.Popen(
            [BIN / "lontar", "pickup"], env=gateway.environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lambda: provider.retrieved >= seen or asked.poll() is not None, what="a RETR")
        for pid, name in gateway.processes().items():
            if name == "lontar-pickup":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        asked.wait(20)
        provider.settle()
    assert fetch(gateway) == EX_OK
    assert set(subjects(gateway)) == set(expected(40))
    # What was killed between commit and record came twice, at worst.
    assert len(subjects(gateway)) <= 40 + 12
    assert provider.messages == []


def test_a_removal_whose_confirmation_was_lost_is_made_up_for(office, make_provider):
    provider = make_provider(letters(3))
    gateway = office(provider.port)
    provider.answer = lambda verb, argument, session: "DROP" if verb == "QUIT" else None
    assert fetch(gateway) == EX_TEMPFAIL
    assert len(provider.messages) == 3
    provider.answer = lambda verb, argument, session: None
    assert fetch(gateway) == EX_OK
    assert provider.messages == []
    assert provider.retrieved == 3
    assert subjects(gateway) == expected(3)


# servers that are odd


def test_one_by_one_where_pipelining_is_not_offered(office, make_provider):
    provider = make_provider(letters(3), PLAIN)
    assert fetch(office(provider.port)) == EX_OK
    commands = [line.split()[0] for line in provider.commands()]
    assert commands[-8:] == ["UIDL", "RETR", "DELE", "RETR", "DELE", "RETR", "DELE", "QUIT"]


def test_the_smallest_come_first(office, make_provider):
    provider = make_provider(list(reversed(letters(5))))
    assert fetch(office(provider.port)) == EX_OK
    asked = [line for line in provider.commands() if line.startswith("RETR")]
    assert asked == [f"RETR {number}" for number in (5, 4, 3, 2, 1)]


@pytest.mark.parametrize(
    "uid",
    [
        None,
        lambda message: "the-same-for-all",
        lambda message: "",
        lambda message: "../../etc/passwd" if b"letter 1\n" in message else "/x y",
        lambda message: "u" * 70000 if b"letter 1\n" in message else "u" * 300,
        lambda message: "\0\x07" if b"letter 1\n" in message else "\xff",
    ],
    ids=["none", "repeated", "empty", "path", "long", "controls"],
)
@pytest.mark.parametrize("keep", ["no", "always"])
def test_mail_is_known_again_without_uids_to_rely_on(office, make_provider, uid, keep):
    provider = make_provider(letters(3))
    provider.uid = uid
    gateway = office(provider.port, keep=keep)
    for _ in range(3):
        assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(3)
    assert len(provider.messages) == (3 if keep == "always" else 0)
    assert provider.retrieved == 3


def test_new_uids_for_old_mail_bring_it_in_no_second_time(office, make_provider):
    provider = make_provider(letters(4))
    gateway = office(provider.port, keep="always")
    assert fetch(gateway) == EX_OK
    provider.uid = lambda message: "new" + hashlib.sha1(message).hexdigest()
    done = gateway.run("pickup")
    assert "0 fetched" in done.stdout
    assert subjects(gateway) == expected(4)


def test_an_old_uid_of_a_new_message_does_not_hide_it(office, make_provider):
    provider = make_provider(letters(2))
    provider.uid = lambda message: str(provider.messages.index(message) + 1)
    gateway = office(provider.port)
    assert fetch(gateway) == EX_OK
    provider.messages = [letter(2, "later\n"), letter(3, "later\n")]
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(4)
    assert provider.messages == []


def test_an_old_uid_hides_nothing_even_after_a_cut(office, make_provider):
    provider = make_provider(letters(1))
    provider.uid = lambda message: "1"
    provider.cut_at = 8  # QUIT's answer, its work done
    gateway = office(provider.port)
    assert fetch(gateway) == EX_TEMPFAIL
    assert provider.messages == []
    provider.messages = [letter(1, "another\n")]
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(2)


def test_another_mailbox_with_the_same_uids_hides_nothing(office, make_provider):
    first = make_provider(letters(3))
    second = make_provider([letter(n, "of other sizes\n") for n in (7, 8, 9)])
    for one in (first, second):
        one.uid = lambda message, one=one: str(one.messages.index(message))
    gateway = office(first.port, keep="always")
    assert fetch(gateway) == EX_OK
    office(second.port, keep="always", host="localhost")
    assert fetch(gateway) == EX_OK
    assert len(subjects(gateway)) == 6
    assert fetch(gateway) == EX_OK
    assert second.retrieved == 3
    # The same one under another name costs nothing: uids and sizes are the same.
    office(second.port, keep="always", host="127.0.0.1")
    assert fetch(gateway) == EX_OK
    assert second.retrieved == 3


def test_one_message_id_for_all_mail_of_a_program_hides_none(office, make_provider):
    same = b"Date: Sun, 22 Nov 2026 1%d:00:00 +0000\nMessage-ID: <one@for.all>\nSubject: %s\n\nok\n"
    provider = make_provider([same % (n, b"letter %d" % n) for n in range(3)])
    gateway = office(provider.port)
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(3)


def test_a_message_that_cannot_be_stored_here_stays_there(office, make_provider):
    provider = make_provider(letters(2))
    gateway = office(provider.port)
    users = gateway.root / "control/users.cdb"
    users.rename(users.with_suffix(".away"))
    assert fetch(gateway) == EX_TEMPFAIL
    assert len(provider.messages) == 2
    assert not [line for line in provider.commands() if line.startswith("DELE")]
    users.with_suffix(".away").rename(users)
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(2)


def test_a_message_that_is_refused_blocks_no_other(office, make_provider):
    provider = make_provider(letters(3))
    provider.answer = lambda verb, argument, session: (
        "-ERR that one is broken\r\n" if (verb, argument) == ("RETR", "1") else None
    )
    gateway = office(provider.port)
    done = gateway.run("pickup")
    assert done.returncode == EX_TEMPFAIL
    assert "that one is broken" in done.stderr
    assert subjects(gateway) == ["letter 1", "letter 2"]
    assert provider.messages == letters(1)


def test_a_message_without_end_is_never_delivered(office, make_provider):
    provider = make_provider(letters(2))
    provider.answer = lambda verb, argument, session: (
        session.socket.sendall(b"+OK\r\nSubject: half\r\n\r\nbegun") or "DROP"
        if verb == "RETR" else None
    )  # fmt: skip
    gateway = office(provider.port)
    assert fetch(gateway) == EX_TEMPFAIL
    assert gateway.mailbox("ann") == []
    assert len(provider.messages) == 2


@pytest.mark.parametrize("size", [0, 7, 10**9, 2**60, -1])
def test_a_size_that_is_a_lie_does_no_harm(office, make_provider, size):
    provider = make_provider(letters(3))
    provider.size = lambda message: size
    gateway = office(provider.port)
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(3)


def test_a_message_whose_size_is_not_told_may_be_large(office, make_provider):
    provider = make_provider([letter(0, ("k" * 77 + "\n") * 20000)])
    provider.size = lambda message: "unknown"
    gateway = office(provider.port)
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(1)


def test_a_message_that_outgrows_its_size_is_left_and_blocks_no_other(office, make_provider):
    provider = make_provider([letter(0, "y" * 80 + "\n"), letter(1, "z" * 4000 + "\n")])
    flood = b"+OK\r\nSubject: flood\r\n\r\n" + b"flood flood\r\n" * 200000
    provider.answer = lambda verb, argument, session: (
        flood if (verb, argument) == ("RETR", "1") else None
    )
    gateway = office(provider.port)
    assert fetch(gateway) == EX_TEMPFAIL
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == ["letter 1"]
    assert provider.messages == [letter(0, "y" * 80 + "\n")]


@pytest.mark.parametrize(
    "verb, reply",
    [
        ("LIST", "HTTP/1.1 200 OK\r\n"),
        ("LIST", "-ERR no\r\n"),
        ("LIST", "+OK\r\n" + "x" * 500000),
        ("RETR", "* BYE\r\n"),
        ("DELE", "+OK\r\n+OK more than was asked\r\n-ERR x\r\n" * 9),
    ],
)
def test_nonsense_ends_the_session_and_loses_nothing(office, make_provider, verb, reply):
    provider = make_provider(letters(2), PLAIN)
    provider.answer = lambda said, argument, session: reply if said == verb else None
    gateway = office(provider.port)
    assert fetch(gateway) == EX_TEMPFAIL
    provider.answer = lambda said, argument, session: None
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(2)


def test_bare_line_ends_stay_within_their_message(office, make_provider):
    provider = make_provider(letters(1))
    provider.answer = lambda verb, argument, session: (
        "+OK\r\nSubject: odd\r\n\r\nbare\nlf\n.\nbare\rcr\r.\r\r\n..dot\r\n.\r\n"
        if verb == "RETR" else None
    )  # fmt: skip
    gateway = office(provider.port)
    assert fetch(gateway) == EX_OK
    (found,) = gateway.mailbox("ann")
    assert found.endswith(b"\n\nbare\nlf\n.\nbare\rcr\r.\r\n.dot\n")


@pytest.mark.parametrize("capabilities", [CAPABILITIES, PLAIN], ids=["pipelining", "plain"])
def test_twenty_thousand_kept_messages_cost_their_uidl_list(office, make_provider, capabilities):
    provider = make_provider([b"Subject: old %d\n\n" % n for n in range(20000)], capabilities)
    provider.uid = lambda message: message[13:-2].decode()
    relay = CutRelay(provider.port)
    gateway = office(relay.port, keep="always")
    keys = [
        hashlib.sha256(provider.uid(one).encode()).hexdigest()[:32] for one in provider.messages
    ]
    (gateway.root / "spool/pickup/isp").write_text(
        "".join(f"f {key} {key} 1795374694 1795374694 17\n" for key in keys)
    )
    provider.messages.append(b"Subject: x new\n\n")
    try:
        done = gateway.run("pickup")
        assert "1 fetched" in done.stdout, done
        assert provider.retrieved == 1
        assert provider.commands()[3:] == ["UIDL", "LIST 20001", "RETR 20001", "QUIT"]
        uidl = sum(len(f"{n} {provider.uid(m)}\r\n") for n, m in enumerate(provider.messages, 1))
        assert sum(relay.passed.values()) <= uidl + 600
    finally:
        relay.close()


def test_a_torn_state_file_costs_no_mail(office, make_provider):
    provider = make_provider(letters(3))
    gateway = office(provider.port, keep="always")
    assert fetch(gateway) == EX_OK
    state = gateway.root / "spool/pickup/isp"
    state.write_bytes(state.read_bytes()[:-20])
    assert fetch(gateway) == EX_OK
    assert fetch(gateway) == EX_OK
    # The digest went with the torn line: that one message comes twice, none is missing.
    assert set(subjects(gateway)) == set(expected(3))
    assert len(subjects(gateway)) <= 4


# who gets it


def test_mail_for_nobody_goes_to_the_postmaster_and_is_never_bounced(office, make_provider):
    provider = make_provider(letters(2))
    gateway = office(provider.port, to="nobody-here")
    assert fetch(gateway) == EX_OK
    assert subjects(gateway, "ann") == expected(2)  # postmaster's mail is ann's
    assert provider.messages == []


def test_mail_that_comes_round_again_is_held_and_then_left(office, make_provider):
    provider = make_provider(letters(1))
    gateway = office(provider.port, to="bob")
    assert fetch(gateway) == EX_OK
    (once,) = gateway.mailbox("bob")
    provider.messages = [once + b"changed\n"]
    assert fetch(gateway) == EX_OK
    assert len(gateway.mailbox("bob")) == 1
    (twice,) = gateway.mailbox("ann")
    provider.messages = [twice + b"changed again\n"]
    done = gateway.run("pickup")
    assert done.returncode == EX_TEMPFAIL
    assert "circle" in done.stderr
    assert len(gateway.mailbox("ann")) == len(gateway.mailbox("bob")) == 1
    assert fetch(gateway) == EX_OK
    assert len(provider.messages) == 1


def test_a_large_message_stays_and_its_recipient_is_told_once(office, make_provider):
    provider = make_provider([letter(0), letter(1, "w" * 50 + "\n" * 9000)])
    gateway = office(provider.port, maxsize="4k")
    assert fetch(gateway) == EX_OK
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == ["A large message waits at the provider", "letter 0"]
    assert any(b"letter 1" in one for one in gateway.mailbox("ann"))
    assert gateway.status()["pickups"][0]["held"] == 1
    assert provider.retrieved == 1
    gateway = office(provider.port)
    assert fetch(gateway) == EX_OK
    assert "letter 1" in subjects(gateway)
    assert provider.messages == []


def test_multidrop_without_proof_is_refused(office, make_provider):
    provider = make_provider(letters(1))
    gateway = office(provider.port, to=None, multidrop="Delivered-To")
    done = gateway.run("pickup")
    assert done.returncode == EX_CONFIG
    assert "proves" in done.stderr
    assert provider.sessions == []


def test_a_pickup_that_is_not_there_is_named(office, make_provider):
    assert office(1).run("pickup", "nowhere").returncode == EX_NOINPUT


# multidrop, with a proof


def as_kept(header, copies):
    """What a provider makes of the parked probe mails: copies(recipients) says who is
    named by the header field of each copy."""

    def keep(parked):
        kept = []
        for named in copies(parked.recipients):
            kept.append(
                f"Return-Path: <postmaster@gate.example>\n{header}: {named}\n"
                "Received: from gate.example by isp.example; Sun, 22 Nov 2026 10:00:00 +0000\n"
                .encode() + parked.body
            )  # fmt: skip
        return kept

    return keep


PEOPLE = ("ann@office.example", "bob@office.example")


@pytest.fixture
def multidrop(office, make_provider):
    """The gateway of office.example, with one mailbox at the provider for all."""
    provider = make_provider([])

    def set_up(header="Delivered-To"):
        gateway = office(provider.port, to=None, multidrop=header, unmatched="postmaster")
        gateway.smarthost("isp", host="127.0.0.1", port=1)
        gateway.control("locals", "gate.example\noffice.example\n")
        return gateway

    return set_up, provider


def probe(gateway, provider, keep):
    done = gateway.run("pickup", "--probe", "isp", *PEOPLE)
    assert done.returncode == EX_OK, done.stderr
    parked = gateway.parked("isp")
    assert [one.recipients for one in parked] == [list(PEOPLE)] * 2
    provider.messages = [message for one in parked for message in keep(one)]
    return gateway.run("pickup", "--probe", "isp")


def test_multidrop_starts_after_its_header_was_proved(multidrop):
    set_up, provider = multidrop
    gateway = set_up()
    done = probe(gateway, provider, as_kept("Delivered-To", lambda people: people))
    assert done.returncode == EX_OK, done.stderr
    assert len(provider.messages) == 4
    provider.messages = []
    for number, named in enumerate([*PEOPLE, "stranger@else.example", "a@b, c@d"]):
        provider.messages.append(f"Delivered-To: {named}\n".encode() + letter(number))
    # Below the provider's trace anybody may have written it.
    provider.messages.append(
        letter(4).replace(b"Message-ID", b"Delivered-To: ann@office.example\nMessage-ID")
    )
    assert fetch(gateway) == EX_OK
    assert subjects(gateway, "bob") == ["letter 1"]
    # ann is postmaster too, who holds what names nobody here.
    assert subjects(gateway, "ann") == ["letter 0", "letter 2", "letter 3", "letter 4"]
    assert gateway.parked("isp")[2:] == []
    gateway = set_up("X-Original-To")
    assert fetch(gateway) == EX_CONFIG


@pytest.mark.parametrize(
    "copies",
    [
        lambda people: [", ".join(people)],
        lambda people: [people[0]],
        lambda people: ["box@isp"] * 2,
    ],
    ids=["one copy for all", "one recipient gets it", "the mailbox alone"],
)
def test_a_provider_that_names_not_each_recipient_is_refused(multidrop, copies):
    set_up, provider = multidrop
    gateway = set_up()
    done = probe(gateway, provider, as_kept("Delivered-To", copies))
    assert done.returncode == EX_CONFIG
    assert "one mailbox a user" in done.stderr
    assert fetch(gateway) == EX_CONFIG


def test_a_header_that_would_do_is_named(multidrop):
    set_up, provider = multidrop
    gateway = set_up("Delivered-To")
    done = probe(gateway, provider, as_kept("X-Original-To", lambda people: people))
    assert done.returncode == EX_CONFIG
    assert "multidrop X-Original-To:1" in done.stderr


def test_probe_letters_that_have_not_arrived_are_waited_for(multidrop):
    set_up, provider = multidrop
    done = probe(set_up(), provider, lambda parked: [])
    assert done.returncode == EX_TEMPFAIL
    assert "try again later" in done.stderr


# the same way as any other mail


def test_fetched_mail_follows_qmail_files_and_aliases(office, make_provider):
    provider = make_provider(letters(2))
    gateway = office(provider.port, to="ann-news")
    (gateway.root / "mail/ann/.qmail-news").write_text("&bob\n&crew\n&far@abroad.example\n")
    gateway.control("aliases", "crew: ann, lost\nlost: |exit 99\n")
    gateway.control("smtproutes", ":isp\n")
    gateway.smarthost("isp", host="127.0.0.1", port=1)
    assert gateway.run("rebuild").returncode == EX_OK
    gateway.start()
    assert fetch(gateway) == EX_OK
    assert subjects(gateway, "bob") == expected(2)
    wait_until(lambda: not gateway.parked("local"), what="the program of the alias")
    assert subjects(gateway, "ann") == expected(2)
    # A forward of one's own leads outside; a header never does.
    assert [one.recipients for one in gateway.parked("isp")] == [["far@abroad.example"]] * 2
    assert gateway.mailbox("bob")[0].startswith(b"Return-Path: <x0@far.example>\n")


def test_a_long_run_says_quit_in_the_middle(office, make_provider):
    big = [letter(number, ("q" * 77 + "\n") * 3000) for number in range(60)]
    provider = make_provider(big)
    gateway = office(provider.port)
    cut_at = []

    def cut_late(verb, argument, session):
        # The line drops shortly before the last of 13 MiB.
        if verb == "RETR" and provider.retrieved == 55 and not cut_at:
            cut_at.append(len(provider.messages))
            return "DROP"
        return None

    provider.answer = cut_late
    assert fetch(gateway) == EX_TEMPFAIL
    # What was removed before a QUIT is gone, whatever happens later.
    assert cut_at[0] <= 40
    assert len(provider.sessions) >= 2
    assert fetch(gateway) == EX_OK
    assert provider.retrieved <= 60 + 5  # what was on its way
    assert subjects(gateway) == expected(60)
