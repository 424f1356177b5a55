"""Plays the master and lontar-link for one lontar-flush: what it may use of its link, to the
byte and at any moment."""

import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import time

from gateway import BIN

MASTER_FD, PRIVATE_FD = 3, 4
NUMBERS = ("sent", "sent_bytes", "waiting", "waiting_bytes", "used_bytes", "refused", "deferred")
TEXTS = ("smarthost", "link", "doing")
FOREVER = 2**63 - 1
ANY = 2**64 - 1


def packet_types():
    """{name: number}, as src/ipc/link.h lists them."""
    header = pathlib.Path(__file__).parents[2] / "src/ipc/link.h"
    listed = header.read_text().split("enum link_packet {")[1].split("};")[0]
    names = re.findall(r"\b(LINK_[A-Z]+)\b", re.sub(r"/\*.*?\*/", "", listed, flags=re.S))
    return {name[5:].lower(): number for number, name in enumerate(names, 1)}


TYPES = packet_types()


class FlushBoss:
    def __init__(self, gateway, smarthost="isp"):
        self.told = []  # (name, fields) of what it said
        self.unread = b""
        self.peer, private = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.master, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.log = open(gateway.folder / "log", "ab")

        def place():
            for number, fd in enumerate([os.dup(channel.fileno()), os.dup(private.fileno())]):
                os.dup2(fd, 100 + number)
            os.dup2(100, MASTER_FD)
            os.dup2(101, PRIVATE_FD)

        self.process = subprocess.Popen(
            [BIN / "lontar-flush", smarthost], cwd=gateway.root, env=gateway.environment,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=place,
            close_fds=False,
        )  # fmt: skip
        private.close()
        channel.close()

    def say(self, name, *fields):
        packet = struct.pack("<II", TYPES[name], 0)
        for field in fields:
            if isinstance(field, int):
                packet += struct.pack("<Q", field)
            else:
                packet += struct.pack("<I", len(field)) + field.encode()
        self.peer.send(packet)

    def allow(self, most_bytes=ANY, until=FOREVER):
        self.say("allow", most_bytes, int(until))

    def _numbers(self, count):
        values = struct.unpack_from(f"<{count}Q", self.unread)
        self.unread = self.unread[8 * count :]
        return values

    def _text(self):
        (size,) = struct.unpack_from("<I", self.unread)
        text, self.unread = self.unread[4 : 4 + size], self.unread[4 + size :]
        return text.decode()

    def hear(self, seconds=10):
        """The next thing it says: (name, fields); ("", {}) at its end."""
        self.peer.settimeout(seconds)
        self.unread = self.peer.recv(65536)
        if not self.unread:
            return "", {}
        (number, _tag), self.unread = struct.unpack_from("<II", self.unread), self.unread[8:]
        name = next(name for name, value in TYPES.items() if value == number)
        fields = {}
        if name == "progress":
            fields = dict(zip(NUMBERS, self._numbers(len(NUMBERS)), strict=True))
            fields |= {text: self._text() for text in TEXTS}
        elif name == "done":
            fields = {"exit_code": self._numbers(1)[0], "text": self._text()}
        self.told.append((name, fields))
        return self.told[-1]

    def hear_until(self, wanted, seconds=10):
        """The first thing that is `wanted`, by a name or a function of name and fields."""
        deadline = time.monotonic() + seconds
        while True:
            name, fields = self.hear(max(deadline - time.monotonic(), 0.01))
            if name == wanted if isinstance(wanted, str) else wanted(name, fields):
                return fields
            assert name, f"it ended, and said {json.dumps(self.told[-3:])}"

    @property
    def progress(self):
        """The last it told."""
        return next(fields for name, fields in reversed(self.told) if name == "progress")

    def close(self):
        self.peer.close()
        self.master.close()
        self.process.wait(10)
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self.close()
