"""The programs people use, on the LAN side."""

import poplib
import shutil
import subprocess

import pytest

from gateway import PASSWORD, unverified

FAR = "you@far.example"
MESSAGE = "From: ann@gate.example\nTo: bob@gate.example\nSubject: from a client\n\nHello.\n"


def tool(name):
    return pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed")


def call(gateway, *words, input="", code=0, **environment):
    done = subprocess.run(
        [*map(str, words)], input=input, env={**gateway.environment, **environment},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@tool("swaks")
@pytest.mark.parametrize("how", [
    ("smtp",), ("smtp", "--pipeline"), ("smtp", "-tls"),
    ("submission", "-tls", "-a", "PLAIN", "-au", "ann", "-ap", PASSWORD),
    ("submission", "-tls", "-a", "LOGIN", "-au", "ann", "-ap", PASSWORD),
    ("smtps", "-tlsc", "-a", "PLAIN", "-au", "ann", "-ap", PASSWORD),
])  # fmt: skip
def test_swaks_sends(gateway, how):
    service, *words = how
    call(
        gateway, "swaks", "-s", "127.0.0.1", "-p", gateway.ports[service], "-f",
        "ann@gate.example", "-t", f"bob@gate.example,{FAR}", "-h", "pc.example", *words,
    )  # fmt: skip
    assert len(gateway.mailbox("bob")) == 1
    assert len(gateway.parked()) == 1


@tool("msmtp")
@pytest.mark.parametrize("service", ["smtp", "submission", "smtps"])
def test_msmtp_sends(gateway, service):
    words = []
    if service != "smtp":
        words = ["--auth=plain", "--user=ann", f"--passwordeval=echo '{PASSWORD}'",
                 "--tls=on", "--tls-certcheck=off"]  # fmt: skip
        words.append("--tls-starttls=" + ("on" if service == "submission" else "off"))
    call(
        gateway, "msmtp", "--host=127.0.0.1", f"--port={gateway.ports[service]}",
        "--from=ann@gate.example", *words, "bob@gate.example", FAR, input=MESSAGE,
    )  # fmt: skip
    [stored] = gateway.mailbox("bob")
    assert stored.endswith(MESSAGE.encode())
    assert len(gateway.parked()) == 1


@tool("s-nail")
def test_s_nail_sends(gateway):
    call(
        gateway, "s-nail", "-:/", "-S", "v15-compat", "-S", "sendwait",
        "-S", f"mta=smtp://127.0.0.1:{gateway.ports['smtp']}", "-S", "smtp-auth=none",
        "-S", "hostname=pc.example", "-S", "from=ann@gate.example", "-s", "from s-nail",
        "bob@gate.example", input="Hello.\n",
    )  # fmt: skip
    [stored] = gateway.mailbox("bob")
    assert b"Subject: from s-nail" in stored


@tool("curl")
@pytest.mark.parametrize("service", ["smtp", "submission", "smtps"])
def test_curl_sends(gateway, service, tmp_path):
    file = tmp_path / "message"
    file.write_text(MESSAGE.replace("\n", "\r\n"))
    scheme = "smtps" if service == "smtps" else "smtp"
    words = [] if service == "smtp" else ["-k", "--ssl-reqd", "-u", f"ann:{PASSWORD}"]
    call(
        gateway, "curl", "-sS", f"{scheme}://127.0.0.1:{gateway.ports[service]}", *words,
        "--mail-from", "ann@gate.example", "--mail-rcpt", "bob@gate.example",
        "--upload-file", file,
    )  # fmt: skip
    [stored] = gateway.mailbox("bob")
    assert stored.endswith(MESSAGE.encode())


def fill(gateway, count=3):
    for number in range(count):
        gateway.send("ann@gate.example", ["bob@gate.example"], b"Subject: %d\r\n\r\n.x\r\n" % number)


@tool("mpop")
@pytest.mark.parametrize("service", ["pop3", "pop3s"])
def test_mpop_fetches(gateway, service, tmp_path):
    fill(gateway)
    inbox = tmp_path / "inbox"
    words = ["--tls=off"]
    if service == "pop3s":
        words = ["--tls=on", "--tls-starttls=off", "--tls-certcheck=off"]
    call(
        gateway, "mpop", "--host=127.0.0.1", f"--port={gateway.ports[service]}",
        "--auth=user", "--user=bob", f"--passwordeval=echo '{PASSWORD}'", "--keep=off",
        f"--delivery=mbox,{inbox}", f"--uidls-file={tmp_path}/uidls", *words,
    )  # fmt: skip
    assert inbox.read_bytes().count(b"\nSubject: ") == 3
    assert gateway.mailbox("bob") == []


@tool("fetchmail")
def test_fetchmail_fetches(gateway, tmp_path):
    fill(gateway)
    config = tmp_path / "fetchmailrc"
    config.write_text(
        f"poll 127.0.0.1 service {gateway.ports['pop3']} protocol pop3 uidl\n"
        f"user bob password \"{PASSWORD}\" mda \"cat >> {tmp_path}/inbox\" sslproto \"\" nokeep\n"
    )
    config.chmod(0o600)
    call(
        gateway, "fetchmail", "-f", config, "-i", tmp_path / "ids",
        "--pidfile", tmp_path / "pid", FETCHMAILHOME=str(tmp_path),
    )  # fmt: skip
    assert (tmp_path / "inbox").read_bytes().count(b"Subject: ") == 3
    assert gateway.mailbox("bob") == []


@tool("curl")
def test_curl_fetches(gateway):
    fill(gateway)
    address = f"127.0.0.1:{gateway.ports['pop3s']}"
    who = ("-sS", "-k", "-u", f"bob:{PASSWORD}")
    assert len(call(gateway, "curl", *who, f"pop3s://{address}/").split("\n")) >= 3
    assert "Subject: 1" in call(gateway, "curl", *who, f"pop3s://{address}/2")


def test_poplib_fetches_and_deletes(gateway):
    fill(gateway)
    client = gateway.pop3("bob")
    count, octets = client.stat()
    assert count == 3
    sizes = [int(line.split()[1]) for line in client.list()[1]]
    assert sum(sizes) == octets
    for number in range(1, 4):
        _, lines, got = client.retr(number)
        assert b"Subject: %d" % (number - 1) in lines
        assert lines[-1] == b".x"
        # exact as sent, the doubled dot not counted
        assert sum(len(line) + 2 for line in lines) == sizes[number - 1]
    client.dele(2)
    client.quit()
    assert len(gateway.mailbox("bob")) == 2


def test_poplib_over_tls(gateway):
    fill(gateway, 1)
    client = poplib.POP3_SSL("127.0.0.1", gateway.ports["pop3s"], context=unverified(), timeout=20)
    client.user("bob")
    client.pass_(PASSWORD)
    assert client.stat()[0] == 1
    client.quit()
    client = poplib.POP3("127.0.0.1", gateway.ports["pop3"], timeout=20)
    client.stls(context=unverified())
    client.user("bob")
    client.pass_(PASSWORD)
    assert client.stat()[0] == 1
    client.quit()
