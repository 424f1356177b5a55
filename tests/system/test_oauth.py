"""Providers that want OAuth 2 instead of a password."""

import base64
import fcntl
import re
import subprocess
import time
import urllib.parse

import pytest

from gateway import BIN, EX_CONFIG, EX_NOPERM, EX_OK, EX_TEMPFAIL
from oauth_provider import Provider
from pickup_stand import letters
from waiting import wait_until

ANN, FAR = "ann@gate.example", "you@far.example"
DAY = 86400


@pytest.fixture
def provider(certificates):
    one = Provider(certificates)
    yield one
    one.close()


@pytest.fixture
def server(make_smarthost, provider):
    """A smarthost that lets in who has a token that is good now."""
    smarthost = make_smarthost(
        tls=True, implicit=True, extensions=["PIPELINING", "AUTH XOAUTH2"]
    )

    def answer(step, argument, session):
        if step != "AUTH":
            return None
        words = base64.b64decode(argument.split()[1]).decode()
        token = re.search("auth=Bearer ([^\1]*)", words)[1]
        return None if token in provider.valid else "535 5.7.8 no"

    smarthost.answer = answer
    return smarthost


@pytest.fixture
def gateway(make_gateway, provider, server, certificates):
    gateway = make_gateway()
    gateway.login = {
        "clientid": "lontar-test", "deviceurl": f"{provider.url}/device",
        "tokenurl": f"{provider.url}/token", "scope": "mail offline", "cafile": certificates.ca,
    }  # fmt: skip

    def write(**more):
        keys = {**gateway.login, **more}
        gateway.control("logins/isp", "".join(f"{key} {keys[key]}\n" for key in keys))

    gateway.write_login = write
    write()
    gateway.smarthost(
        "isp", host="127.0.0.1", port=server.port, tls="implicit", cafile=certificates.ca,
        user="office@isp.example", login="isp", auth="xoauth2",
    )  # fmt: skip
    gateway.control("smtproutes", ":isp\n")
    return gateway


def tokens(gateway):
    return gateway.root / "spool/state/tokens/isp"


def test_a_person_logs_in_once_and_mail_goes_out(gateway, provider, server):
    provider.answers = [provider.usual("/device", {}), (400, {"error": "authorization_pending"})]
    done = gateway.run("login", "isp")
    assert done.returncode == EX_OK, done.stderr
    assert "Open https://isp.example/device and type the code WDJB-MJHT" in done.stdout
    assert "Logged in." in done.stdout
    paths = [path for path, _ in provider.asked]
    assert paths == ["/device", "/token", "/token"]
    assert provider.asked[0][1] == {"client_id": "lontar-test", "scope": "mail offline"}
    assert provider.asked[1][1]["device_code"] == "the-device"
    assert tokens(gateway).stat().st_mode & 0o777 == 0o600
    for _ in range(2):
        gateway.send(ANN, [FAR])
        assert gateway.flush().returncode == EX_OK
    assert len(server.taken) == 2
    assert not provider.refreshes()  # the first token is good for an hour


def test_who_asks_too_often_is_told_to_slow_down_and_does(gateway, provider):
    provider.answers = [provider.usual("/device", {}), (400, {"error": "slow_down"})]
    began = time.monotonic()
    assert gateway.run("login", "isp").returncode == EX_OK
    assert time.monotonic() - began >= 1 + 6


def test_a_token_is_made_anew_before_the_queue_and_the_new_login_kept(
    gateway, provider, server
):
    provider.expires_in = 60
    assert gateway.run("login", "isp").returncode == EX_OK
    provider.valid.clear()
    for _ in range(2):
        gateway.send(ANN, [FAR])
        assert gateway.flush().returncode == EX_OK
    assert [form["refresh_token"] for form in provider.refreshes()] == [
        "1//refresh-1=", "1//refresh-2=",
    ]  # fmt: skip
    assert len(server.taken) == 2
    assert "refresh=1//refresh-3=\n" in tokens(gateway).read_text()


def test_a_login_that_has_ended_holds_the_smarthost_until_somebody_logs_in(
    gateway, provider, server
):
    provider.expires_in = 60
    assert gateway.run("login", "isp").returncode == EX_OK
    provider.refresh = "another"
    gateway.send(ANN, [FAR])
    done = gateway.flush()
    assert done.returncode == EX_TEMPFAIL
    assert "run `lontar login isp`" in done.stderr
    status = gateway.smarthost_status("isp")
    assert status["state"] == "stopped"
    assert not server.sessions and len(gateway.parked()) == 1
    assert "login isp" in gateway.run("status").stdout
    assert gateway.run("check").returncode == EX_CONFIG
    done = gateway.run("login", "isp")
    assert "isp is stopped no longer" in done.stdout
    assert gateway.flush().returncode == EX_OK
    assert len(server.taken) == 1
    assert gateway.run("check").returncode == EX_OK


def test_without_a_login_mail_waits_and_everybody_is_told(gateway):
    gateway.send(ANN, [FAR])
    assert "run `lontar login isp`" in gateway.flush().stderr
    assert gateway.run("token", "isp").returncode == EX_NOPERM
    assert "nobody is logged in; run `lontar login isp`" in gateway.run("check").stdout


def test_a_provider_that_cannot_be_reached_is_tried_again(gateway, provider, server):
    provider.expires_in = 60
    assert gateway.run("login", "isp").returncode == EX_OK
    provider.answers = [(503, b"<html>later</html>")]
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == EX_TEMPFAIL
    assert gateway.smarthost_status("isp")["state"] == "waiting"
    assert gateway.flush().returncode == EX_OK


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "no JSON"),
        (b"[]", "no JSON"),
        (b"{" * 60000, "no JSON"),
        (b"x" * 200000, "device"),
        ({"device_code": "a b", "user_code": 7}, "without tokens"),
        ({"error": "invalid_client", "error_description": "who\r\nare you"}, "who??are you"),
    ],
)
def test_a_strange_answer_is_an_error_in_words(gateway, provider, body, words):
    provider.answers = [(200, body)]
    done = gateway.run("login", "isp")
    assert done.returncode != EX_OK
    assert words in done.stderr and done.stderr.count("\n") == 1


def test_where_there_are_no_codes_the_browsers_address_is_pasted(gateway, provider, server):
    del gateway.login["deviceurl"]
    gateway.write_login(authurl="https://isp.example/auth?x=1")

    def paste(text):
        with subprocess.Popen(
            [BIN / "lontar", "login", "isp"], env=gateway.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            address = next(line for line in process.stdout if line.startswith("https://"))
            asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address.strip()).query))
            _, said = process.communicate(text(asked) + "\n", timeout=20)
            return asked, said, process.returncode

    asked, said, code = paste(lambda asked: "http://127.0.0.1/?state=other&code=4%2Fx")
    assert code == 65 and "that is not what the browser shows" in said
    asked, said, code = paste(
        lambda asked: f"http://127.0.0.1/?state={asked['state']}&code=4%2Fx&scope=mail"
    )
    assert code == EX_OK, said
    assert asked["x"] == "1" and asked["scope"] == "mail offline"
    ((_, form),) = provider.asked
    assert form["grant_type"] == "authorization_code" and form["code"] == "4/x"
    assert form["code_verifier"] == asked["code_challenge"] and len(form["code_verifier"]) == 64
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == EX_OK
    assert len(server.taken) == 1


def test_a_stranger_is_not_asked_for_tokens(gateway):
    del gateway.login["cafile"]
    gateway.write_login()
    done = gateway.run("login", "isp")
    assert done.returncode == EX_TEMPFAIL
    assert "ertificate" in done.stderr or "CA cert" in done.stderr


def test_a_login_that_ends_soon_is_told_once_by_mail_and_always_in_the_status(
    gateway, provider
):
    provider.expires_in = 60
    provider.refresh_token_expires_in = 90 * DAY
    assert gateway.run("login", "isp").returncode == EX_OK
    assert gateway.run("token", "isp").returncode == EX_OK
    assert "login isp" not in gateway.run("status").stdout
    provider.refresh_token_expires_in = 14 * DAY
    note = gateway.root / "spool/state/logins/isp"
    note.write_text(re.sub("granted=.*", f"granted={int(time.time()) - 76 * DAY}", note.read_text()))
    for _ in range(3):
        assert gateway.run("token", "isp").returncode == EX_OK
    told = [one for one in gateway.mailbox("ann") if b"The login isp ends soon" in one]
    assert len(told) == 1
    assert b"lontar login isp" in told[0]
    assert re.search("login isp +ends .*lontar login isp", gateway.run("status").stdout)
    assert gateway.status()["logins"][0]["name"] == "isp"


def test_a_login_that_nobody_uses_is_told_of_in_time(gateway, provider):
    gateway.write_login(lifetime="90d")
    assert gateway.run("login", "isp").returncode == EX_OK
    note = gateway.root / "spool/state/logins/isp"
    text = re.sub("granted=.*", f"granted={int(time.time()) - 80 * DAY}", note.read_text())
    note.write_text(re.sub("dies=.*", f"dies={int(time.time()) + 10 * DAY}", text))
    gateway.run("link", "up", "ppp0")
    wait_until(
        lambda: [one for one in gateway.mailbox("ann") if b"The login isp ends soon" in one],
        what="the warning",
    )
    assert not provider.refreshes()
    wait_until(lambda: "warned=1" in note.read_text(), what="its note")


def test_smarthost_and_pickup_share_a_login(gateway, provider, server, make_dovecot, folder):
    introspection = (
        f"http://127.0.0.1:{provider.plain.server_address[1]}/introspect?token="
    )
    settings = folder / "oauth2.conf"
    settings.write_text(
        f"introspection_url = {introspection}\nintrospection_mode = get\n"
        "username_attribute = username\nactive_attribute = active\nactive_value = true\n"
    )
    dovecot = make_dovecot(more=OAUTH2 % settings)
    provider.expires_in = 60
    assert gateway.run("login", "isp").returncode == EX_OK
    for kind, port in (("imap", dovecot.imap), ("pop3", dovecot.pop3)):
        gateway.control(
            f"pickups/{kind}",
            f"type {kind}\nhost 127.0.0.1\nport {port}\ntls none\nuser office@isp.example\n"
            "login isp\nto ann\n",
        )
        dovecot.put("office@isp.example", letters(3))
        done = gateway.run("pickup", kind)
        assert done.returncode == EX_OK, done.stderr + dovecot.log_text()
        assert "3 fetched" in done.stdout
    gateway.send(ANN, [FAR])
    assert gateway.flush().returncode == EX_OK
    assert len(provider.refreshes()) == 3


def test_a_slow_token_does_not_keep_a_pickup_from_stopping(gateway):
    begun = gateway.root / "control/begun"
    gateway.control(
        "pickups/isp",
        "host 127.0.0.1\nport 1\ntls none\nuser office\nto ann\n"
        "tokencommand touch begun; sleep 50\n",
    )
    gateway.run("link", "up", "office")
    wait_until(begun.exists, what="the token's command")
    gateway.run("link", "down", "office")

    def is_free():
        with open(gateway.root / "run/pickup.isp", "ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
        return True

    wait_until(is_free, 4, what="the end of the pickup")


OAUTH2 = """
auth_mechanisms = $auth_mechanisms xoauth2 oauthbearer
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = %s
}
"""
