"""QMTP and QMQP: mail from other qmail sites, and to a smarthost that speaks QMTP."""

import contextlib
import os
import shutil
import socket
import subprocess
import threading

import pytest

from gateway import BIN
from test_pop3 import find_port
from waiting import wait_until

QMQP_SOURCE = "/usr/sbin/qmqp-source"  # Debian's postfix


def netstring(data):
    return b"%d:%s," % (len(data), data)


def package(message, sender, *recipients, encoding=b"\n"):
    people = b"".join(netstring(one.encode()) for one in recipients)
    return netstring(encoding + message) + netstring(sender.encode()) + netstring(people)


def read_netstring(stream):
    digits = b""
    while (byte := stream.read(1)) != b":":
        if not byte:
            return None
        digits += byte
    data = stream.read(int(digits))
    assert stream.read(1) == b","
    return data


class Qmtp:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.stream = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def answers(self, count):
        return [read_netstring(self.stream) for _ in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self.stream.close()
        self.socket.close()


@pytest.fixture
def qmtp_gateway(make_gateway, smarthost):
    gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
    gateway.control(
        "listen", "smtp 127.0.0.1:0\nqmtp 127.0.0.1:0\nqmqp 127.0.0.1:0\n"
    )
    return gateway.start()


def test_each_recipient_has_an_answer_and_those_taken_have_the_mail(qmtp_gateway):
    with Qmtp(qmtp_gateway.ports["qmtp"]) as client:
        client.send(
            package(b"Subject: a\n\nhi\n", "me@far.example", "ann@gate.example",
                    "nobody@gate.example", "you@far.example")
        )  # fmt: skip
        ann, nobody, you = client.answers(3)
    assert ann[:1] == b"K" and you[:1] == b"K"
    assert nobody[:1] == b"D" and b"(#5.1.1)" in nobody
    [stored] = qmtp_gateway.mailbox("ann")
    assert stored.endswith(b"Subject: a\n\nhi\n")
    assert b" with QMTP id " in stored
    [parked] = qmtp_gateway.parked()
    assert parked.recipients == ["you@far.example"]


def test_packages_stream_and_both_line_ends_are_understood(qmtp_gateway):
    count = 30
    with Qmtp(qmtp_gateway.ports["qmtp"]) as client:
        client.send(b"".join(
            package(b"Subject: %d\n\nx\n" % n, "", "ann@gate.example") for n in range(count)
        ))  # fmt: skip
        client.send(
            package(b"Subject: crlf\r\n\r\nx\r\n", "", "bob@gate.example", encoding=b"\r")
        )
        assert all(one[:1] == b"K" for one in client.answers(count + 1))
    assert len(qmtp_gateway.mailbox("ann")) == count
    [bob] = qmtp_gateway.mailbox("bob")
    assert bob.endswith(b"Subject: crlf\n\nx\n") and b"\r" not in bob


def test_a_message_larger_than_databytes_is_refused_and_the_next_is_taken(qmtp_gateway):
    qmtp_gateway.stop()
    qmtp_gateway.control("databytes", "1000\n")
    qmtp_gateway.start()
    with Qmtp(qmtp_gateway.ports["qmtp"]) as client:
        client.send(package(b"x\n" * 5000, "", "ann@gate.example"))
        client.send(package(b"x\n" * 600, "", "ann@gate.example"))
        client.send(package(b"small\n", "", "ann@gate.example"))
        first, second, third = client.answers(3)
    assert first[:1] == second[:1] == b"D" and b"5.3.4" in first
    assert third[:1] == b"K"
    assert len(qmtp_gateway.mailbox("ann")) == 1


def test_strangers_may_not_relay(qmtp_gateway):
    qmtp_gateway.control("tcp.smtp", ":allow\n")
    assert qmtp_gateway.run("rebuild").returncode == 0
    with Qmtp(qmtp_gateway.ports["qmtp"]) as client:
        client.send(package(b"x\n", "", "you@far.example", "ann@gate.example"))
        far, ann = client.answers(2)
    assert far[:1] == b"D" and b"5.7.1" in far
    assert ann[:1] == b"K"
    with Qmtp(qmtp_gateway.ports["qmqp"]) as client:
        assert client.answers(1) == [None]


@pytest.mark.parametrize("rubbish", [b"EHLO me\r\n", b"5:\nabcdX", b"99999999999999:", b"3:\nab,01:x,"])
def test_what_is_no_package_ends_the_session(qmtp_gateway, rubbish):
    with Qmtp(qmtp_gateway.ports["qmtp"]) as client:
        client.send(rubbish)
        assert client.answers(1) == [None]


def test_a_package_cut_short_is_nothing(qmtp_gateway):
    whole = package(b"Subject: a\n\nhi\n", "me@far.example", "ann@gate.example")
    with Qmtp(qmtp_gateway.ports["qmtp"]) as client:
        client.send(whole[:-1])
        client.socket.shutdown(socket.SHUT_WR)
        assert client.answers(1) == [None]
    assert qmtp_gateway.mailbox("ann") == []
    assert list((qmtp_gateway.root / "spool/incoming").glob("*")) == []


def test_qmqp_takes_all_or_nothing(qmtp_gateway):
    def hand_over(*people):
        inside = netstring(b"Subject: q\n\nx\n") + netstring(b"me@far.example")
        inside += b"".join(netstring(one) for one in people)
        with Qmtp(qmtp_gateway.ports["qmqp"]) as client:
            client.send(netstring(inside))
            [answer] = client.answers(1)
            assert client.stream.read() == b""
            return answer

    assert hand_over(b"ann@gate.example", b"you@far.example")[:1] == b"K"
    assert len(qmtp_gateway.mailbox("ann")) == 1 and len(qmtp_gateway.parked()) == 1
    assert hand_over(b"ann@gate.example", b"nobody@gate.example")[:1] == b"D"
    assert len(qmtp_gateway.mailbox("ann")) == 1


@pytest.mark.skipif(not os.path.exists(QMQP_SOURCE), reason="needs Debian's postfix")
def test_postfix_hands_its_mail_over_by_qmqp(qmtp_gateway):
    subprocess.run(
        [QMQP_SOURCE, "-m", "20", "-s", "4", "-l", "3000", "-f", "me@far.example",
         "-t", "ann@gate.example", f"inet:127.0.0.1:{qmtp_gateway.ports['qmqp']}"],
        check=True, timeout=30,
    )  # fmt: skip
    assert len(qmtp_gateway.mailbox("ann")) == 20


def test_under_tcpserver_one_session_is_served(qmtp_gateway):
    def serve(data, *words, **environment):
        return subprocess.run(
            [BIN / "lontar-smtpd", *words], input=data, capture_output=True, timeout=20,
            env=qmtp_gateway.environment | {"TCPREMOTEIP": "192.0.2.1"} | environment,
        )  # fmt: skip

    mail = package(b"x\n", "", "you@far.example", "ann@gate.example")
    answers = serve(mail, "--qmtp").stdout
    assert answers.count(b":D") == 1 and answers.count(b":K") == 1
    assert serve(mail, "--qmtp", RELAYCLIENT="").stdout.count(b":K") == 2
    refused = serve(b"", "--qmqp")
    assert refused.returncode == 77 and refused.stdout == b""


@pytest.mark.skipif(not shutil.which("tcpserver"), reason="needs Debian's ucspi-tcp")
def test_tcpserver_and_its_rules_in_front(qmtp_gateway):
    rules = qmtp_gateway.control("tcp.smtp", '127.:allow,RELAYCLIENT=""\n:allow\n')
    assert qmtp_gateway.run("rebuild").returncode == 0
    server = subprocess.Popen(
        ["tcpserver", "-v", "-H", "-R", "-l0", "-x", f"{rules}.cdb", "127.0.0.1", "0",
         "lontar-smtpd", "--qmtp"],
        env=qmtp_gateway.environment, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with Qmtp(find_port(server.pid)) as client:
            client.send(package(b"x\n", "", "you@far.example", "ann@gate.example"))
            assert [one[:1] for one in client.answers(2)] == [b"K", b"K"]
    finally:
        server.terminate()
        server.wait(20)
    assert len(qmtp_gateway.mailbox("ann")) == 1 and len(qmtp_gateway.parked()) == 1


# the other end


class Server(threading.Thread):
    """A QMTP server that says answer(sender, recipient), after `silent` packages nothing."""

    def __init__(self, answer=lambda sender, recipient: b"Kok", hang_up_after=None):
        super().__init__(daemon=True)
        self.answer, self.hang_up_after = answer, hang_up_after
        self.taken, self.sessions = [], 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.sessions += 1
                with connection, connection.makefile("rb") as stream:
                    self.serve(connection, stream)

    def serve(self, connection, stream):
        while (message := read_netstring(stream)) is not None:
            sender, people = read_netstring(stream), read_netstring(stream)
            recipients = []
            while people:
                length, _, people = people.partition(b":")
                recipients.append(people[: int(length)].decode())
                people = people[int(length) + 1 :]
            self.taken.append((message, sender.decode(), recipients))
            if self.hang_up_after is not None and len(self.taken) > self.hang_up_after:
                return
            for one in recipients:
                connection.sendall(netstring(self.answer(sender, one)))

    def close(self):
        self.listener.close()


@pytest.fixture
def make_qmtp(make_gateway):
    servers = []

    def make(**more):
        servers.append(Server(**more))
        gateway = make_gateway(start=False, smarthosts={"isp": servers[-1].port})
        gateway.smarthost("isp", host="127.0.0.1", port=servers[-1].port, type="qmtp")
        return gateway.start(), servers[-1]

    yield make
    for one in servers:
        one.close()


def test_a_qmtp_smarthost_gets_all_mail_over_one_connection(make_qmtp):
    gateway, server = make_qmtp()
    for number in range(40):
        gateway.send("ann@gate.example", ["you@far.example", "she@far.example"],
                     b"Subject: %d\r\n\r\n.dot\r\n" % number)  # fmt: skip
    assert gateway.flush().returncode == 0
    assert gateway.parked() == [] and server.sessions == 1
    assert len(server.taken) == 40
    message, sender, recipients = server.taken[0]
    assert sender == "ann@gate.example"
    assert recipients == ["you@far.example", "she@far.example"]
    assert message.startswith(b"\r") and message.endswith(b"\r\n\r\n.dot\r\n")


def test_each_recipient_is_settled_by_his_answer(make_qmtp):
    words = {"gone@far.example": b"DSorry, no mailbox. (#5.1.1)", "slow@far.example": b"Zbusy"}
    gateway, server = make_qmtp(answer=lambda sender, one: words.get(one, b"Kok 1 qp 2"))
    gateway.send("ann@gate.example", ["you@far.example", *words])
    assert gateway.flush().returncode == 75
    [parked] = gateway.parked()
    assert parked.unsettled == ["slow@far.example"]
    [bounce] = wait_until(lambda: gateway.mailbox("ann"), what="the bounce")
    assert b"Status: 5.1.1" in bounce and b"gone@far.example" in bounce
    assert ": deferral: " in gateway.log_text() and ": failure: " in gateway.log_text()


def test_a_message_whose_answer_is_lost_is_uncertain(make_qmtp):
    gateway, server = make_qmtp(hang_up_after=2)
    for number in range(5):
        gateway.send("ann@gate.example", ["you@far.example"])
    assert gateway.flush().returncode == 75
    states = [one["state"] for one in gateway.queue()]
    assert states.count("uncertain") == 3 and len(states) == 3


def test_two_gateways_relay_to_each_other_by_qmtp(make_gateway, smarthost):
    far = make_gateway(start=False, me="far.example", users=["you"])
    far.control("listen", "qmtp 127.0.0.1:0\n")
    far.start()
    near = make_gateway(start=False, smarthosts={"isp": 1})
    near.smarthost("isp", host="127.0.0.1", port=far.ports["qmtp"], type="qmtp")
    near.start()
    for number in range(10):
        near.send("ann@gate.example", ["you@far.example"], b"Subject: x\r\n\r\n%d\r\n" % number)
    assert near.flush().returncode == 0
    assert len(far.mailbox("you")) == 10
