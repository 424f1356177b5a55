"""With the users that `scripts/install` names: who runs as whom."""

import ctypes
import os
import pathlib

import pytest
from gateway import EX_OK, Gateway
from waiting import wait_until

ROLES = ("lontar", "lontard", "lontarauth", "lontarout", "lontarweb", "alias")
FIRST = 23450
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 4096, 16384, 1 << 18
FAR = "you@far.example"


class WithRoles(Gateway):
    """One that sees a passwd and a group file of its own."""

    def __init__(self, folder, **more):
        for name, line in (("passwd", "{0}:x:{1}:{1}::/nonexistent:/bin/false\n"),
                           ("group", "{0}:x:{1}:\n")):  # fmt: skip
            text = pathlib.Path("/etc", name).read_text()
            text += "".join(line.format(role, FIRST + i) for i, role in enumerate(ROLES))
            (folder / name).write_text(text)
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.places = [(str(folder / name).encode(), f"/etc/{name}".encode())
                       for name in ("passwd", "group")]  # fmt: skip
        super().__init__(folder, **more)

    def enter(self):
        """In the child: a mount namespace where these are /etc's."""
        libc = self.libc
        assert libc.unshare(CLONE_NEWNS) == 0
        assert libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0
        for ours, theirs in self.places:
            assert libc.mount(ours, theirs, None, MS_BIND, None) == 0

    def start(self, **more):
        return super().start(preexec_fn=self.enter, **more)

    def run(self, *words, **more):
        return super().run(*words, preexec_fn=self.enter, **more)


@pytest.fixture
def roles(folder):
    if os.geteuid() != 0:
        pytest.skip("other users need root")
    try:
        gateway = WithRoles(folder)
    except Exception as refused:  # preexec_fn's own words are not passed on
        pytest.skip(f"a passwd file of the test's own is refused here: {refused}")
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    gateway.shared = shared
    yield gateway.start()
    gateway.stop()


def account(gateway, user, name, text):
    file = gateway.root / "mail" / user / name
    file.write_text(text)
    os.chown(file, FIRST, FIRST)
    return file


def test_programs_of_an_account_run_as_alias_and_its_mailbox_is_lontars(roles):
    account(roles, "ann", ".qmail", (
        f"|{{ id -u; grep -E 'Cap(Prm|Bnd|Eff)|NoNewPrivs' /proc/self/status; "
        f"ls {roles.root}/mail; cat; }} > {roles.shared}/told 2>&1\n"
        f"./Maildir/\n"
    ))  # fmt: skip
    roles.send(FAR, ["ann@gate.example"])
    wait_until(lambda: not roles.parked("local"), what="the delivery")
    told = (roles.shared / "told").read_text()
    assert told.startswith(f"{FIRST + ROLES.index('alias')}\n")
    assert "CapPrm:\t0000000000000000" in told and "CapEff:\t0000000000000000" in told
    assert "NoNewPrivs:\t1" in told
    assert "Permission denied" in told and "Subject: hello" in told
    (mail,) = (roles.root / "mail/ann/Maildir/new").iterdir()
    assert mail.stat().st_uid == FIRST


def test_a_program_of_an_account_that_hangs_is_killed(roles):
    roles.control("timeoutlocal", "1\n")
    account(roles, "ann", ".qmail", f"|echo $$ > {roles.shared}/pid; sleep 3600\n")
    roles.send(FAR, ["ann@gate.example"])
    wait_until(lambda: any("A" in one.facts for one in roles.parked("local")), what="a deferral")
    pid = int((roles.shared / "pid").read_text())
    wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), what="its end")


def test_nothing_is_left_when_the_gateway_stops_in_the_middle(roles):
    account(roles, "ann", ".qmail", f"|echo $$ > {roles.shared}/pid; sleep 3600\n")
    roles.send(FAR, ["ann@gate.example"])
    wait_until(lambda: (roles.shared / "pid").exists(), what="the program")
    assert roles.stop() == EX_OK
    pid = int((roles.shared / "pid").read_text())
    wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), what="its end")
    roles.start()
