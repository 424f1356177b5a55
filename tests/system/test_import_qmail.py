"""Moving in: a qmail home, and other mailers' queues, carried over by one command."""

import fcntl
import os
import pwd
import smtplib

import pytest
from gateway import (BIN, EX_NOINPUT, EX_OK, EX_TEMPFAIL, EX_USAGE, SERVICES,
                     Gateway)  # fmt: skip
from postfix import Postfix, available
from qmail_home import QmailHome, snapshot
from waiting import wait_until

FAR = "you@far.example"


class Imported(Gateway):
    """A gateway that `lontar import-qmail` makes."""

    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "root"
        self.process = None
        self.ports = {}
        self.environment = {
            "PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(folder),
            "LONTAR_ROOT": str(self.root),
            "LC_ALL": "C.UTF-8",
        }

    def bring(self, home, *words, code=EX_OK, command="import-qmail"):
        done = self.run(command, str(home), *words)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def ready(self):
        self.control("listen", "".join(f"{name} 127.0.0.1:0\n" for name in SERVICES))
        return self.start()

    def lines(self, name):
        text = (self.root / "control" / name).read_text()
        return [line for line in text.splitlines() if line and line[0] != "#"]


@pytest.fixture
def move(folder):
    """A gateway still to be made, and the home of the person joe."""
    gateway = Imported(folder)
    gateway.joe = folder / "joe"
    gateway.joe.mkdir()
    nobody = pwd.getpwnam("nobody")
    if os.geteuid() == 0:
        os.chown(gateway.joe, nobody.pw_uid, nobody.pw_gid)
    gateway.uid, gateway.gid = nobody.pw_uid, nobody.pw_gid
    yield gateway
    if gateway.process:
        gateway.stop()


@pytest.fixture
def home(move, smarthost):
    """A small office behind a modem, as the old books set it up."""
    home = QmailHome(move.folder)
    home.control(
        me="gate.example\n",
        locals="gate.example\noffice.example\n",
        rcpthosts="gate.example\noffice.example\nshop.example\n",
        morercpthosts="more.example\n",
        virtualdomains="shop.example:joe-shop\nnot.example:\n:alias-ppp\n",
        smtproutes=f"near.example:[127.0.0.1]:{smarthost.port}\n",
        defaultdelivery="./Maildir/\n",
        databytes="5000000\n",
        queuelifetime="1209600\n",
        concurrencyremote="0\n",
        percenthack="gate.example\n",
        badmailfrom="@spam.example\n",
        doublebounceto="joe\n",
    )
    home.file("control/tcp.smtp", '127.:allow,RELAYCLIENT=""\n10.0.0.:deny\n:allow\n')
    home.file("users/assign", (
        f"=joe:joe:{move.uid}:{move.gid}:{move.joe}:::\n"
        f"+joe-:joe:{move.uid}:{move.gid}:{move.joe}:-::\n"
        f"+:alias:7790:2108:{home.path}/alias:-::\n.\n"
    ))  # fmt: skip
    home.file("alias/.qmail-postmaster", "&joe\n")
    home.file("alias/.qmail-root", "")
    home.file("alias/.qmail-everybody", "joe\nyou@far.example\n")
    home.file("alias/.qmail-everybody-owner", "&joe\n")
    home.file("alias/.qmail-fax", f"|{home.path}/bin/forward joe@gate.example\n")
    home.file("alias/.qmail-keep", "./Archive/\n")
    for part in ("tmp", "new", "cur"):
        (home.path / "alias/Archive" / part).mkdir(parents=True)
    home.file("alias/.qmail-ppp-default", "./pppdir/\n")
    home.serial("pppdir", "1.1.a", "joe@gate.example", "alias-ppp-you@far.example")
    home.serial("pppdir", "1.2.a", "joe@gate.example", "alias-ppp-me@else.example", where="cur")
    home.isp = f"ppp=127.0.0.1:{smarthost.port}"
    return home


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")


def test_it_shows_what_it_will_do_and_does_nothing(move, home):
    home.message(b"Subject: 1\n\n1\n", sender=FAR, local=["joe@gate.example"])
    before = snapshot(home.path)
    said = move.bring(home.path, "--smarthost", home.isp)
    assert not move.root.exists()
    assert snapshot(home.path) == before
    for line in (
        "will write control/me: gate.example",
        "will write control/locals: office.example",
        "will write control/rcpthosts: more.example",
        "will write control/virtualdomains: shop.example:joe-shop",
        "will write control/smtproutes: :ppp",
        "will write control/tcp.smtp: 10.0.0.:deny",
        "will take  queue: 1 messages for 1 recipients",
        "will take  ./pppdir/: 2 messages for 2 recipients",
        "left out   percenthack: user%host@here is not taken apart",
        "left out   concurrencyremote: 0 held the mail back",
        "Nothing has been changed. With --yes it is done.",
    ):
        assert line in said
    assert "alias-ppp" not in said


@needs_root
def test_an_imported_home_delivers_forwards_lists_and_bounces_as_before(move, home, smarthost):
    before = snapshot(home.path)
    said = move.bring(home.path, "--smarthost", home.isp, "--yes")
    assert snapshot(home.path) == before
    assert "written    control/locals: office.example" in said
    assert move.lines("locals") == ["gate.example", "office.example"]
    assert move.lines("queuelifetime") == ["1209600"]
    assert move.lines("systemusers") == []
    assert move.run("check").returncode == EX_OK
    move.ready()
    move.send(FAR, ["joe@office.example"])
    move.send(FAR, ["joe-shop-x@gate.example"])
    move.send(FAR, ["fax@gate.example"])
    move.send(FAR, ["everybody@gate.example"])
    move.send(FAR, ["nothere@shop.example"])
    wait_until(lambda: not move.parked("local"), what="the end of local deliveries")
    mail = [file.read_text() for file in (move.joe / "Maildir/new").iterdir()]
    assert sorted(line for text in mail for line in text.splitlines()[:2] if "Del" in line) == [
        "Delivered-To: joe@gate.example",
        "Delivered-To: joe@gate.example",
        "Delivered-To: joe@office.example",
    ]
    assert any("Return-Path: <everybody-owner@gate.example>" in text for text in mail)
    move.flush()
    sent = sorted((one.sender, *one.recipients) for one in smarthost.messages)
    assert ("everybody-owner@gate.example", FAR) in sent
    assert ("joe@gate.example", FAR) in sent and ("joe@gate.example", "me@else.example") in sent
    bounces = [one for one in smarthost.messages if one.sender == ""]
    assert [one.recipients for one in bounces] == [[FAR], [FAR]]


@needs_root
def test_waiting_mail_of_every_state_is_taken_once(move, home, smarthost):
    home.message(b"Subject: a\n\nnot looked at yet\n",
                 todo=b"u500\0p77\0Fjoe@gate.example\0Tyou@far.example\0Tjoe@gate.example\0")
    home.message(b"Subject: b\n\nhalf done\n", sender=FAR,
                 local=["!joe@gate.example", "joe@office.example"],
                 remote=["!done@far.example", "left@far.example"])
    home.message(b"Subject: c\n\nvirtual\n", sender=FAR, local=["alias-ppp-me@else.example"])
    home.message(b"Subject: d\n\nlist\n", sender="news-owner-@gate.example-@[]",
                 remote=["bob@far.example", "eve@far.example"])
    home.message(b"Subject: e\n\nrefused\n", sender="sue@far.example",
                 remote=["!gone@far.example"],
                 bounce="<gone@far.example>:\n1.2.3.4 does not like recipient.\n/550 no\n\n")
    home.message(b"Subject: f\n\nnever finished\n")
    home.message(b"Subject: g\n\na bounce\n", sender="", local=["gone-user@gate.example"])
    words = (home.path, "--smarthost", home.isp, "--yes")
    said = move.bring(*words)
    assert "1 messages were never finished by whoever wrote them" in said
    assert "gone@far.example was refused; its sender is told" in said
    again = move.bring(*words)
    assert "took       queue: 0 messages for 0 recipients" in again
    assert [line for line in again.splitlines() if line.startswith(("written", "stays"))] == []
    move.ready()
    wait_until(lambda: not move.parked("local"), what="the end of local deliveries")
    move.flush()
    found = sorted(
        (one.sender, *one.recipients, one.data.split(b"\r\n\r\n", 1)[1].decode().strip())
        for one in smarthost.messages if one.sender and b"Subject: out" not in one.data
    )
    assert found == [
        ("joe@gate.example", FAR, "not looked at yet"),
        ("news-owner-bob=far.example@gate.example", "bob@far.example", "list"),
        ("news-owner-eve=far.example@gate.example", "eve@far.example", "list"),
        (FAR, "left@far.example", "half done"),
        (FAR, "me@else.example", "virtual"),
    ]
    (told,) = [one for one in smarthost.messages if one.recipients == ["sue@far.example"]]
    assert b"does not like recipient" in told.data
    texts = [file.read_text() for file in (move.joe / "Maildir/new").iterdir()]
    assert sum("half done" in text for text in texts) == 1
    assert sum("not looked at yet" in text for text in texts) == 1


@pytest.mark.parametrize("split", [1, 7])
def test_a_queue_may_be_split_otherwise(move, folder, split):
    home = QmailHome(folder / "other", split=split)
    home.control(me="gate.example\n", smtproutes=":isp.example\n")
    home.message(b"Subject: 1\n\n1\n", sender=FAR, remote=["a@far.example", "b@far.example"])
    said = move.bring(home.path)
    assert "will take  queue: 1 messages for 2 recipients" in said


def test_a_running_qmail_send_is_stopped_first(move, home):
    with open(home.path / "queue/lock/sendmutex", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "qmail-send runs" in move.bring(home.path, "--smarthost", home.isp)
        said = move.run("import-qmail", home.path, "--smarthost", home.isp, "--yes")
    assert said.returncode == EX_TEMPFAIL
    assert "stop it first" in said.stderr
    assert not move.root.exists()


def test_a_serialmail_host_is_asked_for(move, home):
    assert "add --smarthost ppp=HOST[:PORT]" in move.bring(home.path)
    done = move.run("import-qmail", home.path, "--yes")
    assert done.returncode == EX_USAGE
    assert not move.root.exists()


def test_routes_with_passwords_become_smarthosts(move, folder):
    home = QmailHome(folder)
    home.control(
        me="gate.example\n",
        smtproutes=":smtp.isp.example:587|office|s3cret word\nold.example:old.example -joe pw\n",
        authsenders="joe@gate.example:mail.joe.example|joe|pass\n",
    )
    said = move.bring(home.path, "--yes")
    assert "s3cret" not in said
    assert move.lines("smtproutes") == [":smtp.isp.example-587", "old.example:old.example-2"]
    assert move.lines("senderroutes") == ["joe@gate.example:mail.joe.example-3"]
    assert move.lines("smarthosts/smtp.isp.example-587") == [
        "host smtp.isp.example", "port 587", "user office",
        "passwordfile secrets/smtp.isp.example-587",
    ]  # fmt: skip
    secret = move.root / "control/secrets/smtp.isp.example-587"
    assert secret.read_text() == "s3cret word\n"
    assert secret.stat().st_mode & 0o007 == 0
    assert "tls try" in move.lines("smarthosts/old.example-2")


def test_without_routes_each_recipients_own_server_is_looked_for(move, folder):
    home = QmailHome(folder)
    home.control(me="gate.example\n", rcpthosts="gate.example\n")
    move.bring(home.path, "--yes")
    assert move.lines("smtproutes") == [":direct"]
    assert move.lines("smarthosts/direct") == ["type mx"]


def test_what_somebody_has_set_here_stays(move, home, stopped_gateway):
    move.root = stopped_gateway.root
    move.environment["LONTAR_ROOT"] = str(move.root)
    stopped_gateway.control("queuelifetime", "86400\n")
    said = move.bring(home.path, "--smarthost", home.isp, "--yes")
    assert "stays      control/queuelifetime: is another one, not 1209600" in said
    assert move.lines("queuelifetime") == ["86400"]
    assert move.lines("locals") == ["gate.example", "localhost", "office.example"]
    assert "stays      control/smtproutes: \":isp\" is there, not \":ppp\"" in said


def test_fastforwards_aliases_become_ours(move, folder):
    home = QmailHome(folder)
    home.control(me="gate.example\n")
    home.file("etc/aliases", "office: joe,\n  sue@far.example\nowner-office: joe\n")
    home.file("alias/.qmail-default", f"| fastforward -d {home.path}/etc/aliases.cdb\n")
    said = move.bring(home.path, "--yes")
    assert "control/aliases does its work" in said
    assert move.lines("aliases") == ["office: joe,", "  sue@far.example", "owner-office: joe"]
    assert (move.root / "control/aliases.cdb").exists()
    assert not (move.root / "control/alias/.qmail-default").exists()


@pytest.mark.parametrize("script, usual", [
    ("exec env - PATH=/x qmail-start ./Mailbox splogger qmail\n", ["./Mailbox"]),
    ("qmail-start '|dot-forward .forward\n./Maildir/' multilog &\n",
     ["|dot-forward .forward", "./Maildir/"]),
    ('qmail-start "`cat /x/defaultdelivery`" splogger\n', []),
    ("exec nothing\n", []),
])  # fmt: skip
def test_what_is_usual_is_read_from_the_boot_script(move, folder, script, usual):
    home = QmailHome(folder)
    home.control(me="gate.example\n")
    home.file("rc", "#!/bin/sh\n# qmail-start ./no\n" + script)
    move.bring(home.path, "--yes")
    assert move.lines("defaultdelivery") == usual


def test_a_folder_that_is_no_qmail_home_is_told(move, folder):
    assert "no control folder" in move.run("import-qmail", folder).stderr
    assert move.run("import-qmail", folder / "away").returncode == EX_NOINPUT
    assert move.run("import-qmail", "somewhere").returncode == EX_USAGE


# other mailers' queues

QF = """V8
T1700000000
K0
N0
P30000
$rSMTP
Sjoe@gate.example
rRFC822; you@far.example
RPFD:<you@far.example>
RPFD:bob@gate.example
H?P?Return-Path: <\x81g>
H??Received: from pc by gate
\tfor <you@far.example>; Sun, 22 Nov 2026 10:00:00 GMT
H?D?Date: Sun, 22 Nov 2026 10:00:00 GMT
H?x?Full-Name: Joe
H??Subject: from sendmail
.
"""


@pytest.fixture
def queue(folder):
    path = folder / "mqueue"
    path.mkdir()
    (path / "qfqAM1").write_text(QF, encoding="latin-1")
    (path / "dfqAM1").write_text("the body\n")
    return path


def test_sendmails_waiting_mail_is_taken(gateway, smarthost, queue):
    move = gateway
    (queue / "qfqAM2").write_text(QF[:-2], encoding="latin-1")
    done = move.run("import-queue", queue)
    assert "will take  sendmail's queue: 1 messages for 2 recipients" in done.stdout
    done = move.run("import-queue", queue, "--yes")
    assert done.returncode == EX_TEMPFAIL
    assert "qfqAM2 stays there: its last line is missing" in done.stdout
    assert "0 messages" in move.run("import-queue", queue, "--yes").stdout
    move.flush()
    (one,) = smarthost.messages
    assert (one.sender, one.recipients) == ("joe@gate.example", [FAR])
    (mail,) = move.mailbox("bob")
    assert mail.split(b"Received: from pc by gate\n", 1)[1] == (
        b"\tfor <you@far.example>; Sun, 22 Nov 2026 10:00:00 GMT\n"
        b"Date: Sun, 22 Nov 2026 10:00:00 GMT\nSubject: from sendmail\n\nthe body\n"
    )


def test_a_queue_that_nobody_knows_is_told(gateway, folder):
    done = gateway.run("import-queue", folder)
    assert done.returncode == EX_OK
    assert "0 messages" in done.stdout


def postfix_with_waiting_mail(certificates):
    """A Postfix of the test's own: one recipient has it, two wait for a transport that is
    not there."""
    peer = Postfix(certificates)
    config = peer.folder / "config/main.cf"
    config.write_text(config.read_text() + "transport_maps = inline:{ late.example=gone: }\n")
    peer._postfix("reload")
    return peer


@pytest.mark.skipif(not available(), reason="needs root and Debian's postfix")
def test_postfixs_waiting_mail_is_taken(gateway, smarthost, certificates):
    gateway.smarthost("isp", host="127.0.0.1", port=smarthost.port, breaklines="no")
    peer = postfix_with_waiting_mail(certificates)
    queue = peer.folder / "queue"
    letter = b"Subject: waits\r\n\r\n" + b"line\r\n" * 3 + b".dot\r\n" + b"x" * 5000
    try:
        with smtplib.SMTP("127.0.0.1", peer.port, timeout=20) as client:
            client.sendmail(
                "joe@gate.example",
                ["you@late.example", "a@here.example", "eve@late.example"], letter,
            )  # fmt: skip
        wait_until(lambda: peer.log().count("status=deferred") >= 2, what="both deferrals")
        refused = gateway.run("import-queue", queue, "--yes")
        assert refused.returncode == EX_TEMPFAIL
        assert "`postfix stop` first" in refused.stderr
        peer._postfix("stop")
        peer._postfix = lambda word: None  # close() has nothing to stop
        done = gateway.run("import-queue", queue, "--yes")
        assert done.returncode == EX_OK, done.stderr
        assert "took       Postfix's queue: 1 messages for 2 recipients, taken" in done.stdout
        assert "0 messages" in gateway.run("import-queue", queue, "--yes").stdout
    finally:
        peer.close()
    gateway.flush()
    (one,) = smarthost.messages
    assert one.sender == "joe@gate.example"
    assert sorted(one.recipients) == ["eve@late.example", "you@late.example"]
    assert one.data.endswith(b"\r\nline\r\n.dot\r\n" + b"x" * 5000 + b"\r\n")
