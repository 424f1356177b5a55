"""A second smarthost stands in for one that is out of order."""

import pytest

from gateway import EX_CONFIG, EX_OK
from postfix import free_port
from waiting import wait_until

ANN, FAR = "ann@gate.example", "you@far.example"


@pytest.fixture
def pair(make_gateway, make_smarthost):
    """A running gateway whose smarthost `isp` has the fallback `sat`, and both servers."""
    first, second = make_smarthost(), make_smarthost()
    gateway = make_gateway(smarthosts={"isp": first.port, "sat": second.port})
    keys = {"host": "127.0.0.1", "port": first.port, "fallback": "sat", "fallbackafter": 1}

    def write(**more):
        gateway.smarthost("isp", **{**keys, **more})

    write()
    gateway.write = write
    return gateway, first, second


def refuse(smarthost):
    smarthost.answer = lambda step, argument, session: (
        "554 5.7.1 not you" if step == "GREETING" else None
    )


def take(smarthost):
    smarthost.answer = lambda step, argument, session: None


def test_mail_of_a_stopped_smarthost_goes_over_its_second(pair):
    gateway, first, second = pair
    refuse(first)
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: len(second.taken) == 1, what="the mail at the second")
    assert gateway.smarthost_status("isp")["state"] == "stopped"
    assert len(first.sessions) == 1


def test_new_mail_follows_and_the_stopped_one_is_left_alone(pair):
    gateway, first, second = pair
    refuse(first)
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: len(second.taken) == 1, what="the first mail")
    for number in range(3):
        gateway.send(ANN, [FAR])
        wait_until(lambda: len(second.taken) == 2 + number, what="the next mail")
    assert len(first.sessions) == 1
    assert not gateway.parked("isp") and not gateway.parked("sat")


def test_once_the_first_is_well_new_mail_goes_there_again(pair):
    gateway, first, second = pair
    refuse(first)
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: len(second.taken) == 1, what="the mail at the second")
    take(first)
    gateway.run("link", "down", "ppp0")
    gateway.send(ANN, [FAR])
    assert gateway.flush("isp").returncode == EX_OK
    assert len(first.taken) == 1
    assert gateway.smarthost_status("isp")["state"] != "stopped"
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: len(first.taken) == 2, what="new mail at the first")
    assert len(second.taken) == 1


def test_a_link_that_comes_up_gives_a_stopped_first_another_try(pair):
    gateway, first, second = pair
    refuse(first)
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: len(second.taken) == 1, what="the mail at the second")
    gateway.run("link", "down", "ppp0")
    gateway.send(ANN, [FAR])
    take(first)
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: len(first.taken) == 1, what="the mail at the first")
    wait_until(lambda: gateway.smarthost_status("isp")["state"] == "empty", what="its end")
    assert len(second.taken) == 1


def test_one_that_cannot_be_reached_is_given_as_many_tries_as_it_is_owed(pair):
    gateway, first, second = pair
    gateway.write(port=free_port(), fallbackafter=2)
    gateway.send(ANN, [FAR])
    gateway.stop()  # each `lontar flush` is one try
    assert gateway.flush().returncode != EX_OK
    assert len(gateway.parked("isp")) == 1 and not second.messages
    assert gateway.flush().returncode == EX_OK
    assert len(second.taken) == 1


def test_what_is_uncertain_stays_with_its_own_smarthost(pair):
    gateway, first, second = pair
    lost = [True]

    def answer(step, argument, session):
        if step == "BODY" and lost[0]:
            return "DROP"
        return "554 5.7.1 not you" if step == "GREETING" and not lost[0] else None

    first.answer = answer
    gateway.send(ANN, [FAR])
    gateway.stop()
    gateway.flush()
    assert [one.flags for one in gateway.parked("isp")] == ["u"]
    lost[0] = False
    gateway.start()
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: len(second.taken) == 1, what="the other mail")
    assert [one.flags for one in gateway.parked("isp")] == ["u"]


def test_what_is_too_large_for_the_second_waits_for_the_first(pair):
    gateway, first, second = pair
    gateway.smarthost("sat", host="127.0.0.1", port=second.port, maxsize="1k")
    refuse(first)
    gateway.send(ANN, [FAR], b"Subject: large\r\n\r\n" + b"x" * 70 + b"\r\n" * 2000)
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: len(second.taken) == 1, what="the small mail")
    assert len(gateway.parked("isp")) == 1


def test_where_both_are_stopped_nothing_moves(pair):
    gateway, first, second = pair
    refuse(first)
    refuse(second)
    gateway.smarthost("sat", host="127.0.0.1", port=second.port, fallback="isp")
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "ppp0")
    wait_until(
        lambda: all(gateway.smarthost_status(name)["state"] == "stopped" for name in ("isp", "sat")),
        what="both stopped",
    )
    sessions = len(first.sessions), len(second.sessions)
    gateway.send(ANN, [FAR])
    assert len(gateway.parked("isp")) + len(gateway.parked("sat")) == 2
    assert (len(first.sessions), len(second.sessions)) == sessions == (1, 1)


def test_changed_routes_do_not_send_moved_mail_back(pair):
    gateway, first, second = pair
    refuse(first)
    refuse(second)
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: gateway.parked("sat"), what="the mail at the second")
    wait_until(lambda: gateway.smarthost_status("sat")["state"] == "stopped", what="the stop")
    wait_until(lambda: "lontar-flush" not in gateway.processes().values(), what="its flush's end")
    take(second)
    gateway.control("smtproutes", "elsewhere.example:sat\n:isp\n")
    assert gateway.flush("sat").returncode == EX_OK
    assert len(second.taken) == 1


def test_check_finds_a_circle_and_a_second_that_is_not_there(pair):
    gateway, first, second = pair
    assert gateway.run("check").returncode == EX_OK
    gateway.smarthost("sat", host="127.0.0.1", port=second.port, fallback="isp")
    done = gateway.run("check")
    assert done.returncode == EX_CONFIG
    assert "control/smarthosts/isp: its fallbacks go round in a circle" in done.stdout
    gateway.smarthost("sat", host="127.0.0.1", port=second.port, fallback="nowhere")
    done = gateway.run("check")
    assert "control/smarthosts/sat: fallback: no smarthost nowhere" in done.stdout


def test_explain_says_over_which_it_goes(pair):
    gateway, first, second = pair
    refuse(first)
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "ppp0")
    wait_until(lambda: len(second.taken) == 1, what="the mail at the second")
    assert "its mail goes over smarthost sat" in gateway.run("explain", FAR).stdout
