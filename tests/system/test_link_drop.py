"""The link drops at every reply of a flush: nothing is lost, what is in doubt is shown."""

import pytest

from smarthost import MODERN

KINDS = {
    "chunking": MODERN,
    "pipelining": [one for one in MODERN if one != "CHUNKING"],
    "plain": ["SIZE 0", "8BITMIME"],
}


def park(gateway, round):
    names = [f"m{round}-{number}" for number in range(3)]
    with gateway.smtp() as client:
        for name in names:
            client.sendmail(
                "ann@gate.example",
                [f"{name}-a@far.example", f"{name}-b@far.example"],
                f"Subject: {name}\r\n\r\n{name}\r\n",
            )
    return names


def subjects(messages):
    return [one.data.partition(b"Subject: ")[2].split(b"\r\n")[0].decode() for one in messages]


def check_after_drop(gateway, smarthost, names):
    """Every message is either acknowledged or still here; those of which all was sent and
    nothing heard are uncertain."""
    queue = {one["recipients"][0].rsplit("-", 1)[0]: one for one in gateway.queue()}
    parked = {one.recipients[0].rsplit("-", 1)[0] for one in gateway.parked()}
    heard = set(subjects(smarthost.taken))
    unheard = set(subjects(smarthost.messages)) - heard
    for name in names:
        assert name in parked or name in heard, f"{name} is lost"
        if name in unheard and name not in heard:
            assert queue[name]["state"] == "uncertain", queue[name]
        if name in queue:
            assert queue[name]["state"] in ("waiting", "uncertain"), queue[name]
    return [one["id"] for one in queue.values() if one["state"] == "uncertain"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_link_may_drop_at_any_reply(make_gateway, make_smarthost, kind):
    smarthost = make_smarthost(extensions=KINDS[kind])
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    replies = 2 + 3 * (1 + 2 + (1 if kind == "chunking" else 2)) + 1
    for number in range(replies):
        names = park(gateway, number)
        smarthost.drop_at = smarthost.replies + number
        done = gateway.flush()
        # QUIT's reply is waited for by nobody.
        if number < replies - 1:
            assert done.returncode == 75, (number, done.stdout, done.stderr)
        smarthost.settle()
        uncertain = check_after_drop(gateway, smarthost, names)
        smarthost.drop_at = None
        if uncertain:
            # Not again by itself: it may have arrived.
            before = len(smarthost.messages)
            assert gateway.flush().returncode == 75
            sent = subjects(smarthost.messages[before:])
            still = [one["id"] for one in gateway.queue()]
            assert sorted(still) == sorted(uncertain), sent
            assert gateway.run("release", *uncertain).returncode == 0
        done = gateway.flush()
        assert done.returncode == 0, (number, done.stderr, gateway.queue())
        assert gateway.parked() == []
        assert set(names) <= set(subjects(smarthost.taken))


def test_link_down_stops_a_flush_within_two_seconds_and_keeps_the_rest(gateway, smarthost):
    import threading
    import time

    gate = threading.Event()
    smarthost.answer = lambda step, *_: gate.wait(30) and None if step == "BODY" else None
    names = park(gateway, 0)
    assert gateway.run("link", "up", "ppp0").returncode == 0
    from waiting import wait_until

    wait_until(lambda: smarthost.messages, what="the first message at the smarthost")
    began = time.monotonic()
    assert gateway.run("link", "down", "ppp0").returncode == 0
    wait_until(
        lambda: not any(one.startswith("lontar-flush") for one in gateway.processes().values()),
        what="the end of the flush",
    )
    assert time.monotonic() - began < 2
    gate.set()
    smarthost.settle()
    check_after_drop(gateway, smarthost, names)
