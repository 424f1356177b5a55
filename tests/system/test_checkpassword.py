"""checkpassword both ways: others' programs (and PAM) for us, and our accounts for others."""

import crypt
import os
import pathlib
import smtplib
import socket
import subprocess

import pytest

from gateway import BIN, EX_OK, PASSWORD, unverified
from test_auth import LATER, LOGIN, NO, RESULT, YES, pack, unpack

PROGRAM = r"""#!/bin/sh
# zoe's password is "sesame"
input=$(tr '\0' '\n' <&3)
printf '%s\n' "$input" >>"$1"
shift
case $input in
"zoe
sesame
"*) exec "$@" ;;
broken*) exit 111 ;;
dying*) kill -9 $$ ;;
online*)
	python3 -c 'import socket; socket.socket()' 2>/dev/null && exit 1
	exec "$@" ;;
esac
exit 1
"""


@pytest.fixture
def program(folder):
    path = folder / "checkpassword"
    path.write_text(PROGRAM)
    path.chmod(0o755)
    (folder / "heard").touch(0o666)
    return f"{path} {folder / 'heard'}"


def login(gateway, user, password, source=[1]):
    """The code that AUTH is answered with; from a new address each time, since guessers
    wait."""
    source[0] += 1
    with smtplib.SMTP(
        "127.0.0.1", gateway.ports["submission"], timeout=20,
        source_address=(f"127.0.1.{source[0]}", 0),
    ) as client:  # fmt: skip
        client.starttls(context=unverified())
        client.ehlo()
        client.user, client.password = user, password
        try:
            return client.auth("PLAIN", client.auth_plain)[0]
        except smtplib.SMTPAuthenticationError as refused:
            return refused.smtp_code


def test_a_checkpassword_program_knows_whom_accounts_does_not(
    make_gateway, program, folder
):
    gateway = make_gateway(start=False)
    gateway.control("checkpassword", f"# ours\n{program}\n")
    gateway.start()
    assert login(gateway, "zoe", "sesame") == 235
    name, password, stamp = (folder / "heard").read_text().splitlines()
    assert (name, password) == ("zoe", "sesame") and stamp.isdigit()
    assert login(gateway, "zoe", "sesam") == 535
    # accounts come first, and the program is not told their passwords
    assert login(gateway, "ann", PASSWORD) == 235
    assert login(gateway, "ann", "sesame") == 535
    assert "ann" not in (folder / "heard").read_text()
    assert "sesame" not in gateway.log_text()


def test_a_checkpassword_program_in_trouble_is_temporary(make_gateway, program):
    gateway = make_gateway(start=False)
    gateway.control("checkpassword", program + "\n")
    gateway.start()
    assert login(gateway, "broken", "x") == 454
    assert login(gateway, "dying", "x") == 454
    gateway.control("checkpassword", "/no/such/program\n")
    assert login(gateway, "zoe", "sesame") == 454
    assert "control/checkpassword" in gateway.log_text()


def test_a_checkpassword_program_reaches_no_network(make_gateway, program):
    gateway = make_gateway(start=False)
    gateway.control("checkpassword", program + "\n")
    gateway.start()
    assert login(gateway, "online", "x") == 235


class Attempt:
    """lontar-checkpw alone, with this test as its lontar-auth."""

    def __init__(self, root, before=()):
        self.mine, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen(
            [*before, BIN / "lontar-checkpw", "zoe"], cwd=root, stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, pass_fds=[4],
            preexec_fn=lambda: os.dup2(child.fileno(), 4),
        )  # fmt: skip
        child.close()

    def ask(self, user, password):
        self.mine.settimeout(20)
        self.mine.send(pack(LOGIN, 0, user, password))
        answer = self.mine.recv(65536)
        self.process.communicate(timeout=20)
        return unpack(answer, "ntt")[:3] if answer else None


@pytest.fixture
def system(folder):
    """Words to run a program with, in whose /etc zoe is a user with the password sesame."""
    if os.geteuid() != 0:
        pytest.skip("a passwd file of the test's own needs root")
    (folder / "passwd").write_text(
        pathlib.Path("/etc/passwd").read_text() + "zoe:x:12345:12345::/:/bin/sh\n"
    )
    hashed = crypt.crypt("sesame", crypt.mksalt(crypt.METHOD_SHA512))
    zero = crypt.crypt("toor", crypt.mksalt(crypt.METHOD_SHA512))
    (folder / "shadow").write_text(f"root:{zero}:19000:0:99999:7:::\nzoe:{hashed}:19000::::::\n")
    (folder / "shadow").chmod(0o600)
    words = ["unshare", "--mount", "sh", "-c",
             f"mount --bind {folder}/passwd /etc/passwd && "
             f"mount --bind {folder}/shadow /etc/shadow && exec \"$@\"", "sh"]  # fmt: skip
    if subprocess.run([*words, "true"], capture_output=True).returncode:
        pytest.skip("a passwd file of the test's own needs a mount, which is refused here")
    return words


@pytest.mark.parametrize(
    "user, password, verdict",
    [
        (b"zoe", b"sesame", YES),
        (b"zoe", b"sesam", NO),
        (b"zoe", b"", NO),
        (b"nobody-at-all", b"sesame", NO),
        (b"root", b"toor", NO),  # right, but root has no mail
    ],
)
def test_pam_knows_the_users_of_the_system(folder, system, user, password, verdict):
    (folder / "control").mkdir()
    (folder / "control" / "checkpassword").write_text("pam\n")
    attempt = Attempt(folder, system)
    assert attempt.ask(user, password) == [RESULT, 0, verdict]


def test_pam_may_be_asked_as_another_service(folder, system):
    (folder / "control").mkdir()
    (folder / "control" / "checkpassword").write_text("pam  passwd\n")
    assert Attempt(folder, system).ask(b"zoe", b"sesame")[2] == YES


def test_a_setting_that_is_gone_gives_no_verdict(folder):
    (folder / "control").mkdir()
    assert Attempt(folder).ask(b"zoe", b"sesame") is None


# our accounts, for others


def checkpassword(gateway, data, *words):
    """Runs it with data on descriptor 3."""
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    try:
        return subprocess.run(
            ["bash", "-c", f'exec "$@" 3<&{reader}', "bash", BIN / "lontar-checkpassword", *words],
            env=gateway.environment, text=True, capture_output=True, timeout=20,
            pass_fds=[reader],
        )  # fmt: skip
    finally:
        os.close(reader)


def right(user=b"ann", password=PASSWORD.encode()):
    return user + b"\0" + password + b"\0Y1795372975\0"


def test_a_right_password_runs_the_program_at_the_users_mail(stopped_gateway):
    gateway = stopped_gateway
    home = gateway.root / "mail" / "ann"
    owner = os.getuid() or 65534
    os.chown(home, owner, -1)
    done = checkpassword(gateway, right(), "sh", "-c", "echo $USER $HOME; pwd; id -u; exit 7")
    assert done.stdout.splitlines() == [f"ann {home}", str(home), str(owner)], done.stderr
    assert done.returncode == 7
    assert checkpassword(gateway, right(b"Ann@Gate.example"), "true").returncode == EX_OK


@pytest.mark.parametrize(
    "data, code",
    [
        (right(password=b"x"), 1),
        (right(b"carl"), 1),
        (right(b"../ann"), 1),
        (right(password=b""), 1),
        (right(password=b"x" * 600), 1),
        (b"", 2),
        (b"ann", 2),
        (b"ann\0" + PASSWORD.encode(), 2),
    ],
)
def test_everything_else_runs_nothing(stopped_gateway, data, code):
    done = checkpassword(stopped_gateway, data, "echo", "ran")
    assert (done.returncode, done.stdout) == (code, "")


def test_nothing_is_run_as_root(stopped_gateway):
    if os.geteuid() != 0:
        pytest.skip("only root can become root")
    done = checkpassword(stopped_gateway, right(), "echo", "ran")
    assert (done.returncode, done.stdout) == (111, "") and "chown it" in done.stderr


def test_a_gateway_that_is_not_there_is_temporary(stopped_gateway):
    stopped_gateway.environment["LONTAR_ROOT"] = "/no/such/root"
    assert checkpassword(stopped_gateway, right(), "true").returncode == 111


def test_without_a_program_it_says_how_it_is_used(stopped_gateway):
    done = checkpassword(stopped_gateway, right())
    assert done.returncode == 2 and "usage" in done.stderr
