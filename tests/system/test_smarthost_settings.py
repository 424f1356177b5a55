"""What may be set for one smarthost, each seen to work, and what is said of a wrong value."""

import email

import pytest

from gateway import EX_CONFIG, EX_OK, EX_TEMPFAIL
from smarthost import MODERN
from stop_stand import (
    let_pass, link_up, refuse, stopped_again, stops_file, wait_for_the_end_of_flushes,
)  # fmt: skip
from waiting import wait_until

ANN, FAR = "ann@gate.example", "you@far.example"


@pytest.fixture
def office(gateway, smarthost):
    """The gateway; office.write(key=value, ...) writes its smarthost."""
    gateway.write = lambda **keys: gateway.smarthost(
        "isp", host="127.0.0.1", port=smarthost.port, **keys
    )
    return gateway


def send(gateway, count):
    for number in range(count):
        gateway.send(ANN, [FAR], b"Subject: %02d\r\n\r\nx\r\n" % number)


def subjects(messages):
    return sorted(email.message_from_bytes(one.data)["Subject"] for one in messages)


def lines(smarthost, verb):
    return [line for one in smarthost.sessions for line in one.lines if line.startswith(verb)]


def test_a_rate_lets_so_many_messages_go_and_the_rest_by_itself_later(office, smarthost):
    office.write(rate="3 per hour")
    send(office, 5)
    assert office.flush().returncode == EX_TEMPFAIL
    assert len(smarthost.messages) == 3
    status = office.smarthost_status()
    assert (status["state"], status["scope"]) == ("stopped", "account")
    assert status["until"] and "3 per hour" in status["last_error"]
    assert {one["attempts"] for one in office.queue()} == {0}
    assert office.mailbox("ann") == []
    link_up(office)
    assert len(smarthost.messages) == 3
    # The hour is over.
    an_hour_passes(office)
    wait_until(lambda: len(smarthost.messages) == 5, 20, "the rest")


def an_hour_passes(gateway):
    """In both files that count it. No flush is at work."""
    wait_for_the_end_of_flushes(gateway)
    memory = gateway.root / "spool/state/peers/isp"
    text = memory.read_text()
    since = next(line for line in text.splitlines() if line.startswith("rate_since="))
    memory.write_text(text.replace(since, f"rate_since={int(since.split('=')[1]) - 3600}"))
    let_pass(gateway, 3600)


def test_a_connection_carries_as_many_messages_as_are_set(office, smarthost):
    office.write(perconnection=2)
    send(office, 6)
    assert office.flush().returncode == EX_OK
    carried = [sum(line.startswith("MAIL") for line in one.lines) for one in smarthost.sessions]
    assert sum(carried) == 6
    assert max(carried) <= 2


def test_a_transaction_names_as_many_recipients_as_are_set(office, smarthost):
    office.write(recipients=5)
    people = [f"p{number:02}@far.example" for number in range(12)]
    office.send(ANN, people)
    assert office.flush().returncode == EX_OK
    assert sorted(len(one.recipients) for one in smarthost.taken) == [2, 5, 5]
    assert sorted(sum((one.recipients for one in smarthost.taken), [])) == people


def test_chunking_no_sends_by_data(office, smarthost):
    office.write(chunking="no")
    send(office, 2)
    assert office.flush().returncode == EX_OK
    assert not lines(smarthost, "BDAT")
    assert len(lines(smarthost, "DATA")) == 2


def test_pipelining_no_waits_for_each_reply(office, smarthost):
    office.write(pipelining="no", chunking="no")
    send(office, 2)
    assert office.flush().returncode == EX_OK
    assert len(smarthost.taken) == 2
    assert all(all(one.waits) for one in smarthost.sessions)


PROTECTED, OPEN = [*MODERN, "STARTTLS"], MODERN


@pytest.mark.parametrize(
    ("level", "extensions", "goes"),
    [
        ("any", OPEN, True),
        ("encrypted", OPEN, False),
        ("encrypted", PROTECTED, True),
        ("named", OPEN, False),
    ],
)
def test_tlslevel_is_the_least_protection_that_mail_gets(
    make_gateway, make_smarthost, certificates, level, extensions, goes
):
    smarthost = make_smarthost(tls=True, extensions=extensions)
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    gateway.smarthost(
        "isp", host="localhost", port=smarthost.port, tls="try", cafile=certificates.ca,
        tlslevel=level,
    )  # fmt: skip
    send(gateway, 1)
    assert gateway.flush().returncode == (EX_OK if goes else EX_TEMPFAIL)
    assert len(smarthost.messages) == goes
    assert gateway.mailbox("ann") == []


@pytest.mark.parametrize(("host", "goes"), [("localhost", True), ("127.0.0.2", False)])
def test_tlslevel_named_wants_a_certificate_for_the_host(
    make_gateway, make_smarthost, certificates, host, goes
):
    smarthost = make_smarthost(
        tls=True, extensions=PROTECTED, address="127.0.0.1" if goes else host
    )
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    gateway.smarthost(
        "isp", host=host, port=smarthost.port, tls="try", cafile=certificates.ca,
        tlslevel="named",
    )  # fmt: skip
    send(gateway, 1)
    gateway.flush()
    assert len(smarthost.messages) == goes


def test_tlslevel_any_lets_a_provider_give_up_its_tls(make_gateway, make_smarthost, certificates):
    smarthost = make_smarthost(tls=True, extensions=PROTECTED)
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    keys = {"host": "localhost", "port": smarthost.port, "tls": "try", "cafile": certificates.ca}
    gateway.smarthost("isp", **keys)
    send(gateway, 1)
    assert gateway.flush().returncode == EX_OK
    smarthost.extensions = OPEN
    send(gateway, 1)
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert "tlslevel any" in gateway.smarthost_status()["mend"]
    gateway.smarthost("isp", **keys, tlslevel="any")
    assert gateway.flush().returncode == EX_OK
    assert len(smarthost.taken) == 2


@pytest.mark.parametrize(
    ("key", "value", "mend"),
    [
        ("rate", "many", '"100 per hour"'),
        ("rate", "0 per day", '"100 per hour"'),
        ("perconnection", "two", "number"),
        ("recipients", "-1", "number"),
        ("chunking", "maybe", "auto yes no"),
        ("pipelining", "never", "auto yes no"),
        ("tlslevel", "high", "seen any encrypted named"),
        ("nullsender", "office", "a whole address"),
        ("convert8bit", "1", "yes no"),
        ("breaklines", "always", "yes no"),
    ],
)
def test_check_shows_a_wrong_value_in_one_line_with_the_mend(office, key, value, mend):
    office.write(**{key: value})
    done = office.run("check")
    assert done.returncode == EX_CONFIG
    [line] = [one for one in done.stdout.splitlines() if "smarthosts/isp" in one]
    assert key in line and mend in line


# control/replies

ODD = "550 5.1.1 our contingent is used up"


def test_without_a_rule_of_the_operators_the_programs_own_decide(office, smarthost):
    refuse(smarthost, "RCPT", ODD)
    send(office, 1)
    assert office.flush().returncode == EX_OK
    wait_until(lambda: office.mailbox("ann"), what="the bounce")


def test_a_rule_of_the_operators_goes_before_the_programs_own(office, smarthost):
    office.control(
        "replies",
        "rule isp-quota\nat rcpt\nsaid contingent ... used\nthen account stop 6h\n"
        "what monthly volume of the provider\nmend Ask the provider for a larger volume.\n",
    )
    refuse(smarthost, "RCPT", ODD)
    send(office, 3)
    link_up(office)
    stopped_again(office, 1)
    assert office.mailbox("ann") == []
    assert "what=monthly volume of the provider\n" in stops_file(office).read_text()
    status = office.smarthost_status()
    assert (status["scope"], status["mend"]) == (
        "account", "Ask the provider for a larger volume.",
    )  # fmt: skip
    assert "monthly volume of the provider" in office.run("status").stdout


def test_a_wrong_line_in_replies_keeps_no_mail_back(office, smarthost):
    office.control("replies", "rule isp-quota\nat nowhere\nthen account stop 6h\n")
    send(office, 1)
    assert office.flush().returncode == EX_OK
    assert office.run("check").returncode == EX_CONFIG
