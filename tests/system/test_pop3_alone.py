"""lontar-pop3d and lontar-mailbox when something around them goes wrong."""

import poplib
import signal
import socket
import ssl

import pytest

from gateway import unverified
from pop3_stand import BYE, LATER, NO, PASSWORD, Pop3Stand
from waiting import wait_until

EX_TEMPFAIL = 75


@pytest.fixture
def stand(folder):
    stand = Pop3Stand(folder)
    yield stand
    stand.close()


def read_all(client):
    pieces = []
    while True:
        pieces.append(client.recv(65536))
        if not pieces[-1]:
            return b"".join(pieces)


def login(user="ann"):
    return f"USER {user}\r\nPASS {PASSWORD}\r\n".encode()


def test_a_client_that_says_all_at_once_and_hangs_up_hears_all(stand):
    stand.put("ann", [b"Subject: a\n\nx\n"])
    stand.serve()
    with socket.create_connection(("127.0.0.1", stand.ports["pop3"]), 20) as client:
        client.sendall(login() + b"STAT\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n")
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == (
            b"+OK gate.example POP3\r\n+OK\r\n+OK 1 messages\r\n+OK 1 17\r\n"
            b"+OK 17 octets\r\nSubject: a\r\n\r\nx\r\n.\r\n"
            b"+OK message 1 will be deleted\r\n+OK goodbye\r\n"
        )
    assert stand.left("ann") == []
    tag = stand.heard[0][1]
    wait_until(lambda: (BYE, tag) in stand.heard, what="BYE to lontar-auth")


def test_a_client_that_vanishes_has_removed_nothing(stand):
    stand.put("ann", [b"x" * 3_000_000 + b"\n"])
    stand.serve()
    client = socket.create_connection(("127.0.0.1", stand.ports["pop3"]), 20)
    client.sendall(login() + b"RETR 1\r\nDELE 1\r\nQUIT\r\n")
    assert client.recv(100)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    wait_until(lambda: "pop3 end" in stand.log_text(), what="the session's end")
    assert "deleted=0" in stand.log_text()
    assert len(stand.left("ann")) == 1


def test_a_client_that_hangs_up_half_and_then_vanishes_frees_the_mailbox(stand):
    stand.put("ann", [b"x" * 3_000_000 + b"\n"])
    stand.serve()
    client = socket.create_connection(("127.0.0.1", stand.ports["pop3"]), 20)
    client.sendall(login() + b"RETR 1\r\nDELE 1\r\nQUIT\r\n")
    assert client.recv(100)
    client.shutdown(socket.SHUT_WR)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    wait_until(lambda: "pop3 end" in stand.log_text(), what="the session's end")
    assert len(stand.left("ann")) == 1
    assert stand.pop3("ann").stat()[0] == 1


def test_a_slow_reader_costs_no_memory(stand):
    stand.put("ann", [b"x" * 50_000_000 + b"\n"])
    stand.serve()

    def peak_kib():
        with open(f"/proc/{stand.daemon.pid}/status", encoding="ascii") as status:
            return int(status.read().partition("VmHWM:")[2].split()[0])

    with socket.create_connection(("127.0.0.1", stand.ports["pop3"]), 20) as client:
        before = peak_kib()
        client.sendall(login() + b"RETR 1\r\nQUIT\r\n")
        assert client.recv(1000)
        # Others are served while he does not read.
        assert stand.pop3("bob").stat() == (0, 0)
        assert len(read_all(client)) > 50_000_000
        assert peak_kib() - before < 8000


def test_two_sessions_at_once_in_one_mailbox_are_refused(stand):
    stand.put("ann", [b"x\n"])
    stand.serve()
    first = stand.pop3("ann")
    with pytest.raises(poplib.error_proto, match=r"\[IN-USE\]"):
        stand.pop3("ann")
    first.quit()
    assert stand.pop3("ann").stat()[0] == 1


def test_when_the_mailbox_process_dies_only_its_session_ends(stand):
    stand.put("ann", [b"x\n"])
    stand.serve()
    ann, bob = stand.pop3("ann"), stand.pop3("bob")
    ann.dele(1)
    stand.mailboxes[0].kill()
    assert ann.file.readline().startswith(b"-ERR [SYS/TEMP]")
    assert ann.file.readline() == b""
    assert bob.quit() == b"+OK goodbye"
    assert len(stand.left("ann")) == 1


def test_when_the_session_is_cut_off_the_mailbox_process_ends(stand):
    stand.put("ann", [b"x\n"])
    stand.serve()
    client = stand.pop3("ann")
    client.dele(1)
    stand.daemon.kill()
    assert stand.mailboxes[0].wait(20) == 0
    assert len(stand.left("ann")) == 1


def test_a_mailbox_that_cannot_be_opened_is_temporary(stand):
    (stand.root / "mail").mkdir()
    (stand.root / "mail/ann").symlink_to("/tmp")
    stand.serve()
    with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
        stand.pop3("ann")
    wait_until(lambda: "mailbox of ann" in stand.log_text(), what="a line in the log")


def test_when_lontar_auth_dies_all_sessions_are_told_and_the_worker_ends(stand):
    stand.serve()
    idle, open_one = stand.pop3(), stand.pop3("ann")
    stand.workers[0].shutdown(socket.SHUT_RDWR)
    for client in (idle, open_one):
        assert client.file.readline().startswith(b"-ERR [SYS/TEMP]")
        assert client.file.readline() == b""
    assert stand.daemon.wait(20) == EX_TEMPFAIL


def test_sigterm_lets_a_message_under_way_arrive(stand):
    stand.put("ann", [b"x" * 5_000_000 + b"\n"])
    stand.serve()
    idle = stand.pop3("bob")
    with socket.create_connection(("127.0.0.1", stand.ports["pop3"]), 20) as busy:
        busy.sendall(login() + b"RETR 1\r\n")
        assert busy.recv(100)
        stand.daemon.send_signal(signal.SIGTERM)
        assert idle.file.readline().startswith(b"-ERR [SYS/TEMP]")
        assert read_all(busy).endswith(b"x\r\n.\r\n-ERR [SYS/TEMP] this service stops, "
                                       b"try again soon\r\n")  # fmt: skip
    assert stand.daemon.wait(20) == 0


@pytest.mark.parametrize("verdict, code", [(NO, b"SYS/PERM"), (LATER, b"SYS/TEMP")])
def test_who_is_not_permitted_hears_why(stand, verdict, code):
    stand.verdict, stand.text = verdict, "too many connections"
    stand.serve()
    with socket.create_connection(("127.0.0.1", stand.ports["pop3"]), 20) as client:
        assert read_all(client) == b"-ERR [" + code + b"] too many connections\r\n"


def test_passwords_need_tls_where_the_policy_says_so(stand, certificates):
    stand.plain_logins = 0
    stand.serve(certificates)
    client = stand.pop3()
    assert "USER" not in client.capa() and "STLS" in client.capa()
    with pytest.raises(poplib.error_proto, match="use STLS"):
        client.user("ann")
    client.stls(unverified())
    client.user("ann")
    client.pass_(PASSWORD)
    assert client.stat() == (0, 0)


def test_commands_sent_in_plain_text_behind_stls_are_thrown_away(stand, certificates):
    stand.serve(certificates)
    with socket.create_connection(("127.0.0.1", stand.ports["pop3"]), 20) as plain:
        plain.sendall(b"STLS\r\nUSER eve\r\nPASS x\r\n")
        got = b""
        while got.count(b"\n") < 2:
            got += plain.recv(100)
        assert got.endswith(b"+OK begin TLS\r\n")
        with unverified().wrap_socket(plain) as client:
            client.sendall(b"QUIT\r\n")
            assert read_all(client) == b"+OK goodbye\r\n"


def test_tls_from_the_start(stand, certificates):
    stand.serve(certificates)
    client = poplib.POP3_SSL(
        "127.0.0.1", stand.ports["pop3s"], context=unverified(), timeout=20
    )
    client.user("ann")
    client.pass_(PASSWORD)
    assert "STLS" not in client.capa()
    client.quit()
    wait_until(lambda: " tls=TLSv1" in stand.log_text(), what="the session's end in the log")


def test_a_certificate_that_comes_later_is_used(stand, certificates):
    stand.serve()
    assert "STLS" not in stand.pop3().capa()
    stand.give(certificates)
    wait_until(lambda: "STLS" in stand.pop3().capa(), what="the new certificate")
    trust = ssl.create_default_context(cafile=certificates.ca)
    client = poplib.POP3_SSL("localhost", stand.ports["pop3s"], context=trust, timeout=20)
    assert client.quit() == b"+OK goodbye"


def test_one_session_on_stdin_and_stdout(stand):
    stand.put("ann", [b"Subject: a\n\nx\n"])
    client, process = stand.one_session(TCPREMOTEIP="192.0.2.7")
    with client:
        client.sendall(login() + b"DELE 1\r\nQUIT\r\n")
        assert read_all(client).endswith(b"+OK goodbye\r\n")
    assert process.wait(20) == 0
    assert stand.left("ann") == []
    assert "ip=192.0.2.7" in stand.log_text()


def test_one_session_without_a_gateway_is_told_to_try_later(stand):
    (stand.root / "run/auth").unlink()
    client, process = stand.one_session(TCPREMOTEIP="192.0.2.7")
    with client:
        assert read_all(client).startswith(b"-ERR [SYS/TEMP]")
    assert process.wait(20) in (69, EX_TEMPFAIL)


def test_a_message_that_another_program_moves_or_removes_meanwhile(stand):
    stand.put("ann", [b"one\n", b"two\n", b"three\n"])
    stand.serve()
    client = stand.pop3("ann")
    maildir = stand.root / "mail/ann/Maildir"
    (maildir / "cur").mkdir(exist_ok=True)
    first, second, _ = stand.left("ann")
    (maildir / "new" / second).unlink()
    with pytest.raises(poplib.error_proto, match="gone"):
        client.retr(2)
    assert client.retr(3)[1] == [b"three"]
    for number in (1, 2):
        client.dele(number)
    client.quit()
    assert len(stand.left("ann")) == 1 and stand.left("ann")[0] != first
