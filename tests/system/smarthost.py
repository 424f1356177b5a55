"""A smarthost that does exactly what a test tells it, drops the line anywhere, and keeps
every byte it got."""

import socket
import ssl
import struct
import threading

from waiting import wait_until

MODERN = ("PIPELINING", "SIZE 0", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING")


class Got:
    """A message whose last byte arrived, and what we answered to it."""

    def __init__(self, session, sender, recipients, data):
        self.session = session
        self.sender = sender
        self.recipients = recipients
        self.data = data
        self.reply = None  # None: the link dropped before it was sent

    @property
    def taken(self):
        return self.reply is not None and self.reply.startswith("2")


class Dropped(Exception):
    pass


class Closed(Exception):
    pass


class Last(str):
    """A reply after which the server closes in order."""


class Session:
    def __init__(self, smarthost, stream, number):
        self.smarthost = smarthost
        self.socket = stream
        self.number = number
        self.unread = b""
        self.lines = []  # every command, as it came
        self.waits = []  # for each command: did the client wait for the reply before it?
        self.extensions = smarthost.extensions
        self.forget()

    def forget(self):
        self.sender, self.arguments, self.recipients, self.data = None, "", [], b""

    def fill(self):
        try:
            more = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLError, OSError) as gone:
            raise Dropped from gone
        if not more:
            raise Dropped
        self.unread += more

    def line(self):
        self.waits.append(not self.unread)
        while b"\r\n" not in self.unread:
            self.fill()
        line, _, self.unread = self.unread.partition(b"\r\n")
        self.lines.append(line.decode("utf-8", "replace"))
        return self.lines[-1]

    def exactly(self, size):
        while len(self.unread) < size:
            self.fill()
        data, self.unread = self.unread[:size], self.unread[size:]
        return data

    def data_until_dot(self):
        while not (self.unread.startswith(b".\r\n") or b"\r\n.\r\n" in self.unread):
            self.fill()
        if self.unread.startswith(b".\r\n"):
            data, self.unread = b"", self.unread[3:]
        else:
            data, _, self.unread = self.unread.partition(b"\r\n.\r\n")
            data += b"\r\n"
        lines = data.split(b"\r\n")
        return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)

    def reply(self, text, got=None):
        self.smarthost.before_reply()
        try:
            self.socket.sendall((text + "\r\n").encode())
        except (ConnectionError, ssl.SSLError, OSError) as gone:
            raise Dropped from gone
        if got:
            got.reply = text.rpartition("\n")[2]
        if isinstance(text, Last):
            raise Closed

    def answer(self, step, argument, usual):
        """Says what the test wants said at this step, else the usual; returns its last line."""
        answer = self.smarthost.answer(step, argument, self) or usual
        if answer == "DROP":
            raise Dropped
        if answer == "CLOSE":
            raise Closed
        self.reply(answer)
        return answer.rpartition("\n")[2]

    def finish(self):
        got = Got(self, self.sender, list(self.recipients), self.data)
        self.smarthost.messages.append(got)
        answer = self.smarthost.answer("BODY", got, self) or "250 2.0.0 taken"
        if answer == "DROP":
            raise Dropped
        if answer == "CLOSE":
            raise Closed
        self.reply(answer, got)
        self.forget()

    # the conversation

    def talk(self):
        self.answer("GREETING", "", "220 isp.example ESMTP")
        while True:
            verb, _, argument = self.line().partition(" ")
            method = getattr(self, "on_" + verb.lower(), None)
            if not method:
                self.answer(verb.upper(), argument, "502 5.5.2 no such command")
            elif method(argument) == "over":
                return

    def on_ehlo(self, argument):
        lines = ["isp.example", *self.extensions]
        text = "\r\n".join(
            f"250{' ' if i == len(lines) - 1 else '-'}{line}" for i, line in enumerate(lines)
        )
        self.answer("EHLO", argument, text)

    def on_helo(self, argument):
        self.answer("HELO", argument, "250 isp.example")

    def on_starttls(self, argument):
        if self.answer("STARTTLS", argument, "220 2.0.0 go").startswith("220"):
            self.socket = self.smarthost.tls.wrap_socket(self.socket, server_side=True)
            self.extensions = [one for one in self.extensions if one != "STARTTLS"]

    def on_auth(self, argument):
        if argument == "LOGIN":
            self.reply("334 VXNlcm5hbWU6")
            self.line()
            self.reply("334 UGFzc3dvcmQ6")
            self.line()
        self.answer("AUTH", argument, "235 2.7.0 welcome")

    def on_mail(self, argument):
        if self.answer("MAIL", argument, "250 2.1.0 sender ok").startswith("2"):
            self.forget()
            path, _, self.arguments = argument[5:].partition(" ")
            self.sender = path.strip("<>")

    def on_rcpt(self, argument):
        usual = "250 2.1.5 recipient ok" if self.sender is not None else "503 5.5.1 MAIL first"
        if self.answer("RCPT", argument, usual).startswith("2"):
            self.recipients.append(argument[3:].split(" ")[0].strip("<>"))

    def on_data(self, argument):
        usual = "354 go on" if self.recipients else "554 5.5.1 no valid recipients"
        if self.answer("DATA", argument, usual).startswith("3"):
            self.data = self.data_until_dot()
            self.finish()

    def on_bdat(self, argument):
        words = argument.split()
        self.data += self.exactly(int(words[0]))
        if not self.recipients:
            self.answer("BDAT", argument, "503 5.5.1 no valid recipients")
            self.forget()
        elif words[-1].upper() == "LAST":
            self.finish()
        else:
            self.answer("BDAT", argument, "250 2.0.0 more")

    def on_rset(self, argument):
        self.forget()
        self.answer("RSET", argument, "250 2.0.0 forgotten")

    def on_noop(self, argument):
        self.answer("NOOP", argument, "250 2.0.0 ok")

    def on_quit(self, argument):
        self.answer("QUIT", argument, "221 2.0.0 bye")
        return "over"


class Smarthost:
    """answer(step, argument, session) may be replaced: it returns a reply, Last(reply) to
    close behind it, "CLOSE" to close in order without a word, "DROP" to cut the connection,
    or None for the usual. drop_at: the number of the reply, over all connections, counted
    from 0, that is never sent: the link drops there, and nothing can
    be connected to until drop_at is set again."""

    def __init__(self, extensions=MODERN, tls=None, implicit=False, address="127.0.0.1", port=0):
        self.extensions = list(extensions)
        self.tls = tls
        self.implicit = implicit
        self.answer = lambda step, argument, session: None
        self._drop_at = None
        self._is_gone = False
        self.replies = 0
        self.messages = []
        self.sessions = []
        self.faults = []
        self._open = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server((address, port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def drop_at(self):
        return self._drop_at

    @drop_at.setter
    def drop_at(self, number):
        self._drop_at, self._is_gone = number, False

    def before_reply(self):
        with self._lock:
            number, self.replies = self.replies, self.replies + 1
        if number == self.drop_at:
            self._is_gone = True
            raise Dropped

    def _accept(self):
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            if self._is_gone:
                self._reset(stream)
                stream.close()
                continue
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream):
        session = Session(self, stream, len(self.sessions))
        self._open.add(session)
        self.sessions.append(session)
        try:
            if self.implicit:
                session.socket = self.tls.wrap_socket(stream, server_side=True)
            session.talk()
        except Dropped:
            self._reset(session.socket)
        except Closed:
            self._close_in_order(session.socket)
        except ssl.SSLError as fault:
            self.faults.append(str(fault))
        except OSError as fault:
            self.faults.append(str(fault))
        finally:
            session.socket.close()
            self._open.discard(session)

    @staticmethod
    def _reset(stream):
        """A link that drops says no goodbye."""
        try:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass

    @staticmethod
    def _close_in_order(stream):
        """The client hears all that was said and then the end, though it is still sending."""
        try:
            stream.shutdown(socket.SHUT_WR)
            while stream.recv(65536):
                pass
        except OSError:
            pass

    @property
    def taken(self):
        return [one for one in self.messages if one.taken]

    def settle(self):
        """Waits until no connection is open."""
        wait_until(lambda: not self._open, what="the end of all sessions")

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
