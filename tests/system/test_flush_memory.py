"""What one call learns helps the next."""

import os
import socket
import stat
import struct
import threading

import pytest

from waiting import wait_until

ANN = "ann@gate.example"
FAR = "bob@far.example"


class NameServer:
    """127.0.0.1 for every A question, while it is not silent."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.silent = False
        self.asked = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                question, client = self.socket.recvfrom(2048)
            except OSError:
                return
            self.asked += 1
            if self.silent:
                continue
            end = question.index(b"\0", 12) + 5
            kind = struct.unpack("!H", question[end - 4 : end - 2])[0]
            count = 1 if kind == 1 else 0
            answer = struct.pack("!HHHHHH", *struct.unpack("!H", question[:2]), 0x8180, 1, count, 0, 0)
            answer += question[12:end]
            if count:
                answer += b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + b"\x7f\0\0\1"
            self.socket.sendto(answer, client)

    def close(self):
        self.socket.close()


@pytest.fixture
def name_server():
    server = NameServer()
    yield server
    server.close()


def test_a_name_server_that_is_silent_costs_nothing(gateway, smarthost, name_server):
    gateway.smarthost("isp", host="mail.isp.example", port=smarthost.port)
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "office", f"dns={name_server.address}")
    wait_until(lambda: len(smarthost.taken) == 1, what="the first message")
    gateway.run("link", "down", "office")
    wait_until(lambda: not gateway.parked(), what="the end of the first flush")
    smarthost.settle()
    name_server.silent, name_server.asked = True, 0
    gateway.send(ANN, [FAR])
    gateway.run("link", "up", "office", f"dns={name_server.address}")
    # Without the memory c-ares would give up after 17 s.
    wait_until(lambda: len(smarthost.taken) == 2, 4, what="the second message")
    assert name_server.asked


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_tls_session_is_resumed_by_the_next_call(
    make_gateway, make_smarthost, certificates, tls
):
    smarthost = make_smarthost(
        tls=True, implicit=tls == "implicit",
        extensions=["PIPELINING"] + ["STARTTLS"] * (tls == "starttls"),
    )  # fmt: skip
    resumed = []
    smarthost.answer = lambda step, _, session: (
        resumed.append(session.socket.session_reused) if step == "MAIL" else None
    )
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    gateway.smarthost(
        "isp", host="localhost", port=smarthost.port, tls=tls, cafile=certificates.ca
    )
    for _ in range(2):
        gateway.send(ANN, [FAR])
        assert gateway.flush().returncode == 0
    assert resumed == [False, True]
    ticket = gateway.root / "spool/state/tickets/isp"
    assert stat.S_IMODE(os.stat(ticket).st_mode) == 0o600
    # One of another server, or torn, is a lost hint.
    ticket.write_bytes(ticket.read_bytes()[:-20])
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 0
    assert resumed == [False, True, False]
