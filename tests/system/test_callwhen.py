"""The gateway calls by itself: a scripted line, with Postfix and Dovecot behind it."""

import os
import re
import signal
import subprocess
import time

import pytest

from gateway import BIN, EX_CONFIG, EX_OK, EX_TEMPFAIL
from waiting import never, wait_until

LETTER = b"From: bob@far.example\nSubject: from far\n\nhello\n"
UP, DOWN = f"{BIN}/lontar link up line", f"{BIN}/lontar link down line"


@pytest.fixture
def office(make_gateway, smarthost):
    """office(callwhen, ...) runs a gateway with the link `line`, whose commands keep a diary."""
    gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
    gateway.diary = gateway.folder / "diary"
    gateway.diary.touch()
    gateway.diary.chmod(0o666)

    def link(*callwhen, dial=UP, hangup=DOWN, more="", start=True):
        gateway.control(
            "links/line",
            f"dial echo dial >>{gateway.diary}; {dial}\n"
            f"hangup echo hangup >>{gateway.diary}; {hangup}\n"
            + "".join(f"callwhen {one}\n" for one in callwhen) + more,
        )  # fmt: skip
        return gateway.start() if start else gateway

    return link


def diary(gateway):
    return gateway.diary.read_text().split()


def post(gateway, head=""):
    done = gateway.run(
        "-f", "ann@gate.example", "you@far.example", program="sendmail",
        input=f"Subject: out\n{head}\nhello\n",
    )  # fmt: skip
    assert done.returncode == EX_OK, done.stderr


def note(gateway):
    try:
        text = (gateway.root / "spool/state/calls/line").read_text()
    except FileNotFoundError:
        return {}
    return dict(line.split("=", 1) for line in text.splitlines())


def looked(gateway, **expected):
    """Until lontar-link has come to this verdict."""
    wait_until(
        lambda: all(note(gateway).get(key) == value for key, value in expected.items()),
        8, f"a note with {expected}",
    )  # fmt: skip


def caller(gateway):
    return [pid for pid, name in gateway.processes().items() if name == "lontar"]


def test_enough_messages_call_push_and_fetch_and_hang_up(
    office, make_postfix, make_dovecot, certificates
):
    postfix, dovecot = make_postfix(), make_dovecot()
    gateway = office("2 messages wait", start=False)
    gateway.smarthost("isp", host="127.0.0.1", port=postfix.port, tls="none")
    secret = gateway.root / "control" / gateway.secret("secrets/isp", dovecot.password)
    if os.geteuid() == 0:
        subprocess.run(["chgrp", "lontarout", secret], capture_output=True, check=False)
        secret.chmod(0o640)
    gateway.control(
        "pickups/isp",
        f"host 127.0.0.1\nport {dovecot.pop3}\ntls none\nuser call\n"
        "passwordfile secrets/isp\nto ann\nevery 0\n",
    )
    dovecot.put("call", [LETTER])
    gateway.start()
    post(gateway)
    never.wait(0.6)
    assert diary(gateway) == []
    post(gateway)
    wait_until(lambda: diary(gateway)[-1:] == ["hangup"], what="the end of the call")
    assert diary(gateway) == ["dial", "hangup"]
    wait_until(lambda: not caller(gateway), what="the end of its process")
    assert len(postfix.mail()) == 2
    assert len(gateway.mailbox("ann")) == 1
    assert gateway.status()["links"][0]["state"] == "down"
    looked(gateway, failures="0", last_error="")


def test_urgent_mail_calls_at_once_and_other_mail_does_not(office, smarthost):
    gateway = office("urgent", "50 messages")
    post(gateway)
    post(gateway, "X-Priority: 3\n")
    never.wait(0.6)
    assert diary(gateway) == []
    post(gateway, "X-Priority: 1 (Highest)\n")
    wait_until(lambda: len(smarthost.taken) == 3, 5, "all mail in the call")


def test_the_oldest_message_calls_when_its_time_has_come(office, smarthost):
    gateway = office("oldest waits 2s")
    post(gateway)
    wait_until(lambda: int(note(gateway).get("next", 0)), 5, "the verdict")
    assert diary(gateway) == []
    wait_until(lambda: smarthost.taken, 8, "the letter at the smarthost")


def test_calls_follow_each_other_and_never_overlap(office, smarthost):
    gateway = office("every 1s")
    wait_until(lambda: diary(gateway).count("hangup") >= 2, 12, "two calls")
    words = diary(gateway)
    assert words == (["dial", "hangup"] * len(words))[: len(words)]


def test_a_busy_line_is_left_alone_for_a_while(office):
    gateway = office("1 message", dial="exit 7", more="redial 1\n")
    post(gateway)
    looked(gateway, failures="1", why="the last call failed")
    assert int(note(gateway)["next"]) >= int(note(gateway)["ended"]) + 300
    post(gateway, "X-Priority: 1\n")
    never.wait(0.6)
    assert diary(gateway) == ["dial", "hangup"]
    shown = gateway.run("link").stdout
    assert "line" in shown and "busy" in shown


@pytest.mark.skipif(os.getuid() != 0, reason="only root has capabilities to keep")
def test_a_set_id_program_may_dial_and_nobody_else_could_start_one(office):
    gateway = office("every 1s", dial="grep CapBnd /proc/self/status >@; exit 1", start=False)
    file = gateway.root / "control/links/line"
    found = gateway.folder / "found"
    found.touch()
    found.chmod(0o666)
    file.write_text(file.read_text().replace("@", str(found)))
    gateway.start()
    wait_until(lambda: found.read_text().endswith("\n"), 8, "the call")
    own = [one for one in open("/proc/self/status") if one.startswith("CapBnd")]
    assert found.read_text().split()[1] == own[0].split()[1]
    for pid, name in gateway.processes().items():
        if name.startswith("lontar-"):
            status = open(f"/proc/{pid}/status").read()
            assert "CapBnd:\t0000000000000000" in status, name


def test_redial_is_the_links_own(office, smarthost):
    gateway = office(start=False, dial="exit 7", more="redial 2\n")
    done = gateway.run("call", "--pause", "0", "line")
    assert done.returncode == EX_TEMPFAIL
    assert diary(gateway) == ["dial", "hangup"] * 2


def test_outside_its_hours_it_waits_and_says_when(office):
    hour = (time.localtime().tm_hour + 12) % 24
    gateway = office(f"1 message between {hour:02}:00-{hour:02}:30")
    post(gateway)
    wait_until(lambda: int(note(gateway).get("next", 0)), 5, "the verdict")
    assert diary(gateway) == []
    for shown in (gateway.run("link").stdout, gateway.run("status").stdout):
        assert f"{hour:02}:00: 1 message between" in shown


def test_no_call_for_what_a_person_must_see_to_first(office, smarthost):
    smarthost.answer = lambda step, *_: "554 5.7.1 not you" if step == "GREETING" else None
    gateway = office("1 message", start=False)
    gateway.start()
    post(gateway)
    wait_until(lambda: diary(gateway) == ["dial", "hangup"], 8, "the first call")
    wait_until(lambda: not caller(gateway), what="the end of its process")
    assert gateway.smarthost_status()["state"] == "stopped"
    post(gateway)
    looked(gateway, next="0")
    assert diary(gateway) == ["dial", "hangup"]


def test_a_link_that_is_up_needs_no_call(office, smarthost):
    gateway = office("1 message", dial="exit 1", start=False)
    gateway.start()
    gateway.run("link", "up", "line")
    post(gateway)
    wait_until(lambda: smarthost.taken, 5, "the letter at the smarthost")
    never.wait(0.5)
    assert diary(gateway) == []


def test_while_a_person_calls_the_gateway_does_not(office, smarthost):
    gateway = office("1 message", dial="exec sleep 60")
    with subprocess.Popen(
        [BIN / "lontar", "call", "line"], env=gateway.environment, stderr=subprocess.PIPE
    ) as call:
        wait_until(lambda: diary(gateway), what="the person's call")
        post(gateway)
        never.wait(0.8)
        assert diary(gateway) == ["dial"]
        call.terminate()
        call.communicate(timeout=20)
    assert diary(gateway)[:2] == ["dial", "hangup"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_call_is_hung_up_when_the_gateway_ends(office, smarthost, how):
    gateway = office("1 message", dial=f"{UP}; exec sleep 60")
    smarthost.answer = lambda step, *_: never.wait(20) and None if step == "BODY" else None
    post(gateway)
    wait_until(lambda: smarthost.messages, what="the letter on its way")
    gateway.stop(how)
    assert diary(gateway) == ["dial", "hangup"]
    assert gateway.status()["links"][0]["state"] == "down"
    assert not subprocess.run(
        ["pgrep", "-f", f"{gateway.diary}"], capture_output=True, check=False
    ).stdout


def test_a_call_whose_process_was_killed_is_hung_up(office, smarthost):
    gateway = office("1 message")
    smarthost.answer = lambda step, *_: never.wait(3) and None if step == "BODY" else None
    post(gateway)
    wait_until(lambda: smarthost.messages, what="the letter on its way")
    [pid] = caller(gateway)
    os.kill(pid, signal.SIGKILL)
    smarthost.answer = lambda *_: None
    wait_until(lambda: diary(gateway) == ["dial", "hangup"], 8, "the line to be hung up")
    wait_until(lambda: not caller(gateway), what="the end of its process")
    assert smarthost.taken
    assert gateway.status()["links"][0]["state"] == "down"


def test_what_makes_no_sense_is_found_by_check(office):
    gateway = office("sometimes", start=False)
    done = gateway.run("check")
    assert done.returncode == EX_CONFIG
    assert "links/line" in done.stdout + done.stderr
    assert "sometimes" in done.stdout + done.stderr


def test_greylisted_mail_has_a_call_of_its_own(office, smarthost):
    """The line is called once a day; the server takes the mail in its second call. (A call
    tries mail twice: when the line comes up, and when the call asks for a flush.)"""
    tried = []

    def answer(step, *_):
        if step == "RCPT":
            tried.append(step)
            if len(tried) <= 2:
                return "450 4.2.0 Greylisted, try again in 10 minutes"
        return None

    smarthost.answer = answer
    gateway = office("every 1d", "urgent")
    post(gateway, "X-Priority: 1\n")
    wait_until(lambda: diary(gateway)[-1:] == ["hangup"], 10, "the first call")
    looked(gateway, why="a server has asked for mail to be sent again")
    # Ten minutes pass: the file's name says when its time has come.
    gateway.stop()
    [path] = [*(gateway.root / "spool/parked/isp").glob("*/*,A=2,*")]
    before = int(note(gateway)["last"])
    path.rename(path.with_name(re.sub(r"N=\d+", f"N={before + 1}", path.name)))
    gateway.start()
    wait_until(lambda: smarthost.taken, 10, "the letter at the smarthost")
    wait_until(lambda: diary(gateway) == ["dial", "hangup"] * 2, 10, "the end of the call")
