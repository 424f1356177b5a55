"""The tools people have run us: daemontools, runit, tcpserver, inetd, a boot script; each
with the files of scripts/service as they are."""

import json
import os
import pathlib
import poplib
import shutil
import signal
import smtplib
import socket
import subprocess

import pytest

from gateway import EX_OK, PASSWORD
from waiting import wait_until

SERVICE = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "service"
GONE = 100  # svok: supervise does not run


def need(*programs):
    for program in programs:
        if not shutil.which(program, path="/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin"):
            pytest.skip(f"needs {program}")


def free_port():
    """For programs that can neither take a socket nor say which port they got."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Supervised:
    """One service folder, run by the keeper that its tools know."""

    def __init__(self, folder, kind, name, environment):
        self.folder = folder / kind / name
        shutil.copytree(SERVICE / kind / name, self.folder)
        self.kind, self.environment = kind, environment
        self.keepers = []
        self.start()

    def keep(self, place, **pipes):
        word = "supervise" if self.kind == "daemontools" else "runsv"
        self.keepers.append(
            subprocess.Popen(
                [word, place], env=self.environment, stdin=pipes.get("stdin", subprocess.DEVNULL),
                stdout=pipes.get("stdout", subprocess.DEVNULL), stderr=subprocess.STDOUT,
                cwd=self.folder.parent, start_new_session=True,
            )  # fmt: skip
        )

    def start(self):
        if self.kind == "runit":
            self.keep(self.folder)  # it knows log/ itself
        else:
            # what svscan does, without its five seconds
            reader, writer = os.pipe()
            self.keep(self.folder, stdout=writer)
            self.keep(self.folder / "log", stdin=reader)
            os.close(reader)
            os.close(writer)
        wait_until((self.folder / "supervise" / "ok").exists, what="its keeper")

    def tell(self, *words):
        subprocess.run([*words, self.folder], env=self.environment, check=True, timeout=60)

    def pid(self):
        """0: down."""
        status = (self.folder / "supervise" / "status").read_bytes()
        return int.from_bytes(status[12:16], "little") if len(status) >= 18 else 0

    def log(self):
        current = self.folder / "log" / "main" / "current"
        return current.read_text(errors="replace") if current.exists() else ""

    def close(self):
        if self.kind == "daemontools":
            for place in (self.folder, self.folder / "log"):
                subprocess.run(["svc", "-dx", place], env=self.environment, check=True)
        else:
            subprocess.run(
                ["sv", "-w", "30", "force-shutdown", self.folder], env=self.environment,
                capture_output=True,
            )  # fmt: skip
        for keeper in self.keepers:
            keeper.wait(30)


@pytest.fixture
def supervised(folder):
    made = []

    def make(*words):
        made.append(Supervised(folder, *words))
        return made[-1]

    yield make
    for one in reversed(made):
        one.close()


def ports(gateway):
    done = gateway.run("listen")
    if done.returncode != EX_OK:
        return None
    words = (line.split() for line in done.stdout.splitlines())
    return {service: int(address.rpartition(":")[2]) for service, address in words}


def serves(gateway):
    """Who listens now; raises nothing while it is not there yet."""
    found = ports(gateway)
    if not found:
        return None
    gateway.ports = found
    try:
        gateway.smtp().quit()
    except (OSError, smtplib.SMTPException):
        return None
    return found


@pytest.mark.parametrize(
    "kind, up, down, hup",
    [
        ("daemontools", ["svc", "-u"], ["svc", "-d"], ["svc", "-h"]),
        ("runit", ["sv", "up"], ["sv", "down"], ["sv", "hup"]),
    ],
)
def test_the_gateway_runs_under_a_supervisor(
    stopped_gateway, supervised, kind, up, down, hup
):
    need("svc", "supervise", "multilog", "sv", "runsv", "svlogd")
    gateway = stopped_gateway
    service = supervised(kind, "lontar", gateway.environment)
    wait_until(lambda: serves(gateway), what="the ports")
    gateway.send("ann@gate.example", ["bob@gate.example"])
    assert len(gateway.mailbox("bob")) == 1
    wait_until(lambda: "end msg" in service.log(), what="the log")

    # a change of control/listen, without a stop
    gateway.control("listen", "smtp 127.0.0.1:0\nsubmission 127.0.0.1:0\n")
    service.tell(*hup)
    wait_until(lambda: set(ports(gateway) or ()) == {"smtp", "submission"}, what="the reload")

    # it dies: it is started again
    first = service.pid()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: service.pid() not in (0, first), what="the restart")
    wait_until(lambda: serves(gateway), what="the ports again")

    service.tell(*down)
    wait_until(lambda: service.pid() == 0, what="the end")
    assert ports(gateway) is None
    assert "stopped" in service.log()
    service.tell(*up)
    wait_until(lambda: serves(gateway), what="the ports once more")
    # the log it keeps is one that we can read
    told = gateway.run("stats", "--json", service.folder / "log" / "main")
    overall = json.loads(told.stdout)["overall"]
    assert overall["messages"] == 1 and overall["first"]


def test_sessions_run_under_tcpserver(make_gateway, supervised):
    need("svc", "supervise", "multilog", "tcpserver")
    gateway = make_gateway(start=False)
    gateway.control("listen", "submission 127.0.0.1:0\n")
    gateway.control("tcp.smtp", '127.0.0.1:allow,DATABYTES="1000"\n:deny\n')
    assert gateway.run("rebuild").returncode == EX_OK
    gateway.start()
    smtp, pop3 = free_port(), free_port()
    services = [
        supervised("daemontools", name, {**gateway.environment, "ADDRESS": "127.0.0.1",
                                         "PORT": str(port)})
        for name, port in (("lontar-smtpd", smtp), ("lontar-pop3d", pop3))
    ]  # fmt: skip
    gateway.ports = {"smtp": smtp, "pop3": pop3}
    wait_until(lambda: "status: 0/100" in services[0].log(), what="tcpserver")
    wait_until(lambda: "status: 0/100" in services[1].log(), what="tcpserver for POP3")
    gateway.send("carl@far.example", ["bob@gate.example"])
    with gateway.smtp() as client:
        client.ehlo()
        assert client.esmtp_features["size"] == "1000"  # as the rule says
        assert client.docmd("MAIL FROM:<>")[0] == 250
        assert client.docmd("RCPT TO:<dora@elsewhere.example>")[0] == 550
    client = poplib.POP3("127.0.0.1", pop3, timeout=20)
    client.user("bob")
    client.pass_(PASSWORD)
    assert client.stat()[0] == 1
    client.quit()
    wait_until(lambda: " status 0" in services[1].log(), what="the end of the session")


def test_sessions_run_under_inetd(make_gateway, folder):
    need("inetd")
    if os.geteuid() != 0:
        pytest.skip("inetd is for root")
    gateway = make_gateway(start=False)
    gateway.control("listen", "submission 127.0.0.1:0\n")
    gateway.start()
    smtp, pop3 = free_port(), free_port()
    sample = (SERVICE / "inetd" / "inetd.conf").read_text()
    lines = []
    for line in sample.splitlines():
        if line.startswith("#"):
            continue
        service, *words = line.split()
        program = words[-1]
        port = {"smtp": smtp, "pop3": pop3}[service]
        lines.append(
            f"127.0.0.1:{port} stream tcp nowait root {shutil.which(program, path=gateway.environment['PATH'])}"
            f" {program} --root {gateway.root}\n"
        )
    (folder / "inetd.conf").write_text("".join(lines))
    inetd = subprocess.Popen(
        ["inetd", "-i", folder / "inetd.conf"], env=gateway.environment,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        gateway.ports = {"smtp": smtp, "pop3": pop3}

        def answers():
            try:
                with gateway.smtp() as client:
                    return client.ehlo()[0] == 250
            except OSError:
                return False

        wait_until(answers, what="inetd")
        gateway.send("carl@far.example", ["bob@gate.example"])
        assert gateway.pop3("bob").stat()[0] == 1
    finally:
        inetd.terminate()
        inetd.wait(20)


def test_a_plain_boot_script_starts_and_stops_it(stopped_gateway, folder):
    gateway = stopped_gateway
    environment = {**gateway.environment, "PIDFILE": str(folder / "pid")}

    def boot(word):
        return subprocess.run(
            [SERVICE / "boot" / "lontar", word], env=environment, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
        )  # fmt: skip

    assert boot("status").returncode == 3
    try:
        assert boot("start").returncode == 0
        assert serves(gateway)
        assert boot("status").returncode == 0
        first = (folder / "pid").read_text()
        assert "runs already" in boot("start").stdout
        assert boot("restart").returncode == 0
        assert (folder / "pid").read_text() != first
        assert serves(gateway)
        assert boot("reload").returncode == 0
    finally:
        assert boot("stop").returncode == 0
    assert boot("status").returncode == 3
    assert ports(gateway) is None
    assert boot("nonsense").returncode == 2


def test_the_systemd_unit_makes_sense(folder):
    need("systemd-analyze")
    unit = (SERVICE / "systemd" / "lontar.service").read_text()
    (folder / "lontar.service").write_text(unit.replace("/usr/local/sbin/lontar", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", folder / "lontar.service"], text=True,
        capture_output=True, timeout=60,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "lontar.service" in line]
    assert complaints == []
