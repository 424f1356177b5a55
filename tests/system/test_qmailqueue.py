"""Filters in qmail-queue's place, as scanners for qmail are: QMAILQUEUE."""

import os
import shutil
import signal
import smtplib
import subprocess

import pytest

from gateway import BIN
from waiting import wait_until

ANN, BOB = "ann@gate.example", "bob@gate.example"

HAND_ON = f"exec {BIN}/qmail-queue"


def queue(gateway, message, *words, env=None):
    """Our qmail-queue, as another program calls it: words are F and T lines."""
    envelope = b"".join(word.encode() + b"\0" for word in words) + b"\0"
    (gateway.folder / "message").write_bytes(message)
    (gateway.folder / "envelope").write_bytes(envelope)
    return subprocess.run(
        ["/bin/sh", "-c", f"exec {BIN}/qmail-queue <message 1<envelope"], cwd=gateway.folder,
        env=env or gateway.environment, capture_output=True, timeout=30, text=True,
    )  # fmt: skip


@pytest.fixture
def filtered(make_gateway, smarthost):
    """A gateway, not started, and a way to say what its filter does."""
    gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})

    def say(*lines, name="filter"):
        script = gateway.folder / name
        script.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
        script.chmod(0o755)
        gateway.control("qmailqueue", f"{script}\n")
        return script

    gateway.filter = say
    yield gateway


def wait_for_filter(gateway):
    def look():
        found = gateway.processes()
        return found if "lontar-filter" in found.values() else None

    return wait_until(look, what="the filter")


# qmail-queue


def test_qmail_queue_takes_a_message_for_everyone_named(filtered):
    filtered.start()
    done = queue(filtered, b"Subject: a\n\nx\n", f"F{BOB}", f"T{ANN}", "Tyou@far.example")
    assert done.returncode == 0, done.stderr
    [stored] = filtered.mailbox("ann")
    assert stored.startswith(b"Return-Path: <bob@gate.example>\n") and stored.endswith(b"\n\nx\n")
    assert filtered.parked()[0].recipients == ["you@far.example"]


@pytest.mark.parametrize("words, code", [
    (["F", "Tnobody@gate.example"], 31),
    ([f"F{BOB}", "T" + "x" * 2000 + "@gate.example"], 11),
    ([f"T{ANN}"], 91),
    ([f"F{BOB}", f"T{ANN}", "rubbish"], 91),
])  # fmt: skip
def test_qmail_queue_refuses_with_qmails_codes(filtered, words, code):
    filtered.start()
    assert queue(filtered, b"Subject: a\n\nx\n", *words).returncode == code
    assert filtered.mailbox("ann") == []


def test_an_envelope_cut_short_is_nothing(filtered):
    filtered.start()
    (filtered.folder / "message").write_text("Subject: a\n\nx\n")
    (filtered.folder / "envelope").write_bytes(b"F\0T" + ANN.encode() + b"\0")
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {BIN}/qmail-queue <message 1<envelope"], cwd=filtered.folder,
        env=filtered.environment, timeout=30, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 91
    assert filtered.mailbox("ann") == []


# filters


def test_a_filter_that_hands_on_delivers(filtered):
    filtered.filter(HAND_ON)
    filtered.start()
    filtered.send("you@far.example", [ANN, "she@far.example"], b"Subject: a\r\n\r\nhello\r\n")
    [stored] = filtered.mailbox("ann")
    assert stored.startswith(b"Return-Path: <you@far.example>\n")
    assert stored.count(b"\nReceived: ") == 2 and stored.endswith(b"\n\nhello\n")
    assert filtered.parked()[0].recipients == ["she@far.example"]
    assert list((filtered.root / "spool/incoming").glob("*")) == []


def test_a_filter_may_change_the_message_and_knows_who_sends_it(filtered):
    # The envelope goes past the shell's own descriptor 1.
    filtered.filter(
        "exec 3<&1",
        f'(echo "X-Seen: $TCPREMOTEIP $HELOHOST ${{RELAYCLIENT-no}}"; cat) >"$0.$$"',
        f'{BIN}/qmail-queue <"$0.$$" 1<&3; code=$?',
        'rm "$0.$$"; exit $code',
    )
    filtered.start()
    with filtered.smtp() as client:
        client.ehlo("pc.example")
        client.sendmail(BOB, [ANN], b"Subject: a\r\n\r\nhello\r\n")
    [stored] = filtered.mailbox("ann")
    assert b"\nX-Seen: 127.0.0.1 pc.example \n" in stored


@pytest.mark.parametrize("lines, kind, words", [
    (["exit 31"], 5, "5.7.1"),
    (["exit 11"], 5, "5.1.3"),
    (["exit 71"], 4, "4.7.1"),
    (["exit 53"], 4, "4.3.0"),
    (["exit 91"], 4, "4.3.0"),
    (["kill -9 $$"], 4, "4.3.0"),
    (["echo 'Dthere is a virus in it' >&4", "exit 82"], 5, "there is a virus in it"),
    (["echo 'Dno, says notqmail' >&6", "exit 82"], 5, "no, says notqmail"),
    (["echo 'Zthe scanner is busy' >&4", "exit 82"], 4, "the scanner is busy"),
    (["exec /no/such/program"], 4, "4.3.0"),
])  # fmt: skip
def test_what_a_filter_says_is_what_the_client_hears(filtered, lines, kind, words):
    filtered.filter(*lines)
    filtered.start()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        filtered.send("you@far.example", [ANN])
    assert refused.value.smtp_code // 100 == kind
    assert words in refused.value.smtp_error.decode()
    assert filtered.mailbox("ann") == []
    assert list((filtered.root / "spool/incoming").glob("*")) == []
    filtered.control("qmailqueue", "")
    filtered.send("you@far.example", [ANN])


def test_a_filter_that_cannot_be_started_loses_nothing(filtered):
    filtered.control("qmailqueue", "/no/such/filter\n")
    filtered.start()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        filtered.send("you@far.example", [ANN])
    assert refused.value.smtp_code == 451


def test_a_filter_that_hangs_is_ended_and_others_go_on(filtered):
    filtered.filter("case $HELOHOST in slow*) sleep 600;; esac", HAND_ON)
    filtered.control("timeoutlocal", "2\n")
    filtered.start()
    slow = filtered.smtp()
    slow.ehlo("slow.example")
    slow.mail("you@far.example")
    slow.rcpt(ANN)
    slow.docmd("DATA")
    slow.send(b"Subject: slow\r\n\r\nx\r\n.\r\n")
    filtered.send("you@far.example", [ANN], b"Subject: quick\r\n\r\nx\r\n")
    assert len(filtered.mailbox("ann")) == 1
    assert slow.getreply()[0] == 451
    slow.close()


@pytest.mark.parametrize("victim", ["lontar-filter", "lontar-deliver"])
def test_nothing_is_acknowledged_when_one_dies_while_the_filter_works(filtered, victim):
    go = filtered.folder / "go"
    os.mkfifo(go)
    filtered.filter(f"read word <{go}", HAND_ON)
    filtered.start()
    client = filtered.smtp()
    client.ehlo("pc.example")
    client.mail("you@far.example")
    client.rcpt(ANN)
    client.docmd("DATA")
    client.send(b"Subject: a\r\n\r\nx\r\n.\r\n")
    names = wait_for_filter(filtered)
    for pid, name in names.items():
        if name == victim:
            os.kill(pid, signal.SIGKILL)
    try:
        assert client.getreply()[0] // 100 == 4
    except smtplib.SMTPServerDisconnected:
        pass
    client.close()
    assert filtered.mailbox("ann") == []


def test_rules_say_which_filter_an_address_has(filtered):
    filtered.filter("exit 31")
    filtered.control("tcp.smtp", '127.:allow,RELAYCLIENT="",QMAILQUEUE=""\n:allow\n')
    assert filtered.run("rebuild").returncode == 0
    filtered.start()
    filtered.send("you@far.example", [ANN])
    filtered.stop()
    script = filtered.filter("exit 71", name="other")
    filtered.control("qmailqueue", "")
    filtered.control("tcp.smtp", f'127.:allow,QMAILQUEUE="{script}"\n:allow\n')
    assert filtered.run("rebuild").returncode == 0
    filtered.start()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        filtered.send("you@far.example", [ANN])
    assert refused.value.smtp_code == 451


def test_mail_of_this_machine_is_not_filtered(filtered):
    filtered.filter("exit 31")
    filtered.start()
    done = filtered.run(ANN, program="sendmail", input="Subject: a\n\nx\n")
    assert done.returncode == 0, done.stderr
    assert len(filtered.mailbox("ann")) == 1


def test_a_login_is_told_to_the_filter(filtered):
    filtered.filter('[ "$TCPREMOTEINFO" = ann ] || exit 31', HAND_ON)
    filtered.start()
    with filtered.submission() as client:
        client.sendmail(ANN, [BOB], b"Subject: a\r\n\r\nx\r\n")
    assert len(filtered.mailbox("bob")) == 1


@pytest.mark.skipif(not shutil.which("reformail"), reason="needs Debian's maildrop")
def test_a_wrapper_round_reformail_and_qmail_queue(filtered):
    """As qmail-qfilter's users write them: the message through a pipe, the envelope kept."""
    filtered.filter(
        "exec 3<&1",
        "work=$(mktemp) || exit 53",
        'reformail -A "X-Filtered: yes" -I "Subject: checked" >"$work" || exit 71',
        f'{BIN}/qmail-queue <"$work" 1<&3; code=$?',
        'rm -f "$work"; exit $code',
    )
    filtered.start()
    filtered.send("you@far.example", [ANN], b"Subject: raw\r\nTo: ann\r\n\r\nhello\r\n")
    [stored] = filtered.mailbox("ann")
    assert b"\nX-Filtered: yes\n" in stored and b"\nSubject: checked\n" in stored


@pytest.mark.skipif(not shutil.which("spamassassin"), reason="needs Debian's spamassassin")
def test_spamassassin_refuses_its_own_test_message(filtered):
    filtered.filter(
        "exec 3<&1",
        "work=$(mktemp) || exit 53",
        'cat >"$work"',
        "export HOME=$(mktemp -d)",
        'if ! spamassassin --local --siteconfigpath=/dev/null --exit-code <"$work" >/dev/null; then',
        '  rm -f "$work"; echo "Dthis is spam" >&4; exit 82',
        "fi",
        f'{BIN}/qmail-queue <"$work" 1<&3; code=$?',
        'rm -f "$work"; exit $code',
    )
    filtered.start()
    gtube = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
    with pytest.raises(smtplib.SMTPDataError) as refused:
        filtered.send("you@far.example", [ANN], b"Subject: buy\r\n\r\n" + gtube + b"\r\n")
    assert b"this is spam" in refused.value.smtp_error
    assert filtered.mailbox("ann") == []
