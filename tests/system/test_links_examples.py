"""docs/links.md: its three examples, with the settings that are printed there."""

import pathlib
import re
import time

import pytest

from gateway import BIN, EX_OK
from provider import Provider
from waiting import wait_until

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE, HOOKS = TOP / "docs/links.md", TOP / "ppp-hooks"
ANN, FAR = "ann@gate.example", "you@far.example"
URGENT = "X-Priority: 1\r\n"


def settings(title):
    """{path below control/: text} of the section with this title."""
    section = re.split(r"^## ", PAGE.read_text(), flags=re.M)
    (found,) = [one for one in section if one.startswith(title)]
    return dict(re.findall(r"^```text control/(\S+)\n(.*?)^```$", found, re.M | re.S))


def clock_at(hours):
    """A time zone in which it is about so late now."""
    now = time.gmtime()
    offset = (hours - now.tm_hour + 36) % 24 - 12
    return f"XXX{-offset:+03d}:00" if offset else "UTC0"


class Example:
    """A gateway with the settings of a section; hosts and ports are the test's."""

    def __init__(self, make_gateway, title, places, at=12):
        self.gateway = make_gateway(start=False)
        self.gateway.environment["TZ"] = clock_at(at)
        programs = self.gateway.folder / "programs"
        programs.mkdir()
        self.diary = self.gateway.folder / "diary"
        for name, hook in (("pon", "ip-up"), ("poff", "ip-down")):
            program = programs / name
            # What follows from `pon isp`: pppd's script says ppp0, and no other name.
            program.write_text(
                f"#!/bin/sh\necho {name} $1 >>{self.diary}\nPATH={BIN}:$PATH exec "
                f"{HOOKS}/ppp/{hook}.d/90lontar ppp0 /dev/ttyS0 33600 192.0.2.10 192.0.2.1 ''\n"
            )
            program.chmod(0o755)
        self.programs = programs
        self.gateway.secret("secrets/isp", Provider.password)
        for path, text in settings(title).items():
            self.write(path, text, places)
        checked = self.gateway.run("check")
        assert checked.returncode == EX_OK, checked.stdout + checked.stderr

    def write(self, path, text, places):
        host = re.search(r"^host\s+(\S+)$", text, re.M)
        if host:
            text = re.sub(r"^(port|tls)\s.*\n", "", text, flags=re.M)
            text = re.sub(r"^host\s.*$", "host 127.0.0.1", text, flags=re.M)
            text += f"port {places[host[1]]}\ntls none\n"
        if "smarthosts/" in path or "pickups/" in path:
            text = re.sub(r"^user\s.*$", "user ann", text, flags=re.M)
        if "smarthosts/" in path:
            text = re.sub(r"^(user|passwordfile)\s.*\n", "", text, flags=re.M)
        if path.startswith("links/"):
            text = re.sub(r"every 1m$", "every 1s", text, flags=re.M)
            text = re.sub(r"\b(pon|poff)\b", rf"{self.programs}/\1", text)
        self.gateway.control(path, text)

    def start(self):
        self.gateway.start()
        return self

    def write_letter(self, subject, head="", size=10):
        body = "x" * 60 + "\r\n"
        self.gateway.send(
            ANN, [FAR], f"Subject: {subject}\r\n{head}\r\n{body * (size // 62 + 1)}".encode()
        )

    def calls(self):
        return self.diary.read_text().split("\n")[:-1] if self.diary.exists() else []

    def why(self):
        return [one["why"] for one in self.gateway.queue()]


def subjects(smarthost):
    found = [re.search(rb"^Subject: (.*?)\r$", one.data, re.M) for one in smarthost.taken]
    return sorted(one[1].decode() for one in found)


# a clinic with a telephone line and cheap hours


@pytest.fixture
def provider(make_provider):
    return make_provider(
        [
            b"From: lab@far.example\nSubject: small\n\nhello\n",
            b"From: lab@far.example\nSubject: large\n\n" + b"x" * 60 + b"\n" * 30 + b"y\n" * 400_000,
        ]
    )


def clinic(make_gateway, smarthost, provider, at):
    places = {"smtp.isp.example": smarthost.port, "pop.isp.example": provider.port}
    return Example(make_gateway, "A clinic", places, at)


def test_the_clinic_s_mail_waits_by_day_and_an_urgent_letter_takes_all_along(
    make_gateway, smarthost, provider
):
    example = clinic(make_gateway, smarthost, provider, at=12).start()
    for number in range(6):
        example.write_letter(f"letter {number}")
    example.write_letter("urgent", URGENT)
    wait_until(lambda: len(smarthost.taken) == 7, what="the urgent letter's call")
    wait_until(lambda: example.calls() == ["pon isp", "poff isp"], what="the end of the call")
    assert b"Subject: small" in b"".join(example.gateway.mailbox("ann"))
    assert [one["name"] for one in example.gateway.status()["links"]] == ["line"]


def test_the_clinic_calls_at_night_when_five_letters_wait(make_gateway, smarthost, provider):
    example = clinic(make_gateway, smarthost, provider, at=22).start()
    for number in range(4):
        example.write_letter(f"letter {number}")
    assert smarthost.taken == [] and example.calls() == []
    example.write_letter("letter 4")
    wait_until(lambda: len(smarthost.taken) == 5, what="the call")
    wait_until(lambda: example.calls() == ["pon isp", "poff isp"], what="the end of the call")


def test_the_clinic_is_told_of_a_large_letter_and_what_it_would_cost(
    make_gateway, smarthost, provider
):
    example = clinic(make_gateway, smarthost, provider, at=12).start()
    assert example.gateway.run("call", "line").returncode == EX_OK
    (notice,) = [one for one in example.gateway.mailbox("ann") if b"lontar release" in one]
    assert b"lab@far.example" in notice and b"EUR" in notice
    (held,) = example.gateway.status()["pickups"][0]["held_messages"]
    assert example.gateway.run("release", held["id"]).returncode == EX_OK
    assert example.gateway.run("call", "line").returncode == EX_OK
    assert any(b"Subject: large" in one for one in example.gateway.mailbox("ann"))


# a boat with three links


@pytest.fixture
def boat(make_gateway, smarthost):
    return Example(make_gateway, "A boat", {"smtp.isp.example": smarthost.port}).start()


def up(example, link):
    assert example.gateway.run("link", "up", link).returncode == EX_OK


def test_at_sea_a_short_letter_goes_and_photographs_wait_for_the_coast(boat, smarthost):
    up(boat, "sat")
    boat.write_letter("position")
    boat.write_letter("photographs", size=200_000)
    wait_until(lambda: subjects(smarthost) == ["position"], what="the short letter")
    wait_until(lambda: "sat" in (boat.why() or [""])[0], what="why the photographs wait")
    up(boat, "coast")
    wait_until(lambda: len(smarthost.taken) == 2, what="the photographs")


def test_in_the_harbour_everything_goes_for_nothing(boat, smarthost):
    for link in ("sat", "coast", "harbour"):
        up(boat, link)
    boat.write_letter("photographs", size=12_000_000)
    wait_until(lambda: len(smarthost.taken) == 1, 20, "the photographs")
    shown = boat.gateway.run("link").stdout
    assert re.search(r"harbour", shown), shown


def test_a_large_letter_goes_over_the_satellite_when_the_skipper_says_so(boat, smarthost):
    up(boat, "sat")
    boat.write_letter("chart", size=80_000)
    wait_until(lambda: "sat" in (boat.why() or [""])[0], what="why the chart waits")
    (one,) = boat.gateway.queue()
    assert boat.gateway.run("release", one["id"]).returncode == EX_OK
    wait_until(lambda: subjects(smarthost) == ["chart"], what="the chart")


# a laptop and its two smarthosts


def test_the_laptop_s_mail_goes_by_the_smarthost_that_answers(make_gateway, make_smarthost):
    office, isp = make_smarthost(), make_smarthost()
    places = {"mail.office.example": office.port, "smtp.isp.example": isp.port}
    example = Example(make_gateway, "A laptop", places).start()
    example.write_letter("in the office")
    wait_until(lambda: subjects(office) == ["in the office"], 15, "the office's server")
    office.close()
    example.write_letter("on the road")
    wait_until(lambda: subjects(isp) == ["on the road"], 30, "the provider's server")
