"""Senders with logins of their own on one server."""

import re
import subprocess

from gateway import EX_OK

FAR = "you@far.example"


def test_each_sender_logs_in_as_himself_on_one_server(make_gateway, make_postfix, certificates):
    postfix = make_postfix(tls="starttls", auth=True)
    gateway = make_gateway()
    for user in ("ann", "bob"):
        subprocess.run(
            ["saslpasswd2", "-p", "-c", "-f", postfix.folder / "sasldb2", "-u", "isp.example", user],
            input=f"{user}'s own".encode(), check=True, capture_output=True,
        )  # fmt: skip
        gateway.smarthost(
            f"isp-{user}", host="127.0.0.1", port=postfix.port, cafile=certificates.ca,
            user=f"{user}@isp.example", passwordfile=gateway.secret(f"{user}.password", f"{user}'s own"),
        )  # fmt: skip
    gateway.control(
        "senderroutes", "ann@gate.example:isp-ann\nbob@gate.example:isp-bob\n"
    )
    subprocess.run(["chown", "postfix", postfix.folder / "sasldb2"], check=True)
    subprocess.run(
        f"chgrp -f lontarout {gateway.root}/control/*.password && "
        f"chmod 640 {gateway.root}/control/*.password || true", shell=True, check=True,
    )  # fmt: skip
    for number in range(3):
        for user in ("ann", "bob"):
            gateway.send(f"{user}@gate.example", [FAR])
    assert gateway.flush().returncode == EX_OK
    ids = re.findall(r"smtpd\[\d+\]: (\w+): client=.*sasl_username=(\w+)", postfix.log())
    senders = dict(re.findall(r"qmgr\[\d+\]: (\w+): from=<(\w+)@gate.example>", postfix.log()))
    assert sorted(user for _, user in ids) == ["ann"] * 3 + ["bob"] * 3
    assert all(senders[message] == user for message, user in ids)
