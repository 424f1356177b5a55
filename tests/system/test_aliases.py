"""control/aliases: /etc/aliases with fastforward's grammar, beside the real fastforward."""

import shutil
import subprocess
import time

import pytest

from gateway import EX_CONFIG, EX_OK
from waiting import wait_until

ALIASES = r"""# people
# a comment
 that goes on: nobody
staff: Ann, BOB@gate.example (the second), "Carl Far" <carl@far.example>
everyone:
  staff,

  dora@far.example
a: b
b: a, ann
round: square
square: round
twice: ann, ann, Ann@gate.example
quoted: "two words"@far.example
info@other.example: bob
@other.example: ann
first: ann
first: bob
list: :include:{list}
owner-list: bob
printer: "|cat >{printed}"
"""


@pytest.fixture
def office(make_gateway, smarthost, folder):
    gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
    (folder / "list").write_text("# members\nann, carl@far.example\n")
    write(gateway, folder)
    gateway.control("virtualdomains", "other.example:alias\n")
    gateway.control("rcpthosts", "gate.example\nother.example\n")
    return gateway.start()


def write(gateway, folder):
    gateway.control(
        "aliases", ALIASES.format(list=folder / "list", printed=folder / "printed")
    )
    done = gateway.run(program="newaliases")
    assert done.returncode == EX_OK, done.stderr


def where(gateway, address):
    """The mailboxes and parked recipients that one message comes to."""
    before = {user: len(gateway.mailbox(user)) for user in ("ann", "bob")}
    parked = {one.id for one in gateway.parked()}
    gateway.send("zoe@far.example", [address])
    found = [
        user for user, count in before.items() for _ in gateway.mailbox(user)[count:]
    ]
    for one in gateway.parked():
        if one.id not in parked:
            found += one.unsettled
    return sorted(found)


@pytest.mark.parametrize(
    "alias, found",
    [
        ("staff", ["ann", "bob", "carl@far.example"]),
        ("STAFF", ["ann", "bob", "carl@far.example"]),
        ("everyone", ["ann", "bob", "carl@far.example", "dora@far.example"]),
        ("a", ["ann"]),
        ("twice", ["ann"]),
        ("quoted", ["two words@far.example"]),
        ("info@other.example", ["bob"]),
        ("anybody@other.example", ["ann"]),
        ("first", ["ann"]),
        ("owner-list", ["bob"]),
    ],
)
def test_mail_for_an_alias_goes_to_all_whom_it_names_once(office, alias, found):
    assert where(office, alias if "@" in alias else f"{alias}@gate.example") == found


def test_aliases_never_override_users_but_come_before_alias_files(office):
    office.control("aliases", "ann: bob\npostmaster: bob\n")
    assert office.run("rebuild").returncode == EX_OK
    assert where(office, "ann@gate.example") == ["ann"]
    assert where(office, "postmaster@gate.example") == ["bob"]


def test_a_circle_that_leads_to_nobody_is_refused(office):
    with office.connect() as client:
        client.hello("MAIL FROM:<>")
        assert client.say("RCPT TO:<round@gate.example>").startswith("554 5.4.6")


def test_a_list_s_bounces_go_to_its_owner(office):
    office.send("zoe@far.example", ["list@gate.example"])
    wait_until(lambda: office.mailbox("ann") and office.parked(), what="the list's mail")
    assert b"Return-Path: <owner-list@gate.example>" in office.mailbox("ann")[0]
    (parked,) = office.parked()
    assert parked.unsettled == ["carl@far.example"]
    assert parked.bytes.startswith(b"Return-Path: <owner-list@gate.example>\n")


def test_a_list_is_read_as_it_is_when_mail_comes(office, folder):
    (folder / "list").write_text("dora@far.example\n")
    office.send("zoe@far.example", ["list@gate.example"])
    wait_until(office.parked, what="the list's mail")
    assert [one.unsettled for one in office.parked()] == [["dora@far.example"]]


def test_a_list_that_cannot_be_read_keeps_the_mail_waiting(office, folder):
    (folder / "list").unlink()
    with office.connect() as client:
        client.hello("MAIL FROM:<zoe@far.example>")
        assert client.say("RCPT TO:<list@gate.example>").startswith("451 4.3.5")
        assert client.say("RCPT TO:<staff@gate.example>").startswith("250")


def test_a_program_gets_the_message_as_mailers_of_mbox_expect_it(office, folder):
    printed = folder / "printed"
    printed.touch()
    printed.chmod(0o666)  # the program runs as alias or nobody
    office.send("zoe@far.example", ["printer@gate.example"])
    wait_until(lambda: "\nhello" in printed.read_text(), what="the print")
    lines = printed.read_text().splitlines()
    assert lines[0].startswith("From zoe@far.example ")
    assert lines[1:3] == ["Return-Path: <zoe@far.example>", "Delivered-To: printer@gate.example"]
    assert lines[-1] == "hello"


def test_ten_thousand_members_each_get_it_once(office, folder):
    members = [f"m{i}@h{i % 50}.example" for i in range(10_000)]
    (folder / "list").write_text("".join(f"{one}\n" for one in members) + "ann\nbob\n")
    began = time.monotonic()
    office.send("zoe@far.example", ["list@gate.example"])
    assert time.monotonic() - began < 5
    wait_until(
        lambda: sum(len(one.unsettled) for one in office.parked()) == len(members), 60,
        what="everybody's mail",
    )  # fmt: skip
    found = [one for parked in office.parked() for one in parked.unsettled]
    assert sorted(found) == sorted(members)
    wait_until(lambda: office.mailbox("ann") and office.mailbox("bob"), what="the mailboxes")
    assert len(office.mailbox("ann")) == len(office.mailbox("bob")) == 1


def test_explain_and_check_know_aliases(office):
    done = office.run("explain", "staff@gate.example")
    assert 'is "staff@" of control/aliases: 3 addresses' in done.stdout
    office.control("aliases", "staff: ann\nfile: /var/mail/file\n")
    assert "aliases.cdb" in office.run("check").stdout
    done = office.run("rebuild")
    assert done.returncode == EX_CONFIG
    assert "control/aliases: 2: " in done.stderr
    assert where(office, "staff@gate.example") == ["ann", "bob", "carl@far.example"]


# beside the real one


def fastforward(gateway, address):
    """What Debian's fastforward would do with our map."""
    user, _, host = address.partition("@")
    done = subprocess.run(
        [shutil.which("fastforward"), "-nd", gateway.root / "control" / "aliases.cdb"],
        env={**gateway.environment, "DEFAULT": user, "HOST": host}, text=True,
        capture_output=True, stdin=subprocess.DEVNULL, timeout=20,
    )  # fmt: skip
    return done


@pytest.mark.skipif(not shutil.which("fastforward"), reason="needs Debian's fastforward")
@pytest.mark.parametrize(
    "address, found",
    [
        ("staff@gate.example",
         ["to <BOB@gate.example>", "to <Ann@gate.example>", "to <carl@far.example>"]),
        ("info@other.example", ["to <bob@gate.example>"]),
        ("x@other.example", ["to <ann@gate.example>"]),
        ("quoted@gate.example", ["to <two words@far.example>"]),
    ],
)  # fmt: skip
def test_the_real_fastforward_reads_our_map(office, address, found):
    done = fastforward(office, address)
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("to ")]
    assert sorted(told) == sorted(found)


@pytest.mark.skipif(not shutil.which("setforward"), reason="needs Debian's fastforward")
def test_we_read_the_map_of_the_real_one(office, folder):
    text = "staff@: &bob@gate.example, dora@far.example;\n@other.example: bob@gate.example;\n"
    cdb = office.root / "control" / "aliases.cdb"
    subprocess.run(
        [shutil.which("setforward"), cdb, folder / "tmp"], input=text, text=True, check=True, timeout=20
    )
    (office.root / "control" / "aliases").unlink()
    assert where(office, "staff@gate.example") == ["bob", "dora@far.example"]
    assert where(office, "x@other.example") == ["bob"]
