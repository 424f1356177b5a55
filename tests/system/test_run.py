"""lontar run: starts, watches, reloads and stops the services."""

import os
import re
import signal
import socket
import subprocess

import pytest

from gateway import BIN, EX_OK, EX_TEMPFAIL, EX_UNAVAILABLE
from waiting import wait_until


def services(gateway):
    """{name: [(state, pid)]} as `lontar service` shows them."""
    done = gateway.run("service")
    assert done.returncode == EX_OK, done.stderr
    found = {}
    for line in done.stdout.splitlines():
        name, state, _, pid = line.split()[:4]
        found.setdefault(name, []).append((state, int(pid)))
    return found


def all_up(gateway):
    return all(state == "up" for rows in services(gateway).values() for state, _ in rows)


def listening(gateway):
    done = gateway.run("listen")
    assert done.returncode == EX_OK, done.stderr
    return [tuple(line.split()) for line in done.stdout.splitlines()]


def log_current(gateway):
    return (gateway.root / "log/current").read_text()


@pytest.mark.parametrize("role", ["auth", "deliver", "link", "smtpd", "pop3d"])
def test_a_service_that_dies_is_started_again(gateway, role):
    before = services(gateway)[role]
    os.kill(before[0][1], signal.SIGKILL)
    wait_until(
        lambda: all_up(gateway) and before[0] not in services(gateway)[role],
        what=f"another {role}",
    )
    assert f"service exited name=lontar-{role} code=137" in log_current(gateway)
    gateway.send("ann@gate.example", ["bob@gate.example"])
    assert gateway.mailbox("bob")


def test_the_doors_are_one_a_core(gateway):
    assert len(services(gateway)["smtpd"]) == os.cpu_count()
    assert len(services(gateway)["pop3d"]) == 1


def test_a_stopped_service_stays_stopped_until_it_is_started(gateway):
    assert gateway.run("service", "stop", "smtpd").returncode == EX_OK
    assert {state for state, _ in services(gateway)["smtpd"]} == {"stopped"}
    assert gateway.run("service", "start", "smtpd").returncode == EX_OK
    assert {state for state, _ in services(gateway)["smtpd"]} == {"up"}
    gateway.send("ann@gate.example", ["bob@gate.example"])


def test_a_reload_moves_only_the_listener_that_changed(gateway):
    before = dict(listening(gateway))
    listen = gateway.root / "control/listen"
    text = listen.read_text().replace("pop3 127.0.0.1:0", "pop3 127.0.0.2:0")
    listen.write_text(text)
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: dict(listening(gateway))["pop3"] != before["pop3"], what="the new port")
    after = dict(listening(gateway))
    assert after["pop3"].startswith("127.0.0.2:")
    assert {**after, "pop3": ""} == {**before, "pop3": ""}
    wait_until(lambda: all_up(gateway), what="all services")
    host, _, port = after["pop3"].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        assert client.recv(3) == b"+OK"


def test_a_reload_with_a_broken_listen_changes_nothing(gateway):
    before = listening(gateway)
    gateway.control("listen", "smtp nowhere\n")
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "control/listen:1" in log_current(gateway), what="the complaint")
    assert listening(gateway) == before
    gateway.send("ann@gate.example", ["bob@gate.example"])


def test_a_new_certificate_is_used_without_a_restart(gateway):
    def fingerprint():
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.ports['smtps']}"],
            input=b"", capture_output=True, timeout=20,
        )  # fmt: skip
        found = re.search(rb"BEGIN CERTIFICATE.*END CERTIFICATE", done.stdout, re.DOTALL)
        return found and found.group(0)

    before, tls = fingerprint(), gateway.root / "control/tls"
    workers = services(gateway)["smtpd"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "30", "-subj", "/CN=gate.example", "-keyout", tls / "key.pem",
         "-out", tls / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: fingerprint() not in (None, before), what="the new certificate")
    assert services(gateway)["smtpd"] == workers


def test_an_address_of_a_service_shares_its_free_port(make_gateway):
    gateway = make_gateway(start=False)
    gateway.control("listen", "smtp 127.0.0.1:0\nsmtp 127.0.0.2:0\nsmtp [::1]:0\n")
    gateway.start()
    ports = {address.rpartition(":")[2] for _, address in listening(gateway)}
    assert len(ports) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_nothing_behind(gateway, number):
    children = gateway.processes()
    assert children
    gateway.process.send_signal(number)
    assert gateway.process.wait(15) == 0
    wait_until(lambda: not any(map(gateway._alive, children)), 2, "the end of all")
    assert gateway.run("listen").returncode == EX_TEMPFAIL
    assert gateway.run("service").returncode == EX_UNAVAILABLE
    left = {path.name for path in (gateway.root / "run").iterdir()}
    assert not left & {"auth", "deliver", "link", "master", "listen"}
    gateway.start()
    gateway.send("ann@gate.example", ["bob@gate.example"])


def test_the_log_is_kept_with_a_stamp_on_each_line(gateway):
    gateway.send("ann@gate.example", ["bob@gate.example"])
    wait_until(lambda: "end msg" in log_current(gateway), what="the message in the log")
    for line in log_current(gateway).splitlines():
        assert re.match(r"@4[0-9a-f]{23} ", line), line
    # stderr has the same, readable.
    assert not re.search(r"^@4", gateway.log_text(), re.MULTILINE)
    assert "end msg" in gateway.log_text()


def test_the_log_is_rotated_by_size(stopped_gateway):
    folder = stopped_gateway.root / "log"
    folder.mkdir(exist_ok=True)
    stamp = "@400000006b03%04x12345678.s"
    for number in range(10):
        (folder / (stamp % number)).write_text("old\n")
    (folder / "current").write_text("x" * 1023 + "\n")
    with (folder / "current").open("a") as current:
        current.write(("x" * 1023 + "\n") * 1023)
    stopped_gateway.start()
    stopped_gateway.stop()
    old = sorted(path.name for path in folder.glob("@*.s"))
    assert len(old) == 9  # and the current one
    assert stamp % 1 not in old and stamp % 2 in old
    assert (folder / old[-1]).stat().st_mode & 0o777 == 0o744
    assert (folder / "current").stat().st_size < 100_000


def test_a_root_deep_in_a_private_folder_works(make_gateway, folder):
    private = folder / "private"
    private.mkdir(mode=0o700)
    deep = private
    for number in range(12):
        deep = deep / f"a-folder-with-a-long-name-{number}"
        deep.mkdir()
    gateway = make_gateway(start=False)
    gateway.root = gateway.root.rename(deep / "root")
    gateway.environment["LONTAR_ROOT"] = str(gateway.root)
    gateway.start()
    gateway.send("ann@gate.example", ["bob@gate.example"])
    assert gateway.mailbox("bob")


def test_nothing_of_the_caller_reaches_a_service(stopped_gateway):
    """No descriptor, no variable."""
    secret = {**stopped_gateway.environment, "SECRET": "of the caller"}
    with open(stopped_gateway.root / "control/accounts") as leaked:
        os.set_inheritable(leaked.fileno(), True)
        process = subprocess.Popen(
            [BIN / "lontar", "run"], env=secret, pass_fds=[leaked.fileno()],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert process.stdout.readline().startswith(b"ready ")
            stopped_gateway.process = process
            for pid in stopped_gateway.processes():
                for number in os.listdir(f"/proc/{pid}/fd"):
                    assert "control/accounts" not in os.readlink(f"/proc/{pid}/fd/{number}")
                with open(f"/proc/{pid}/environ", "rb") as environment:
                    assert b"SECRET" not in environment.read()
        finally:
            process.terminate()
            process.wait(15)
            process.stdout.close()
            stopped_gateway.process = None
