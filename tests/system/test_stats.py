"""lontar stats: our own log pairs line by line, and what it adds up to is what was done."""

import json
import re
import time

from gateway import EX_NOINPUT, EX_OK, EX_USAGE
from waiting import wait_until

STARTING = re.compile(r"starting delivery (\d+): msg (\d+) to (local|remote) \S+$")
ENDING = re.compile(r"delivery (\d+): (success|failure|deferral): \S*$")
STATUS = re.compile(r"status: local \d+/\d+ remote \d+/\d+$")

REPLIES = {"nobody@": "550 5.1.1 no such user", "later@": "451 4.2.0 come again"}


def own_log(gateway):
    """The lines of log/, without their stamps."""
    folder = gateway.root / "log"
    files = sorted(folder.glob("@*.s")) + [folder / "current"]
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert all(re.match(r"@[0-9a-f]{24} ", line) for line in lines)
    return [line[26:] for line in lines]


def stats(gateway, *words):
    done = gateway.run("stats", "--json", *words)
    assert done.returncode == EX_OK, done.stderr
    return json.loads(done.stdout)


def check_grammar(lines):
    """Whatever begins ends, within its message; returns the results' names."""
    messages, deliveries, results = set(), {}, []
    for line in lines:
        if match := re.match(r"new msg (\d+)$", line):
            messages.add(match[1])
        elif match := re.match(r"info msg (\d+): bytes \d+ from <\S*> qp \d+ uid \d+$", line):
            assert match[1] in messages
        elif match := STARTING.match(line):
            assert match[2] in messages, line
            assert match[1] not in deliveries, line
            deliveries[match[1]] = match[2]
        elif match := ENDING.match(line):
            del deliveries[match[1]]
            results.append(match[2])
        elif match := re.match(r"end msg (\d+)$", line):
            messages.remove(match[1])
            assert match[1] not in deliveries.values(), line
        else:
            assert not re.match(r"(new|info|end) msg|(starting )?delivery", line), line
    assert not deliveries
    # behind each beginning and each end; other processes' lines may stand between
    assert sum(bool(STATUS.match(line)) for line in lines) >= 2 * len(results)
    return sorted(results), messages


def wait_for_the_end(gateway, waiting=0):
    """Until all that began has ended but for so many messages that wait."""

    def ended():
        words = [line.split(" ", 2)[:2] for line in own_log(gateway)]
        return words.count(["new", "msg"]) == words.count(["end", "msg"]) + waiting

    wait_until(ended, what="the end of all messages")


def test_our_own_log_pairs_line_by_line_and_adds_up(make_gateway, make_smarthost):
    smarthost = make_smarthost()
    smarthost.answer = lambda step, argument, session: step == "RCPT" and next(
        (reply for name, reply in REPLIES.items() if name in argument), None
    )
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    gateway.send("ann@gate.example", ["bob@gate.example", "carl@far.example"])
    gateway.send("ann@gate.example", ["dora@far.example", "nobody@far.example"])
    gateway.send("bob@gate.example", ["later@far.example"])
    gateway.flush()
    wait_until(lambda: len(gateway.mailbox("ann")) == 1, what="the bounce")
    wait_for_the_end(gateway, waiting=1)
    gateway.stop()
    results, unfinished = check_grammar(own_log(gateway))
    assert results == ["deferral", "failure", *["success"] * 4]
    assert len(unfinished) == 1  # the one that is to come again

    told = stats(gateway)
    overall = told["overall"]
    assert (overall["success"], overall["failure"], overall["deferral"]) == (4, 1, 1)
    # bob's copy, carl's, dora's with the refused one, the bounce
    assert (overall["messages"], overall["recipients"]) == (4, 5)
    assert overall["bounces"] == 1
    assert overall["most_local"] == 1
    assert overall["mean_qtime_s"] > 0
    assert abs(time.mktime(time.strptime(overall["first"], "%Y-%m-%dT%H:%M:%SZ"))
               - time.timezone - time.time()) < 120  # fmt: skip
    assert "550" in told["failures"][0]["reason"]
    assert "come_again" in told["deferrals"][0]["reason"]
    hosts = {row["host"]: row["tries"] for row in told["hosts"]}
    assert hosts == {"local.gate.example": 2, "remote.far.example": 4}
    senders = {row["sender"]: row["messages"] for row in told["senders"]}
    assert senders == {"ann@gate.example": 3, "": 1, "bob@gate.example": 0}


def test_mail_that_is_too_large_for_its_way_out_begins_before_it_fails(
    make_gateway, make_smarthost
):
    smarthost = make_smarthost()
    gateway = make_gateway(smarthosts={"isp": smarthost.port})
    gateway.smarthost("isp", host="127.0.0.1", port=smarthost.port, maxsize=100)
    gateway.send("ann@gate.example", ["carl@far.example"], b"Subject: x\r\n\r\n" + b"x" * 500)
    gateway.flush()
    wait_until(lambda: len(gateway.mailbox("ann")) == 1, what="the bounce")
    wait_for_the_end(gateway)
    gateway.stop()
    assert check_grammar(own_log(gateway))[0] == ["failure", "success"]


def test_a_multilog_folder_a_file_and_stdin_are_read_alike(stopped_gateway, folder):
    lines = [
        "@400000006b0337b906f855f4 info msg 3: bytes 5 from <a@b> qp 1 uid 2",
        "@400000006b0337ba06f855f4 starting delivery 1: msg 3 to local c@d",
        "@400000006b0337bb06f855f4 delivery 1: success: did_1+0+0/",
        "@400000006b0337bc06f855f4 end msg 3",
    ]
    logs = folder / "qmail"
    logs.mkdir()
    (logs / "@400000006b0337ba06f855f4.s").write_text(lines[0] + "\n")
    (logs / "@400000006b0337bb06f855f4.u").write_text(lines[1] + "\n")
    (logs / "current").write_text("\n".join(lines[2:]))
    (logs / "state").write_text("no log\n")
    whole = "\n".join(lines) + "\n"
    (folder / "file").write_text(whole)
    by_folder = stats(stopped_gateway, logs)
    assert by_folder == stats(stopped_gateway, folder / "file")
    done = stopped_gateway.run("stats", "--json", "-", input=whole)
    assert by_folder == json.loads(done.stdout)
    assert by_folder["overall"]["mean_qtime_s"] == 3
    text = stopped_gateway.run("stats", logs).stdout
    assert "Completed messages: 1\n" in text
    assert "Average message qtime (s): 3\n" in text
    one = stopped_gateway.run("stats", "--table", "recipients", logs).stdout
    assert one.splitlines()[-1].split() == ["5", "1", "1", "1.00", "local.c@d"]
    assert stopped_gateway.run("stats", folder / "none").returncode == EX_NOINPUT
    assert stopped_gateway.run("stats", "--table", "none", logs).returncode == EX_USAGE


def test_a_million_lines_take_a_few_seconds(stopped_gateway, folder):
    stamp = "@400000006b0337b906f855f4 "
    with open(folder / "big", "w") as big:
        for i in range(125_000):
            big.writelines(
                stamp + line + "\n"
                for line in (
                    f"new msg {i % 1000}",
                    f"info msg {i % 1000}: bytes 900 from <u{i % 5000}@a.example> qp 5 uid 7",
                    f"starting delivery {i}: msg {i % 1000} to remote r{i}@h{i % 900}.example",
                    "status: local 0/10 remote 1/20",
                    f"delivery {i}: success: 192.0.2.1_accepted_message./250_ok_{i}/",
                    "status: local 0/10 remote 0/20",
                    f"end msg {i % 1000}",
                    "smtp connect session=x service=smtp ip=192.0.2.7",
                )
            )
    began = time.monotonic()
    assert stats(stopped_gateway, folder / "big", "--top", "3")["overall"]["messages"] == 125_000
    assert time.monotonic() - began < 5
