"""What a flush finds: crashed flushes, broken files, new routes, an operator's wishes."""

import fcntl
import os
import signal
import threading

from waiting import wait_until

ANN, FAR = "ann@gate.example", "you@far.example"


def test_what_a_crashed_flush_was_sending_is_uncertain(gateway, smarthost):
    gateway.send(ANN, [FAR])
    gateway.send(ANN, ["other@far.example"])
    one, _ = gateway.parked()
    one.path.rename(gateway.root / "spool/parked/isp/cur" / (one.path.name + ":2,s"))
    assert gateway.flush().returncode == 75
    [queued] = gateway.queue()
    assert queued["state"] == "uncertain"
    assert queued["id"] == one.id
    assert len(smarthost.taken) == 1


def test_a_killed_flush_leaves_what_it_was_sending_uncertain(gateway, smarthost):
    gate = threading.Event()
    smarthost.answer = lambda step, *_: gate.wait(20) and None if step == "BODY" else None
    gateway.send(ANN, [FAR])
    assert gateway.run("link", "up", "ppp0").returncode == 0
    wait_until(lambda: smarthost.messages, what="the message at the smarthost")
    [flush] = [pid for pid, name in gateway.processes().items() if name.startswith("lontar-flush")]
    os.kill(int(flush), signal.SIGKILL)
    gate.set()
    assert gateway.run("link", "down", "ppp0").returncode == 0
    assert gateway.flush().returncode == 75
    [queued] = gateway.queue()
    assert queued["state"] == "uncertain"


def test_a_broken_file_is_held_and_the_others_go(gateway, smarthost):
    gateway.send(ANN, [FAR])
    [broken] = gateway.parked()
    broken.path.write_bytes(b"rubbish\n\nx\n")
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 75
    [queued] = gateway.queue()
    assert (queued["id"], queued["state"]) == (broken.id, "held")
    assert len(smarthost.taken) == 1


def test_a_held_message_stays_until_it_is_released(gateway, smarthost):
    for number in range(3):
        gateway.send(ANN, [f"p{number}@far.example"])
    held = gateway.queue()[0]["id"]
    assert gateway.run("hold", held).returncode == 0
    assert gateway.flush().returncode == 75
    assert len(smarthost.taken) == 2
    assert gateway.run("release", held).returncode == 0
    assert gateway.flush().returncode == 0
    assert len(smarthost.taken) == 3


def test_new_routes_part_the_recipients_of_parked_mail(make_gateway, make_smarthost):
    one, two, three = make_smarthost(), make_smarthost(), make_smarthost()
    gateway = make_gateway(
        smarthosts={"one": one.port, "two": two.port, "three": three.port}
    )
    gateway.control("smtproutes", ":one\n")
    people = ["x@one.example", "y@two.example", "z@three.example"]
    gateway.send(ANN, people)
    gateway.control("smtproutes", "two.example:two\nthree.example:three\n:one\n")
    assert gateway.flush().returncode == 0
    got = [message for smarthost in (one, two, three) for message in smarthost.taken]
    assert [message.recipients for message in got] == [[person] for person in people]
    assert len({message.data for message in got}) == 1


def test_8bit_mail_goes_as_it_is_if_the_smarthosts_file_says_so(make_gateway, make_smarthost):
    smarthost = make_smarthost(extensions=["PIPELINING", "CHUNKING"])
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    gateway.smarthost("isp", host="127.0.0.1", port=smarthost.port, convert8bit="no")
    gateway.send(ANN, [FAR], b"Subject: x\r\n\r\n\xff bytes\r\n")
    assert gateway.flush().returncode == 0
    assert smarthost.taken[0].data.endswith(b"\xff bytes\r\n")


def test_a_failed_handshake_goes_on_in_plain_text_where_tls_is_only_tried(
    make_gateway, make_smarthost
):
    smarthost = make_smarthost(extensions=["PIPELINING", "STARTTLS"])

    def no_tls(step, _, session):
        if step != "STARTTLS":
            return None
        session.reply("220 go")
        session.fill()
        session.reply("this is no TLS")
        return "DROP"

    smarthost.answer = no_tls
    gateway = make_gateway()
    gateway.control("smtproutes", ":isp\n")
    gateway.smarthost("isp", host="127.0.0.1", port=smarthost.port, tls="try")
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 0, gateway.log_text()[-1000:]
    assert len(smarthost.taken) == 1


def test_a_slow_token_command_does_not_keep_a_flush_from_stopping(gateway, smarthost):
    begun = gateway.root / "control/begun"
    gateway.smarthost(
        "isp", host="localhost", port=smarthost.port, tls="implicit", user="office",
        tokencommand="touch begun; sleep 50",
    )  # fmt: skip
    gateway.send("ann@gate.example", ["bob@far.example"])
    gateway.run("link", "up", "office")
    wait_until(begun.exists, what="the token's command")
    gateway.run("link", "down", "office")

    def is_free():
        with open(gateway.root / "run/lock.isp", "ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
        return True

    wait_until(is_free, 4, what="the end of the flush")
    assert smarthost.sessions == []
    assert len(gateway.parked()) == 1
