"""A POP3 server by script: whole mailboxes, cuts of the line wherever a test wants them,
and everything that a broken or hostile server may say."""

import contextlib
import hashlib
import socket
import threading

from waiting import wait_until

CAPABILITIES = ("TOP", "UIDL", "USER", "PIPELINING", "RESP-CODES")


class Cut(Exception):
    """The line drops."""


def on_the_wire(message):
    """As RETR gives it: CRLF, dots stuffed."""
    lines = message.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join((b"." if line[:1] == b"." else b"") + line + b"\r\n" for line in lines)


class Session:
    def __init__(self, provider, stream):
        self.provider = provider
        self.socket = stream
        self.stream = stream.makefile("rb")
        self.commands = []
        self.marked = set()
        # A session sees the mailbox as it was when it began.
        self.messages = list(provider.messages)

    def say(self, *parts):
        """One reply, or what the test has instead of it."""
        data = b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)
        half = self.provider.before_reply()
        if half is not None:
            self.socket.sendall(data[: int(len(data) * half)])
            raise Cut
        self.socket.sendall(data)

    def talk(self):
        self.say("+OK provider ready\r\n")
        while True:
            line = self.stream.readline()
            if not line:
                return
            line = line.decode("latin-1").rstrip("\r\n")
            self.commands.append(line)
            verb, _, argument = line.partition(" ")
            special = self.provider.answer(verb.upper(), argument, self)
            if special == "DROP":
                raise Cut
            if special is not None:
                self.say(special)
            elif getattr(self, f"on_{verb.lower()}")(argument) == "over":
                return

    def on_capa(self, argument):
        if not self.provider.capabilities:
            return self.say("-ERR what?\r\n")
        lines = "".join(f"{one}\r\n" for one in self.provider.capabilities)
        return self.say("+OK\r\n", lines, ".\r\n")

    def on_user(self, argument):
        self.say("+OK\r\n")

    def on_pass(self, argument):
        self.say("+OK\r\n" if argument == self.provider.password else "-ERR [AUTH] no\r\n")

    def on_auth(self, argument):
        self.say("+OK\r\n")

    def numbered(self):
        return [one for one in enumerate(self.messages, 1) if one[0] not in self.marked]

    def on_list(self, argument):
        if argument:
            message = self.messages[int(argument) - 1]
            return self.say(f"+OK {argument} {self.provider.size(message)}\r\n")
        lines = "".join(f"{n} {self.provider.size(m)}\r\n" for n, m in self.numbered())
        return self.say("+OK\r\n", lines, ".\r\n")

    def on_uidl(self, argument):
        if self.provider.uid is None:
            return self.say("-ERR no UIDL here\r\n")
        lines = "".join(f"{n} {self.provider.uid(m)}\r\n" for n, m in self.numbered())
        return self.say("+OK\r\n", lines, ".\r\n")

    def on_retr(self, argument):
        self.provider.retrieved += 1
        self.say("+OK\r\n", on_the_wire(self.messages[int(argument) - 1]), ".\r\n")

    def on_top(self, argument):
        message = self.messages[int(argument.split()[0]) - 1]
        header = message.partition(b"\n\n")[0] + b"\n\n"
        self.say("+OK\r\n", on_the_wire(header), ".\r\n")

    def on_dele(self, argument):
        self.marked.add(int(argument))
        self.say("+OK\r\n")

    def on_quit(self, argument):
        # Removed before it is told: a lost answer to QUIT is the hard case.
        with self.provider.lock:
            for number in self.marked:
                self.provider.messages.remove(self.messages[number - 1])
        self.say("+OK bye\r\n")
        return "over"


class Provider:
    """answer(verb, argument, session) may be replaced: a reply, "DROP", or None for the
    usual. cut_at: the number of the reply, over all sessions, counted from 0, of which
    only cut_half (0 to 1) is sent."""

    password = "isp-secret"
    session_class = Session

    def __init__(self, messages=(), capabilities=CAPABILITIES, address="127.0.0.1"):
        self.messages = list(messages)
        self.capabilities = capabilities
        self.uid = lambda message: hashlib.md5(message).hexdigest()
        self.size = lambda message: len(on_the_wire(message))
        self.answer = lambda verb, argument, session: None
        self.cut_at = None
        self.cut_half = 0
        self.replies = 0
        self.retrieved = 0
        self.sessions = []
        self.lock = threading.Lock()
        self._open = set()
        self._listener = socket.create_server((address, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def before_reply(self):
        with self.lock:
            number, self.replies = self.replies, self.replies + 1
        return self.cut_half if number == self.cut_at else None

    def _accept(self):
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = self.session_class(self, stream)
            self._open.add(session)
            self.sessions.append(session)
            threading.Thread(target=self._serve, args=(session,), daemon=True).start()

    def _serve(self, session):
        try:
            session.talk()
        except Cut:
            # What was sent before arrives; then the line is dead.
            with contextlib.suppress(OSError):
                session.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        finally:
            session.stream.close()
            session.socket.close()
            self._open.discard(session)

    def settle(self):
        wait_until(lambda: not self._open, what="the end of all sessions")

    def commands(self):
        return [line for session in self.sessions for line in session.commands]

    def close(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for session in list(self._open):
            try:
                session.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
