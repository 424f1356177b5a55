"""A long link and a server without CHUNKING: several connections, and still every message
once."""

import pytest

import link
from smarthost import MODERN
from test_link_drop import check_after_drop, subjects
from waiting import wait_until

pytestmark = pytest.mark.skipif(bool(link.available()), reason=link.available())

ANN = "ann@gate.example"
LONG = {
    "rate_up": 2_000_000, "rate_down": 2_000_000, "delay_us": 40_000, "queue_bytes": 250_000,
}  # fmt: skip


@pytest.fixture
def make_far(make_gateway, make_smarthost):
    """Makes a gateway and a smarthost with a long link between; the test runs in the
    office."""
    with link.Link(**LONG) as line:

        def make(extensions):
            with line.inside("right"):
                smarthost = make_smarthost(extensions=extensions, address=line.address["right"])
            gateway = make_gateway(smarthosts={"isp": smarthost.port})
            gateway.smarthost(
                "isp", host=line.address["right"], port=smarthost.port, tls="none"
            )
            return line, gateway, smarthost

        with line.inside("left"):
            yield make


def park(gateway, count):
    names = [f"m0{number:02}" for number in range(count)]
    with gateway.smtp() as client:
        for name in names:
            client.sendmail(
                ANN, [f"{name}-a@far.example"],
                f"Subject: {name}\r\n\r\n" + f"{name}\r\n" * 600,
            )  # fmt: skip
    return names


def test_without_chunking_a_long_link_gets_several_connections(make_far):
    line, gateway, smarthost = make_far([one for one in MODERN if one != "CHUNKING"])
    names = park(gateway, 30)
    assert gateway.flush().returncode == 0
    assert sorted(subjects(smarthost.taken)) == names
    busy = [one for one in smarthost.sessions if any("DATA" in line for line in one.lines)]
    assert len(busy) > 2
    assert line.counters()["up_dropped"] == 0


def test_with_chunking_one_connection_fills_it(make_far):
    line, gateway, smarthost = make_far(MODERN)
    names = park(gateway, 30)
    assert gateway.flush().returncode == 0
    assert sorted(subjects(smarthost.taken)) == names
    assert len(smarthost.sessions) == 1
    assert line.counters()["up_dropped"] == 0


@pytest.mark.parametrize("reply", ["421 4.7.0 too many connections", "554 5.7.0 too many", "DROP"])
def test_a_server_that_takes_only_two_connections_gets_all_over_them(make_far, reply):
    _, gateway, smarthost = make_far([one for one in MODERN if one != "CHUNKING"])
    smarthost.answer = lambda step, _, session: (
        reply if step == "GREETING" and session.number > 1 else None
    )
    names = park(gateway, 30)
    done = gateway.flush()
    assert done.returncode == 0, done.stderr
    assert sorted(subjects(smarthost.taken)) == names
    assert gateway.smarthost_status()["state"] != "stopped"


def test_one_connection_may_die_and_the_others_go_on(make_far):
    _, gateway, smarthost = make_far([one for one in MODERN if one != "CHUNKING"])
    smarthost.answer = lambda step, _, session: (
        "DROP" if step == "RCPT" and session.number == 1 else None
    )
    names = park(gateway, 30)
    gateway.flush()
    assert sorted(subjects(smarthost.taken)) == names
    assert gateway.parked() == []


@pytest.mark.parametrize("bytes_up", [20_000, 60_000, 120_000])
def test_a_link_that_drops_loses_nothing_of_several_connections(make_far, bytes_up):
    line, gateway, smarthost = make_far([one for one in MODERN if one != "CHUNKING"])
    names = park(gateway, 40)
    line.set(drop_at=bytes_up)
    gateway.run("link", "up", "office")
    line.wait_for_drop()
    gateway.run("link", "down", "office")
    wait_until(
        lambda: all(one["state"] != "sending" for one in gateway.queue()),
        what="the end of the flush",
    )
    uncertain = check_after_drop(gateway, smarthost, names)
    assert len(gateway.parked()) > 0
    line.set(carrier=1)
    if uncertain:
        assert gateway.run("release", *uncertain).returncode == 0
    done = gateway.flush()
    assert done.returncode == 0, done.stderr
    assert set(subjects(smarthost.taken)) == set(names)
    assert gateway.parked() == []
