"""A message whose last answer was lost: kept, shown, never sent again in the same call, and
later only to the smarthost that may have it, as it was."""

from waiting import wait_until

ANN, FAR = "ann@gate.example", "bob@far.example"


def lose_the_answer(smarthost):
    smarthost.answer = lambda step, *_: "DROP" if step == "BODY" else None


def take_all(smarthost):
    smarthost.answer = lambda *_: None


def test_it_waits_ten_minutes_and_is_shown(gateway, smarthost):
    lose_the_answer(smarthost)
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 75
    take_all(smarthost)
    [queued] = gateway.queue()
    assert queued["state"] == "uncertain"
    assert "may have arrived" in queued["why"]
    assert gateway.smarthost_status()["uncertain"] == 1
    assert gateway.flush().returncode == 75
    assert len(smarthost.messages) == 1
    [parked] = gateway.parked()
    assert 590 <= int(parked.facts["N"]) - int(parked.path.stat().st_ctime) <= 600


def test_never_twice_in_one_call_however_short_the_wait(gateway, smarthost):
    gateway.control("uncertainwait", "1\n")
    lose_the_answer(smarthost)
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 75
    take_all(smarthost)
    first = len(smarthost.messages)
    assert first == 1
    wait_until(lambda: gateway.flush().returncode == 0, what="the next call")
    one, other = smarthost.messages
    assert one.session is not other.session
    assert one.data == other.data


def test_new_routes_do_not_move_it_to_who_cannot_know_it(make_gateway, make_smarthost):
    old, new = make_smarthost(), make_smarthost()
    gateway = make_gateway(smarthosts={"old": old.port, "new": new.port})
    gateway.control("smtproutes", ":old\n")
    lose_the_answer(old)
    gateway.send(ANN, [FAR], b"Subject: doubtful\r\n\r\nx\r\n")
    assert gateway.flush().returncode == 75
    gateway.send(ANN, [FAR], b"Subject: sure\r\n\r\nx\r\n")
    take_all(old)
    gateway.control("smtproutes", ":new\n")
    assert gateway.flush().returncode == 75
    [doubtful] = gateway.queue()
    assert (doubtful["smarthost"], doubtful["state"]) == ("old", "uncertain")
    assert [b"Subject: sure" in one.data for one in new.taken] == [True]
    assert gateway.run("release", doubtful["id"]).returncode == 0
    assert gateway.flush().returncode == 0
    assert [b"Subject: doubtful" in one.data for one in new.taken] == [False, True]
    assert len(old.messages) == 1


def test_after_its_wait_it_goes_to_the_same_smarthost(make_gateway, make_smarthost):
    old, new = make_smarthost(), make_smarthost()
    gateway = make_gateway(smarthosts={"old": old.port, "new": new.port})
    gateway.control("smtproutes", ":old\n")
    gateway.control("uncertainwait", "1\n")
    lose_the_answer(old)
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 75
    take_all(old)
    gateway.control("smtproutes", ":new\n")
    wait_until(lambda: gateway.flush().returncode == 0, what="the next call")
    assert new.messages == []
    assert len({one.data for one in old.messages}) == 1 and len(old.taken) == 1
