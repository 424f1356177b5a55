"""Where mail goes."""

import pytest

ANN, BOB, FAR = "ann@gate.example", "bob@gate.example", "you@far.example"


def test_smtproutes_finds_the_longest_suffix(make_gateway):
    gateway = make_gateway(smarthosts={"isp": 1, "lab": 2, "exact": 3})
    gateway.control("smtproutes", "far.example:exact\n.example:lab\n:isp\n")
    gateway.send(ANN, [FAR, "x@deep.far.example", "y@elsewhere.test"])
    where = {
        name: [one.recipients for one in gateway.parked(name)]
        for name in ("exact", "lab", "isp")
    }
    assert where == {
        "exact": [[FAR]], "lab": [["x@deep.far.example"]], "isp": [["y@elsewhere.test"]],
    }  # fmt: skip


def test_a_relay_may_be_a_host(gateway, smarthost):
    gateway.control("smtproutes", f":127.0.0.1:{smarthost.port}\n")
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == 0
    assert len(smarthost.taken) == 1


def test_a_senders_own_route_comes_first(make_gateway):
    gateway = make_gateway(smarthosts={"isp": 1, "lab": 2})
    gateway.control("senderroutes", "ann@gate.example:lab\n")
    gateway.send(ANN, [FAR])
    gateway.send(BOB, [FAR])
    assert [one.recipients for one in gateway.parked("lab")] == [[FAR]]
    assert [one.recipients for one in gateway.parked("isp")] == [[FAR]]


def test_without_a_route_mail_is_refused_for_now(gateway):
    gateway.control("smtproutes", "other.example:isp\n")
    with gateway.connect() as wire:
        wire.hello(f"MAIL FROM:<{ANN}>")
        assert wire.say(f"RCPT TO:<{FAR}>").startswith("451 4.4.4")


def test_a_virtual_domain_becomes_local_users(gateway):
    gateway.control("virtualdomains", "shop.example:bob\n")
    alias = gateway.root / "mail/bob/.qmail-sales"
    alias.write_text("./Maildir/\n")
    with gateway.connect() as wire:
        wire.hello(f"MAIL FROM:<{FAR}>")
        assert wire.say("RCPT TO:<sales@shop.example>").startswith("250")


def test_the_postmaster_is_always_there(gateway):
    for address in ("postmaster@gate.example", "mailer-daemon@gate.example", "root@gate.example"):
        gateway.send(FAR, [address])
    assert len(gateway.mailbox("ann")) + len(gateway.mailbox("postmaster")) == 3
    with gateway.connect() as wire:
        wire.hello(f"MAIL FROM:<{FAR}>")
        assert wire.say("RCPT TO:<postmaster>").startswith("250")


def test_user_extensions_reach_the_user(gateway):
    with gateway.connect() as wire:
        wire.hello(f"MAIL FROM:<{FAR}>")
        answer = wire.say("RCPT TO:<bob-shopping@gate.example>")
        # an extension needs instructions of its own, as in qmail
        assert answer.startswith(("550 5.1.1", "250"))


@pytest.mark.parametrize("how", ["running", "stopped"])
def test_a_changed_route_applies_to_mail_already_parked(make_gateway, make_smarthost, how):
    one, other = make_smarthost(), make_smarthost()
    gateway = make_gateway(smarthosts={"one": one.port, "other": other.port})
    gateway.send(ANN, [FAR])
    assert len(gateway.parked("one")) == 1
    gateway.control("smtproutes", ":other\n")
    if how == "stopped":
        gateway.stop()
    assert gateway.flush().returncode == 0
    assert gateway.parked("one") == []
    assert one.messages == []
    assert len(other.taken) == 1


def test_badmailfrom_is_refused(gateway):
    gateway.control("badmailfrom", "spam@far.example\n@evil.example\n")
    with gateway.connect() as wire:
        wire.hello()
        for sender in ("spam@far.example", "x@evil.example"):
            first = wire.say(f"MAIL FROM:<{sender}>")
            second = wire.say(f"RCPT TO:<{BOB}>")
            assert "5.7.1" in (first if first[0] == "5" else second)
            wire.say("RSET")


def test_delivered_to_loops_are_refused(gateway):
    with gateway.connect() as wire:
        wire.hello(f"MAIL FROM:<{FAR}>", f"RCPT TO:<{BOB}>", "DATA")
        wire.send(b"Delivered-To: bob@gate.example\r\nSubject: again\r\n\r\nx\r\n.\r\n")
        assert wire.reply().startswith("554 5.4.6")
    assert gateway.mailbox("bob") == []
