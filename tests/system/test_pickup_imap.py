"""Mail that waits at a provider's IMAP server comes in once, and no byte of it twice."""

import base64
import hashlib
import random
import re
import shutil
import subprocess

import pytest

from cut_relay import DOWN, CutRelay
from gateway import EX_CONFIG, EX_OK, EX_TEMPFAIL, Gateway
from imap_provider import CAPABILITIES, ImapProvider
from pickup_stand import expected, fetch, letter, letters, subjects
from test_pickup import as_kept, probe

LARGE = 300_000  # bytes; parts of it are kept
BESIDES = 1_000  # of a connection that goes on: login, listing, comparison


def noise(count):
    """What cannot be compressed."""
    return "".join(random.Random(count).choices("abcdefghijklmnopqrstuvwxyz012345", k=count))


@pytest.fixture
def imap_office(office):
    return lambda port, **keys: office(port, **{"type": "imap", **keys})


@pytest.fixture
def make_imap():
    made = []

    def make(*words, **settings):
        made.append(ImapProvider(*words, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


# Dovecot


@pytest.fixture(scope="module")
def dovecot(make_dovecot):
    return make_dovecot()


@pytest.fixture(scope="module")
def compressing(make_dovecot):
    return make_dovecot(imap_plugins="imap_zlib")


@pytest.fixture
def through(request):
    """A line to a port that can be cut, and counts."""
    made = []

    def make(port):
        made.append(CutRelay(port))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
@pytest.mark.parametrize("server", ["dovecot", "compressing"])
def test_a_real_provider_is_emptied_into_the_mailbox(
    imap_office, request, certificates, server, tls
):
    dovecot = request.getfixturevalue(server)
    port = dovecot.imaps if tls == "implicit" else dovecot.imap
    gateway = imap_office(port, tls=tls, cafile=certificates.ca, user=tls)
    dovecot.put(tls, letters(40))
    done = gateway.run("pickup")
    assert done.returncode == EX_OK, done.stderr
    assert "40 fetched" in done.stdout
    assert subjects(gateway) == expected(40)
    assert dovecot.left(tls) == 0
    protocol = b"IMAP" if tls == "none" else b"IMAPS"
    first = gateway.mailbox("ann")[0]
    assert first.startswith(b"Return-Path: <x0@far.example>\n")
    assert first.count(b"Return-Path") == 1
    assert b" by gate.example with " + protocol + b" id pickup-isp-" in first


def test_bytes_come_in_as_they_were_sent(imap_office, compressing):
    bodies = [
        b".\n..\n...\n. x\n",
        bytes(range(128, 256)) + b"\n",
        b"\xff\xfe not UTF-8\n",
        b"long " + b"y" * 100000 + b"\n",
        b"",
        b"no line end",
        b"big\n" + b"z" * 77 * 40000 + b"\n",
    ]
    gateway = imap_office(compressing.imap, user="bytes")
    compressing.put("bytes", [letter(n).partition(b"\n\n")[0] + b"\n\n" + body
                              for n, body in enumerate(bodies)])  # fmt: skip
    assert fetch(gateway) == EX_OK
    found = sorted(one.partition(b"\n\n")[2] for one in gateway.mailbox("ann"))
    assert found == sorted(bodies)


def test_mail_may_stay_at_the_provider_and_is_not_fetched_again(imap_office, dovecot):
    gateway = imap_office(dovecot.imap, user="keep", keep="always")
    dovecot.put("keep", letters(10))
    assert fetch(gateway) == EX_OK
    assert "0 fetched" in gateway.run("pickup").stdout
    dovecot.put("keep", [letter(10)])
    assert "1 fetched" in gateway.run("pickup").stdout
    assert dovecot.left("keep") == 11
    assert subjects(gateway) == expected(11)


def test_text_costs_a_fraction_where_the_provider_compresses(
    imap_office, dovecot, compressing, through
):
    passed = []
    for server in (dovecot, compressing):
        relay = through(server.imap)
        gateway = imap_office(relay.port, user="text", keep="always")
        server.put("text", [letter(n, "the same words again and again\n" * 400) for n in range(5)])
        shutil.rmtree(gateway.root / "mail/ann/Maildir", ignore_errors=True)
        (gateway.root / "spool/pickup/isp").unlink(missing_ok=True)
        assert fetch(gateway) == EX_OK
        assert len(subjects(gateway)) == 5
        passed.append(relay.passed[DOWN])
    assert passed[1] < passed[0] / 10


@pytest.mark.parametrize("server", ["dovecot", "compressing"])
def test_a_large_message_goes_on_at_its_byte(imap_office, request, through, server):
    dovecot = request.getfixturevalue(server)
    relay = through(dovecot.imap)
    gateway = imap_office(relay.port, user="large")
    message = letter(0, noise(LARGE) + "\n")
    dovecot.put("large", [message.replace(b"letter 0", b"whole")])
    assert fetch(gateway) == EX_OK
    whole, relay.passed[DOWN] = relay.passed[DOWN], 0
    (gateway.root / "spool/pickup/isp").unlink()
    dovecot.put("large", [message])
    relay.cuts = [(DOWN, whole // 3), (DOWN, whole // 3), (DOWN, 400)]
    assert [fetch(gateway) for _ in range(4)] == [EX_TEMPFAIL] * 3 + [EX_OK]
    assert subjects(gateway) == ["letter 0", "whole"]
    assert all(one.endswith(noise(LARGE).encode() + b"\n") for one in gateway.mailbox("ann"))
    # What the relay had sent and nobody received is lost with a line that is reset.
    assert relay.passed[DOWN] < whole * 1.3
    assert [path.name for path in (gateway.root / "spool/pickup").iterdir()] == ["isp"]
    assert dovecot.left("large") == 0


def test_a_wrong_password_is_told_and_nothing_is_lost(imap_office, dovecot):
    gateway = imap_office(dovecot.imap, user="wrong")
    gateway.secret("secrets/isp", "not the password")
    dovecot.put("wrong", letters(1))
    done = gateway.run("pickup")
    assert done.returncode == EX_TEMPFAIL
    assert "AUTHENTICATIONFAILED" in done.stderr
    (pickup,) = gateway.status()["pickups"]
    assert "AUTHENTICATIONFAILED" in pickup["last_error"]
    assert dovecot.left("wrong") == 1


# logins


def test_no_password_is_said_where_tls_was_taken_out(imap_office, make_imap):
    provider = make_imap(letters(1))
    done = imap_office(provider.port, tls="starttls").run("pickup")
    assert done.returncode == EX_TEMPFAIL
    assert "STARTTLS" in done.stderr
    assert [line.split()[0] for line in provider.commands()] == ["CAPABILITY"]


@pytest.mark.parametrize(
    "capability, keys, said",
    [
        ("AUTH=XOAUTH2", {"passwordfile": None, "tokenfile": "secrets/isp"}, "XOAUTH2"),
        ("AUTH=PLAIN", {}, "PLAIN"),
    ],
)
@pytest.mark.parametrize("initial", [True, False])
def test_logins_by_sasl(imap_office, make_imap, capability, keys, said, initial):
    words = CAPABILITIES if initial else [one for one in CAPABILITIES if one != "SASL-IR"]
    provider = make_imap(letters(1), (*words, capability, "AUTH=LOGIN"))
    gateway = imap_office(provider.port, **keys)
    assert fetch(gateway) == EX_OK
    (login,) = [line for line in provider.commands() if line.startswith("AUTH")]
    assert login.split(" ")[1] == said
    assert (len(login.split(" ")) == 3) == initial
    expected_in = b"auth=Bearer isp-secret" if said == "XOAUTH2" else b"\0ann\0isp-secret"
    assert expected_in in base64.b64decode(provider.sessions[-1].initial)
    assert subjects(gateway) == expected(1)


def test_a_server_that_asks_for_no_login_is_not_believed(imap_office, make_imap, monkeypatch):
    provider = make_imap(letters(1))
    monkeypatch.setattr(
        provider.session_class, "talk",
        lambda self: (self.say("* PREAUTH hello\r\n"), provider_loop(self)),
    )  # fmt: skip
    done = imap_office(provider.port).run("pickup")
    assert done.returncode == EX_TEMPFAIL
    assert "without a login" in done.stderr
    assert provider.messages == letters(1)


def provider_loop(session):
    while line := session.stream.readline():
        session.tag = line.split()[0].decode()
        session.on_capability("")


@pytest.mark.parametrize(
    "reply, is_final",
    [
        ("TAG NO [UNAVAILABLE] later", False),
        ("* BYE too many", False),
        ("TAG NO go away", True),
        ("TAG BAD what?", True),
    ],
)
def test_a_refused_login_is_for_a_person_unless_it_is_for_later(
    imap_office, make_imap, reply, is_final
):
    provider = make_imap(letters(1))
    provider.answer = lambda verb, argument, session: (
        session.socket.sendall(f"{reply}\r\n".replace("TAG", session.tag).encode()) or "DROP"
        if verb in ("LOGIN", "AUTHENTICATE") else None
    )  # fmt: skip
    gateway = imap_office(provider.port)
    assert fetch(gateway) == EX_TEMPFAIL
    note = (gateway.root / "spool/state/pickups/isp").read_text()
    assert ("refused=1" in note) == is_final


def refusing(verb, part, reply):
    return lambda said, argument, session: (
        reply.replace("TAG", session.tag) if said == verb and part in argument else None
    )


# cuts


def count_replies(imap_office, make_imap, messages, **settings):
    provider = make_imap(messages, **settings)
    assert fetch(imap_office(provider.port)) == EX_OK
    return provider.replies


@pytest.mark.parametrize("half", [0, 0.6])
@pytest.mark.parametrize("words", [CAPABILITIES, ["IMAP4rev1"]], ids=["able", "plain"])
def test_a_line_cut_at_any_reply_loses_and_repeats_nothing(imap_office, make_imap, words, half):
    settings = {"capabilities": words, "tells": len(words) > 1}
    for number in range(count_replies(imap_office, make_imap, letters(4), **settings)):
        provider = make_imap(letters(4), **settings)
        provider.cut_at, provider.cut_half = number, half
        gateway = imap_office(provider.port)
        shutil.rmtree(gateway.root / "mail/ann/Maildir")
        (gateway.root / "spool/pickup/isp").unlink()
        codes = [fetch(gateway) for _ in range(2)]
        assert codes[1] == EX_OK, f"cut at {number}: {codes}"
        assert subjects(gateway) == expected(4), f"cut at {number}"
        assert provider.messages == [], f"cut at {number}"
        # A message that was whole here is not fetched again.
        assert provider.retrieved <= 4 + 1, f"cut at {number}"


def half_fetched(imap_office, provider, **keys):
    """The line drops in the middle of the large message."""
    gateway = imap_office(provider.port, **keys)
    # Greeting; capability, login, select, search, size with their OKs; then the message.
    provider.cut_at, provider.cut_half = 9, 0.5
    assert fetch(gateway) == EX_TEMPFAIL
    provider.sent = 0
    return gateway


def parts(gateway):
    return list((gateway.root / "spool/pickup").glob("_part.*"))


def test_a_part_is_gone_on_with_and_then_gone(imap_office, make_imap):
    provider = make_imap([letter(0, noise(LARGE) + "\n")])
    gateway = half_fetched(imap_office, provider)
    assert len(parts(gateway)) == 1
    assert fetch(gateway) == EX_OK
    assert provider.sent < LARGE / 2 + BESIDES
    assert gateway.mailbox("ann")[0].endswith(noise(LARGE).encode() + b"\n")
    assert parts(gateway) == []


def test_smaller_ones_pass_what_is_half_here_only_if_they_are_smaller_still(
    imap_office, make_imap
):
    provider = make_imap([letter(0, noise(LARGE) + "\n")])
    gateway = half_fetched(imap_office, provider)
    provider.put([letter(1, noise(LARGE * 3 // 4) + "\n"), letter(2)])
    assert fetch(gateway) == EX_OK
    asked = [line for line in provider.sessions[-1].commands if "PEEK" in line]
    assert [line.split()[2] for line in asked] == ["3", "1", "2"]
    assert subjects(gateway) == expected(3)


def change_contents(provider, gateway):
    provider.mail[0].wire = provider.mail[0].wire[:-9] + b"changed\r\n"
    provider.mail[0].wire = provider.mail[0].wire.replace(b"a", b"b")


def change_size(provider, gateway):
    provider.mail[0].wire += b"more\r\n"


def change_length(provider, gateway):
    provider.size = lambda wire: LARGE + 100
    provider.mail[0].wire += b"more\r\n"


def spoil_part(provider, gateway):
    (part,) = parts(gateway)
    data = part.read_bytes()
    part.write_bytes(data[:-20] + bytes(20))


def cut_part(provider, gateway):
    (part,) = parts(gateway)
    part.write_bytes(part.read_bytes()[:-20])


def spoil_line(provider, gateway):
    (part,) = parts(gateway)
    part.write_bytes(b"x" * 40)


@pytest.mark.parametrize(
    "change",
    [change_contents, change_size, change_length, spoil_part, cut_part, spoil_line],
    ids=lambda change: change.__name__,
)
def test_a_part_that_is_not_the_message_s_any_more_is_not_used(imap_office, make_imap, change):
    provider = make_imap([letter(0, noise(LARGE) + "\n")])
    if change is change_length:
        provider.size = lambda wire: LARGE + 100
    gateway = half_fetched(imap_office, provider)
    change(provider, gateway)
    wanted = provider.mail[0].wire.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    # Found out in time, or in the session that goes on.
    assert EX_OK in [fetch(gateway) for _ in range(2)]
    (found,) = gateway.mailbox("ann")
    assert found.partition(b"\n\n")[2] == wanted
    assert provider.messages == []
    assert parts(gateway) == []


def test_a_part_whose_message_is_gone_there_is_removed(imap_office, make_imap):
    provider = make_imap([letter(0, noise(LARGE) + "\n")])
    gateway = half_fetched(imap_office, provider)
    provider.mail = []
    assert fetch(gateway) == EX_OK
    assert parts(gateway) == []


def test_a_server_that_ignores_where_to_go_on_harms_nothing(imap_office, make_imap):
    provider = make_imap([letter(0, noise(LARGE) + "\n")])
    gateway = half_fetched(imap_office, provider)
    give = provider.session_class.give

    def ignore(session, number, one, items):
        give(session, number, one, "BODY.PEEK[]")

    provider.session_class = type("Ignoring", (provider.session_class,), {"give": ignore})
    assert EX_OK in [fetch(gateway) for _ in range(2)]
    assert subjects(gateway) == expected(1)
    assert gateway.mailbox("ann")[0].endswith(noise(LARGE).encode() + b"\n")


def test_a_server_that_gives_no_parts_is_asked_for_the_whole(imap_office, make_imap):
    provider = make_imap([letter(0, noise(LARGE) + "\n")])
    gateway = half_fetched(imap_office, provider)
    provider.answer = refusing("UID FETCH", "<", "TAG BAD what?\r\n")
    assert [fetch(gateway) for _ in range(2)] == [EX_TEMPFAIL, EX_OK]
    assert subjects(gateway) == expected(1)


@pytest.fixture
def small_office(folder, certificates):
    """On a disk of 12 MB."""
    place = folder / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=755", "none", place]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a mount needs root")
    gateway = Gateway(place)

    def set_up(port):
        gateway.control(
            "pickups/isp",
            f"type imap\nhost 127.0.0.1\nport {port}\ntls none\nuser ann\n"
            "tokencommand echo isp-secret\nto ann\n",
        )
        return gateway

    yield set_up
    subprocess.run(["umount", "-l", place], check=True)


def test_where_there_is_no_room_for_a_part_the_message_has_it(small_office, make_imap):
    provider = make_imap([letter(0, noise(76) + "\n" + "z\n" * 2_000_000)],
                         (*CAPABILITIES, "AUTH=XOAUTH2"))  # fmt: skip
    gateway = half_fetched(small_office, provider)
    assert provider.retrieved == 1
    assert parts(gateway) == []
    assert fetch(gateway) == EX_OK
    assert len(gateway.mailbox("ann")[0]) > 4_000_000


# what is fetched, and what it costs


def digest_of(text):
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@pytest.mark.parametrize("words", [CAPABILITIES, ["IMAP4rev1"]], ids=["ranges", "numbers"])
def test_twenty_thousand_kept_messages_cost_their_uids(imap_office, make_imap, words):
    provider = make_imap([b"Subject: old %d\n\n" % number for number in range(20000)], words)
    gateway = imap_office(provider.port, keep="always")
    texts = [f"17.{number} INBOX" for number in range(1, 20001)] + ["UIDVALIDITY 17 INBOX"]
    (gateway.root / "spool/pickup/isp").write_text(
        "".join(f"f {digest_of(text)} - 1795374694 1795374694 17\n" for text in texts)
    )
    provider.put([b"Subject: new\n\n"])
    done = gateway.run("pickup")
    assert "1 fetched" in done.stdout, done
    asked = [line for line in provider.commands() if line.startswith("UID")]
    assert asked[1:] == [
        "UID FETCH 20001 (UID RFC822.SIZE FLAGS)", "UID FETCH 20001 (UID BODY.PEEK[])",
    ]  # fmt: skip
    assert provider.sent < (1000 if len(words) > 1 else 120_000)


def test_what_is_kept_there_costs_nothing_but_its_uids(imap_office, make_imap):
    provider = make_imap([b"Subject: letter %d\n\n" % number for number in range(3)])
    gateway = imap_office(provider.port, keep="always")
    assert fetch(gateway) == EX_OK
    assert fetch(gateway) == EX_OK
    commands = provider.sessions[-1].commands
    assert [line.split()[0] for line in commands] == [
        "CAPABILITY", "LOGIN", "EXAMINE", "UID", "LOGOUT",
    ]  # fmt: skip
    provider.put([b"Subject: letter 3\n\n"])
    provider.sent = 0
    assert "1 fetched" in gateway.run("pickup").stdout
    asked = [line for line in provider.sessions[-1].commands if line.startswith("UID")]
    assert asked == [
        "UID SEARCH RETURN (ALL) ALL", "UID FETCH 4 (UID RFC822.SIZE FLAGS)",
        "UID FETCH 4 (UID BODY.PEEK[])",
    ]  # fmt: skip
    assert provider.sent < 1000
    assert subjects(gateway) == expected(4)


def test_new_uids_for_old_mail_bring_it_in_no_second_time(imap_office, make_imap):
    provider = make_imap(letters(4))
    gateway = imap_office(provider.port, keep="always")
    assert fetch(gateway) == EX_OK
    provider.renumber()
    provider.put([letter(4)])
    done = gateway.run("pickup")
    assert "1 fetched" in done.stdout
    assert subjects(gateway) == expected(5)
    # Of the old ones only Message-ID and date crossed once more, and that once.
    assert provider.retrieved == 5
    assert fetch(gateway) == EX_OK
    assert [line.split()[0] for line in provider.sessions[-1].commands][2:] == [
        "EXAMINE", "UID", "LOGOUT",
    ]  # fmt: skip


def test_new_uids_are_seen_through_whatever_cuts_the_line(imap_office, make_imap):
    letters_there = letters(6)
    for number in range(5, 40, 3):
        provider = make_imap(letters_there)
        gateway = imap_office(provider.port, keep="always")
        shutil.rmtree(gateway.root / "mail/ann/Maildir", ignore_errors=True)
        (gateway.root / "spool/pickup/isp").unlink(missing_ok=True)
        assert fetch(gateway) == EX_OK
        provider.renumber()
        provider.cut_at = provider.replies + number
        fetch(gateway)
        provider.cut_at = None
        assert fetch(gateway) == EX_OK
        assert provider.retrieved == 6, number
        assert subjects(gateway) == expected(6)


def test_another_message_under_an_old_id_is_no_old_one(imap_office, make_imap):
    same = b"Date: Sun, 22 Nov 2026 1%d:00:00 +0000\nMessage-ID: <one@for.all>\nSubject: %s\n\nok\n"
    provider = make_imap([same % (0, b"letter 0")])
    gateway = imap_office(provider.port, keep="always")
    assert fetch(gateway) == EX_OK
    provider.renumber()
    provider.put([same % (1, b"letter 1"), same % (0, b"letter 2") + b"and more\n"])
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(3)


@pytest.mark.parametrize("keep", ["no", "1d"])
def test_an_old_uid_of_a_new_message_does_not_hide_it(imap_office, make_imap, keep):
    provider = make_imap(letters(2))
    gateway = imap_office(provider.port, keep=keep)
    assert fetch(gateway) == EX_OK
    state = gateway.root / "spool/pickup/isp"
    long_ago = re.sub(r" 1[0-9]{9} ", " 1600000000 ", state.read_text())
    state.write_text(long_ago)
    # What no server should do: the same UIDs, the same UIDVALIDITY.
    provider.mail, provider.next_uid = [], 1
    provider.put([letter(2, "later\n"), letter(3, "later\n")])
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(4)


def test_another_server_s_uids_are_others(imap_office, make_imap):
    first, second = make_imap(letters(2)), make_imap([letter(2, "2\n"), letter(3, "three\n")])
    assert fetch(imap_office(first.port, keep="always")) == EX_OK
    gateway = imap_office(second.port, keep="always", user="bob")
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(4)


def test_a_change_from_pop3_to_imap_brings_nothing_in_again(imap_office, dovecot):
    gateway = imap_office(dovecot.pop3, type="pop3", user="change", keep="always")
    dovecot.put("change", letters(6))
    assert fetch(gateway) == EX_OK
    gateway = imap_office(dovecot.imap, user="change", keep="always")
    dovecot.put("change", [letter(6)])
    assert "pickup isp: 1 fetched" in gateway.run("pickup").stdout
    assert subjects(gateway) == expected(7)


@pytest.mark.parametrize("keep", ["no", "always"])
def test_mail_is_known_again_without_uids_to_rely_on(imap_office, make_imap, keep):
    provider = make_imap(letters(3))
    provider.uidvalidity = None
    gateway = imap_office(provider.port, keep=keep)
    for _ in range(3):
        assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(3)
    assert len(provider.messages) == (3 if keep == "always" else 0)
    assert provider.retrieved == 3


def test_the_smallest_come_first(imap_office, make_imap):
    provider = make_imap(list(reversed(letters(5))))
    assert fetch(imap_office(provider.port)) == EX_OK
    asked = [line.split()[2] for line in provider.commands() if "PEEK" in line]
    assert asked == ["5", "4", "3", "2", "1"]


def test_another_folder_may_be_named(imap_office, make_imap):
    provider = make_imap(letters(1))
    assert fetch(imap_office(provider.port, folder="Lists/sea")) == EX_OK
    assert provider.sessions[-1].folder == "Lists/sea"


@pytest.mark.parametrize("keys", [{"folder": "B\xfcro"}, {"type": "pop3", "folder": "x"}])
def test_a_folder_that_cannot_be_is_refused(imap_office, keys):
    done = imap_office(1, **keys).run("check")
    assert done.returncode == EX_CONFIG
    assert "isp: folder: " in done.stdout


@pytest.mark.parametrize("words", [CAPABILITIES, ["IMAP4rev1"]], ids=["uidplus", "plain"])
def test_what_others_have_marked_is_neither_fetched_nor_removed(imap_office, make_imap, words):
    provider = make_imap(letters(3), capabilities=words)
    provider.mail[1].flags.add("\\Deleted")
    gateway = imap_office(provider.port)
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == ["letter 0", "letter 2"]
    if len(words) > 1:
        assert provider.messages == letters(2)[1:]
        return
    # EXPUNGE would take theirs too.
    assert len(provider.messages) == 3
    provider.mail[1].flags.clear()
    assert fetch(gateway) == EX_OK
    assert provider.messages == []
    assert subjects(gateway) == expected(3)


def test_a_large_message_is_told_of_by_its_header_alone(imap_office, make_imap):
    provider = make_imap([letter(0), letter(1, noise(LARGE) + "\n")])
    gateway = imap_office(provider.port, maxsize="4k")
    assert fetch(gateway) == EX_OK
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == ["A large message waits at the provider", "letter 0"]
    assert provider.retrieved == 1
    assert provider.sent < 10_000
    assert fetch(imap_office(provider.port)) == EX_OK
    assert "letter 1" in subjects(gateway)
    assert provider.messages == []


def test_multidrop_is_proved_and_used_over_imap_too(imap_office, make_imap):
    provider = make_imap()
    gateway = imap_office(
        provider.port, to=None, multidrop="Delivered-To", unmatched="postmaster", keep="always"
    )
    gateway.smarthost("isp", host="127.0.0.1", port=1)
    gateway.control("locals", "gate.example\noffice.example\n")
    assert fetch(gateway) == EX_CONFIG
    done = probe(gateway, provider, as_kept("Delivered-To", lambda people: people))
    assert done.returncode == EX_OK, done.stderr
    assert len(provider.messages) == 4
    # Two copies of one letter, alike but for who gets them.
    provider.messages = [b"Delivered-To: %s@office.example\n" % who + letter(0)
                         for who in (b"ann", b"bob")]  # fmt: skip
    for _ in range(2):
        assert fetch(gateway) == EX_OK
        assert subjects(gateway, "ann") == subjects(gateway, "bob") == expected(1)
        provider.renumber()


# servers that are odd


def test_a_message_that_is_refused_blocks_no_other(imap_office, make_imap):
    provider = make_imap(letters(3))
    provider.answer = refusing("UID FETCH", "1 (UID BODY", "TAG NO that one is broken\r\n")
    gateway = imap_office(provider.port)
    done = gateway.run("pickup")
    assert done.returncode == EX_TEMPFAIL
    assert "that one is broken" in done.stderr
    assert subjects(gateway) == ["letter 1", "letter 2"]
    assert provider.messages == letters(1)


def test_a_folder_that_nothing_may_be_removed_from_is_told(imap_office, make_imap):
    provider = make_imap(letters(2))
    provider.answer = refusing("UID STORE", "", "TAG NO [NOPERM] read-only\r\n")
    gateway = imap_office(provider.port)
    fetch(gateway)
    assert subjects(gateway) == expected(2)
    fetch(gateway)
    assert provider.retrieved == 2
    provider.answer = lambda verb, argument, session: None
    assert fetch(gateway) == EX_OK
    assert provider.messages == []
    assert subjects(gateway) == expected(2)


def test_a_removal_that_is_answered_between_a_body_and_its_end_spoils_nothing(
    imap_office, make_imap
):
    provider = make_imap(letters(60))
    waiting = []

    class Late(provider.session_class):
        """Answers removals in the middle of what comes next."""

        def on_uid_expunge(self, argument):
            with self.provider.lock:
                gone = [one for _, one in self.picked(argument)]
                self.provider.mail = [one for one in self.provider.mail if one not in gone]
            waiting.append(self.tag)
            if self.provider.retrieved == 60:
                self.flush()

        def flush(self):
            while waiting:
                self.say(f"{waiting.pop()} OK late\r\n")

        def give(self, number, one, items):
            super().give(number, one, items)
            self.flush()

    provider.session_class = Late
    gateway = imap_office(provider.port)
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(60)


@pytest.mark.parametrize("size", [0, 7, 10**9, 2**60, -1])
def test_a_size_that_is_a_lie_does_no_harm(imap_office, make_imap, size):
    provider = make_imap(letters(3))
    provider.size = lambda wire: size
    gateway = imap_office(provider.port)
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(3)


def test_a_message_that_outgrows_its_size_is_left_and_blocks_no_other(imap_office, make_imap):
    provider = make_imap([letter(0, "y" * 80 + "\n"), letter(1, "z" * 4000 + "\n")])
    flood = "* 1 FETCH (UID 1 BODY[] {9999999999}\r\n" + "flood flood\r\n" * 200000
    provider.answer = refusing("UID FETCH", "1 (UID BODY", flood)
    gateway = imap_office(provider.port)
    assert fetch(gateway) == EX_TEMPFAIL
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == ["letter 1"]
    assert parts(gateway) == []


def test_a_message_without_end_is_never_delivered(imap_office, make_imap):
    provider = make_imap(letters(2))
    provider.answer = lambda verb, argument, session: (
        session.socket.sendall(b"* 1 FETCH (UID 1 BODY[] {500}\r\nSubject: half\r\n\r\nbegun")
        or "DROP" if "BODY" in argument else None
    )  # fmt: skip
    gateway = imap_office(provider.port)
    assert fetch(gateway) == EX_TEMPFAIL
    assert gateway.mailbox("ann") == []
    assert len(provider.messages) == 2


@pytest.mark.parametrize(
    "verb, reply",
    [
        ("SELECT", "TAG NO [NONEXISTENT] no such folder\r\n"),
        ("SELECT", "HTTP/1.1 200 OK\r\n"),
        ("UID SEARCH", "* SEARCH 1 2\r\nTAG BAD no\r\n"),
        ("UID SEARCH", "* BYE down for the night\r\n"),
        ("UID SEARCH", "* SEARCH " + "1" * 9000000),
        ("UID FETCH", "* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n"),
        ("UID FETCH", "* 1 FETCH (UID 1 X {\r\n"),
        ("UID FETCH", "* 1 FETCH ((((\r\n"),
        ("UID STORE", "+ what?\r\n"),
        ("UID EXPUNGE", "L99 OK\r\nTAG OK\r\n"),
    ],
)
def test_nonsense_ends_the_session_and_loses_nothing(imap_office, make_imap, verb, reply):
    provider = make_imap(letters(2))
    provider.answer = refusing(verb, "", reply)
    gateway = imap_office(provider.port)
    assert fetch(gateway) == EX_TEMPFAIL
    provider.answer = lambda verb, argument, session: None
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(2)
    assert provider.messages == []


def test_compression_that_is_none_ends_the_session(imap_office, make_imap):
    provider = make_imap(letters(1), capabilities=(*CAPABILITIES, "COMPRESS=DEFLATE"))
    provider.answer = refusing("COMPRESS", "", "TAG OK but not really\r\n* OK\r\n")
    gateway = imap_office(provider.port)
    done = gateway.run("pickup")
    assert done.returncode == EX_TEMPFAIL
    assert "compressed" in done.stderr
    provider.answer = refusing("COMPRESS", "", "TAG NO not today\r\n")
    assert fetch(gateway) == EX_OK
    assert subjects(gateway) == expected(1)
