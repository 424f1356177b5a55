"""A large message stays at the provider until somebody asks: by a reply to its notice, by
its id. Nobody else can, and no machine's answer does."""

import email
import email.utils
import re
import smtplib

import pytest

from gateway import EX_NOINPUT, EX_OK, EX_USAGE, PASSWORD, unverified
from pickup_stand import PLAIN, expected, fetch, letter, subjects
from provider import CAPABILITIES
from waiting import wait_until

NOTICE = "A large message waits at the provider"
BIG = letter(1, "w" * 70 + "\n" + "w\n" * 9000)
REPLY = b"Subject: Re: A large message\r\n\r\nyes please\r\n"


@pytest.fixture
def provider(make_provider):
    return make_provider([letter(0), BIG])


@pytest.fixture
def gateway(office, provider):
    """A letter and a notice have come in; the big one is at the provider."""
    gateway = office(provider.port, maxsize="4k", every="0").start()
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == [NOTICE, "letter 0"]
    return gateway


def notice(gateway, user="ann"):
    (found,) = [one for one in gateway.mailbox(user) if NOTICE.encode() in one]
    return email.message_from_bytes(found)


def reply_address(gateway):
    return email.utils.parseaddr(notice(gateway)["Reply-To"])[1]


def large_id(gateway):
    return re.search(r"lontar release (p[0-9a-f]{12})\b", notice(gateway).get_payload())[1]


def held(gateway):
    return gateway.status()["pickups"][0]["held_messages"]


def reply(gateway, sender="ann@gate.example", message=REPLY, address=None):
    """As ann's mail program sends it."""
    with gateway.submission() as client:
        client.sendmail(sender, [address or reply_address(gateway)], message)


def settled(gateway):
    wait_until(lambda: not gateway.parked("local"), what="the reply's delivery")


# what the notice says


def test_the_notice_says_who_what_how_big_and_how_to_ask(gateway):
    told = notice(gateway)
    text = told.get_payload()
    assert told["To"] == "ann@gate.example"
    assert told["Auto-Submitted"] == "auto-generated"
    assert "Subject: letter 1" in text
    assert re.search(r"Size: +2\d\.\d KiB\n", text)
    assert "4.0 KiB" in text
    assert "reply" in text
    assert reply_address(gateway).endswith("@gate.example")
    (one,) = held(gateway)
    assert (one["id"], one["subject"], one["state"], one["recipient"]) == (
        large_id(gateway), "letter 1", "waiting", "ann",
    )  # fmt: skip
    for words in (["queue"], ["pickup", "--held"], ["pickup", "--held", "isp"]):
        shown = gateway.run(*words)
        assert large_id(gateway) in shown.stdout
        assert "letter 1" in shown.stdout
    assert gateway.queue() == []


def test_the_recipient_is_told_once_and_the_body_never_crosses(gateway, provider):
    assert [fetch(gateway) for _ in range(3)] == [EX_OK] * 3
    assert subjects(gateway) == [NOTICE, "letter 0"]
    assert provider.retrieved == 1


def test_the_header_s_words_cannot_break_the_notice(office, make_provider):
    evil = b"From: =?utf-8?q?J=C3=B6rg=0D=0ABcc:_x?= <a@b>\r\x1b[2J\nSubject: a\n\tBcc: x\x07\xff\xc3\xa9\n\n"
    gateway = office(make_provider([evil + b"x\n" * 9000]).port, maxsize="4k")
    assert fetch(gateway) == EX_OK
    (told,) = gateway.mailbox("ann")
    assert b"\x1b" not in told and b"\x07" not in told and b"\r" not in told
    assert b"a Bcc: x" in told
    assert "J\u00f6rg  Bcc: x <a@b>".encode() in told
    told.decode("utf-8")
    gateway.status()


def test_a_server_without_headers_does_not_keep_it_secret(office, make_provider):
    provider = make_provider([BIG], [one for one in CAPABILITIES if one != "TOP"])
    provider.answer = lambda verb, argument, session: "-ERR what?\r\n" if verb == "TOP" else None
    gateway = office(provider.port, maxsize="4k")
    assert fetch(gateway) == EX_OK
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == [NOTICE]
    assert gateway.run("release", large_id(gateway)).returncode == EX_OK
    assert fetch(gateway) == EX_OK
    assert "letter 1" in subjects(gateway)


# by reply


def test_a_reply_has_it_fetched_at_once_while_a_link_is_up(gateway, provider):
    gateway.run("link", "up", "ppp0")
    reply(gateway)
    wait_until(lambda: "letter 1" in subjects(gateway), what="the large message")
    wait_until(lambda: not provider.messages, what="its removal")
    wait_until(lambda: held(gateway) == [], what="the record's end")
    # The reply itself is nobody's mail.
    assert len(gateway.mailbox("ann")) == 3
    assert gateway.mailbox("bob") == []


def test_a_reply_is_remembered_until_the_link_comes_up(gateway, provider):
    reply(gateway)
    settled(gateway)
    assert held(gateway)[0]["state"] == "asked"
    assert provider.retrieved == 1
    gateway.stop()
    gateway.start()
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: "letter 1" in subjects(gateway), what="the large message")


def test_a_reply_without_a_login_but_from_the_lan_counts_too(office, provider):
    gateway = office(provider.port, maxsize="4k", every="0")
    gateway.control("tcp.smtp", '127.:allow,RELAYCLIENT=""\n:allow\n')
    assert gateway.run("rebuild").returncode == EX_OK
    gateway.start()
    assert fetch(gateway) == EX_OK
    gateway.send("ann@gate.example", [reply_address(gateway)], REPLY)
    settled(gateway)
    assert held(gateway)[0]["state"] == "asked"


def test_sendmail_asks_too_with_no_gateway_at_work(office, provider):
    gateway = office(provider.port, maxsize="4k", every="0")
    assert fetch(gateway) == EX_OK
    done = gateway.run(
        "-f", "ann@gate.example", reply_address(gateway), program="sendmail",
        input="Subject: Re\n\nyes\n",
    )  # fmt: skip
    assert done.returncode == EX_OK, done.stderr
    gateway.start()
    settled(gateway)
    assert held(gateway)[0]["state"] == "asked"


@pytest.mark.parametrize(
    "head",
    [
        b"Auto-Submitted: auto-replied\r\n",
        b"Precedence: bulk\r\n",
        b"List-Id: <x.example>\r\n",
        b"Content-Type: multipart/report; report-type=disposition-notification\r\n",
    ],
)
def test_an_answering_machine_asks_for_nothing(gateway, head):
    reply(gateway, message=head + REPLY)
    settled(gateway)
    assert held(gateway)[0]["state"] == "waiting"
    # And nobody answers it.
    assert len(gateway.mailbox("ann")) == 2


def test_a_bounce_asks_for_nothing(gateway):
    reply(gateway, sender="")
    settled(gateway)
    assert held(gateway)[0]["state"] == "waiting"


def test_outsiders_find_no_such_address(office, provider):
    gateway = office(provider.port, maxsize="4k", every="0")
    gateway.control("tcp.smtp", ":allow\n")
    assert gateway.run("rebuild").returncode == EX_OK
    gateway.start()
    assert fetch(gateway) == EX_OK
    address = reply_address(gateway)
    with gateway.connect() as wire:
        wire.hello("MAIL FROM:<ann@gate.example>")
        assert wire.say(f"RCPT TO:<{address}>").startswith("550 5.1.1")
    assert held(gateway)[0]["state"] == "waiting"


def test_another_user_is_refused_in_plain_words(gateway):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        reply(gateway, sender="bob@gate.example")
    ((code, text),) = refused.value.recipients.values()
    assert code == 550 and b"notice" in text
    assert held(gateway)[0]["state"] == "waiting"


def test_a_reply_that_comes_too_late_is_answered(gateway, provider):
    address = reply_address(gateway)
    provider.messages.clear()
    assert fetch(gateway) == EX_OK
    assert held(gateway) == []
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        reply(gateway, address=address)
    ((code, text),) = refused.value.recipients.values()
    assert code == 550 and b"any more" in text


def test_a_reply_whose_message_has_gone_meanwhile_comes_back(office, provider):
    gateway = office(provider.port, maxsize="4k", every="0")
    assert fetch(gateway) == EX_OK
    gateway.run("-f", "ann@gate.example", reply_address(gateway), program="sendmail",
                input="Subject: Re\n\nyes\n")  # fmt: skip
    (record,) = (gateway.root / "spool/pickup/_large").iterdir()
    record.unlink()
    gateway.start()
    wait_until(lambda: len(gateway.mailbox("ann")) == 3, what="the answer")
    assert any(b"does not wait at the provider any more" in one for one in gateway.mailbox("ann"))


def test_explain_knows_these_addresses(gateway):
    address = reply_address(gateway)
    told = gateway.run("explain", address, "--from", "ann@gate.example")
    assert told.returncode == EX_OK
    assert large_id(gateway) in told.stdout
    assert gateway.run("explain", address, "--from", "bob@gate.example").returncode == EX_NOINPUT


# by its id


@pytest.mark.parametrize("verb", ["release", "first"])
def test_an_operator_has_it_fetched(gateway, provider, verb):
    provider.messages.insert(0, letter(2))
    assert gateway.run(verb, large_id(gateway)[:5]).returncode == EX_OK
    assert held(gateway)[0]["state"] == "asked"
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == [NOTICE, *expected(3)]
    # What a person waits for comes before what is smaller.
    asked = [line for line in provider.sessions[-1].commands if line.startswith("RETR")]
    assert asked == ["RETR 2", "RETR 1"]
    assert held(gateway) == []
    assert provider.messages == []
    assert gateway.run("release", "p0123456789ab").returncode == EX_NOINPUT


def test_an_operator_needs_no_gateway(office, provider):
    gateway = office(provider.port, maxsize="4k")
    assert fetch(gateway) == EX_OK
    assert gateway.run("release", large_id(gateway)).returncode == EX_OK
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == [NOTICE, *expected(2)]


def test_a_wish_can_be_taken_back(gateway, provider):
    gateway.run("release", large_id(gateway))
    assert gateway.run("hold", large_id(gateway)).returncode == EX_OK
    assert fetch(gateway) == EX_OK
    assert provider.messages == [BIG]
    assert held(gateway)[0]["state"] == "waiting"


def test_nothing_is_deleted_unread_but_by_a_clear_word(gateway, provider):
    done = gateway.run("drop", large_id(gateway))
    assert done.returncode == EX_USAGE
    assert "--unread" in done.stderr
    assert fetch(gateway) == EX_OK
    assert provider.messages == [BIG]
    assert gateway.run("drop", "--unread", large_id(gateway)).returncode == EX_OK
    assert held(gateway)[0]["state"] == "dropped"
    assert fetch(gateway) == EX_OK
    assert provider.messages == []
    assert held(gateway) == []
    assert subjects(gateway) == [NOTICE, "letter 0"]


def test_what_has_taken_an_old_uid_is_not_deleted_unread(gateway, provider):
    gateway.run("drop", "--unread", large_id(gateway))
    old, other = provider.uid, BIG + b"another\n"
    provider.messages = [other]
    provider.uid = lambda message: old(BIG)
    assert fetch(gateway) == EX_OK
    assert provider.messages == [other]


def test_where_all_mail_is_kept_there_it_stays_when_it_was_fetched(office, provider):
    gateway = office(provider.port, maxsize="4k", keep="always")
    assert fetch(gateway) == EX_OK
    gateway.run("release", large_id(gateway))
    assert [fetch(gateway) for _ in range(2)] == [EX_OK] * 2
    assert subjects(gateway) == [NOTICE, *expected(2)]
    assert len(provider.messages) == 2
    assert provider.retrieved == 2
    assert held(gateway) == []


@pytest.mark.parametrize("capabilities", [CAPABILITIES, PLAIN], ids=["pipelining", "plain"])
def test_a_wish_survives_a_line_cut_at_any_reply(office, make_provider, capabilities):
    for cut in range(10):
        provider = make_provider([BIG], capabilities)
        gateway = office(provider.port, maxsize="4k")
        for path in gateway.root.glob("spool/pickup/*"):
            if path.is_file():
                path.unlink()
        for path in gateway.root.glob("mail/ann/Maildir/*/*"):
            path.unlink()
        assert fetch(gateway) == EX_OK
        gateway.run("release", large_id(gateway))
        provider.replies, provider.cut_at, provider.cut_half = 0, cut, 0.5
        fetch(gateway)
        provider.settle()
        provider.cut_at = None
        assert fetch(gateway) == EX_OK, f"cut at {cut}"
        assert subjects(gateway) == [NOTICE, "letter 1"], f"cut at {cut}"
        assert provider.messages == [], f"cut at {cut}"
        assert held(gateway) == [], f"cut at {cut}"


def test_a_notice_whose_record_was_lost_is_given_again(gateway):
    (record,) = (gateway.root / "spool/pickup/_large").iterdir()
    record.unlink()
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == [NOTICE, NOTICE, "letter 0"]


def test_mail_that_nobody_is_named_for_is_asked_for_by_the_postmaster(office, provider):
    gateway = office(provider.port, maxsize="4k", to="nobody-here", every="0").start()
    assert fetch(gateway) == EX_OK
    reply(gateway)  # ann is postmaster
    settled(gateway)
    assert held(gateway)[0]["state"] == "asked"


def test_a_user_of_the_lan_cannot_ask_under_a_password_that_is_not_his(gateway):
    client = gateway.smtp("submission")
    client.starttls(context=unverified())
    client.login("bob", PASSWORD)
    with client, pytest.raises(smtplib.SMTPRecipientsRefused):
        client.sendmail("bob@gate.example", [reply_address(gateway)], REPLY)
