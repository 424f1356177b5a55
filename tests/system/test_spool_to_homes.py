"""scripts/spool-to-homes: /var/spool/mail into people's homes."""

import mailbox
import os
import pathlib
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts/spool-to-homes"
BOX = "From you@far.example Sun Nov 22 12:00:00 2026\nSubject: {}\n\ntext\n\n"


@pytest.fixture
def spool(folder):
    """Words to run it with, where joe is a user with a home."""
    if os.geteuid() != 0:
        pytest.skip("other people's mail needs root")
    uid = 12345
    home, boxes = folder / "joe", folder / "spool"
    home.mkdir()
    os.chown(home, uid, uid)
    boxes.mkdir()
    (folder / "passwd").write_text(
        pathlib.Path("/etc/passwd").read_text() + f"joe:x:{uid}:{uid}::{home}:/bin/sh\n"
    )
    for name in ("joe", "root", "nobody-here"):
        (boxes / name).write_text(BOX.format("one"))
    words = ["unshare", "--mount", "sh", "-c",
             f"mount --bind {folder}/passwd /etc/passwd && exec \"$@\"", "sh",
             SCRIPT, "--spool", boxes]  # fmt: skip
    if subprocess.run([*words[:6], "true"], capture_output=True).returncode:
        pytest.skip("a passwd file of the test's own needs a mount, which is refused here")
    return words, home, boxes


def run(words, *more):
    done = subprocess.run([*words, *more], text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_box_goes_to_its_owners_home_once(spool):
    words, home, boxes = spool
    assert f"would move: {boxes}/joe to {home}/Mailbox" in run(words)
    assert not (home / "Mailbox").exists()
    (home / "Mailbox").write_text(BOX.format("was here"))
    os.chown(home / "Mailbox", 12345, 12345)
    said = run(words, "--yes")
    assert f"moved: {boxes}/joe to {home}/Mailbox" in said
    assert f"stays: {boxes}/root" in said and f"stays: {boxes}/nobody-here" in said
    assert run(words, "--yes").count("moved") == 0
    assert [one["Subject"] for one in mailbox.mbox(home / "Mailbox")] == ["was here", "one"]
    assert (home / "Mailbox").stat().st_uid == 12345
    assert (boxes / "joe").read_text() == "" and (boxes / "root").read_text()
    assert sorted(path.name for path in boxes.iterdir()) == ["joe", "nobody-here", "root"]


def test_a_home_that_takes_nothing_keeps_the_box(spool):
    words, home, boxes = spool
    (home / "Mailbox").symlink_to("/etc/passwd")
    done = subprocess.run([*words, "--yes"], text=True, capture_output=True, timeout=60)
    assert done.returncode == 75
    assert (boxes / "joe").read_text()
