"""Who takes the mail at the far end: expect(n) before the flush, wait() after it, which
returns {"last": when the n-th was taken, and, where the sink knows, "first_mail",
"connections"}; times are time.monotonic()."""

import contextlib
import re
import select
import subprocess
import time

from measure import HELPERS, wait_for
from peers import Exim, OpenSMTPD, PostfixSmarthost, PostfixWithLogin, answers

PORT = 2600


class OwnSink:
    """tests/sink"""

    name = "our sink"
    words = ()

    def __init__(self, line):
        self.address = (line.address["right"], getattr(line, "port", PORT))
        with line.inside("right"):
            self.process = subprocess.Popen(
                [HELPERS / "sink", self.address[0], str(self.address[1]), *self.words],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            )  # fmt: skip
        assert self.process.stdout.readline() == "ready\n"

    def expect(self, count):
        self.process.stdin.write(f"expect {count}\n")
        self.process.stdout.readline()

    def wait(self, seconds):
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        if not ready:
            self.process.stdin.write("report\n")
        line = self.process.stdout.readline().split()
        if line[0] != "done":
            raise TimeoutError("flush: " + " ".join(line))
        return {key: float(value) for key, value in (word.split("=") for word in line[1:])}

    def close(self):
        self.process.stdin.close()
        self.process.wait(5)
        self.process.stdout.close()


class OwnSinkWithoutChunking(OwnSink):
    name = "our sink without CHUNKING"
    words = ("nochunking",)


class SmtpSink:
    """Postfix's: PIPELINING, no CHUNKING."""

    name = "smtp-sink"

    def __init__(self, line):
        self.address = (line.address["right"], getattr(line, "port", PORT))
        with line.inside("right"):
            self.process = subprocess.Popen(
                ["smtp-sink", "-u", "nobody", "-c", f"inet:{self.address[0]}:{self.address[1]}", "1000"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
            )  # fmt: skip
            wait_for(lambda: answers(self.address[1], self.address[0]), 5, "smtp-sink")

        self.messages, self.sessions = 0, 1  # the one that found out that it answers

    def expect(self, count):
        self.wanted, self.before = self.messages + count, self.sessions

    def wait(self, seconds):
        deadline = time.monotonic() + seconds
        while self.messages < self.wanted:
            ready, _, _ = select.select([self.process.stdout], [], [], 1)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.wanted - self.messages} messages have not come")
            if ready:
                text = self.process.stdout.read(65536).decode()
                for sessions, messages in re.findall(r"sess=(\d+) quit=\d+ mesg=(\d+)", text):
                    self.messages, self.sessions = int(messages), int(sessions)
        return {"last": time.monotonic(), "connections": self.sessions - self.before}

    def close(self):
        self.process.terminate()
        self.process.wait(5)
        self.process.stdout.close()


class ServerSink:
    """A real server: what is in its mailbox, or was answered before, is counted."""

    kind = PostfixSmarthost

    def __init__(self, line, place):
        self.line = line
        self.server = self.kind(place)
        self.server.address = line.address["right"]
        with line.inside("right"):
            self.server.__enter__()
        self.address = (line.address["right"], self.server.port)

    def expect(self, count):
        self.server.forget()
        self.count = count

    def wait(self, seconds):
        wait_for(lambda: self.server.delivered() >= self.count, seconds, f"flush to {self.name}")
        return {"last": time.monotonic()}

    def close(self):
        with self.line.inside("right"):
            self.server.__exit__()


class PostfixSink(ServerSink):
    name = "Postfix"


class PostfixLoginSink(ServerSink):
    name = "Postfix, TLS and login"
    kind = PostfixWithLogin

    def keys(self):
        return self.server.keys()


class EximSmarthost(Exim):
    is_smarthost = True


class OpenSMTPDSmarthost(OpenSMTPD):
    is_smarthost = True


class EximSink(ServerSink):
    name = "Exim"
    kind = EximSmarthost


class OpenSMTPDSink(ServerSink):
    name = "OpenSMTPD"
    kind = OpenSMTPDSmarthost


@contextlib.contextmanager
def sink(kind, line, place):
    one = kind(line, place) if issubclass(kind, ServerSink) else kind(line)
    try:
        yield one
    finally:
        one.close()
