"""Direct delivery: a smarthost of type mx sends to the mail hosts of each domain."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from name_server import Zone
from smarthost import Smarthost
from waiting import wait_until

ANN = "ann@gate.example"
ONE, TWO, NOBODY = "127.0.0.2", "127.0.0.3", "127.0.0.9"


class Stand:
    """A gateway that sends directly, the names it asks for, and the hosts it finds: all on
    one port, at addresses of their own."""

    def __init__(self, make_gateway, make_smarthost):
        self.make_smarthost = make_smarthost
        self.hosts = {}
        self.hosts[ONE] = make_smarthost(address=ONE)
        self.port = self.hosts[ONE].port
        self.zone = Zone({})
        self.gateway = make_gateway(start=False)
        self.gateway.smarthost("direct", type="mx", port=self.port)
        self.gateway.control("smtproutes", ":direct\n")
        self.gateway.start()

    def host(self, address):
        if address not in self.hosts:
            self.hosts[address] = self.make_smarthost(address=address, port=self.port)
        return self.hosts[address]

    def names(self, records):
        self.zone.records.update(records)

    def send(self, *recipients, message=b"Subject: x\r\n\r\nhello\r\n"):
        self.gateway.send(ANN, list(recipients), message)

    def link_up(self):
        done = self.gateway.run("link", "up", "line", f"dns={self.zone.address}")
        assert done.returncode == 0, done.stderr

    def link_is_up_for_long(self):
        note = self.gateway.root / "spool/state/links/line"
        note.write_text(re.sub(r"since=\d+", f"since={int(time.time()) - 5000}", note.read_text()))

    def wait_empty(self):
        wait_until(lambda: not self.gateway.parked("direct"), what="an empty Maildir")

    def bounce(self):
        [bounce] = wait_until(lambda: self.gateway.mailbox("ann"), what="the bounce")
        return bounce.decode()


@pytest.fixture
def stand(make_gateway, make_smarthost):
    stand = Stand(make_gateway, make_smarthost)
    yield stand
    stand.zone.close()


def host_at(address):
    return {"A": [address]}


def test_mail_goes_to_the_best_host_of_each_domain(stand):
    stand.names({
        "far.example": {"MX": [(20, "b.far.example"), (10, "a.far.example")]},
        "a.far.example": host_at(ONE), "b.far.example": host_at(NOBODY),
        "other.example": {"MX": [(0, "mx.other.example")]},
        "mx.other.example": host_at(TWO),
    })  # fmt: skip
    stand.host(TWO)
    stand.send("you@far.example", "he@other.example", "she@FAR.example")
    assert sorted(one.recipients for one in stand.gateway.parked("direct")) == [
        ["he@other.example"], ["you@far.example", "she@FAR.example"],
    ]  # fmt: skip
    stand.link_up()
    stand.wait_empty()
    assert stand.hosts[ONE].taken[0].recipients == ["you@far.example", "she@FAR.example"]
    assert stand.hosts[TWO].taken[0].recipients == ["he@other.example"]


def test_domains_that_share_a_host_share_its_connection(stand):
    domains = [f"d{number}.example" for number in range(12)]
    stand.names({one: {"MX": [(10, "mx.hoster.example")]} for one in domains})
    stand.names({"mx.hoster.example": host_at(ONE)})
    for one in domains:
        stand.send(f"you@{one}")
    stand.link_up()
    stand.wait_empty()
    assert len(stand.hosts[ONE].taken) == 12
    assert len(stand.hosts[ONE].sessions) == 1


def test_a_domain_without_mx_is_its_own_mail_host_also_by_another_name(stand):
    stand.names({
        "plain.example": host_at(ONE),
        "alias.example": {"CNAME": ["plain.example"]},
    })  # fmt: skip
    stand.send("you@plain.example")
    stand.send("you@alias.example")
    stand.send(f"you@[{ONE}]")
    stand.link_up()
    stand.wait_empty()
    assert len(stand.hosts[ONE].taken) == 3


def test_what_a_host_answers_unclearly_three_times_is_held_and_shown(stand):
    stand.names({"far.example": {"MX": [(10, "mx.far.example")]}, "mx.far.example": host_at(ONE)})
    stand.gateway.control("uncertainwait", "1\n")
    stand.hosts[ONE].answer = lambda step, argument, session: "354 go on" if step == "BODY" else None
    stand.send("you@far.example")
    stand.link_up()

    def is_held():
        stand.gateway.flush("direct")
        return stand.gateway.queue()[0]["state"] == "held"

    wait_until(is_held, 30, "the message being held")
    assert len(stand.hosts[ONE].messages) == 3
    [letter] = stand.gateway.queue()
    assert "does not tell whether it took the message: 354" in letter["why"]
    assert "lontar release" in letter["mend"]


@pytest.mark.parametrize("fault", ["refused", "greeting 554", "greeting 421", "EHLO and HELO refused"])
def test_the_next_host_takes_its_turn(stand, fault):
    stand.names({
        "far.example": {"MX": [(1, "a.far.example"), (2, "b.far.example")]},
        "a.far.example": host_at(ONE if fault != "refused" else NOBODY),
        "b.far.example": host_at(TWO),
    })  # fmt: skip
    words = {"greeting 554": ("GREETING", "554 no service"), "greeting 421": ("GREETING", "421 busy")}
    if fault in words:
        step_of, reply = words[fault]
        stand.hosts[ONE].answer = lambda step, argument, session: (
            reply if step == step_of else None
        )
    elif fault != "refused":
        stand.hosts[ONE].answer = lambda step, argument, session: (
            "550 go away" if step in ("EHLO", "HELO") else None
        )
    stand.host(TWO)
    stand.send("you@far.example")
    stand.link_up()
    stand.wait_empty()
    assert len(stand.hosts[TWO].taken) == 1
    assert not stand.gateway.smarthost_status("direct")["held"]


def test_an_address_that_leads_nowhere_does_not_hide_the_other(stand):
    stand.names({"far.example": {"AAAA": ["2001:db8::1"], "A": [NOBODY, ONE]}})
    stand.send("you@far.example")
    stand.link_up()
    stand.wait_empty()
    assert len(stand.hosts[ONE].taken) == 1


@pytest.mark.parametrize("killed", ["who holds the lock", "all"])
def test_a_flush_that_is_killed_loses_nothing(stand, killed):
    stand.names({f"d{number}.example": host_at((ONE, TWO)[number % 2]) for number in range(4)})
    slow = threading.Event()
    for address in (ONE, TWO):
        stand.host(address).answer = lambda step, argument, session: (
            slow.wait(10) and None if step == "BODY" else None
        )
    people = [f"you@d{number % 4}.example" for number in range(40)]
    for who in people:
        stand.send(who)
    stand.gateway.control("uncertainwait", "1\n")
    stand.link_up()
    wait_until(lambda: stand.hosts[ONE].messages and stand.hosts[TWO].messages, what="mail")
    family = stand.gateway.processes()
    flushes = [pid for pid, name in family.items() if name == "lontar-flush"]
    assert len(flushes) == 5  # each domain is a host of its own
    for pid in sorted(flushes)[: 1 if killed != "all" else None]:
        os.kill(pid, signal.SIGKILL)
    slow.set()
    stand.gateway.run("link", "down", "line")
    stand.link_up()
    wait_until(lambda: not stand.gateway.parked("direct"), 30, what="an empty Maildir")
    got = [who for one in stand.hosts[ONE].taken + stand.hosts[TWO].taken for who in one.recipients]
    assert sorted(set(got)) == sorted(set(people)) and len(got) >= len(people)


@pytest.mark.parametrize("domain, records, status, words", [
    ("nowhere.example", None, "5.1.2", "there is no domain nowhere.example"),
    ("null.example", {"MX": [(0, ".")]}, "5.1.10", "takes no mail"),
    ("empty.example", {}, "5.4.4", "no mail host of empty.example has an address"),
    ("us.example", {"MX": [(10, "gate.example")]}, "5.4.6", "would come back here"),
])  # fmt: skip
def test_what_can_never_be_sent_is_bounced(stand, domain, records, status, words):
    if records is not None:
        stand.names({domain: records, "gate.example": host_at(ONE)})
    stand.send(f"you@{domain}")
    stand.link_up()
    stand.wait_empty()
    bounce = stand.bounce()
    assert f"Status: {status}" in bounce
    assert words in re.sub(r"\s+", " ", bounce)


def test_hosts_that_are_no_better_than_we_are_get_nothing_from_us(stand):
    stand.names({
        "far.example": {"MX": [(1, "a.far.example"), (5, "me.far.example"), (9, "b.far.example")]},
        "a.far.example": host_at(NOBODY), "me.far.example": host_at("127.0.0.1"),
        "b.far.example": host_at(ONE),
    })  # fmt: skip
    stand.send("you@far.example")
    stand.link_up()
    [queued] = wait_until(
        lambda: [one for one in stand.gateway.queue() if one["attempts"] == 1], what="an attempt"
    )
    assert queued["state"] == "waiting"
    assert stand.hosts[ONE].taken == []


def test_names_that_cannot_be_had_now_are_waited_for(stand):
    stand.names({"broken.example": "SERVFAIL", "far.example": host_at(ONE)})
    stand.send("you@broken.example")
    stand.send("you@far.example")
    stand.link_up()
    wait_until(lambda: stand.hosts[ONE].taken, what="the other domain's mail")
    [queued] = wait_until(
        lambda: [one for one in stand.gateway.queue() if one["attempts"] == 1], what="an attempt"
    )
    assert queued["recipients"] == ["you@broken.example"]
    assert stand.gateway.mailbox("ann") == []
    stand.names({"broken.example": host_at(ONE)})
    stand.gateway.run("link", "down", "line")
    stand.link_up()
    stand.wait_empty()


def test_a_host_that_hangs_or_refuses_keeps_no_other_domain(stand):
    stand.names({
        "slow.example": host_at(TWO), "far.example": host_at(ONE), "bad.example": host_at("127.0.0.4"),
    })  # fmt: skip
    silent = socket.create_server((TWO, stand.port))
    bad = stand.host("127.0.0.4")
    bad.answer = lambda step, argument, session: "550 5.1.1 unknown" if step == "RCPT" else None
    for number in range(3):
        for domain in ("slow", "bad", "far"):
            stand.send(f"you@{domain}.example")
    stand.link_up()
    wait_until(lambda: len(stand.hosts[ONE].taken) == 3, what="the mail of the good one")
    wait_until(lambda: len(stand.gateway.mailbox("ann")) == 3, what="the bounces")
    assert not stand.gateway.smarthost_status("direct")["held"]
    assert {one["recipients"][0] for one in stand.gateway.queue()} == {"you@slow.example"}
    stand.gateway.run("link", "down", "line")
    wait_until(
        lambda: {one["state"] for one in stand.gateway.queue()} == {"waiting"}, what="the end"
    )
    silent.close()


def test_a_later_attempt_waits_for_its_time_unless_the_link_comes_up(stand):
    stand.names({"far.example": host_at(NOBODY), "other.example": host_at(ONE)})
    stand.send("you@far.example")
    stand.link_up()
    wait_until(lambda: stand.gateway.queue()[0]["attempts"] == 1, what="the first attempt")
    stand.link_is_up_for_long()
    stand.send("you@other.example")
    wait_until(lambda: stand.hosts[ONE].taken, what="the other domain's mail")
    [queued] = stand.gateway.queue()
    assert queued["attempts"] == 1
    stand.names({"far.example": host_at(ONE)})
    stand.gateway.run("link", "down", "line")
    stand.link_up()
    stand.wait_empty()


def test_a_dead_host_is_left_out_until_the_link_comes_up_again(stand):
    stand.names({
        "far.example": {"MX": [(1, "a.far.example"), (2, "b.far.example")]},
        "a.far.example": host_at(ONE), "b.far.example": host_at(TWO),
        "other.example": host_at(ONE),
    })  # fmt: skip
    stand.host(TWO)
    stand.link_up()
    stand.send("you@other.example")
    stand.wait_empty()
    wait_until(
        lambda: "lontar-flush" not in stand.gateway.processes().values(), what="the flush's end"
    )
    stand.link_is_up_for_long()
    dead = stand.gateway.root / "spool/state/dead/direct"
    dead.parent.mkdir(exist_ok=True)
    dead.write_text(f"a.far.example 2 {int(time.time()) - 100}\nold.example 9 1000\n")
    stand.send("you@far.example")
    wait_until(lambda: stand.hosts[TWO].taken, what="the mail at the second host")
    assert len(stand.hosts[ONE].taken) == 1
    stand.wait_empty()
    stand.gateway.run("link", "down", "line")
    stand.link_up()
    stand.send("you@far.example")
    wait_until(lambda: len(stand.hosts[ONE].taken) == 2, what="the mail at the first host")


def test_recipients_of_many_domains_in_one_file_are_sent_by_and_by(stand):
    """Parked before the smarthost was of type mx."""
    gateway = stand.gateway
    people = [f"you@d{number}.example" for number in range(4)]
    gateway.smarthost("direct", host="127.0.0.1", port=1)
    stand.send(*people)
    [parked] = gateway.parked("direct")
    assert parked.recipients == people
    gateway.smarthost("direct", type="mx", port=stand.port)
    stand.names({f"d{number}.example": host_at((ONE, TWO)[number % 2]) for number in range(4)})
    stand.host(TWO)
    stand.link_up()
    stand.wait_empty()
    taken = stand.hosts[ONE].taken + stand.hosts[TWO].taken
    assert sorted(who for one in taken for who in one.recipients) == people


def test_a_command_flushes_without_a_gateway(stand):
    stand.names({"far.example": host_at(ONE)})
    stand.send("you@far.example")
    stand.gateway.stop()
    stand.link_up()
    done = stand.gateway.flush()
    assert done.returncode == 0, done.stderr
    assert len(stand.hosts[ONE].taken) == 1


def test_postfix_takes_it_with_tls_where_it_offers_that(make_gateway, make_postfix):
    postfix = make_postfix(tls="starttls", address=ONE)
    other = make_postfix(address=TWO, port=postfix.port)
    zone = Zone({
        "far.example": {"MX": [(10, "mx.far.example")]}, "mx.far.example": host_at(ONE),
        "other.example": {"MX": [(10, "mx.other.example")]}, "mx.other.example": host_at(TWO),
    })  # fmt: skip
    gateway = make_gateway(start=False)
    gateway.smarthost("direct", type="mx", port=postfix.port)
    gateway.control("smtproutes", ":direct\n")
    gateway.start()
    for number in range(5):
        gateway.send(ANN, ["you@far.example", "you@other.example"])
    gateway.send(ANN, ["nobody@far.example"])
    gateway.run("link", "up", "line", f"dns={zone.address}")
    wait_until(lambda: not gateway.parked("direct"), what="an empty Maildir")
    wait_until(lambda: len(postfix.mail()) == 5 and len(other.mail()) == 5, what="delivery")
    assert b" with ESMTPS id " in postfix.mail()[0]
    assert b" with ESMTP id " in other.mail()[0]
    [bounce] = wait_until(lambda: gateway.mailbox("ann"), what="the bounce")
    assert b"5.1.1" in bounce
    zone.close()


def answers_queries(port):
    query = bytes.fromhex("000101000001000000000000") + b"\7example\0" + bytes.fromhex("00010001")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect(("127.0.0.1", port))
        try:
            client.send(query)
            return client.recv(512)
        except OSError:
            return None


@pytest.mark.skipif(not shutil.which("dnsmasq"), reason="needs Debian's dnsmasq-base")
def test_dnsmasq_says_where_mail_goes(stand, folder):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
         "--bind-interfaces", "--listen-address=127.0.0.1", f"--port={port}", "--user=root",
         "--pid-file=", "--local=/example/", "--mx-host=far.example,mx.far.example,10",
         f"--address=/mx.far.example/{ONE}"],
    )  # fmt: skip
    try:
        wait_until(lambda: answers_queries(port), what="dnsmasq")
        stand.send("you@far.example")
        stand.send("you@nowhere.example")
        stand.gateway.run("link", "up", "line", f"dns=127.0.0.1:{port}")
        wait_until(lambda: stand.hosts[ONE].taken, what="the mail")
        assert "5.1.2" in stand.bounce()
    finally:
        server.terminate()
        server.wait()
