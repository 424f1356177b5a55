"""Links of which only so much may be used: by bytes, minutes, money or calls."""

import os
import re
import signal
import time

import pytest

from gateway import EX_OK, EX_TEMPFAIL
from link import Relay
from pickup_stand import letters
from waiting import never, wait_until
from wallclock import zone

ANN, FAR = "ann@gate.example", "you@far.example"


def usage(gateway, name="ppp0"):
    """What is written about it, the newer file of the two."""
    found = {}
    for path in (gateway.root / f"spool/state/usage/{name}{end}" for end in ("", "~")):
        lines = path.read_text().splitlines() if path.exists() else ["serial=0"]
        facts = dict(line.split("=", 1) for line in lines)
        if int(facts["serial"]) > int(found.get("serial", 0)):
            found = facts
    return found


def budget(gateway, name="ppp0"):
    [link] = [one for one in gateway.status()["links"] if one["name"] == name]
    return link["budgets"][0]


def letter(number, size=100):
    return f"Subject: m{number}\r\n\r\n".encode() + b"x" * 70 + b"\r\n" * 1 + (
        b"y" * 70 + b"\r\n"
    ) * (size // 72)


@pytest.fixture
def set_up(stopped_gateway, smarthost):
    """set_up(lines of ppp0): a running gateway, its clock far from midnight, the link up."""

    def set_up(lines, shows="12:00", in_s=0):
        stopped_gateway.control("links/ppp0", lines)
        stopped_gateway.smarthost(
            "isp", host="127.0.0.1", port=smarthost.port, tls="none", indoubt=1
        )
        stopped_gateway.environment["TZ"] = zone(shows, in_s)
        stopped_gateway.start()
        assert stopped_gateway.run("link", "up", "ppp0").returncode == EX_OK
        return stopped_gateway

    return set_up


def is_idle(gateway):
    return "lontar-flush" not in gateway.processes().values()


def test_what_is_sent_is_counted_and_shown(set_up):
    gateway = set_up("budget 1m per month\n")
    gateway.send(ANN, [FAR], letter(0, 20_000))
    wait_until(lambda: not gateway.parked(), 8, "the mail to be sent")
    wait_until(lambda: int(usage(gateway).get("month_bytes", 0)) > 20_000, 8, "its count")
    wait_until(lambda: is_idle(gateway), 8, "the flush's end")
    shown = budget(gateway)
    assert 20_000 < shown["used"] < 25_000
    assert shown["used"] + shown["left"] == shown["total"] == 1 << 20
    assert (shown["unit"], shown["period"]) == ("bytes", "month")
    shown = gateway.run("link").stdout
    assert re.search(r"1m per month: 2\d\.\d KiB used, 100\d\.\d KiB left until", shown)


def test_what_no_longer_fits_is_not_begun_and_smaller_mail_goes(set_up, smarthost):
    gateway = set_up("budget 40k per month\n")
    gateway.run("link", "down", "ppp0")
    gateway.send(ANN, [FAR], letter(1, 60_000))
    gateway.send(ANN, [FAR], letter(2, 10_000))
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: len(gateway.parked()) == 1, 8, "the small one to be sent")
    wait_until(lambda: is_idle(gateway), 8, "the flush's end")
    [queued] = gateway.queue()
    assert queued["size"] > 60_000
    assert queued["why"].startswith("larger than what the budget of the link ppp0 has left")
    assert len(smarthost.sessions) == 1
    assert budget(gateway)["used"] < 20_000


def test_a_budget_that_ends_in_the_middle_of_a_queue_loses_and_doubles_nothing(
    set_up, smarthost
):
    gateway = set_up("budget 100k per month\n")
    gateway.run("link", "down", "ppp0")
    for number in range(5):
        gateway.send(ANN, [FAR], letter(number, 30_000))
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: smarthost.taken and is_idle(gateway), 12, "the flush's end")
    parked = gateway.parked()
    assert 2 <= len(parked) <= 3
    assert len(smarthost.taken) + len(parked) == 5
    assert len({one.data for one in smarthost.taken}) == len(smarthost.taken)
    assert 60_000 < budget(gateway)["used"] <= 100 * 1024


def test_a_budget_that_ends_in_the_middle_of_a_message_loses_and_doubles_nothing(
    set_up, smarthost
):
    line = Relay(smarthost.port, rate_up=400_000)
    gateway = set_up("budget 3 seconds per day\n")
    gateway.run("link", "down", "ppp0")
    gateway.smarthost("isp", host="127.0.0.1", port=line.port, tls="none")
    gateway.send(ANN, [FAR], letter(1, 2_000_000))
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: gateway.log_text().count("link name=ppp0 closed"), 10, "its end")
    wait_until(lambda: is_idle(gateway), 4, "the flush's end")
    assert smarthost.sessions and not smarthost.messages
    [queued] = gateway.queue()
    assert queued["state"] == "waiting"
    assert "is spent until 00:00" in queued["why"]
    line.rates = (0, 0)
    gateway.control("links/ppp0", "budget 9 hours per day\n")
    assert gateway.run("service", "hup", "link").returncode == EX_OK
    wait_until(lambda: not gateway.parked(), 8, "the message")
    assert len(smarthost.messages) == len(smarthost.taken) == 1


def test_a_spent_budget_keeps_mail_and_tells_a_person_what_to_do(set_up, smarthost):
    gateway = set_up("budget 12k per day\n")
    gateway.send(ANN, [FAR], letter(1, 100))
    wait_until(lambda: smarthost.taken, 8, "the first")
    gateway.control("links/ppp0", "budget 1k per day\n")
    wait_until(lambda: is_idle(gateway), 8, "the flush's end")
    gateway.send(ANN, [FAR], letter(2, 100))
    done = gateway.flush()
    assert done.returncode == EX_TEMPFAIL
    assert done.stderr == (
        "lontar flush: the budget of link ppp0 (1k per day) is spent until 00:00; "
        "raise it in control/links/ppp0, or wait\n"
    )
    [queued] = gateway.queue()
    assert queued["why"] == "the budget of link ppp0 (1k per day) is spent until 00:00"
    assert len(smarthost.taken) == 1
    # Raised, it goes by itself.
    gateway.control("links/ppp0", "budget 20k per day\n")
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: len(smarthost.taken) == 2, 8, "the second")


def test_a_new_day_brings_a_new_budget(set_up, smarthost):
    midnight = int(time.time()) + 6
    gateway = set_up("budget 14k per day\n", "00:00", midnight - time.time())
    gateway.send(ANN, [FAR], letter(1, 3000))
    wait_until(lambda: smarthost.taken and is_idle(gateway), 5, "the first")
    gateway.send(ANN, [FAR], letter(2, 3000))
    wait_until(lambda: len(smarthost.taken) == 2, 10, "the second")
    assert time.time() >= midnight
    assert budget(gateway)["used"] < 14 * 1024


def test_what_was_left_yesterday_is_carried(set_up, smarthost):
    midnight = int(time.time()) + 4
    gateway = set_up("budget 10k per day carried\n", "00:00", midnight - time.time())
    gateway.send(ANN, [FAR], letter(1, 1000))
    wait_until(lambda: smarthost.taken, 4, "the first")
    wait_until(lambda: time.time() >= midnight, 8, "midnight")
    shown = budget(gateway)
    assert shown["used"] == 0
    assert 16_000 < shown["total"] < 20_000


def test_minutes_end_a_call_in_the_middle_of_a_queue(set_up, smarthost):
    gateway = set_up("budget 4 seconds per day\n")
    smarthost.answer = lambda step, *_: never.wait(0.3) and None if step == "BODY" else None
    for number in range(30):
        gateway.send(ANN, [FAR], letter(number))
    wait_until(lambda: gateway.log_text().count("link name=ppp0 closed"), 10, "its end")
    wait_until(lambda: is_idle(gateway), 4, "the flush's end")
    assert 0 < len(smarthost.taken) < 30
    assert budget(gateway)["left"] == 0


def test_a_killed_lontar_link_forgets_nothing_that_was_written(set_up):
    gateway = set_up("budget 1m per month\n")
    gateway.send(ANN, [FAR], letter(1, 20_000))
    wait_until(lambda: int(usage(gateway).get("month_bytes", 0)) > 20_000, 8, "its count")
    [pid] = [pid for pid, name in gateway.processes().items() if name == "lontar-link"]
    os.kill(pid, signal.SIGKILL)
    gateway.send(ANN, [FAR], letter(2, 20_000))
    wait_until(lambda: int(usage(gateway)["month_bytes"]) > 40_000, 10, "both counts")
    assert int(usage(gateway)["month_calls"]) == 1


def test_a_restart_in_the_middle_forgets_nothing(set_up, smarthost):
    gateway = set_up("budget 1m per month\n")
    gateway.send(ANN, [FAR], letter(1, 20_000))
    wait_until(lambda: int(usage(gateway).get("month_bytes", 0)) > 20_000, 8, "its count")
    gateway.stop()
    seconds = int(usage(gateway)["call_seconds"])
    gateway.start()
    gateway.send(ANN, [FAR], letter(2, 20_000))
    wait_until(lambda: int(usage(gateway)["month_bytes"]) > 40_000, 8, "both counts")
    assert int(usage(gateway)["month_calls"]) == 1
    assert int(usage(gateway)["call_seconds"]) >= seconds


def test_the_lines_own_count_is_the_truth(set_up):
    gateway = set_up("budget 5.00 EUR per month\ncost 0.10 EUR per minute, 0.30 EUR per call\n")
    gateway.send(ANN, [FAR])
    wait_until(lambda: not gateway.parked(), 8, "the mail to be sent")
    words = ["bytes_sent=1000", "bytes_received=500", "seconds=125"]
    assert gateway.run("link", "down", "ppp0", *words).returncode == EX_OK
    facts = usage(gateway)
    assert facts["day_bytes"] == "1500"
    assert facts["day_seconds"] == "125"
    shown = budget(gateway)
    assert (shown["unit"], shown["used"]) == ("EUR", 0.6)
    assert "0.60 EUR used, 4.40 EUR left" in gateway.run("status").stdout


def test_without_a_gateway_it_is_counted_too(stopped_gateway, smarthost):
    gateway = stopped_gateway
    gateway.control("links/ppp0", "budget 30k per month\n")
    gateway.start()
    for number in range(3):
        gateway.send(ANN, [FAR], letter(number, 20_000))
    gateway.stop()
    assert gateway.run("link", "up", "ppp0").returncode == EX_OK
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert len(smarthost.taken) == 1
    assert 20_000 < budget(gateway)["used"] < 30_720
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert len(smarthost.taken) == 1
    words = ["bytes_sent=30000", "bytes_received=1000", "seconds=9"]
    assert gateway.run("link", "down", "ppp0", *words).returncode == EX_OK
    assert usage(gateway)["day_bytes"] == "31000"
    assert gateway.run("link", "up", "ppp0").returncode == EX_OK
    done = gateway.flush()
    assert done.returncode == EX_TEMPFAIL
    assert "is spent until" in done.stderr


def test_what_one_budget_no_longer_pays_goes_over_another_link(set_up, smarthost):
    gateway = set_up("budget 30k per month\n")
    gateway.control("links/dear", "cost 1 EUR per mb\n")
    assert gateway.run("link", "up", "dear").returncode == EX_OK
    for number in range(5):
        gateway.send(ANN, [FAR], letter(number, 10_000))
    wait_until(lambda: not gateway.parked(), 15, "all mail to be sent")
    assert len(smarthost.taken) == 5
    assert int(usage(gateway)["month_bytes"]) <= 31 * 1024
    gateway.stop()
    assert int(usage(gateway, "dear")["month_bytes"]) > 10_000


def test_everything_on_the_interface_is_billed(set_up, smarthost):
    """Here the loopback's own, which carries more than what we send."""
    gateway = set_up("interface lo\nbudget 1g per month\n")
    gateway.send(ANN, [FAR], letter(1, 50_000))
    wait_until(lambda: not gateway.parked(), 8, "the mail to be sent")
    wait_until(lambda: budget(gateway)["used"] > 100_000, 8, "its count, in and out")
    assert usage(gateway)["has_interface"] == "1"


def test_a_pickup_asks_for_the_budget_too(office, make_provider):
    provider = make_provider(letters(3))
    gateway = office(provider.port)
    gateway.control("links/ppp0", "budget 4k per day\n")
    gateway.environment["TZ"] = zone("12:00", 0)
    gateway.start()
    assert gateway.run("link", "up", "ppp0").returncode == EX_OK
    wait_until(lambda: len(gateway.mailbox("ann")) == 3, 8, "the mail")
    wait_until(lambda: int(usage(gateway).get("day_bytes", 0)) > 1000, 8, "its count")
    gateway.control("links/ppp0", "budget 1k per day\n")
    done = gateway.run("pickup")
    assert done.returncode == EX_TEMPFAIL
    assert "the budget of link ppp0 (1k per day) is spent until 00:00; raise it" in done.stderr
    assert len(provider.sessions) == 1


def test_a_torn_account_gives_nothing_away_and_a_removed_one_begins_anew(set_up, smarthost):
    gateway = set_up("budget 40k per day\n")
    gateway.send(ANN, [FAR], letter(1, 20_000))
    wait_until(lambda: int(usage(gateway).get("day_bytes", 0)) > 20_000, 8, "its count")
    gateway.stop()
    files = list((gateway.root / "spool/state/usage").glob("ppp0*"))
    for path in files:
        path.write_bytes(path.read_bytes()[:-20])
    gateway.start()
    gateway.send(ANN, [FAR], letter(2, 100))
    shown = budget(gateway)
    assert (shown["used"], shown["left"]) == (None, 0)
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert len(smarthost.taken) == 1
    gateway.stop()
    for path in files:
        path.unlink()
    gateway.start()
    wait_until(lambda: len(smarthost.taken) == 2, 8, "the second")
