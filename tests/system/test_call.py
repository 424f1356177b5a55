"""`lontar call`: dial, push and fetch side by side, hang up."""

import subprocess

import pytest

from gateway import BIN, EX_CONFIG, EX_NOINPUT, EX_OK, EX_TEMPFAIL
from provider import Provider
from waiting import wait_until

LETTER = b"Subject: from far\n\nhello\n"


@pytest.fixture
def provider():
    made = Provider([LETTER])
    yield made
    made.close()


@pytest.fixture
def office(make_gateway, smarthost, provider):
    """A gateway whose link `line` is dialled by a script that keeps a diary."""
    gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
    gateway.diary = gateway.folder / "diary"
    gateway.secret("secrets/isp", provider.password)
    gateway.control(
        "pickups/isp",
        f"host 127.0.0.1\nport {provider.port}\ntls none\nuser ann\n"
        "passwordfile secrets/isp\nto ann\nevery 0\n",
    )

    def link(dial=f"{BIN}/lontar link up line", hangup=f"{BIN}/lontar link down line", more=""):
        gateway.control(
            "links/line",
            f"dial echo dial >>{gateway.diary}; {dial}\n"
            f"hangup echo hangup >>{gateway.diary}; {hangup}\n{more}",
        )
        return gateway

    return link


def diary(gateway):
    return gateway.diary.read_text().split() if gateway.diary.exists() else []


def post(gateway, smarthost):
    """A letter that waits for the line; the gateway may run or not."""
    done = gateway.run(
        "-f", "ann@gate.example", "bob@far.example", program="sendmail",
        input="Subject: out\n\nhello\n",
    )  # fmt: skip
    assert done.returncode == EX_OK, done.stderr
    assert smarthost.taken == []


@pytest.mark.parametrize("runs", [True, False], ids=["gateway", "alone"])
def test_a_call_pushes_and_fetches_and_hangs_up(office, smarthost, provider, runs):
    gateway = office()
    if runs:
        gateway.start()
    post(gateway, smarthost)
    done = gateway.run("call", "line")
    assert done.returncode == EX_OK, done.stderr
    assert len(smarthost.taken) == 1
    assert provider.messages == []
    assert len(gateway.mailbox("ann")) == 1
    assert diary(gateway) == ["dial", "hangup"]
    assert gateway.status()["links"][0]["state"] == "down"


def test_a_line_that_is_up_is_used_and_left_up(office, smarthost, provider):
    gateway = office().start()
    gateway.run("link", "up", "line")
    wait_until(lambda: gateway.status()["pickups"][0]["last_ok"], what="the pickup at link up")
    provider.messages.append(LETTER + b"again\n")
    assert gateway.run("call", "line").returncode == EX_OK
    assert len(gateway.mailbox("ann")) == 2
    assert diary(gateway) == []
    assert gateway.status()["links"][0]["state"] == "up"


def test_a_busy_line_is_tried_again(office, smarthost, provider):
    gateway = office(f"[ $(grep -c dial @) = 3 ] && {BIN}/lontar link up line")
    file = gateway.root / "control/links/line"
    file.write_text(file.read_text().replace("@", str(gateway.diary)))
    gateway.start()
    done = gateway.run("call", "--tries", "3", "--pause", "0", "line")
    assert done.returncode == EX_OK, done.stderr
    assert diary(gateway).count("dial") == 3
    assert provider.messages == []


def test_a_line_that_stays_busy_is_told(office, provider):
    gateway = office("exit 7").start()
    done = gateway.run("call", "--tries", "2", "--pause", "0", "line")
    assert done.returncode == EX_TEMPFAIL
    assert "busy" in done.stderr
    assert diary(gateway) == ["dial", "hangup"] * 2
    assert provider.sessions == []


def test_a_line_that_never_comes_up_is_hung_up(office, provider):
    gateway = office("exec sleep 60").start()
    done = gateway.run("call", "--wait", "1", "line")
    assert done.returncode == EX_TEMPFAIL
    assert "lontar link up line" in done.stderr
    assert diary(gateway) == ["dial", "hangup"]
    assert provider.sessions == []


def test_the_status_says_that_it_dials_and_nobody_else_may(office, provider):
    gateway = office("exec sleep 60").start()
    with subprocess.Popen(
        [BIN / "lontar", "call", "--wait", "30", "line"], env=gateway.environment
    ) as call:
        wait_until(lambda: gateway.status()["links"][0]["state"] == "dialling", what="the call")
        done = gateway.run("call", "line")
        assert done.returncode == EX_TEMPFAIL
        assert "already" in done.stderr
        call.terminate()
        assert call.wait(20) == EX_TEMPFAIL
    assert gateway.status()["links"][0]["state"] == "down"
    assert diary(gateway) == ["dial", "hangup"]


def test_a_call_that_takes_too_long_is_hung_up(office, provider):
    provider.answer = lambda verb, argument, session: (
        session.socket.recv(1) and "DROP" if verb == "RETR" else None
    )
    gateway = office().start()
    done = gateway.run("call", "--limit", "1", "line")
    assert done.returncode == EX_TEMPFAIL
    assert diary(gateway) == ["dial", "hangup"]
    assert gateway.status()["links"][0]["state"] == "down"
    assert len(provider.messages) == 1


def test_only_what_the_link_serves_is_asked_for(office, smarthost, provider):
    gateway = office(more="pickups other\nsmarthosts isp\n")
    gateway.control("pickups/other", (gateway.root / "control/pickups/isp").read_text())
    gateway.start()
    assert gateway.run("call", "line").returncode == EX_OK
    assert (gateway.root / "spool/pickup/other").exists()
    assert not (gateway.root / "spool/pickup/isp").exists()


def test_what_cannot_be_dialled_is_told_with_the_mend(office, provider):
    gateway = office()
    assert gateway.run("call", "nowhere").returncode == EX_NOINPUT
    gateway.control("links/bare", "interface ppp0\n")
    done = gateway.run("call", "bare")
    assert done.returncode == EX_CONFIG
    assert "dial" in done.stderr
