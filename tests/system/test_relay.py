"""Who may mail where: never an open relay."""

import smtplib
import subprocess

import pytest

from gateway import BIN, PASSWORD, unverified

FAR = "you@far.example"


def test_the_lan_may_mail_the_world(gateway):
    gateway.send("ann@gate.example", [FAR])
    assert len(gateway.parked()) == 1


@pytest.mark.parametrize("rules", ["127.:deny\n", "127.:allow\n:allow\n", ":deny\n"])
def test_without_relayclient_only_our_domains_are_taken(gateway, rules):
    gateway.control("tcp.smtp", rules)
    assert gateway.run("rebuild").returncode == 0
    with gateway.connect() as wire:
        if "deny" in rules:
            assert wire.greeting[:3] in ("421", "554", "550")
            return
        wire.hello("MAIL FROM:<x@far.example>")
        assert wire.say(f"RCPT TO:<{FAR}>").startswith("550 5.7.1")
        assert wire.say("RCPT TO:<you%far.example@gate.example>").startswith("550 5.1.1")
        assert wire.say("RCPT TO:<@gate.example:you@far.example>").startswith("550 5.7.1")
        assert wire.say("RCPT TO:<bob@gate.example>").startswith("250")


def test_submission_needs_tls_and_a_login(gateway):
    with gateway.smtp("submission") as client:
        client.ehlo()
        assert "auth" not in client.esmtp_features
        code, text = client.mail("ann@gate.example")
        assert (code, text[:5]) == (530, b"5.7.0")
        client.starttls(context=unverified())
        client.ehlo()
        assert set(client.esmtp_features["auth"].split()) >= {"PLAIN", "LOGIN"}
        code, text = client.mail("ann@gate.example")
        assert (code, text[:5]) == (530, b"5.7.0")
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login("ann", "wrong")
        assert refused.value.smtp_code == 535
        client.login("ann", PASSWORD)
        client.sendmail("ann@gate.example", [FAR], b"x")
    [parked] = gateway.parked()
    assert b"with ESMTPSA" in parked.body


def test_smtps_speaks_tls_from_the_first_byte(gateway):
    with smtplib.SMTP_SSL(
        "127.0.0.1", gateway.ports["smtps"], context=unverified(), timeout=20
    ) as client:
        client.login("bob", PASSWORD)
        client.sendmail("bob@gate.example", [FAR], b"x")
    assert len(gateway.parked()) == 1


@pytest.mark.parametrize("name", ["nobody", "ann@elsewhere.example", "", "a" * 300, "x\0y"])
def test_an_unknown_name_fails_as_a_wrong_password_does(gateway, name):
    with gateway.smtp("submission") as client:
        client.starttls(context=unverified())
        client.ehlo()
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.auth("PLAIN", lambda _=None: f"\0{name}\0{PASSWORD}")
        assert refused.value.smtp_code in (535, 501)


def tcpserver_session(gateway, lines, **environment):
    """One session on stdin and stdout, as tcpserver starts it."""
    done = subprocess.run(
        [BIN / "lontar-smtpd"],
        input="\r\n".join(lines).encode() + b"\r\n",
        env={**gateway.environment, "PROTO": "TCP", "TCPREMOTEIP": "192.0.2.7",
             "TCPREMOTEPORT": "4000", "TCPLOCALIP": "192.0.2.1", "TCPLOCALPORT": "25",
             **environment},
        cwd=gateway.root, capture_output=True, timeout=30,
    )  # fmt: skip
    return done.stdout.decode().split("\r\n")


def test_under_tcpserver_relayclient_decides(gateway):
    lines = ["EHLO pc", "MAIL FROM:<ann@gate.example>", f"RCPT TO:<{FAR}>", "QUIT"]
    refused = tcpserver_session(gateway, lines)
    assert any(line.startswith("550 5.7.1") for line in refused), refused
    taken = tcpserver_session(gateway, lines, RELAYCLIENT="")
    assert not any(line.startswith("5") for line in taken), taken


def test_under_tcpserver_databytes_decides(gateway):
    answers = tcpserver_session(gateway, ["EHLO pc", "QUIT"], DATABYTES="4321")
    assert any("SIZE 4321" in line for line in answers), answers


def test_debians_tcpserver_runs_our_smtpd(gateway):
    from postfix import free_port
    from waiting import wait_until

    port = free_port()
    server = subprocess.Popen(
        ["tcpserver", "-RHl0", "127.0.0.1", str(port), "env", "RELAYCLIENT=",
         BIN / "lontar-smtpd"],
        env=gateway.environment, cwd=gateway.root, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def greet():
        try:
            return smtplib.SMTP("127.0.0.1", port, timeout=10)
        except OSError:
            return None

    try:
        with wait_until(greet, what="tcpserver") as client:
            client.sendmail("ann@gate.example", ["bob@gate.example", FAR], b"Subject: x\r\n\r\nx")
        assert len(gateway.mailbox("bob")) == 1
        assert len(gateway.parked()) == 1
    finally:
        server.terminate()
        server.wait(10)
