"""The status page: it says what waits to whoever has an account, and a large message that
lies at the provider comes by a click of the one it is for, and of nobody else."""

import base64
import html
import json
import re
import urllib.error
import urllib.parse
import urllib.request

import pytest

from gateway import EX_OK, PASSWORD
from pickup_stand import fetch, letter, subjects
from waiting import wait_until

BIG = letter(1, "w" * 70 + "\n" + "w\n" * 9000).replace(
    b"Subject: letter 1", b"Subject: <b>letter</b> & 1"
)
SUBJECT = "<b>letter</b> & 1"


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *told):
        return None


class Browser:
    def __init__(self, gateway, user="ann", password=PASSWORD):
        self.base = f"http://127.0.0.1:{gateway.ports['web']}"
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), Stay()
        )
        self.login = None
        if user:
            self.login = base64.b64encode(f"{user}:{password}".encode()).decode()

    def open(self, path="/", form=None):
        """(status, text)"""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        request = urllib.request.Request(self.base + path, data)
        if self.login:
            request.add_header("Authorization", "Basic " + self.login)
        try:
            with self.opener.open(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def ask(self, **arguments):
        """As the button does; without arguments, the page's own."""
        path = "/fetch?" + urllib.parse.urlencode(arguments or self.button())
        return self.open(path, form={})[0]

    def button(self):
        found = re.search(r'action="/fetch\?id=(\w+)&amp;token=(\w+)"', self.open()[1])
        return dict(zip(("id", "token"), found.groups())) if found else {}


def with_page(gateway):
    gateway.control("listen", "smtp 127.0.0.1:0\npop3 127.0.0.1:0\nweb 127.0.0.1:0\n")
    return gateway.start()


@pytest.fixture
def office_with_large(office, make_provider):
    provider = make_provider([letter(0), BIG])
    gateway = with_page(office(provider.port, maxsize="4k", every="0"))
    assert fetch(gateway) == EX_OK, gateway.log_text()
    return gateway


@pytest.fixture
def idle(make_gateway):
    return with_page(make_gateway(start=False))


# who may look


def test_without_a_login_nothing_is_told(idle):
    status, text = Browser(idle, user=None).open()
    assert status == 401 and "gate.example" not in text


def test_a_wrong_password_is_refused(idle):
    assert Browser(idle, password="guess").open()[0] == 401


def test_loopback_may_log_in_whatever_plainnets_says(idle):
    idle.control("plainnets", "10.1.2.0/24\n")
    assert Browser(idle).open()[0] == 200


def test_a_page_that_does_not_exist_says_so(idle):
    assert Browser(idle).open("/etc/passwd")[0] == 404
    assert Browser(idle).open("/fetch")[0] == 405


# what it shows


def test_the_page_says_what_waits_and_which_link_is_up(make_gateway, make_smarthost):
    gateway = make_gateway(start=False, smarthosts={"isp": make_smarthost().port})
    with_page(gateway)
    with gateway.smtp() as client:
        client.sendmail("ann@gate.example", ["you@far.example"], b"Subject: x\r\n\r\nx\r\n")
    status, text = Browser(gateway).open()
    assert status == 200
    assert re.search(r"<td>isp</td><td>1</td>", text), text


def test_the_same_is_there_as_json_and_as_metrics(make_gateway, make_smarthost):
    gateway = make_gateway(start=False, smarthosts={"isp": make_smarthost().port})
    with_page(gateway)
    with gateway.smtp() as client:
        client.sendmail("ann@gate.example", ["you@far.example"], b"Subject: x\r\n\r\nx\r\n")
    told = json.loads(Browser(gateway).open("/status.json")[1])
    assert told["parked"][0]["messages"] == gateway.status()["parked"][0]["messages"] == 1
    metrics = Browser(gateway).open("/metrics")[1]
    assert 'lontar_parked_messages{smarthost="isp"} 1\n' in metrics


def test_the_page_says_what_keeps_mail_back_and_what_helps(make_gateway, smarthost):
    smarthost.answer = lambda step, *_: "550 5.7.1 <no> relaying" if step == "MAIL" else None
    gateway = make_gateway(start=False, smarthosts={"isp": smarthost.port})
    with_page(gateway)
    gateway.send("ann@gate.example", ["you@far.example"])
    gateway.flush()
    page = Browser(gateway).open()[1]
    status = gateway.smarthost_status()
    assert "<td>stopped</td>" in page and "What keeps it back" in page
    assert "550 5.7.1 &lt;no&gt; relaying" in page and status["mend"] in html.unescape(page)
    assert re.search(r"again at [^(<]*\d\d:\d\d or when a link comes up", page)
    smarthost.answer = lambda *_: None
    gateway.flush()
    assert "What keeps it back" not in Browser(gateway).open()[1]


# large messages


def test_a_click_has_the_large_message_fetched(office_with_large):
    gateway = office_with_large
    gateway.run("link", "up", "dsl")
    browser = Browser(gateway)
    shown = browser.open()[1]
    assert html.escape(SUBJECT) in shown, shown
    assert browser.ask() == 303
    wait_until(lambda: SUBJECT in subjects(gateway), what="the large message")
    assert SUBJECT not in html.unescape(browser.open()[1])


def test_what_is_asked_for_offline_comes_with_the_next_call(office_with_large):
    browser = Browser(office_with_large)
    assert browser.ask() == 303
    assert "comes with the next call" in browser.open()[1]
    assert fetch(office_with_large) == EX_OK
    assert SUBJECT in subjects(office_with_large)


def test_others_neither_see_it_nor_can_ask_for_it(office_with_large):
    button = Browser(office_with_large).button()
    other = Browser(office_with_large, user="bob")
    assert html.escape(SUBJECT) not in other.open()[1]
    assert other.ask(**button) == 404
    assert other.button() == {}


def test_another_site_s_page_cannot_ask_in_the_user_s_name(office_with_large):
    browser = Browser(office_with_large)
    known = browser.button()["id"]
    for wrong in ({"id": known}, {"id": known, "token": "0" * 24}, {"token": ""}, {"id": "../x"}):
        assert browser.ask(**wrong) == 404
    assert "comes with" not in browser.open()[1]


# hostile and busy


def test_a_request_without_end_is_cut_off(office_with_large):
    browser = Browser(office_with_large)
    with pytest.raises(OSError):
        browser.open("/fetch", {"id": "x" * 2_000_000})
    assert browser.open()[0] == 200
