"""`lontar init --from-hostname`: what qmail's config did."""

import os
import subprocess

import pytest
from gateway import BIN, EX_CONFIG, EX_OK, EX_USAGE


def init(folder, name, *words):
    """On a machine of that name."""
    if os.geteuid() != 0:
        pytest.skip("a machine's name of the test's own needs root")
    root = folder / "root"
    done = subprocess.run(
        ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name,
         BIN / "lontar", "--root", root, "init", *words],
        text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    if "unshare" in done.stderr:
        pytest.skip("a machine's name of the test's own is refused here")
    return done


def values(folder, name):
    text = (folder / "root/control" / name).read_text()
    return [line for line in text.splitlines() if line and line[0] != "#"]


@pytest.mark.parametrize("name, default, plus", [
    ("Gate.Lab.Office.Example", "lab.office.example", "office.example"),
    ("gate.example", "gate.example", "gate.example"),
])  # fmt: skip
def test_the_machines_name_says_all(folder, name, default, plus):
    assert init(folder, name, "--from-hostname").returncode == EX_OK
    assert values(folder, "me") == [name.lower()]
    assert values(folder, "defaultdomain") == [default]
    assert values(folder, "plusdomain") == [plus]
    assert values(folder, "locals")[0] == name.lower()
    assert values(folder, "rcpthosts")[0] == name.lower()


def test_a_name_without_a_domain_is_told_with_the_mend(folder):
    done = init(folder, "no-such-name-anywhere", "--from-hostname")
    assert done.returncode == EX_CONFIG
    assert "has no domain: say --me HOST" in done.stderr


def test_one_of_both_is_said(folder):
    done = init(folder, "gate.example", "--from-hostname", "--me", "other.example")
    assert done.returncode == EX_USAGE
