"""The real lontar-pop3d and lontar-mailbox, with a master and a lontar-auth made of Python
around them, for what a healthy gateway never shows."""

import fcntl
import os
import pathlib
import poplib
import socket
import struct
import subprocess
import threading

from local_peer import packet as pack, texts

BIN = pathlib.Path(os.environ.get("LONTAR_BIN", "build/bin")).resolve()
PASSWORD = "sesame"

# ipc/master.h, ipc/auth.h
LISTENER, CERTIFICATE, KEY, GO, READY = 1, 2, 3, 4, 5
HELLO, PERMIT, LOGIN, RESULT, BYE = 1, 2, 3, 4, 5
YES, NO, LATER = 0, 1, 2


def start(argv, descriptors, **more):
    """descriptors: {number in the child: socket here}"""

    def place():
        # First out of the way, so that none is overwritten before it is placed.
        held = {n: fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 50) for n, s in descriptors.items()}
        for number, copy in held.items():
            os.dup2(copy, number)
            os.close(copy)

    return subprocess.Popen(argv, preexec_fn=place, pass_fds=tuple(descriptors), **more)


def pair():
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Pop3Stand:
    def __init__(self, folder, plain_logins=1):
        self.root = folder / "root"
        self.plain_logins = plain_logins
        self.verdict = YES
        self.text = ""
        self.daemon = None
        self.mailboxes = []  # processes
        self.heard = []  # (kind, tag) of all that lontar-auth was told
        self._sockets = []
        (self.root / "run").mkdir(parents=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(self.root / "run/auth"))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        self.workers = []  # their connections to lontar-auth
        self.log = open(folder / "log", "ab")
        self._log_path = folder / "log"

    # lontar-auth

    def _accept(self):
        while True:
            try:
                worker, _ = self._listener.accept()
            except OSError:
                return
            self.workers.append(worker)
            threading.Thread(target=self._serve, args=(worker,), daemon=True).start()

    def _serve(self, worker):
        try:
            self._answer(worker)
        except OSError:
            pass  # the worker is gone, or the test is over

    def _answer(self, worker):
        while True:
            packet = worker.recv(65536)
            if not packet:
                return
            kind, tag = struct.unpack_from("<II", packet)
            self.heard.append((kind, tag))
            if kind == HELLO:
                worker.send(
                    pack(PERMIT, tag, self.verdict, 0, self.plain_logins, 0, 600, "",
                         "gate.example", "hello", self.text)
                )  # fmt: skip
            elif kind == LOGIN:
                user, password = (text.decode() for text in texts(packet[8:]))
                if password != PASSWORD:
                    worker.send(pack(RESULT, tag, NO, "", "wrong name or password"))
                    continue
                mailbox = self._mailbox(user)
                socket.send_fds(worker, [pack(RESULT, tag, YES, user, "")], [mailbox.fileno()])
                mailbox.close()

    def _mailbox(self, user):
        session, private = pair()
        ours, master = pair()
        ours.send(pack(GO, 0))
        self._sockets.append(ours)
        self.mailboxes.append(
            start([BIN / "lontar-mailbox", user], {3: master, 4: private},
                  cwd=self.root, stderr=self.log)
        )  # fmt: skip
        master.close()
        private.close()
        return session

    # the master

    def serve(self, certificates=None):
        self.master, theirs = pair()
        self.ports = {}
        for service in ("pop3", "pop3s"):
            listener = socket.create_server(("127.0.0.1", 0))
            listener.setblocking(False)
            self.ports[service] = listener.getsockname()[1]
            packet = pack(LISTENER, 0, service, f"127.0.0.1:{self.ports[service]}")
            socket.send_fds(self.master, [packet], [listener.fileno()])
            listener.close()
        if certificates:
            self.give(certificates)
        self.master.send(pack(GO, 0))
        # A sanitizer keeps freed memory for a while, and its use is measured here.
        environment = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=1"}
        self.daemon = start([BIN / "lontar-pop3d", "--service"], {3: theirs},
                            cwd=self.root, stderr=self.log, env=environment)  # fmt: skip
        theirs.close()
        self.master.settimeout(20)
        assert struct.unpack_from("<I", self.master.recv(65536))[0] == READY
        return self

    def give(self, certificates):
        for kind, path in ((CERTIFICATE, certificates.certificate), (KEY, certificates.key)):
            with open(path, "rb") as file:
                socket.send_fds(self.master, [pack(kind, 0)], [file.fileno()])

    def one_session(self, **environment):
        """A client of a lontar-pop3d on stdin and stdout, and that process."""
        client, theirs = socket.socketpair()
        process = subprocess.Popen(
            [BIN / "lontar-pop3d"], stdin=theirs, stdout=theirs, stderr=self.log,
            env={"LONTAR_ROOT": str(self.root), **environment},
        )  # fmt: skip
        theirs.close()
        client.settimeout(20)
        return client, process

    def put(self, user, messages, size=True):
        new = self.root / "mail" / user / "Maildir" / "new"
        new.mkdir(parents=True, exist_ok=True)
        for number, message in enumerate(messages):
            name = f"{1700000000 + number}.M000001P1Q1.gate.example"
            if size:
                wire = len(message) + message.count(b"\n")
                wire += 2 if message and not message.endswith(b"\n") else 0
                name += f",S={len(message)},W={wire}"
            (new / name).write_bytes(message)

    def left(self, user):
        new = self.root / "mail" / user / "Maildir" / "new"
        return sorted(path.name for path in new.iterdir())

    def pop3(self, user=None):
        client = poplib.POP3("127.0.0.1", self.ports["pop3"], timeout=20)
        if user:
            client.user(user)
            client.pass_(PASSWORD)
        return client

    def log_text(self):
        return self._log_path.read_text(errors="replace")

    def close(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()
        for one in [self._listener, *self.workers, *self._sockets]:
            one.close()
        for process in self.mailboxes:
            process.wait(10)
        self.log.close()
