"""POP3 for users of the system: their own Maildir, read as themselves."""

import pathlib
import poplib

import pytest
from gateway import PASSWORD
from test_local import office, person  # noqa: F401  (fixtures)

JOE = "joe@gate.example"
CHECK = """#!/bin/sh
[ "$(tr '\\0' '\\n' <&3 | head -n 2 | tr '\\n' ' ')" = "joe sesame " ] || exit 1
exec "$@"
"""


@pytest.fixture
def reader(person):
    """joe has a password that only a checkpassword program knows."""
    program = person.gateway.folder / "check"
    program.write_text(CHECK)
    program.chmod(0o755)
    person.gateway.control("checkpassword", f"{program}\n")
    person.gateway.stop()  # settings may be a second old
    person.gateway.start()
    return person


def login(reader, user="joe", password="sesame"):
    return reader.gateway.pop3(user, password)


def test_his_own_maildir_is_read_as_himself(reader):
    reader.send(JOE)
    reader.done()
    client = login(reader)
    (pid,) = [pid for pid, name in reader.gateway.processes().items() if name == "lontar-mailbox"]
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    assert f"Uid:\t{reader.uid}\t{reader.uid}\t{reader.uid}\t{reader.uid}" in status
    assert "CapPrm:\t0000000000000000" in status
    assert client.stat()[0] == 1
    assert f"Delivered-To: {JOE}".encode() in client.retr(1)[1]
    client.dele(1)
    client.quit()
    assert list((reader.home / "Maildir/new").iterdir()) == []


def test_before_his_first_mail_there_is_none(reader):
    client = login(reader)
    assert client.stat() == (0, 0)
    client.quit()


def test_the_maildir_is_the_one_of_defaultdelivery(reader):
    reader.gateway.control("defaultdelivery", "./Post/\n")
    reader.send(JOE)
    reader.done()
    client = login(reader)
    assert client.stat()[0] == 1
    client.quit()


def test_an_mbox_is_not_read_and_that_is_said(reader):
    reader.gateway.control("defaultdelivery", "./Mailbox\n")
    reader.send(JOE)
    reader.done()
    with pytest.raises(poplib.error_proto, match="your mail is in the file ./Mailbox, and only"):
        login(reader)


def test_a_wrong_password_opens_nothing(reader):
    with pytest.raises(poplib.error_proto):
        login(reader, password="sesam")


def test_accounts_are_read_as_ever(reader):
    reader.send("ann@gate.example")
    client = login(reader, "ann", PASSWORD)
    assert client.stat()[0] == 1
    client.quit()
