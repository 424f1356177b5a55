"""Mail goes back by being tried in vain, never by time offline; and its sender is told once
what it waits for."""

import email
import email.policy
import time

import pytest

from waiting import wait_until

ANN, FAR = "ann@gate.example", "bob@far.example"
DAY = 86400


def later(step, _argument, _session):
    return "451 4.3.0 try later" if step == "RCPT" else None


def rename(parked, age_s=0, **facts):
    """As if it had been parked so long ago, with other facts in its name."""
    known = parked.facts | facts
    stamp, _, rest = parked.id.partition(".")
    name = f"{int(stamp) - age_s}.{rest}"
    name += "".join(f",{key}={value}" for key, value in known.items() if value is not None)
    parked.path.rename(parked.path.with_name(name))


def link_up_seconds(gateway, seconds):
    """While no gateway runs, which would count on."""
    (gateway.root / "spool/state/link-up-seconds").write_text(f"{seconds}\n")


@pytest.fixture
def office(make_gateway, smarthost):
    """Not running; one message of ann's waits."""
    gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
    done = gateway.run("-f", ANN, FAR, program="sendmail", input="Subject: hello\n\nhello\n")
    assert done.returncode == 0, done.stderr
    return gateway


def reports(gateway, user="ann"):
    """Bounces and notices, and not what the postmaster is told, who is ann."""
    return [
        email.message_from_bytes(one, policy=email.policy.default)
        for one in gateway.mailbox(user)
        if b"multipart/report" in one
    ]


def test_a_year_offline_expires_nothing(office, smarthost):
    rename(office.parked()[0], age_s=365 * DAY, N=int(time.time()) - 364 * DAY)
    [queued] = office.queue()
    assert queued["age_s"] >= 365 * DAY
    assert queued["waited_s"] == 0
    smarthost.answer = later
    assert office.flush().returncode == 75
    assert office.parked()[0].facts["A"] == "1"
    assert reports(office) == []
    smarthost.answer = lambda *_: None
    assert office.flush().returncode == 0
    assert len(smarthost.taken) == 1


@pytest.mark.parametrize("tries, goes_back", [(9, True), (8, False)])
def test_mail_goes_back_after_long_waiting_and_ten_tries(office, smarthost, tries, goes_back):
    rename(office.parked()[0], A=tries, L=1000)
    link_up_seconds(office, 1001 + 7 * DAY)
    smarthost.answer = later
    assert office.flush().returncode == (0 if goes_back else 75)
    assert bool(office.parked()) != goes_back
    texts = [report.as_string() for report in reports(office)]
    failed = [text for text in texts if "Action: failed" in text]
    assert len(failed) == goes_back
    assert not failed or "try later (451)" in failed[0]


def test_ten_tries_in_a_short_time_are_no_reason(office, smarthost):
    rename(office.parked()[0], A=50, L=1000)
    link_up_seconds(office, 1000 + DAY // 24)
    smarthost.answer = later
    assert office.flush().returncode == 75
    assert len(office.parked()) == 1


def test_a_ceiling_by_the_calendar_is_a_setting(office, smarthost):
    office.control("queueceiling", "90d\n")
    assert office.run("check").returncode == 0
    rename(office.parked()[0], age_s=91 * DAY)
    assert len(office.queue()) == 1
    smarthost.answer = later
    assert office.flush().returncode == 0
    assert ["Action: failed" in report.as_string() for report in reports(office)] == [True]


def test_a_file_of_another_program_begins_to_age_when_it_is_tried(office, smarthost):
    rename(office.parked()[0], A=20, L=None)
    link_up_seconds(office, 100 * DAY)
    smarthost.answer = later
    assert office.flush().returncode == 75
    assert office.parked()[0].facts["L"] == str(100 * DAY)
    assert reports(office) == []


def test_a_sender_is_told_once_what_his_mail_waits_for(office, smarthost):
    link_up_seconds(office, 3000)
    for _ in range(2):
        office.run(FAR, program="sendmail", input="Priority: urgent\n\nhelp\n")
    link_up_seconds(office, 3700)
    smarthost.answer = lambda step, *_: "554 5.7.1 you are blocked" if step == "GREETING" else None
    office.start()
    for _ in range(2):
        office.run("link", "up", "ppp")
        wait_until(lambda: reports(office), what="a notice")
        office.run("link", "down", "ppp")
        office.stop()
        office.start()
    office.run("link", "up", "ppp")
    wait_until(lambda: office.smarthost_status()["state"] == "stopped", what="a stopped smarthost")
    assert [one.facts.get("D") for one in office.parked()] == ["1", None, None]
    assert [one["state"] for one in office.queue()] == ["waiting"] * 3
    [notice] = reports(office)
    assert notice["Subject"] == "Not delivered yet: hello"
    assert notice["Return-Path"] == "<>"
    text = " ".join(notice.get_body().get_content().split())
    assert "you need not send it again" in text
    assert "Why it waits: the server that takes our mail refuses it, and the person" in text
    assert "554 5.7.1 you are blocked; before it go 2 other messages" in text
    assert "Action: delayed" in notice.as_string()


def test_without_a_gateway_flush_tells_it(office, smarthost):
    link_up_seconds(office, 3700)
    office.run("link", "up", "ppp")
    smarthost.answer = later
    for _ in range(2):
        assert office.flush().returncode == 75
    [notice] = reports(office)
    assert "Why it waits: tried; again after" in notice.get_body().get_content()


@pytest.mark.parametrize("sender", ["boss@elsewhere.example", ""])
def test_nobody_outside_is_told_and_no_bounce_is(make_gateway, smarthost, sender):
    gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
    gateway.control("rcpthosts", "gate.example\nelsewhere.example\n")
    gateway.start()
    gateway.send(sender, [FAR])
    gateway.stop()
    rename(gateway.parked()[0], L=10)
    link_up_seconds(gateway, 3700)
    smarthost.answer = later
    assert gateway.flush().returncode == 75
    [parked] = gateway.parked()
    assert (parked.recipients, parked.facts["D"]) == ([FAR], "1")
    assert gateway.mailbox("ann") == gateway.mailbox("bob") == []


def test_no_notice_before_its_time_or_where_none_is_wanted(office, smarthost):
    link_up_seconds(office, 3500)
    smarthost.answer = later
    assert office.flush().returncode == 75
    office.control("delaynotice", "0\n")
    link_up_seconds(office, 8000)
    assert office.flush().returncode == 75
    assert reports(office) == []
    assert "D" not in office.parked()[0].facts
