"""Links that may be used at certain hours only: mail goes when a window opens, and stops
where it closes."""

import time

import pytest

from gateway import EX_CONFIG, EX_OK
from pickup_stand import letters
from waiting import never, wait_until
from wallclock import zone

ANN, FAR = "ann@gate.example", "you@far.example"


@pytest.fixture
def set_up(stopped_gateway):
    """set_up(shows, in_s, ppp0=lines, ...): a running gateway whose clock shows that time
    in so many seconds, and whose links are up."""

    def set_up(shows, in_s, **links):
        for name, lines in links.items():
            stopped_gateway.control(f"links/{name}", lines)
        stopped_gateway.environment["TZ"] = zone(shows, in_s)
        stopped_gateway.start()
        for name in links:
            assert stopped_gateway.run("link", "up", name).returncode == EX_OK
        return stopped_gateway

    return set_up


def slow(smarthost, seconds):
    """Each message takes it so long to answer."""
    smarthost.answer = lambda step, *_: never.wait(seconds) and None if step == "BODY" else None


def test_mail_waits_for_the_window_and_goes_when_it_opens(set_up, smarthost):
    opens = int(time.time()) + 3
    gateway = set_up("02:00", opens - time.time(), ppp0="window daily 02:00-02:20\n")
    gateway.send(ANN, [FAR])
    [queued] = gateway.queue()
    assert queued["why"] == "the window of link ppp0 opens at 02:00"
    assert queued["next"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(opens))
    assert not smarthost.sessions
    wait_until(lambda: smarthost.sessions, 6, "the flush")
    assert time.time() >= opens
    wait_until(lambda: not gateway.parked(), 6, "all mail to be sent")


def test_a_window_that_closes_stops_a_queue_in_the_middle(set_up, smarthost):
    closes = int(time.time()) + 5
    gateway = set_up("02:20", closes - time.time(), ppp0="window daily 02:00-02:20\n")
    gateway.smarthost("isp", host="127.0.0.1", port=smarthost.port, tls="none", indoubt=1)
    slow(smarthost, 0.25)
    for number in range(30):
        gateway.send(ANN, [FAR], f"Subject: m{number}\r\n\r\nx\r\n".encode())
    wait_until(lambda: gateway.log_text().count("link name=ppp0 closed"), 8, "its end")
    wait_until(lambda: "lontar-flush" not in gateway.processes().values(), 4, "the flush's end")
    assert time.time() >= closes
    parked = gateway.parked()
    assert parked and smarthost.taken
    uncertain = [one for one in gateway.queue() if one["state"] == "uncertain"]
    assert len(smarthost.taken) + len(parked) - len(uncertain) == 30
    waiting = [one["why"] for one in gateway.queue() if one["state"] == "waiting"]
    assert set(waiting) == {"the window of link ppp0 opens at 02:00"}


def test_a_person_opens_a_closed_window_and_it_stays_open_for_him(set_up, smarthost):
    closes = int(time.time()) + 3
    gateway = set_up("02:20", closes - time.time(), ppp0="window daily 02:00-02:20\n")
    gateway.smarthost("isp", host="127.0.0.1", port=smarthost.port, tls="none", indoubt=1)
    gateway.send(ANN, [FAR])
    wait_until(lambda: not gateway.parked(), 8, "what came while it was open")
    wait_until(lambda: gateway.log_text().count("link name=ppp0 closed"), 8, "its end")
    gateway.send(ANN, [FAR])
    assert gateway.parked()
    assert gateway.flush().returncode == EX_OK
    assert len(smarthost.taken) == 2


def test_what_one_link_may_no_longer_send_goes_over_another(set_up, smarthost):
    closes = int(time.time()) + 6
    gateway = set_up(
        "02:20", closes - time.time(), cheap="window daily 02:00-02:20\n",
        dear="cost 1 EUR per mb\n",
    )  # fmt: skip
    gateway.smarthost("isp", host="127.0.0.1", port=smarthost.port, tls="none", indoubt=1)
    slow(smarthost, 0.3)
    with gateway.smtp() as client:
        for number in range(25):
            client.sendmail(ANN, [FAR], f"Subject: m{number}\r\n\r\nx\r\n".encode())
    assert {one["link"] for one in gateway.queue()} == {"cheap"}
    wait_until(lambda: gateway.log_text().count("link name=cheap closed"), 8, "its end")
    wait_until(lambda: {one["link"] for one in gateway.queue()} <= {"dear"}, 8, "the other link")
    wait_until(
        lambda: all(one["state"] == "uncertain" for one in gateway.queue()), 10, "all the rest"
    )
    assert len(smarthost.sessions) >= 2
    assert len({one.data for one in smarthost.taken}) == len(smarthost.taken)


def test_a_pickup_waits_for_the_window_too(office, make_provider):
    provider = make_provider(letters(2))
    gateway = office(provider.port)
    gateway.control("links/ppp0", "window daily 02:00-02:20\n")
    opens = int(time.time()) + 3
    gateway.environment["TZ"] = zone("02:00", opens - time.time())
    gateway.start()
    assert gateway.run("link", "up", "ppp0").returncode == EX_OK
    wait_until(lambda: gateway.mailbox("ann"), 8, "the mail")
    assert time.time() >= opens
    assert len(provider.sessions) == 1


def test_a_closed_window_is_told(set_up):
    gateway = set_up("12:00", 3600, ppp0="window mon-sun 02:00-02:20\n")
    [link] = gateway.status()["links"]
    assert link["state"] == "up"
    assert link["open"] is False
    assert link["why"] == "the window of link ppp0 opens at 02:00"
    assert "opens at 02:00" in gateway.run("link").stdout
    assert "opens at 02:00" in gateway.run("status").stdout
    assert "opens at 02:00" in gateway.run("explain", FAR).stdout
    assert gateway.run("link", "down", "ppp0").returncode == EX_OK
    gateway.send(ANN, [FAR])
    [queued] = gateway.queue()
    assert queued["why"] == "the link is down, and the window of link ppp0 opens at 02:00"
    assert queued["link"] is None


@pytest.mark.parametrize(
    "line, mend",
    [
        ("window dayly 02:00-02:20", 'control/links/ppp0:1: window: "dayly" is no day; write'),
        ("budget 20 per month", 'control/links/ppp0:1: budget: "20 per" is no amount; write'),
        ("cost 0.5 per mb", "control/links/ppp0:1: cost: "),
        ("priority low", "control/links/ppp0:1: priority may not be"),
    ],
)
def test_a_wrong_line_is_told_with_its_mend(stopped_gateway, line, mend):
    stopped_gateway.control("links/ppp0", line + "\n")
    checked = stopped_gateway.run("check")
    assert checked.returncode == EX_CONFIG
    assert mend in checked.stdout + checked.stderr


def test_every_wrong_line_of_a_link_is_told(stopped_gateway):
    lines = ("window never", "budget much", "cost 1 EUR per mail", "colour red", "maxsize x")
    stopped_gateway.control("links/ppp0", "".join(line + "\n" for line in lines))
    checked = stopped_gateway.run("check")
    told = checked.stdout + checked.stderr
    for number in range(1, 6):
        assert f"control/links/ppp0:{number}: " in told


def test_links_that_cost_in_two_currencies_are_told(stopped_gateway):
    stopped_gateway.control("links/ppp0", "cost 1 EUR per mb\n")
    stopped_gateway.control("links/sat", "cost 8 USD per mb\n")
    checked = stopped_gateway.run("check")
    assert checked.returncode == EX_OK
    assert "control/links/sat: costs USD, and link ppp0 EUR" in checked.stdout + checked.stderr
