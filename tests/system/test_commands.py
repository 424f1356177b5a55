"""The operator's commands: what they print and how they exit."""

import json
import os
import re

import pytest

from gateway import (
    EX_CONFIG, EX_EXISTS, EX_NOINPUT, EX_OK, EX_TEMPFAIL, EX_UNAVAILABLE, EX_USAGE,
    PASSWORD, SERVICES,
)  # fmt: skip
from waiting import wait_until

ANN, FAR = "ann@gate.example", "you@far.example"
COMMANDS = (
    "init", "run", "listen", "flush", "link", "status", "queue", "hold", "release", "first",
    "drop", "user", "rebuild", "check", "explain", "service",
)  # fmt: skip
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def one_line(done):
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(stopped_gateway, command):
    done = stopped_gateway.run(command, "--help")
    assert done.returncode == EX_OK
    assert done.stdout.startswith(f"usage: lontar {command}")
    assert stopped_gateway.run(command, "--version").returncode == EX_OK
    done = stopped_gateway.run(command, "--frobnicate")
    assert done.returncode == EX_USAGE
    assert "--frobnicate" in done.stderr


@pytest.mark.parametrize("words", [
    [], ["frobnicate"], ["init"], ["init", "--me"], ["init", "--me", "not a name"],
    ["hold"], ["drop"], ["explain"], ["user"], ["user", "add"], ["user", "frob", "x"],
    ["link", "sideways", "ppp0"], ["link", "up"], ["listen", "extra"], ["status", "extra"],
    ["queue", "one", "two"], ["run", "extra"], ["check", "extra"], ["explain", "a b c"],
])  # fmt: skip
def test_misuse_is_64_and_says_how(stopped_gateway, words):
    done = stopped_gateway.run(*words)
    assert done.returncode == EX_USAGE, done.stderr
    assert done.stderr
    assert done.stdout == ""


def test_init_makes_a_root_that_check_likes(stopped_gateway):
    done = stopped_gateway.run("check")
    assert (done.returncode, done.stdout) == (EX_OK, ""), done.stdout + done.stderr


def test_init_leaves_an_existing_root_alone(stopped_gateway):
    before = (stopped_gateway.root / "control/me").read_text()
    done = stopped_gateway.run("init", "--me", "other.example")
    assert done.returncode == EX_EXISTS
    assert str(stopped_gateway.root) in one_line(done)
    assert (stopped_gateway.root / "control/me").read_text() == before


def test_init_reads_a_password_from_stdin(make_gateway):
    gateway = make_gateway(start=False)
    env = {**gateway.environment, "LONTAR_ROOT": str(gateway.folder / "second")}
    done = gateway.run(
        "init", "--me", "a.example", "--user", "carol", input=PASSWORD + "\n", env=env
    )
    assert done.returncode == EX_OK, done.stderr
    assert PASSWORD not in (gateway.folder / "second/control/accounts").read_text()


def test_without_a_root_every_command_says_so(make_gateway):
    gateway = make_gateway(start=False)
    env = {**gateway.environment, "LONTAR_ROOT": str(gateway.folder / "nowhere")}
    for command in ("status", "queue", "listen", "run", "check", "flush"):
        done = gateway.run(command, env=env)
        assert done.returncode in (EX_NOINPUT, EX_CONFIG), (command, done.stderr)
        assert "lontar init" in one_line(done)


def test_listen_shows_the_ports_in_use(gateway):
    done = gateway.run("listen")
    assert done.returncode == EX_OK
    shown = dict(line.split() for line in done.stdout.splitlines())
    assert set(shown) == set(SERVICES)
    assert {name: int(at.rpartition(":")[2]) for name, at in shown.items()} == gateway.ports
    gateway.stop()
    done = gateway.run("listen")
    assert done.returncode == EX_TEMPFAIL
    one_line(done)


def test_a_second_run_on_one_root_is_refused(gateway):
    done = gateway.run("run")
    assert done.returncode == EX_TEMPFAIL
    assert "lontar" in done.stderr
    assert gateway.process.poll() is None
    gateway.send(ANN, ["bob@gate.example"])


def test_service_needs_a_running_gateway(stopped_gateway):
    done = stopped_gateway.run("service", "restart", "smtpd")
    assert done.returncode == EX_UNAVAILABLE
    one_line(done)


def test_service_restarts_one_service(gateway):
    before = gateway.processes()
    assert "deliver" in gateway.run("service").stdout
    done = gateway.run("service", "restart", "pop3d")
    assert done.returncode == EX_OK, done.stderr
    def restarted():
        now = gateway.processes()
        old = {pid for pid, name in before.items() if name.startswith("lontar-pop3d")}
        return [p for p, n in now.items() if n.startswith("lontar-pop3d") and p not in old]

    wait_until(restarted, what="a new lontar-pop3d")
    wait_until(lambda: gateway.pop3("bob").stat()[0] == 0, what="POP3 again")


def test_status_has_its_keys_and_nothing_is_left_out(gateway):
    gateway.send(ANN, [FAR])
    status = gateway.status()
    assert set(status) == {"me", "links", "parked", "pickups", "logins"}
    assert status["me"] == "gate.example"
    [parked] = status["parked"]
    assert parked.pop("bytes") > 0
    assert parked.pop("oldest_s") >= 0
    assert parked == {
        "smarthost": "isp", "messages": 1, "held": 0, "uncertain": 0, "state": "waiting",
        "scope": None, "until": None, "mend": None, "last_error": None,
    }  # fmt: skip
    assert gateway.run("link", "up", "ppp0").returncode == EX_OK
    [link] = gateway.status()["links"]
    assert RFC3339.fullmatch(link.pop("since"))
    assert link == {
        "name": "ppp0", "state": "up", "open": True, "why": None, "again": None, "until": None,
        "budgets": [],
    }  # fmt: skip
    assert gateway.run("link", "down", "ppp0").returncode == EX_OK
    [link] = gateway.status()["links"]
    assert link["state"] == "down"
    assert "isp" in gateway.run("status").stdout


def test_queue_has_its_keys_and_nothing_is_left_out(gateway):
    gateway.send(ANN, [FAR, "them@far.example"], b"Subject: x\r\n\r\nx\r\n")
    [queued] = gateway.queue()
    [parked] = gateway.parked()
    assert queued.pop("id") == parked.id
    assert queued.pop("size") == int(parked.facts["W"])
    assert queued.pop("age_s") >= 0
    assert queued.pop("waited_s") >= 0
    assert queued.pop("why") == "the link is down"
    assert queued == {
        "smarthost": "isp", "sender": ANN, "recipients": [FAR, "them@far.example"],
        "state": "waiting", "next": None, "priority": 0, "attempts": 0, "link": None,
        "last_error": None, "scope": None, "until": None, "mend": None, "subject": "x",
    }  # fmt: skip
    assert parked.id in gateway.run("queue").stdout
    named, every = gateway.queue("isp"), gateway.queue()
    for queued in (*named, *every):
        assert queued.pop("age_s") >= 0
    assert named == every
    done = gateway.run("queue", "nowhere")
    assert done.returncode == EX_NOINPUT
    assert "nowhere" in one_line(done)


def test_a_subject_is_told_as_people_read_it_and_stays_one_line(gateway):
    hostile = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe=0A_an?=\r\n alle\x1b[31m\r\n\r\nx\r\n"
    gateway.send(ANN, [FAR], hostile)
    [queued] = gateway.queue()
    assert queued["subject"].startswith("Gr\u00fc\u00dfe")
    assert not any(ord(letter) < 32 for letter in queued["subject"])


@pytest.fixture(params=["running", "stopped"])
def parked_gateway(gateway, request):
    """With one parked message; the commands work with and without the services."""
    gateway.send(ANN, [FAR])
    if request.param == "stopped":
        gateway.stop()
    return gateway


def test_held_mail_stays_until_it_is_released(parked_gateway, smarthost):
    gateway = parked_gateway
    [queued] = gateway.queue()
    assert gateway.run("hold", queued["id"]).returncode == EX_OK
    [held] = gateway.queue()
    assert held["state"] == "held"
    assert held["next"] is None
    assert gateway.smarthost_status()["held"] == 1
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert smarthost.messages == []
    assert gateway.run("release", queued["id"]).returncode == EX_OK
    assert gateway.flush().returncode == EX_OK
    assert len(smarthost.taken) == 1


def test_dropped_mail_goes_back_to_its_sender(parked_gateway):
    gateway = parked_gateway
    [queued] = gateway.queue()
    assert gateway.run("drop", queued["id"]).returncode == EX_OK
    assert gateway.parked() == []
    [back] = gateway.mailbox("ann")
    assert FAR.encode() in back


def test_silently_dropped_mail_is_gone(parked_gateway):
    gateway = parked_gateway
    [queued] = gateway.queue()
    (number,) = re.findall(r"^new msg (\d+)$", gateway.log_text(), re.M)
    assert gateway.run("drop", "--silent", queued["id"]).returncode == EX_OK
    assert not gateway.process or f"\nend msg {number}\n" in gateway.log_text()
    assert gateway.parked() == []
    assert gateway.mailbox("ann") == []


def test_an_id_may_be_shortened_while_it_is_unambiguous(gateway):
    gateway.send(ANN, [FAR])
    gateway.send(ANN, [FAR])
    one, other = (queued["id"] for queued in gateway.queue())
    common = os.path.commonprefix([one, other])
    done = gateway.run("hold", common)
    assert done.returncode in (EX_NOINPUT, EX_USAGE)
    one_line(done)
    assert gateway.run("hold", one[: len(common) + 1]).returncode == EX_OK
    assert [queued["state"] for queued in gateway.queue()] == ["held", "waiting"]


@pytest.mark.parametrize("command", ["hold", "release", "first", "drop"])
def test_an_unknown_id_is_66(gateway, command):
    done = gateway.run(command, "123.no-such-id")
    assert done.returncode == EX_NOINPUT
    assert "123.no-such-id" in one_line(done)


def test_first_goes_first(gateway, smarthost):
    for number in range(3):
        gateway.send(ANN, [FAR], b"Subject: %d\r\n\r\nx\r\n" % number)
    last = gateway.queue()[-1]["id"]
    assert gateway.run("first", last).returncode == EX_OK
    assert gateway.flush().returncode == EX_OK
    assert b"Subject: 2" in smarthost.taken[0].data


@pytest.mark.parametrize("words", [["flush", "nowhere"], ["explain", "x@y", "--from", "@@"]])
def test_unknown_names_are_told(gateway, words):
    done = gateway.run(*words)
    assert done.returncode in (EX_NOINPUT, EX_USAGE)
    one_line(done)


def test_users_come_and_go(gateway):
    done = gateway.run("user", "add", "carol", input="secret secret\n")
    assert done.returncode == EX_OK, done.stderr
    assert "carol" in gateway.run("user", "list").stdout.split()
    gateway.send(ANN, ["carol@gate.example"])
    assert gateway.pop3("carol", "secret secret").stat()[0] == 1
    assert gateway.run("user", "passwd", "carol", input="other\n").returncode == EX_OK
    assert gateway.pop3("carol", "other").stat()[0] == 1
    assert gateway.run("user", "add", "carol", input="x\n").returncode == EX_EXISTS
    assert gateway.run("user", "del", "carol").returncode == EX_OK
    assert "carol" not in gateway.run("user", "list").stdout.split()
    assert gateway.run("user", "del", "carol").returncode == EX_NOINPUT
    with gateway.connect() as wire:
        wire.hello("MAIL FROM:<>")
        assert wire.say("RCPT TO:<carol@gate.example>").startswith("550 5.1.1")


@pytest.mark.parametrize(
    "file, text, told",
    [
        ("smarthosts/isp", "host a.example\ncolour red\n", ("smarthosts/isp", "2", "colour")),
        ("smarthosts/isp", "host a.example\nport x\n", ("smarthosts/isp", "2", "port")),
        ("smarthosts/isp", "port 25\n", ("smarthosts/isp", "host")),
        ("smarthosts/isp", "host a\nuser x\npasswordfile none\n", ("none",)),
        ("links/ppp0", "frequency 5\n", ("links/ppp0", "1", "frequency")),
        ("listen", "smtp 127.0.0.1\n", ("listen", "1")),
        ("listen", "telnet 127.0.0.1:0\n", ("listen", "telnet")),
        ("databytes", "many\n", ("databytes", "many")),
        ("qmailqueue", "/no/such/filter\n", ("qmailqueue", "1", "/no/such/filter")),
        ("smarthosts/far", "type mx\nhost h\n", ("smarthosts/far", "remove host")),
        ("smtproutes", "nonsense\n", ("smtproutes", "1")),
        ("virtualdomains", "nonsense\n", ("virtualdomains", "1")),
        ("smtproutes", "# nothing\n", ("smtproutes",)),
    ],
)
def test_check_names_file_line_and_mend(stopped_gateway, file, text, told):
    stopped_gateway.control(file, text)
    done = stopped_gateway.run("check")
    assert done.returncode == EX_CONFIG
    lines = (done.stdout + done.stderr).splitlines()
    assert any(all(word in line for word in told) for line in lines), lines


def test_check_finds_what_is_missing(stopped_gateway):
    (stopped_gateway.root / "control/me").unlink()
    done = stopped_gateway.run("check")
    assert done.returncode == EX_CONFIG
    assert "control/me" in done.stdout + done.stderr


def test_check_finds_a_secret_that_all_can_read(stopped_gateway):
    name = stopped_gateway.secret("isp.password", "x")
    (stopped_gateway.root / "control" / name).chmod(0o644)
    stopped_gateway.smarthost("isp", host="localhost", user="x", passwordfile=name)
    done = stopped_gateway.run("check")
    assert done.returncode == EX_CONFIG
    assert "isp.password" in done.stdout + done.stderr


def make_stale(gateway):
    """As if the accounts had been edited by hand since their maps were made."""
    for map in ("accounts.cdb", "users.cdb"):
        os.utime(gateway.root / "control" / map, (1_700_000_000, 1_700_000_000))


def test_a_stale_map_is_told_and_rebuilt(stopped_gateway):
    make_stale(stopped_gateway)
    done = stopped_gateway.run("check")
    assert done.returncode == EX_CONFIG
    assert "lontar rebuild" in done.stdout + done.stderr
    assert stopped_gateway.run("rebuild").returncode == EX_OK
    done = stopped_gateway.run("check")
    assert (done.returncode, done.stdout) == (EX_OK, "")


def test_a_stale_map_is_never_used_in_silence(stopped_gateway):
    make_stale(stopped_gateway)
    gateway = stopped_gateway.start()
    gateway.send(ANN, ["bob@gate.example"])
    wait_until(lambda: "lontar rebuild" in gateway.log_text(), what="the warning")


@pytest.mark.parametrize(
    "address, told",
    [
        ("bob@gate.example", ("control/accounts", "mailbox of bob")),
        ("nobody@gate.example", ("nobody", "550 no such user here")),
        (FAR, ("isp", "smtproutes")),
        ("postmaster@gate.example", ("postmaster",)),
    ],
)
def test_explain_shows_each_step(stopped_gateway, address, told):
    done = stopped_gateway.run("explain", address)
    assert all(word in done.stdout for word in told), done.stdout


def test_run_with_broken_settings_is_78(stopped_gateway):
    stopped_gateway.control("listen", "smtp nonsense\n")
    done = stopped_gateway.run("run")
    assert done.returncode == EX_CONFIG
    assert "listen" in done.stderr


def test_a_port_in_use_is_told(stopped_gateway, smarthost):
    stopped_gateway.control("listen", f"smtp 127.0.0.1:{smarthost.port}\n")
    done = stopped_gateway.run("run")
    assert done.returncode in (69, 75, 77, 78)
    assert str(smarthost.port) in done.stderr


def test_ipv6_listens_beside_ipv4(make_gateway):
    gateway = make_gateway(start=False)
    gateway.control("listen", "smtp 127.0.0.1:0\nsmtp [::1]:0\n")
    gateway.start()
    from gateway import Wire

    with Wire(gateway.ports["smtp"], "::1") as wire:
        assert wire.greeting.startswith("220 ")
        wire.hello("MAIL FROM:<>", "RCPT TO:<bob@gate.example>", "DATA")
        wire.send(b"x\r\n.\r\n")
        assert wire.reply().startswith("250")
    assert b"[IPv6:::1]" in gateway.mailbox("bob")[0]
    with gateway.connect() as wire:
        assert wire.greeting.startswith("220 ")


def test_json_is_valid_whatever_an_address_holds(gateway):
    with gateway.connect() as wire:
        wire.hello("MAIL FROM:<ann@gate.example> SMTPUTF8")
        assert wire.say(b'RCPT TO:<"q\\"uote"@far.example>').startswith("250")
        wire.say(b"RCPT TO:<\xff\xfe@far.example>")
        wire.say(b"RCPT TO:<caf\xc3\xa9@far.example>")
        wire.say("DATA")
        wire.send(b"x\r\n.\r\n")
        assert wire.reply().startswith("250")
    done = gateway.run("queue", "--json")
    [queued] = json.loads(done.stdout)
    assert 'q"uote@far.example' in queued["recipients"]
    assert "café@far.example" in queued["recipients"]
