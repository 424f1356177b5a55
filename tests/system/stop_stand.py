"""What tests of stopped mail ask of a gateway: what stops it, who was told, and how a stop
comes to its end."""

import email
import email.policy
import re

from gateway import EX_OK
from waiting import wait_until


def refuse(smarthost, step, reply, when=lambda argument: True):
    """The server says `reply` at this step, if when(argument) is true, and else the usual."""
    smarthost.answer = lambda at, argument, _: reply if at == step and when(argument) else None


def take(smarthost):
    smarthost.answer = lambda *_: None


def state(gateway, name="isp"):
    return gateway.smarthost_status(name)["state"]


def stops_file(gateway, name="isp"):
    return gateway.root / "spool/state/stops" / name


def letters(gateway):
    """To the postmaster, who is the first user: ann."""
    found = [
        email.message_from_bytes(one, policy=email.policy.default)
        for one in gateway.mailbox("ann")
    ]
    return [one for one in found if one["To"] == "postmaster@gate.example"]


def words(letter):
    return " ".join(letter.get_body().get_content().split())


def wait_for_the_end_of_flushes(gateway):
    wait_until(lambda: "lontar-flush" not in gateway.processes().values(), what="a flush's end")


def stopped_again(gateway, times, name="isp"):
    """Waits until the server has refused so many times in a row, and the flush has ended."""
    file = stops_file(gateway, name)
    wait_until(
        lambda: file.exists() and f"times={times}\n" in file.read_text(), what="a stop"
    )
    wait_for_the_end_of_flushes(gateway)


def let_pass(gateway, seconds, name="isp"):
    """As if the stops had been put so long ago. No flush is at work."""
    file = stops_file(gateway, name)

    def earlier(match):
        return f"{match[1]}={max(int(match[2]) - seconds, 1)}"

    file.write_text(re.sub(r"(?m)^(since|until)=(\d+)$", earlier, file.read_text()))


def link_up(gateway):
    assert gateway.run("link", "up", "ppp0").returncode == EX_OK


def link_down(gateway):
    assert gateway.run("link", "down", "ppp0").returncode == EX_OK


def flap(gateway, tries=True):
    """The link comes up, what is due is tried (or, as it should be, nothing is), and the
    link goes down."""
    ended = flushes_ended(gateway)
    link_up(gateway)
    if tries:
        wait_until(lambda: flushes_ended(gateway) > ended, what="a flush")
    else:
        gateway.status()
    wait_for_the_end_of_flushes(gateway)
    link_down(gateway)


def flushes_ended(gateway):
    return len(re.findall(r"flush smarthost=\S+ sent=", gateway.log_text()))
