"""What a link may be used for, as the flush sees it: what does not fit is not begun, smaller
mail goes on, and at the end nothing more is written, in the middle of a message too."""

import subprocess
import time

import pytest

import link
from flush_boss import FlushBoss
from name_server import Zone
from waiting import wait_until

ANN, FAR = "ann@gate.example", "bob@far.example"


def letter(name, size=0, *fields):
    lines = "".join(f"{field}\r\n" for field in fields)
    text = ("x" * 78 + "\r\n") * (size // 80)
    return f"Subject: {name}\r\n{lines}\r\n{text}".encode()


def names(messages):
    subjects = (one.data.partition(b"Subject: ")[2].split(b"\r\n")[0] for one in messages)
    return sorted(subject.decode() for subject in subjects)


def names_of(parked):
    return [one.body.partition(b"Subject: ")[2].split(b"\n")[0].decode() for one in parked]


@pytest.fixture
def park(make_gateway, smarthost):
    """park((name, size, header fields...), ...): a gateway that does not run, where these
    wait; the link `sat` is up, with these lines in its file."""

    def park(*letters, lines="", port=None):
        gateway = make_gateway(start=False, smarthosts={"isp": port or smarthost.port})
        gateway.smarthost("isp", host="127.0.0.1", port=port or smarthost.port, tls="none")
        gateway.control("links/sat", lines)
        gateway.start()
        for name, *more in letters:
            gateway.send(ANN, [FAR], letter(name, *more))
        gateway.stop()
        assert gateway.run("link", "up", "sat").returncode == 0
        return gateway

    return park


def queued(gateway):
    return {one["id"]: one for one in gateway.queue()}


def test_what_is_too_large_for_the_link_waits_for_another_or_a_person(park, smarthost):
    gateway = park(("small", 500), ("large", 30000), ("larger", 40000), lines="maxsize 20k\n")
    done = gateway.flush()
    assert done.returncode == 75
    assert "2 wait for another link" in done.stderr
    assert names(smarthost.taken) == ["small"]
    [large, larger] = gateway.parked()
    assert [one["state"] for one in gateway.queue()] == ["waiting"] * 2
    assert {one["why"] for one in gateway.queue()} == {
        "larger than the link sat takes (20.0 KiB): it waits for another link or for a "
        "person's word"
    }
    assert gateway.flush().returncode == 75
    assert len(smarthost.sessions) == 1, "nobody is called for what may not go"
    assert gateway.run("release", large.id).returncode == 0
    assert gateway.flush().returncode == 75
    assert gateway.run("first", larger.id).returncode == 0
    assert gateway.flush().returncode == 0
    assert names(smarthost.taken) == ["large", "larger", "small"]


def test_released_mail_that_was_held_has_the_links_limits_again(park, smarthost):
    gateway = park(("large", 30000), lines="maxsize 20k\n")
    [large] = gateway.parked()
    for verb in ("hold", "release"):
        assert gateway.run(verb, large.id).returncode == 0
    assert gateway.flush().returncode == 75
    assert smarthost.sessions == []


def test_a_link_for_urgent_mail_takes_no_other(park, smarthost):
    gateway = park(("normal",), ("urgent", 0, "X-Priority: 1"), lines="priority urgent\n")
    assert gateway.flush().returncode == 75
    assert names(smarthost.taken) == ["urgent"]
    [waiting] = gateway.queue()
    assert waiting["why"].startswith("the link sat is kept for urgent mail")
    assert gateway.run("link", "up", "wlan").returncode == 0
    assert gateway.run("link", "down", "sat").returncode == 0
    assert gateway.flush().returncode == 0
    assert names(smarthost.taken) == ["normal", "urgent"]


def test_what_a_budget_does_not_hold_is_not_begun_and_smaller_mail_goes(park, smarthost):
    gateway = park(("a", 10000), ("b", 10000), ("large", 200000), ("c", 10000))
    with FlushBoss(gateway) as boss:
        boss.allow(most_bytes=60000)
        done = boss.hear_until("done")
        assert done["exit_code"] == 75
        assert "1 waits for another link, or for more time or a larger budget" in done["text"]
        assert boss.progress["link"] == "sat"
        assert 30000 < boss.progress["used_bytes"] <= 60000
    assert names(smarthost.taken) == ["a", "b", "c"]
    assert [(one.flags, one.facts.get("A")) for one in gateway.parked()] == [("", None)]


def test_a_budget_ends_between_two_messages(park, smarthost):
    gateway = park(*((f"m{number}", 20000) for number in range(9)))
    with FlushBoss(gateway) as boss:
        boss.allow(most_bytes=100000)
        boss.hear_until("done")
        assert 80000 < boss.progress["used_bytes"] <= 100000
    assert len(smarthost.taken) == 4
    assert [one["state"] for one in gateway.queue()] == ["waiting"] * 5


def test_no_message_at_all_calls_nobody(park, smarthost):
    gateway = park(("m", 20000))
    with FlushBoss(gateway) as boss:
        boss.allow(most_bytes=0)
        assert boss.hear_until("done")["exit_code"] == 75
    assert smarthost.taken == []
    assert [one["state"] for one in gateway.queue()] == ["waiting"]


def test_at_the_end_of_a_budget_it_stops_in_the_middle_of_a_message(park, smarthost):
    relay = link.Relay(smarthost.port, rate_up=4_000_000)
    gateway = park(("large", 12_000_000), port=relay.port)
    with FlushBoss(gateway) as boss:
        boss.allow()
        used = boss.hear_until(lambda _, fields: fields.get("used_bytes", 0) > 100_000)
        began = time.monotonic()
        boss.allow(most_bytes=used["used_bytes"] + 10_000)
        done = boss.hear_until("done")
        assert time.monotonic() - began < 2
        assert done["exit_code"] == 75
        assert "the budget of the link is used up" in done["text"]
        assert boss.progress["used_bytes"] < 12_000_000
    relay.close()
    assert smarthost.messages == []
    assert [one["state"] for one in gateway.queue()] == ["waiting"]


@pytest.mark.parametrize("most", [1_000, 70_001, 333_333])
def test_wherever_a_budget_ends_nothing_is_lost_or_sent_twice(park, smarthost, most):
    relay = link.Relay(smarthost.port, rate_up=4_000_000, delay_us=20_000)
    everything = [f"m{number}" for number in range(8)]
    gateway = park(*((name, 60_000) for name in everything), port=relay.port)
    with FlushBoss(gateway) as boss:
        boss.allow()
        boss.hear_until(lambda _, fields: fields.get("doing") == "sending")
        boss.allow(most_bytes=most)
        assert boss.hear_until("done")["exit_code"] == 75
    smarthost.settle()
    waiting = [one for one in gateway.parked() if "u" not in one.flags]
    doubtful = [one for one in gateway.parked() if "u" in one.flags]
    assert len(waiting) + len(doubtful) + len(smarthost.taken) >= len(everything)
    assert not set(names_of(waiting)) & set(names(smarthost.messages))
    for one in doubtful:
        assert gateway.run("release", one.id).returncode == 0
    assert gateway.flush().returncode == 0
    assert sorted(set(names(smarthost.taken))) == everything
    assert len(smarthost.taken) <= len(everything) + len(doubtful)
    relay.close()


def test_when_its_time_is_over_it_stops_in_the_middle_of_a_message(park, smarthost):
    relay = link.Relay(smarthost.port, rate_up=4_000_000)
    gateway = park(("large", 12_000_000), port=relay.port)
    with FlushBoss(gateway) as boss:
        boss.allow()
        boss.hear_until(lambda _, fields: fields.get("used_bytes", 0) > 100_000)
        boss.allow(until=time.time() + 1)
        done = boss.hear_until("done", 4)
        assert "the time of the link is over" in done["text"]
    relay.close()
    assert [one["state"] for one in gateway.queue()] == ["waiting"]


def test_more_of_a_budget_lets_the_rest_go(park, smarthost):
    gateway = park(("a", 10000), ("b", 60000))
    more = []
    smarthost.answer = lambda step, *_: None if step != "BODY" or wait_until(lambda: more) else ""
    with FlushBoss(gateway) as boss:
        boss.allow(most_bytes=40000)
        boss.hear_until(lambda _, fields: fields.get("used_bytes", 0) > 10000)
        boss.allow(most_bytes=200000)
        more.append(True)
        boss.hear_until("idle")
    assert names(smarthost.taken) == ["a", "b"]


def test_a_running_gateway_calls_nobody_for_what_the_budget_does_not_hold(gateway, smarthost):
    gateway.control("links/sat", "budget 30k per day\n")
    gateway.run("link", "up", "sat")
    gateway.send(ANN, [FAR], letter("large", 30000))
    done = gateway.flush()
    assert done.returncode == 75
    assert "1 waits for another link" in done.stderr
    [waiting] = gateway.queue()
    assert "larger than what the budget of the link sat has left" in waiting["why"]
    assert gateway.smarthost_status()["last_error"] is None
    assert smarthost.sessions == []
    gateway.send(ANN, [FAR], letter("small"))
    wait_until(lambda: smarthost.taken, what="the small one")
    assert names(smarthost.taken) == ["small"]


@pytest.fixture
def far(make_gateway, make_smarthost):
    if why := link.available():
        pytest.skip(why)
    with link.Link(rate_up=128_000, rate_down=128_000, delay_us=20_000) as line:
        with line.inside("right"):
            smarthost = make_smarthost(address=line.address["right"])
        gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
        gateway.smarthost("isp", host=line.address["right"], port=smarthost.port, tls="none")
        with line.inside("left"):
            gateway.start()
            yield line, gateway, smarthost


def test_bytes_are_counted_as_the_link_does(far):
    line, gateway, smarthost = far
    for number in range(5):
        gateway.send(ANN, [FAR], letter(f"m{number}", 2000 * number))
    gateway.stop()
    before = line.counters()
    with FlushBoss(gateway) as boss:
        boss.allow()
        boss.hear_until(lambda name, fields: fields.get("sent") == 5)
        told = boss.progress["used_bytes"]
        after = line.counters()
    counted = sum(after[key] - before[key] for key in ("up_bytes", "down_bytes"))
    assert len(smarthost.taken) == 5
    assert abs(counted - told) < counted * 0.02


def test_mail_goes_over_the_links_own_interface_and_no_other(far):
    line, gateway, smarthost = far
    subprocess.run(["ip", "tuntap", "add", "other0", "mode", "tun"], check=True)
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "sat", "interface=other0")
    wait_until(lambda: gateway.smarthost_status()["last_error"], what="a failure")
    assert smarthost.sessions == []
    gateway.run("link", "down", "sat")
    gateway.control("links/sat", "interface link0\n")
    gateway.run("link", "up", "sat", "interface=link0")
    wait_until(lambda: smarthost.taken, what="the message")


def test_names_are_asked_for_over_the_links_own_interface(far):
    line, gateway, smarthost = far
    with line.inside("right"):
        zone = Zone({"mail.isp.example": {"A": [line.address["right"]]}}, line.address["right"])
    gateway.smarthost("isp", host="mail.isp.example", port=smarthost.port, tls="none")
    subprocess.run(["ip", "tuntap", "add", "other0", "mode", "tun"], check=True)
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "sat", "interface=other0", f"dns={zone.address}")
    wait_until(lambda: gateway.smarthost_status()["last_error"], what="a failure")
    assert zone.asked == []
    gateway.run("link", "down", "sat")
    gateway.run("link", "up", "sat", "interface=link0", f"dns={zone.address}")
    wait_until(lambda: smarthost.taken, what="the message")
    assert {name for name, _ in zone.asked} == {"mail.isp.example"}
    zone.close()


def test_what_a_window_is_too_short_for_is_not_begun(far):
    line, gateway, smarthost = far
    gateway.send(ANN, [FAR], letter("large", 120_000))
    for number in range(3):
        gateway.send(ANN, [FAR], letter(f"m{number}", 4000))
    gateway.stop()
    gateway.run("link", "up", "sat", "speed_bps=128000")
    with FlushBoss(gateway) as boss:
        boss.allow(until=time.time() + 5)
        done = boss.hear_until("done")
        assert "1 waits for another link, or for more time" in done["text"]
        assert boss.progress["used_bytes"] < 20_000
    assert names(smarthost.taken) == ["m0", "m1", "m2"]
