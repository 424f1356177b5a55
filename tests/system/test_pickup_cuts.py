"""A pickup from a real provider whose line is cut, at each step and at random bytes, or
that is killed: every message comes into the mailbox, and once.

By default a sample of LONTAR_PICKUP_CUTS=60 cuts and a tenth as many kills;
LONTAR_PICKUP_CUTS=1000 takes a few minutes. LONTAR_PICKUP_SEED: another sample."""

import contextlib
import os
import pathlib
import random
import signal
import subprocess

import pytest

from cut_relay import DOWN, UP, CutRelay
from gateway import BIN, EX_OK, EX_TEMPFAIL
from pickup_stand import fetch, letter, subjects
from waiting import never

CUTS = int(os.environ.get("LONTAR_PICKUP_CUTS", "60"))
SEED = int(os.environ.get("LONTAR_PICKUP_SEED", "1"))

# What the pickup's file says, and what the relay keeps from it.
WAYS = {
    "pipelining": ({"tls": "none"}, None),
    "one by one": ({"tls": "none"}, "PIPELINING"),
    "stls": ({"tls": "starttls"}, None),
    "pop3s": ({"tls": "implicit"}, None),
    "mail kept there": ({"tls": "none", "keep": "always"}, None),
    "imap": ({"type": "imap", "tls": "none"}, None),
    "imaps": ({"type": "imap", "tls": "implicit"}, None),
    "imap compressed": ({"type": "imap", "tls": "none"}, None),
    "imap mail kept there": ({"type": "imap", "tls": "none", "keep": "always"}, None),
}
SIZES = (0, 40, 1000, 3000, 9000, 60000)


@pytest.fixture(scope="module")
def dovecot(make_dovecot):
    return make_dovecot()


@pytest.fixture(scope="module")
def dovecot_with_compress(make_dovecot):
    return make_dovecot(imap_plugins="imap_zlib")


def body_of(size):
    """Lines that hardly compress."""
    text = random.Random(size).randbytes(size // 2).hex()
    return "".join(text[at : at + 76] + "\n" for at in range(0, len(text), 76))


class Stand:
    """An office, a provider, and a line between them that can be cut."""

    def __init__(self, way, office, dovecot, certificates):
        keys, without = WAYS[way]
        service = "imap" if keys.get("type") == "imap" else "pop3"
        port = getattr(dovecot, service + ("s" if keys["tls"] == "implicit" else ""))
        self.dovecot, self.way = dovecot, way.replace(" ", "-")
        self.relay = CutRelay(port, without)
        self.gateway = office(self.relay.port, user=self.way, cafile=certificates.ca, **keys)
        self.first = 100000
        self.keeps = keys.get("keep") == "always"

    def fill(self):
        """New letters each time, of the same sizes."""
        self.first += len(SIZES)
        self.dovecot.put(
            self.way,
            [letter(self.first + n, body_of(size)) for n, size in enumerate(SIZES)],
        )

    def expected(self):
        return [f"letter {self.first + n}" for n in range(len(SIZES))]

    def finish(self, tries, story):
        """The line holds: all is here, once, and there is nothing more to do."""
        self.relay.settle()
        self.relay.cuts = []
        codes = [fetch(self.gateway) for _ in range(tries)]
        assert codes[-1] == EX_OK, f"{story}: {codes}"
        assert subjects(self.gateway) == self.expected(), story
        left = self.dovecot.left(self.way)
        assert left == (len(SIZES) if self.keeps else 0), story

    def clear(self):
        self.dovecot.empty(self.way)
        for path in self.gateway.root.glob("mail/ann/Maildir/*/*"):
            path.unlink()


@pytest.fixture
def make_stand(office, request, certificates):
    made = []

    def make(way):
        provider = "dovecot_with_compress" if "compressed" in way else "dovecot"
        made.append(Stand(way, office, request.getfixturevalue(provider), certificates))
        return made[-1]

    yield make
    for one in made:
        one.relay.close()


def steps_of(stand):
    """Where a session that nobody disturbs can be cut between two pieces, and its bytes."""
    stand.fill()
    stand.finish(1, "no cut")
    steps = list(stand.relay.steps)
    passed = dict(stand.relay.passed)
    stand.clear()
    return steps, passed


def cut_of(chance, passed):
    # Most of what passes comes down, and the little that goes up matters as much.
    direction = chance.choice([UP, DOWN, DOWN])
    return direction, chance.randint(1, passed[direction])


@pytest.mark.parametrize("way", WAYS)
def test_a_line_cut_anywhere_loses_and_repeats_nothing(make_stand, record_property, way):
    chance = random.Random(f"{SEED} {way}")
    stand = make_stand(way)
    steps, passed = steps_of(stand)
    count = -(-CUTS // len(WAYS))
    cuts = chance.sample(steps, min(len(steps), count // 2))
    cuts += [cut_of(chance, passed) for _ in range(count - len(cuts))]
    before, failed = sum(stand.relay.passed.values()), 0
    for cut in cuts:
        stand.fill()
        # At times the next one is cut too.
        stand.relay.cuts = [cut] + [cut_of(chance, passed)] * chance.choice([0, 0, 0, 1])
        code = fetch(stand.gateway)
        assert code in (EX_OK, EX_TEMPFAIL), cut
        failed += code != EX_OK
        if stand.relay.cuts:
            stand.relay.settle()
            fetch(stand.gateway)
        stand.finish(1, f"cut at {cut}, seed {SEED}")
        stand.clear()
    extra = (sum(stand.relay.passed.values()) - before) / sum(passed.values()) / len(cuts) - 1
    record_property(
        "figure",
        f"{way}: {len(cuts)} cuts, {failed} of them felt, every message once; "
        f"{extra:.0%} more bytes than without",
    )


def pickup_below(pid):
    """The process that `lontar pickup` has started, where no gateway runs."""
    with contextlib.suppress(OSError):
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if pathlib.Path(f"/proc/{child}/comm").read_text().startswith("lontar-pickup"):
                return int(child)
    return None


def pickup_of(gateway):
    return next(
        (pid for pid, name in gateway.processes().items() if name == "lontar-pickup"), None
    )


@pytest.mark.parametrize("way", ["pipelining", "imap"])
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "gateway"])
def test_a_pickup_killed_anywhere_loses_nothing(make_stand, record_property, way, alone):
    chance = random.Random(f"{SEED} {way} {alone}")
    stand = make_stand(way)
    _, passed = steps_of(stand)
    gateway = stand.gateway
    if not alone:
        gateway.start()
    kills, twice = -(-CUTS // 40), 0
    for _ in range(kills):
        stand.fill()
        asked, victim = [], []
        stand.relay.on_begin = lambda asked=asked, victim=victim: victim.append(
            pickup_below(asked[0].pid) if alone else pickup_of(gateway)
        )

        def kill(victim=victim):
            # It is at work on what it has just been given.
            never.wait(chance.random() * 0.01)
            if victim and victim[0]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim[0], signal.SIGKILL)

        stand.relay.on_cut = kill
        stand.relay.cuts = [cut_of(chance, passed)]
        asked.append(
            subprocess.Popen(
                [BIN / "lontar", "pickup", "isp"], env=gateway.environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        )
        asked[0].wait(20)
        stand.relay.settle()
        stand.relay.on_begin = stand.relay.on_cut = lambda: None
        codes = [fetch(gateway) for _ in range(2)]
        assert codes[-1] == EX_OK, codes
        found = subjects(gateway)
        assert set(found) == set(stand.expected())
        # Where a gateway runs, it writes down what is durable. Else a message comes twice
        # whose pickup was killed between the commit and the record.
        assert len(found) <= len(SIZES) + alone
        twice += len(found) - len(SIZES)
        assert stand.dovecot.left(stand.way) == 0
        stand.clear()
    record_property("figure", f"{way}: killed {kills} times, {twice} messages came twice")
