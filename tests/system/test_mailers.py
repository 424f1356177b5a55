"""Other people's programs beside ours: dot-forward, procmail, maildrop and s-nail, behind |
lines and as readers of what we write; and the homes and programs that make trouble."""

import mailbox
import os
import pathlib
import shutil
import smtplib
import subprocess

import pytest
from gateway import EX_OK
from test_local import FAR, office, person  # noqa: F401  (fixtures)
from waiting import wait_until

JOE = "joe@gate.example"


def need(program):
    if not shutil.which(program):
        pytest.skip(f"needs {program} (scripts/deps test)")
    return shutil.which(program)


def joes(person, name, text, mode=0o644):
    """A file in the home of joe, and his."""
    file = person.home / name
    file.write_text(text)
    file.chmod(mode)
    os.chown(file, person.uid, -1)
    return file


def make_maildir(person, name="Maildir"):
    program = shutil.which("maildirmake", path=person.gateway.environment["PATH"])
    subprocess.run([program, person.home / name], check=True)
    for place in (person.home / name, *(person.home / name).iterdir()):
        os.chown(place, person.uid, -1)


def maildir(person):
    return [file.read_text() for file in (person.home / "Maildir/new").glob("*")]


# ~/.forward


def test_a_forward_file_is_obeyed_as_dot_forward_does(person, smarthost):
    make_maildir(person)
    joes(person, ".qmail", "|dot-forward .forward\n./Maildir/\n")
    joes(person, ".forward", (
        "# mine\n\\joe, You <you@far.example>\n"
        f'"|cat > {person.shared}/seen", bob@gate.example (Bob)\n'
    ))  # fmt: skip
    person.send(JOE)
    person.done()
    assert len(maildir(person)) == 1
    assert len(person.gateway.mailbox("bob")) == 1
    seen = (person.shared / "seen").read_text()
    assert seen.startswith(f"From {FAR} ") and "\nDelivered-To: joe@gate.example\n" in seen
    (parked,) = person.gateway.parked("isp")
    assert parked.recipients == [FAR]


def test_without_himself_in_it_his_mailbox_gets_nothing(person):
    make_maildir(person)
    joes(person, ".qmail", "|dot-forward .forward\n./Maildir/\n")
    joes(person, ".forward", "bob@gate.example\n")
    person.send(JOE)
    person.done()
    assert len(person.gateway.mailbox("bob")) == 1
    assert maildir(person) == []


@pytest.mark.parametrize("text", ["", None, "# nothing\n"])
def test_without_a_forward_file_mail_goes_where_the_next_line_says(person, text):
    make_maildir(person)
    joes(person, ".qmail", "|dot-forward .forward\n./Maildir/\n")
    if text is not None:
        joes(person, ".forward", text)
    person.send(JOE)
    person.done()
    assert len(maildir(person)) == 1


def dot_forward(program, folder, text):
    (folder / ".forward").write_text(text)
    environment = {"USER": "joe", "HOST": "gate.example", "DTLINE": "x", "RPLINE": "x",
                   "UFLINE": "x", "NEWSENDER": "a@b", "SENDER": "a@b",
                   "PATH": os.environ["PATH"], "LONTAR_ROOT": "/nonexistent"}  # fmt: skip
    done = subprocess.run(
        [program, "-n", ".forward"], cwd=folder, env=environment, text=True,
        capture_output=True, stdin=subprocess.DEVNULL, timeout=20,
    )  # fmt: skip
    told = (done.stdout + done.stderr).splitlines()
    return done.returncode, sorted({line for line in told if line.split()[0] in
                                    ("forward", "direct", "pipe")})  # fmt: skip


SAME = [
    "ann@far.example\n", "# only\n", "", "\\joe, ann@far.example\n", "joe@gate.example\n",
    '"|prog -x a,b"\n', "JOE\n", "|prog, bob@far.example\n", '"|p \\"q\\" r"\n',
    "ann@far.example,\n bob@far.example\n", "Ann <ann@far.example> (x)\n",
    "joe, joe@gate.example, ann@far.example\n", '"two words"@far.example\n',
]  # fmt: skip
# the real one runs "prog" and mails "a"; and takes two addresses that no comma parts.
# Both look like mistakes: a line's command is run whole, and a list that makes no sense
# keeps the mail waiting until it is mended.
BETTER = {
    "|prog a\n": (99, ["pipe through prog a"]),
    "a@far.example b@far.example\n": (111, []),
    "./Mailbox\n": (99, ["forward ./Mailbox@gate.example"]),
}


def test_the_real_dot_forward_says_the_same(gateway, folder):
    real, ours = need("dot-forward"), shutil.which("dot-forward", path=gateway.environment["PATH"])
    if pathlib.Path(real).resolve() == pathlib.Path(ours).resolve():
        pytest.skip("ours is the first on the way")
    for text in SAME:
        assert dot_forward(ours, folder, text) == dot_forward(real, folder, text), text
    for text, expected in BETTER.items():
        assert dot_forward(ours, folder, text) == expected, text


# procmail, maildrop, s-nail


def test_procmail_sorts_mail_into_an_mbox(person):
    need("procmail")
    joes(person, "rc", "MAILDIR=.\nDEFAULT=./Box\n:0\n* ^Subject: hello\n./Sorted\n", 0o600)
    joes(person, ".qmail", "|preline procmail ./rc\n")
    person.send(JOE)
    person.send(JOE, message=b"Subject: other\r\n\r\nx\r\n")
    person.done()
    for name, subject in (("Sorted", "hello"), ("Box", "other")):
        (one,) = mailbox.mbox(person.home / name)
        assert one["Subject"] == subject
        assert one["Delivered-To"] == JOE


def test_procmail_and_we_write_one_mbox_at_once(person):
    need("procmail")
    joes(person, "rc", "LOCKSLEEP=1\n:0:\n./Box\n", 0o600)
    joes(person, ".qmail-ours", "./Box\n")
    joes(person, ".qmail-its", "|preline procmail ./rc\n")
    for turn in range(5):
        letter = b"Subject: %d\r\n\r\n" % turn + b"some text\r\n" * 3000
        person.send(["joe-ours@gate.example", "joe-its@gate.example"], message=letter)
    wait_until(lambda: not person.waiting(), seconds=30, what="the end of all deliveries")
    box = mailbox.mbox(person.home / "Box")
    subjects = sorted(int(one["Subject"]) for one in box)
    assert subjects == sorted([*range(5)] * 2)
    assert all(one.get_payload().count("some text") == 3000 for one in box)


def test_maildrop_sorts_mail_into_a_maildir(person):
    need("maildrop")
    make_maildir(person, "Sorted")
    joes(person, ".mailfilter", f'if (/^Subject: hello/)\n{{\n to "{person.home}/Sorted"\n}}\n'
         f'to "{person.home}/Box"\n', 0o600)  # fmt: skip
    joes(person, ".qmail", "|preline -f maildrop ./.mailfilter\n")
    person.send(JOE)
    person.done()
    (one,) = mailbox.Maildir(person.home / "Sorted")
    assert one["Subject"] == "hello"


def headers(program, where, folder):
    done = subprocess.run(
        [program, "-R", "-H", "-f", where], text=True, capture_output=True, timeout=20,
        stdin=subprocess.DEVNULL, env={"HOME": str(folder), "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode == EX_OK, done.stderr
    return done.stdout


def test_s_nail_reads_our_mbox_and_our_maildir(person):
    nail = need("s-nail")
    joes(person, ".qmail", "./Box\n./Maildir/\n")
    make_maildir(person)
    person.send(JOE)
    person.send(JOE, message=b"Subject: two\r\n\r\nFrom x\r\n\r\nFrom y\r\n")
    person.done()
    for where in (person.home / "Box", f"maildir://{person.home}/Maildir"):
        said = headers(nail, where, person.gateway.folder)
        assert len(said.splitlines()) == 2, said
        assert "hello" in said and "two" in said


# homes and programs that make trouble


def small_home(person, options):
    """joe's home becomes a file system of its own."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", person.home], capture_output=True
    )
    if done.returncode:
        pytest.skip("a mount is refused here")


@pytest.fixture
def mounted(person):
    yield person
    subprocess.run(["umount", "-l", person.home], capture_output=True)


BIG = b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 5000


@pytest.mark.parametrize("line", ["./Maildir/", "./Box"])
def test_a_home_that_is_full_keeps_the_mail_and_nothing_of_it_is_left(mounted, line):
    small_home(mounted, f"size=128k,mode=755,uid={mounted.uid}")
    mounted.gateway.control("defaultdelivery", line + "\n")
    mounted.send(JOE, message=BIG)
    mounted.deferred()
    left = [file for file in mounted.home.rglob("*") if file.is_file() and file.stat().st_size]
    assert left == []
    subprocess.run(["mount", "-o", "remount,size=8m", mounted.home], check=True)
    mounted.again()
    mounted.done()
    left = [file for file in mounted.home.rglob("*") if file.is_file() and file.stat().st_size]
    assert len(left) == 1


def test_a_home_that_is_read_only_keeps_the_mail(mounted):
    small_home(mounted, f"size=1m,mode=755,uid={mounted.uid},ro")
    mounted.send(JOE)
    (waits,) = mounted.deferred()
    (one,) = mounted.gateway.queue()
    assert "Read-only file system" in str(one) or one["state"] == "waiting"
    subprocess.run(["mount", "-o", "remount,rw", mounted.home], check=True)
    mounted.again()
    mounted.done()
    assert len(maildir(mounted)) == 1


@pytest.mark.parametrize("command", [
    "kill -SEGV $$", "kill -KILL $$", "exec <&-; kill -PIPE $$",
    "ulimit -v 10000000000; perl -e '$x = \"x\" x 3000000000'",
])  # fmt: skip
def test_a_program_that_dies_keeps_the_mail(person, command):
    joes(person, ".qmail", f"|{command}\n")
    person.send(JOE)
    person.deferred()


def test_a_program_that_forks_without_end_is_ended(person):
    """Its processes are nobody's, whom the limit holds; others go on meanwhile."""
    person.gateway.control("timeoutlocal", "1\n")
    joes(person, ".qmail-bomb", "|f() { f | f & f; }; f 2>/dev/null\n")
    person.send(["joe-bomb@gate.example"])
    person.send(["bob@gate.example"])
    assert len(person.gateway.mailbox("bob")) == 1
    person.deferred()


def test_two_deliveries_at_once_to_one_mbox_wait_for_each_other(person):
    joes(person, ".qmail", "./Box\n")
    for turn in range(10):
        person.send(JOE, message=b"Subject: %d\r\n\r\n" % turn + b"text\r\n" * 5000)
    wait_until(lambda: not person.waiting(), seconds=30, what="the end of all deliveries")
    box = mailbox.mbox(person.home / "Box")
    assert sorted(int(one["Subject"]) for one in box) == list(range(10))


# who is refused keeps it from nobody else


def test_a_short_alias_reaches_the_others_where_one_is_refused(person):
    person.alias("team", "bob\nnobody-of-that-name\njoe\n")
    person.send("team@gate.example", sender="ann@gate.example")
    person.done()
    assert len(person.gateway.mailbox("bob")) == 1
    (bounce,) = person.gateway.mailbox("ann")
    assert b"nobody-of-that-name" in bounce
    wait_until(lambda: maildir(person), what="the user of the system")


def test_an_alias_of_nobody_is_refused_at_once(person):
    person.alias("ghosts", "nobody-of-that-name\nnor-of-this\n")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        person.send("ghosts@gate.example")


def test_an_alias_of_a_virtual_domain_never_goes_to_the_account_of_that_name(person):
    person.gateway.control("virtualdomains", "virtual.example:alias\n")
    person.gateway.control("aliases", (
        f'ann@virtual.example: "|cat > {person.shared}/virtual", bob\n'
    ))  # fmt: skip
    assert person.gateway.run("rebuild").returncode == EX_OK
    person.send("ann@virtual.example")
    person.done()
    assert (person.shared / "virtual").exists()
    assert len(person.gateway.mailbox("bob")) == 1
    assert person.gateway.mailbox("ann") == []


def test_local_deliveries_have_their_status_lines(person):
    person.send(JOE)
    person.done()
    log = [line for line in person.gateway.log_text().splitlines()
           if line.startswith(("starting delivery", "delivery", "status: local"))]  # fmt: skip
    begun = next(i for i, line in enumerate(log) if "to local joe@gate.example" in line)
    assert log[begun + 1] == "status: local 1/10 remote 0/20"
    assert log[begun + 2].endswith(": success: did_1+0+0/")
    assert log[begun + 3] == "status: local 0/10 remote 0/20"
