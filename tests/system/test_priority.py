"""Which of the waiting mail goes first: what its writer marked, what control/priorities says,
the smallest, and what has waited long."""

import time

FAR = "bob@far.example"


def message(subject, *fields, size=0):
    lines = [f"Subject: {subject}", *fields, "", "x" * 70 + "\r\n"]
    return ("\r\n".join(lines) + ("x" * 70 + "\r\n") * (size // 72)).encode()


def order_of(smarthost):
    """The subjects, in the order in which they arrived."""
    return [
        line.partition(b": ")[2].decode()
        for got in smarthost.taken
        for line in got.data.split(b"\r\n")
        if line.startswith(b"Subject: ")
    ]


def test_what_a_user_marks_goes_first(gateway, smarthost):
    with gateway.submission() as client:
        for subject, *fields in (
            ("plain",),
            ("list", "X-Priority: 1", "Precedence: list"),
            ("high", "Importance: high"),
            ("urgent", "X-Priority: 1 (Highest)"),
        ):
            client.sendmail("ann@gate.example", [FAR], message(subject, *fields))
    queue = {one["priority"] for one in gateway.queue()}
    assert queue == {0, 1, 2}
    assert "waiting, urgent  for isp" in gateway.run("queue").stdout
    assert gateway.flush().returncode == 0
    assert order_of(smarthost)[:2] == ["urgent", "high"]
    assert set(order_of(smarthost)[2:]) == {"plain", "list"}


def test_a_stranger_does_not_say_what_goes_first_here(make_gateway, make_smarthost):
    smarthost = make_smarthost()
    gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
    gateway.control("tcp.smtp", ":allow\n")
    gateway.control("alias/.qmail-sales", f"&{FAR}\n")
    gateway.control("priorities", "stranger@elsewhere.example:urgent\n")
    assert gateway.run("rebuild").returncode == 0
    gateway.start()
    marked = message("look here", "X-Priority: 1", "Priority: urgent")
    gateway.send("stranger@elsewhere.example", ["sales@gate.example"], marked)
    [parked] = gateway.parked()
    assert "P" not in parked.facts


def test_a_line_for_the_sender_decides(gateway, smarthost):
    gateway.control("priorities", "ann@gate.example:urgent\nbob@gate.example:normal\n>2k:normal\n")
    assert gateway.run("check").returncode == 0
    for user, subject, *fields in (
        ("bob", "bob's urgent", "X-Priority: 1"),
        ("ann", "ann's"),
    ):
        gateway.send(f"{user}@gate.example", [FAR], message(subject, *fields))
    gateway.send("ann@gate.example", [FAR], message("ann's large", size=4000))
    assert [one.facts.get("P") for one in gateway.parked()] == [None, "2", None]
    assert gateway.flush().returncode == 0
    assert order_of(smarthost) == ["ann's", "bob's urgent", "ann's large"]


def test_sendmail_without_a_gateway_knows_it_too(make_gateway, make_smarthost):
    smarthost = make_smarthost()
    gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
    done = gateway.run("-t", program="sendmail", input=f"To: {FAR}\nPriority: urgent\n\nhelp\n")
    assert done.returncode == 0, done.stderr
    assert [one.facts.get("P") for one in gateway.parked()] == ["2"]


def test_a_wrong_line_is_told_by_check(make_gateway):
    gateway = make_gateway()
    gateway.control("priorities", "ann@gate.example:soon\n")
    done = gateway.run("check")
    assert done.returncode == 78
    assert "control/priorities:1" in done.stdout + done.stderr


def test_what_has_waited_long_goes_before_what_is_smaller(gateway, smarthost):
    gateway.send("ann@gate.example", [FAR], message("large and old", size=20000))
    [old] = gateway.parked()
    yesterday = old.path.name.replace(old.id[:10], str(int(time.time()) - 86400), 1)
    old.path.rename(old.path.with_name(yesterday))
    gateway.send("ann@gate.example", [FAR], message("small", size=1000))
    gateway.send("ann@gate.example", [FAR], message("smaller"))
    assert gateway.flush().returncode == 0
    assert order_of(smarthost) == ["large and old", "smaller", "small"]
