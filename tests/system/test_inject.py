"""qmail-inject, as scripts of old books call it, and a session typed by hand."""

import re

TO_BOB = "To: bob\nSubject: from a script\n\nHello.\n"


def inject(gateway, *words, message=TO_BOB, code=0, **variables):
    environment = {**gateway.environment, **variables}
    for name in ("USER", "LOGNAME", "NAME"):
        environment.setdefault(name, "")
    done = gateway.run(*words, program="qmail-inject", input=message, env=environment)
    assert done.returncode == code, done.stderr
    return done


def fields(gateway, user="bob"):
    (mail,) = gateway.mailbox(user)
    return mail.split(b"\n\n", 1)[0].decode()


def empty(gateway):
    for user in ("ann", "bob"):
        for file in (gateway.root / "mail" / user / "Maildir/new").iterdir():
            file.unlink()


def test_a_line_piped_into_it_is_mail(gateway):
    inject(gateway, message="to: bob\n")
    found = fields(gateway)
    assert re.search(r"^Return-Path: <anonymous@gate\.example>$", found, re.M)
    assert re.search(r"^Date: ", found, re.M) and re.search(r"^Message-ID: <", found, re.M)
    assert re.search(r"^From: <anonymous@gate\.example>$", found, re.M)
    assert "to: bob@gate.example" in found


RECIPIENTS = [
    ((), {"bob"}), (("ann",), {"ann"}), (("-A", "ann"), {"ann"}), (("-A",), {"bob"}),
    (("-a", "ann"), {"ann"}), (("-h", "ann"), {"bob"}), (("-H", "ann"), {"ann", "bob"}),
    (("-N", "-H", "ann@gate.example, bob"), {"ann", "bob"}),
]  # fmt: skip


def test_recipients_are_those_that_the_options_say(gateway):
    for words, got in RECIPIENTS:
        inject(gateway, *words)
        assert {user for user in ("ann", "bob") if gateway.mailbox(user)} == got, words
        empty(gateway)


def test_n_only_prints(gateway):
    printed = inject(gateway, "-n").stdout
    assert printed.endswith("To: bob@gate.example\nSubject: from a script\n\nHello.\n")
    assert gateway.mailbox("bob") == []


AUTHORS = [
    ((), "", {"USER": "ann"}, "ann@gate.example", "<ann@gate.example>"),
    ((), "", {"USER": "x", "MAILUSER": "y", "QMAILUSER": "ann"},
     "ann@gate.example", "<ann@gate.example>"),
    ((), "", {"QMAILUSER": "ann", "QMAILHOST": "pc+", "QMAILPLUSDOMAIN": "lan.example"},
     "ann@pc.lan.example", "<ann@pc.lan.example>"),
    ((), "", {"QMAILUSER": "ann", "MAILHOST": "pc", "QMAILDEFAULTDOMAIN": "x.example"},
     "ann@pc.x.example", "<ann@pc.x.example>"),
    ((), "", {"QMAILUSER": "ann", "QMAILDEFAULTHOST": "h.example"},
     "ann@h.example", "<ann@h.example>"),
    ((), "", {"QMAILUSER": "ann", "QMAILNAME": "Ann Cook"},
     "ann@gate.example", "Ann Cook <ann@gate.example>"),
    ((), "", {"QMAILUSER": "ann", "NAME": "Ann", "QMAILINJECT": "c"},
     "ann@gate.example", "ann@gate.example (Ann)"),
    ((), "", {"QMAILUSER": "ann", "QMAILSUSER": "ann-list", "QMAILSHOST": "o.example"},
     "ann-list@o.example", "<ann@gate.example>"),
    (("-feve@far.example",), "", {"QMAILUSER": "ann"},
     "eve@far.example", "<ann@gate.example>"),
    (("-f", ""), "", {"QMAILUSER": "ann"}, "", "<ann@gate.example>"),
    ((), "Return-Path: <eve@far.example>\n", {}, "eve@far.example",
     "<anonymous@gate.example>"),
    ((), "Return-Path: <eve@far.example>\n", {"QMAILINJECT": "s"}, "anonymous@gate.example",
     "<anonymous@gate.example>"),
    (("-fjoe@far.example",), "Return-Path: <eve@far.example>\n", {}, "joe@far.example",
     "<anonymous@gate.example>"),
    ((), "From: me@far.example\n", {"QMAILUSER": "ann", "QMAILINJECT": "fi"},
     "ann@gate.example", "<ann@gate.example>"),
    ((), "", {"QMAILUSER": "ann", "QMAILINJECT": "r"},
     "ann-bob=gate.example@gate.example", "<ann@gate.example>"),
    ((), "", {"QMAILUSER": "ann", "QMAILINJECT": "m"},
     r"ann-[0-9]+\.[0-9]+@gate\.example", "<ann@gate.example>"),
]  # fmt: skip


def test_sender_and_author_are_as_the_variables_say(gateway):
    for words, header, variables, sender, author in AUTHORS:
        letter = header + TO_BOB.replace("bob", "bob@gate.example")
        inject(gateway, *words, message=letter, **variables)
        found = fields(gateway)
        assert f"From: {author}\n" in found, (words, variables)
        (path,) = re.findall(r"^Return-Path: <(.*)>$", found, re.M)
        assert path == sender or re.fullmatch(sender, path), (words, variables)
        empty(gateway)


def test_ids_end_in_idhost(gateway):
    inject(gateway, QMAILIDHOST="ids.example")
    assert re.search(r"^Message-ID: <.*@ids\.example>$", fields(gateway), re.M)


def test_mail_to_ones_lists_says_where_answers_go(gateway, folder):
    (folder / "lists").write_text("# mine\nbob@gate.example\n")
    inject(gateway, message="To: bob\nCc: ann\n\nx\n", QMAILMFTFILE=str(folder / "lists"))
    assert "Mail-Followup-To: bob@gate.example,\n  ann@gate.example\n" in fields(gateway)


def test_bcc_is_not_told(gateway):
    inject(gateway, message="Bcc: bob\n\nx\n")
    found = fields(gateway)
    assert "Bcc" not in found and "Cc: recipient list not shown: ;" in found


REFUSED = [
    (("nobody-here@gate.example",), TO_BOB, 100), ((), "Subject: x\n\nx\n", 100),
    (("-z",), TO_BOB, 100), (("-f",), TO_BOB, 100), (("-a",), TO_BOB, 100),
]  # fmt: skip


def test_what_cannot_be_is_100(gateway):
    for words, message, code in REFUSED:
        inject(gateway, *words, message=message, code=code)


def test_without_a_gateway_it_is_111(gateway):
    inject(gateway, code=111, LONTAR_ROOT=str(gateway.folder / "away"))


def test_a_session_typed_by_hand_as_the_books_have_it(gateway):
    with gateway.connect() as wire:
        for line, code in (
            ("helo dude", 250), ("mail <ann@gate.example>", 250),
            ("rcpt <bob@gate.example>", 250), ("data", 354),
        ):  # fmt: skip
            reply = wire.say(line)
            assert reply.startswith(str(code)), reply
        assert wire.say("Subject: typed\r\n\r\nby hand\r\n.").startswith("250")
        assert wire.say("mail ann@gate.example").startswith("250")
        assert wire.say("rcpt bob@gate.example").startswith("250")
        assert wire.say("quit").startswith("221")
    (mail,) = gateway.mailbox("bob")
    assert mail.startswith(b"Return-Path: <ann@gate.example>\n")
    assert mail.endswith(b"\n\nby hand\n")
