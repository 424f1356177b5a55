"""Local delivery: .qmail files, programs, mbox files, lists, retries and bounces."""

import mailbox
import os
import pathlib
import pwd
import smtplib

import pytest
from gateway import EX_CONFIG, EX_NOINPUT, EX_OK
from waiting import wait_until

ANN, BOB, FAR = "ann@gate.example", "bob@gate.example", "you@far.example"
LETTER = b"Subject: hello\r\nMessage-ID: <1@far.example>\r\n\r\nhello\r\nFrom here on\r\n"


class Office:
    """A running gateway, and what its local users have in their homes."""

    def __init__(self, gateway):
        self.gateway = gateway
        # a program runs as nobody where the tests run as root without role users
        self.shared = gateway.folder / "shared"
        self.shared.mkdir()
        self.shared.chmod(0o777)

    def account(self, user, name, text, mode=0o644):
        file = self.gateway.root / "mail" / user / name
        file.write_text(text)
        file.chmod(mode)
        return file

    def alias(self, name, text):
        return self.gateway.control(f"alias/.qmail-{name}", text)

    def send(self, recipients, sender=FAR, message=LETTER):
        if isinstance(recipients, str):
            recipients = [recipients]
        self.gateway.send(sender, recipients, message)

    def waiting(self):
        return self.gateway.parked("local")

    def done(self):
        try:
            wait_until(lambda: not self.waiting(), what="the end of all local deliveries")
        except AssertionError as late:
            raise AssertionError(f"{late}; log:\n{self.gateway.log_text()}") from late

    def deferred(self):
        wait_until(
            lambda: [one for one in self.waiting() if "A" in one.facts], what="a deferral"
        )
        return self.waiting()

    def again(self):
        """Everything now, as when the time has come."""
        before = [one.facts.get("A") for one in self.waiting()]
        assert self.gateway.run("service", "hup", "dispatch").returncode == EX_OK
        wait_until(
            lambda: [one.facts.get("A") for one in self.waiting()] != before, what="a try"
        )


@pytest.fixture
def office(gateway):
    return Office(gateway)


def test_without_instructions_mail_goes_to_the_mailbox_at_once(office):
    office.send(ANN)
    assert len(office.gateway.mailbox("ann")) == 1
    assert office.waiting() == []


def test_an_extension_has_a_file_of_its_own(office):
    office.account("ann", ".qmail-shop", "./Maildir/\n")
    office.send("Ann-Shop@gate.example")
    assert len(office.gateway.mailbox("ann")) == 1


def test_default_takes_the_other_extensions_and_says_which(office):
    file = office.shared / "out"
    office.account("ann", ".qmail-default", f'|echo "$EXT/$DEFAULT" >> {file}\n')
    office.send("ann-News-Letter@gate.example")
    office.done()
    assert file.read_text() == "News-Letter/News-Letter\n"


def test_an_account_may_forward_and_keep_a_copy(office):
    office.account("ann", ".qmail", f"./Maildir/\n&{BOB}\n")
    office.send(ANN)
    assert len(office.gateway.mailbox("ann")) == len(office.gateway.mailbox("bob")) == 1


def test_a_program_gets_the_message_and_its_environment(office):
    out = office.shared / "out"
    office.account("ann", ".qmail-run", f"|(env; echo ---; cat) > {out}\n./Maildir/\n")
    office.send("ann-run@gate.example")
    office.done()
    environment, _, message = out.read_text().partition("---\n")
    assert message == LETTER.decode().replace("\r\n", "\n") or message.endswith(
        LETTER.decode().replace("\r\n", "\n")
    )
    assert "Delivered-To" not in message and "Return-Path" not in message
    lines = environment.splitlines()
    for wanted in (
        f"SENDER={FAR}", f"NEWSENDER={FAR}", "RECIPIENT=ann-run@gate.example", "USER=ann",
        "LOCAL=ann-run", "HOST=gate.example", "HOST2=gate", "EXT=run", "EXT2=",
        "DTLINE=Delivered-To: ann-run@gate.example", f"RPLINE=Return-Path: <{FAR}>",
    ):  # fmt: skip
        assert wanted in lines, environment
    assert any(line.startswith(f"UFLINE=From {FAR} ") for line in lines)
    assert f"LONTAR_ROOT={office.gateway.root}" in lines
    (kept,) = office.gateway.mailbox("ann")
    assert kept.startswith(
        f"Return-Path: <{FAR}>\nDelivered-To: ann-run@gate.example\n".encode()
    )


def test_a_program_never_runs_as_root(office):
    out = office.shared / "out"
    office.account("ann", ".qmail-who", f"|id -u > {out}\n")
    office.send("ann-who@gate.example")
    office.done()
    assert out.read_text().strip() not in ("0", "")


def test_a_program_has_no_descriptor_but_the_three(office):
    out = office.shared / "out"
    office.account("ann", ".qmail-fds", f"|ls /proc/$$/fd > {out}\n")
    office.send("ann-fds@gate.example")
    office.done()
    assert set(out.read_text().split()) - {"0", "1", "2"} <= {"10", "255"}  # the shell's own


def test_what_a_stranger_writes_is_never_shell_text(office):
    out = office.shared / "out"
    office.account("ann", ".qmail-default", f'|printf %s "$SENDER" > {out}\n')
    office.send("ann-x@gate.example", sender='"() { :;}; x$(id)`id`"@far.example')
    office.done()
    assert out.read_text() == "_) { :;}; x$(id)`id`@far.example"


@pytest.mark.parametrize("code", [100, 64, 65, 70, 76, 77, 78, 112])
def test_a_program_that_refuses_bounces_the_mail(office, code):
    office.account("ann", ".qmail-no", f"|echo we do not want this; exit {code}\n./Maildir/\n")
    office.send("ann-no@gate.example", sender=BOB)
    office.done()
    (bounce,) = office.gateway.mailbox("bob")
    assert b"we do not want this" in bounce
    assert b"ann-no@gate.example" in bounce
    assert office.gateway.mailbox("ann") == []


def test_a_program_that_says_99_ends_the_file(office):
    office.account("ann", ".qmail-stop", f"&{BOB}\n|exit 99\n./Maildir/\n&ann@gate.example\n")
    office.send("ann-stop@gate.example")
    office.done()
    wait_until(lambda: office.gateway.mailbox("bob"), what="the forward before it")
    assert office.gateway.mailbox("ann") == []


@pytest.mark.parametrize("how", ["exit 111", "exit 1", "kill -9 $$", "kill -SEGV $$"])
def test_any_other_end_of_a_program_is_tried_again(office, how):
    office.account("ann", ".qmail-later", f"|{how}\n")
    office.send("ann-later@gate.example")
    (one,) = office.deferred()
    assert one.facts["A"] == "1"
    assert 95 <= int(one.facts["N"]) - int(one.id.split(".")[0]) <= 130


def test_lines_that_are_done_are_not_repeated(office):
    out, gate = office.shared / "out", office.shared / "open"
    office.account(
        "ann", ".qmail-twice", f"|echo one >> {out}\n./Maildir/\n|test -e {gate}\n&{BOB}\n"
    )
    office.send("ann-twice@gate.example")
    office.deferred()
    office.again()
    gate.write_text("")
    office.again()
    office.done()
    wait_until(lambda: office.gateway.mailbox("bob"), what="the forward")
    assert out.read_text() == "one\n"
    assert len(office.gateway.mailbox("ann")) == len(office.gateway.mailbox("bob")) == 1
    assert list((office.gateway.root / "spool/state/local").iterdir()) == []


def test_a_restart_in_between_changes_nothing(office):
    out, gate = office.shared / "out", office.shared / "open"
    office.account("ann", ".qmail-twice", f"|echo one >> {out}\n|test -e {gate}\n")
    office.send("ann-twice@gate.example")
    (before,) = office.deferred()
    office.gateway.stop()
    office.gateway.start()
    (after,) = office.waiting()
    assert after.path.name == before.path.name
    gate.write_text("")
    office.again()
    office.done()
    assert out.read_text() == "one\n"


def test_a_program_that_hangs_is_killed_with_its_children(office):
    office.gateway.control("timeoutlocal", "1\n")
    mark = office.shared / "pid"
    office.account("ann", ".qmail-hang", f"|sleep 3600 & echo $! > {mark}; wait\n")
    office.send("ann-hang@gate.example")
    office.deferred()
    pid = int(mark.read_text())
    wait_until(
        lambda: not pathlib.Path(f"/proc/{pid}").exists()
        or pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z",
        what="the end of the program's child",
    )


def test_a_program_that_floods_or_leaves_a_child_behind_is_no_trouble(office):
    office.account(
        "ann", ".qmail-flood", "|head -c 30000000 /dev/zero | tr '\\0' x\n|sleep 5 & exit 0\n"
    )
    office.send("ann-flood@gate.example")
    office.done()


def test_a_program_need_not_read_its_message(office):
    office.account("ann", ".qmail-deaf", "|exec <&-; exit 0\n./Maildir/\n")
    office.send("ann-deaf@gate.example", message=b"Subject: big\r\n\r\n" + b"x" * 70 * 1000)
    office.done()
    assert len(office.gateway.mailbox("ann")) == 1


def test_an_mbox_is_written_as_readers_expect_it(office):
    office.account("ann", ".qmail-box", "./Box\n")
    office.send("ann-box@gate.example")
    office.done()
    office.send("ann-box@gate.example", sender="", message=b"Subject: two\r\n\r\n>From x\r\nno end")
    office.done()
    box = mailbox.mbox(office.gateway.root / "mail/ann/Box")
    assert [one["Subject"] for one in box] == ["hello", "two"]
    text = (office.gateway.root / "mail/ann/Box").read_text()
    assert "\n>From here on\n" in text and "\n>>From x\n" in text
    assert "\nFrom MAILER-DAEMON " in text
    assert not (office.gateway.root / "mail/ann/Box.lock").exists()


def test_an_mbox_that_is_a_link_is_refused_for_now(office):
    target = office.shared / "target"
    target.write_text("")
    (office.gateway.root / "mail/ann/Box").symlink_to(target)
    office.account("ann", ".qmail-box", "./Box\n")
    office.send("ann-box@gate.example")
    office.deferred()
    assert target.read_text() == ""


def test_a_message_that_was_here_before_loops_no_more(office):
    office.account("ann", ".qmail-run", "|cat >/dev/null\n")
    office.account("ann", ".qmail-again", "|true\n&ann-run@gate.example\n")
    # known at once where the line names a recipient, else when it comes home
    loop = b"Delivered-To: ann-run@gate.example\r\n" + LETTER
    with pytest.raises(smtplib.SMTPResponseException, match="5.4.6"):
        office.send("ann-run@gate.example", sender=BOB, message=loop)
    office.send("ann-again@gate.example", sender=BOB, message=loop)
    wait_until(lambda: office.gateway.mailbox("bob"), what="the bounce")
    office.done()
    (bounce,) = office.gateway.mailbox("bob")
    assert b"looping" in bounce and b"5.4.6" in bounce


def test_two_programs_that_forward_to_each_other_end(office):
    office.account("ann", ".qmail-x", "|true\n&bob-x@gate.example\n")
    office.account("bob", ".qmail-x", "|true\n&ann-x@gate.example\n")
    office.send("ann-x@gate.example", sender=BOB)
    wait_until(lambda: office.gateway.mailbox("bob"), what="the bounce")
    office.done()
    assert len(office.gateway.mailbox("bob")) == 1


def test_a_list_has_an_owner_who_gets_its_bounces(office):
    office.alias("crew", f"&ann\n&{BOB}\n&gone@gate.example\n")
    office.alias("crew-owner", "&postmaster\n")
    office.send("crew@gate.example")
    office.done()
    for user in ("ann", "bob"):
        copies = [one for one in office.gateway.mailbox(user) if one.endswith(b"\nFrom here on\n")]
        (one,) = copies
        assert one.startswith(b"Return-Path: <crew-owner@gate.example>\n")
        assert b"Delivered-To: crew@gate.example\n" in one
    everything = office.gateway.mailbox("ann") + office.gateway.mailbox("postmaster")
    assert any(b"gone@gate.example" in text and b"multipart/report" in text for text in everything)


def test_verp_names_the_true_recipient(office):
    office.alias("crew", "&ann\n&far@abroad.example\n")
    office.alias("crew-owner", "&postmaster\n")
    office.alias("crew-owner-default", "&postmaster\n")
    office.send("crew@gate.example")
    office.done()
    (one,) = office.gateway.mailbox("ann")
    assert one.startswith(b"Return-Path: <crew-owner-ann=gate.example@gate.example>\n")
    (parked,) = office.gateway.parked("isp")
    assert parked.bytes.startswith(
        b"Return-Path: <crew-owner-far=abroad.example@gate.example>\n"
    )


def test_a_large_list_shares_one_body_a_hundred(office):
    office.alias("all", "".join(f"&member{i}@far.example\n" for i in range(1000)))
    office.send("all@gate.example")
    office.done()
    assert sorted(len(one.recipients) for one in office.gateway.parked("isp")) == [100] * 10


@pytest.mark.parametrize(
    "line, ann, bob",
    [
        ("|forward bob@gate.example", 1, 1),
        ("|cat | forward bob bob@gate.example", 1, 1),
        ("|condredirect bob grep -q hello", 0, 1),
        ("|condredirect bob grep -q goodbye", 1, 0),
        ("|bouncesaying 'not here' grep -q goodbye", 1, 0),
        ("|except grep -q goodbye", 1, 0),
        ("|preline sh -c 'head -3 | grep -q ^Delivered-To:'", 1, 0),
        ("|preline -d sh -c '! grep -q ^Delivered-To:'", 1, 0),
        ("|preline true", 1, 0),
    ],
)
def test_the_helper_programs_do_as_qmails_do(office, line, ann, bob):
    office.account("ann", ".qmail-run", f"{line}\n./Maildir/\n")
    office.send("ann-run@gate.example")
    office.done()
    assert len(office.gateway.mailbox("ann")) == ann
    assert len(office.gateway.mailbox("bob")) == bob


def test_a_maildir_becomes_an_mbox(office):
    office.send([ANN])
    office.send([ANN], message=b"Subject: two\r\n\r\nx\r\n")
    maildir, box = office.gateway.root / "mail/ann/Maildir", office.shared / "box"
    environment = {**office.gateway.environment, "MAILDIR": str(maildir), "MAIL": str(box)}
    done = office.gateway.run(program="maildir2mbox", env=environment)
    assert done.returncode == 0, done.stderr
    assert [one["Subject"] for one in mailbox.mbox(box)] == ["hello", "two"]
    assert office.gateway.mailbox("ann") == []
    made = office.shared / "new"
    assert office.gateway.run(made, program="maildirmake").returncode == 0
    assert sorted(one.name for one in made.iterdir()) == ["cur", "new", "tmp"]
    assert office.gateway.run(made, program="maildirmake").returncode == 111


def test_mail_is_bounced_when_its_time_is_over(office):
    office.gateway.control("queuelifetime", "0\n")
    office.account("ann", ".qmail-later", "|echo the disk is on holiday; exit 111\n")
    office.send("ann-later@gate.example", sender=BOB)
    (one,) = office.deferred()
    office.gateway.stop()
    one.path.rename(str(one.path).replace("A=1", "A=12"))
    office.gateway.start()
    office.again()
    office.done()
    (bounce,) = office.gateway.mailbox("bob")
    assert b"in the queue too long" in " ".join(bounce.decode().split()).encode()
    assert b"the disk is on holiday" in bounce
    assert b"4.4.7" in bounce


def test_a_home_that_all_may_write_is_no_ones_to_obey(office):
    office.account("ann", ".qmail", "./Maildir/\n")
    (office.gateway.root / "mail/ann").chmod(0o777)
    with office.gateway.connect() as wire:
        wire.hello(f"MAIL FROM:<{FAR}>")
        assert wire.say(f"RCPT TO:<{ANN}>").startswith("451")


def test_check_tells_the_line_that_cannot_be_done(office):
    office.account("ann", ".qmail-bad", "./Maildir/\n&not an address\n")
    office.alias("also", "&nobody-here\n")
    done = office.gateway.run("check")
    assert done.returncode == EX_CONFIG
    assert "mail/ann/.qmail-bad: line 2" in done.stdout + done.stderr
    assert "control/alias/.qmail-also:1" in done.stdout + done.stderr


def test_explain_says_what_is_run(office):
    office.account("ann", ".qmail-run", "|true\n")
    done = office.gateway.run("explain", "ann-run@gate.example")
    assert done.returncode == EX_OK
    assert "mail/ann/.qmail-run" in done.stdout and "lontar-dispatch" in done.stdout
    assert office.gateway.run("explain", "ann-no@gate.example").returncode == EX_NOINPUT


def test_mail_that_waits_is_in_the_queue_and_may_be_dropped(office):
    office.account("ann", ".qmail-later", "|exit 111\n")
    office.send("ann-later@gate.example")
    office.deferred()
    (one,) = office.gateway.queue("local")
    assert one["recipients"] == ["ann-later@gate.example"]
    assert one["why"].startswith("tried; again after ") and one["next"] in one["why"]
    wait_until(
        lambda: office.gateway.run("drop", "--silent", one["id"]).returncode == EX_OK,
        what="a free lock",
    )
    assert office.waiting() == []


@pytest.fixture
def person(office):
    """A user of the system who is not root: nobody, with a home of the test's own."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    entry = pwd.getpwnam("nobody")
    home = office.gateway.folder / "home"
    home.mkdir()
    os.chown(home, entry.pw_uid, entry.pw_gid)
    office.gateway.control("users/assign", (
        f"=joe:joe:{entry.pw_uid}:{entry.pw_gid}:{home}:::\n"
        f"+joe-:joe:{entry.pw_uid}:{entry.pw_gid}:{home}:-::\n.\n"
    ))  # fmt: skip
    assert office.gateway.run("rebuild").returncode == EX_OK
    office.home, office.uid = home, entry.pw_uid
    return office


def test_a_user_of_the_system_gets_a_maildir_of_his_own(person):
    person.send("joe@gate.example")
    person.done()
    (file,) = (person.home / "Maildir/new").iterdir()
    assert file.stat().st_uid == person.uid
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes().startswith(
        f"Return-Path: <{FAR}>\nDelivered-To: joe@gate.example\n".encode()
    )


def test_his_extensions_need_a_file(person):
    (person.home / ".qmail-shop").write_text("./Shop\n")
    person.send(["joe-shop@gate.example"])
    person.send(["joe-other@gate.example"], sender=BOB)
    person.done()
    assert (person.home / "Shop").stat().st_uid == person.uid
    (bounce,) = person.gateway.mailbox("bob")
    assert b"no mailbox here by that name" in bounce


def test_defaultdelivery_says_what_is_usual(person):
    person.gateway.control("defaultdelivery", "./Mailbox\n")
    person.send("joe@gate.example")
    person.done()
    assert (person.home / "Mailbox").read_text().startswith("From you@far.example ")


def test_a_home_that_is_away_keeps_the_mail(person):
    person.home.rename(person.home.with_name("away"))
    person.send("joe@gate.example")
    person.deferred()
    person.home.with_name("away").rename(person.home)
    person.again()
    person.done()
    assert len(list((person.home / "Maildir/new").iterdir())) == 1


def test_a_home_that_is_another_users_keeps_the_mail(person):
    os.chown(person.home, 0, 0)
    os.chown(person.home, 1, 1)
    person.send("joe@gate.example")
    person.deferred()


def test_nothing_is_delivered_to_root(person):
    person.gateway.control("users/assign", f"=joe:joe:0:0:{person.home}:::\n.\n")
    person.gateway.run("rebuild")
    with person.gateway.connect() as wire:
        wire.hello(f"MAIL FROM:<{FAR}>")
        assert wire.say("RCPT TO:<joe@gate.example>").startswith("451")
