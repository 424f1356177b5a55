"""The sockets in run/, spoken byte by byte (src/ipc/packet.h, intake.h, link.h)."""

import array
import os
import select
import socket
import struct

RCPT, DRAFT, COMMIT, RESET, VERDICT, OPEN, WATCH, PARKED, SCRATCH, RECORD = range(1, 11)
YES, LATER, NO = range(3)
EVENT, FLUSH, SHOW, STATE, ACT, DONE = range(1, 7)
PACKET_MAX = 65536
NOBODY = 65534


def packet(kind, tag, *fields):
    """Numbers and texts in order, as packet_put_number and packet_put_text write them."""
    out = struct.pack("<II", kind, tag)
    for field in fields:
        if isinstance(field, int):
            out += struct.pack("<Q", field)
        else:
            text = field if isinstance(field, bytes) else field.encode()
            out += struct.pack("<I", len(text)) + text
    return out


def texts(bytes_):
    """The texts of a field list, as many as there are."""
    found = []
    while bytes_:
        (length,) = struct.unpack_from("<I", bytes_)
        found.append(bytes_[4 : 4 + length])
        bytes_ = bytes_[4 + length :]
    return found


class Verdict:
    def __init__(self, bytes_):
        self.type, self.tag = struct.unpack_from("<II", bytes_)
        (self.kind,) = struct.unpack_from("<Q", bytes_, 8)
        self.status, self.text = (one.decode() for one in texts(bytes_[16:]))


class Peer:
    """One connection to run/NAME, as another user where a uid is given (root may)."""

    def __init__(self, gateway, name, uid=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if uid is not None:
            os.seteuid(uid)
        try:
            self.socket.connect(str(gateway.root / "run" / name))
        finally:
            if uid is not None:
                os.seteuid(0)
        self.socket.settimeout(20)

    def send(self, bytes_, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([bytes_], rights)

    def receive(self):
        """(packet, descriptor or None); (b"", None) where the connection has ended."""
        try:
            bytes_, rights, _, _ = self.socket.recvmsg(PACKET_MAX, socket.CMSG_SPACE(4))
        except (ConnectionResetError, BrokenPipeError):
            return b"", None
        for _, _, data in rights:
            return bytes_, array.array("i", data[:4])[0]
        return bytes_, None

    def verdict(self):
        bytes_, fd = self.receive()
        assert fd is None
        assert bytes_, "the connection was closed"
        return Verdict(bytes_)

    def rcpt(self, recipient, sender="ann@gate.example", tag=1, may_relay=1):
        self.send(packet(RCPT, tag, may_relay, sender, recipient))
        return self.verdict()

    def draft(self, tag=1, size=0, helo=b"", **more):
        """The draft's descriptor, or a verdict."""
        words = [more.get(key, b"") for key in ("protocol", "helo", "ip", "login", "session")]
        words[1] = helo or words[1]
        self.send(packet(DRAFT, tag, size, *words))
        bytes_, fd = self.receive()
        return Verdict(bytes_) if fd is None else fd

    def commit(self, body, tag=1):
        self.send(packet(COMMIT, tag, len(body), body.count(b"\n"), 0))
        return self.verdict()

    def mail(self, recipients, body=b"Subject: x\n\nx\n", tag=1, **more):
        """One whole message; the verdict on it."""
        for recipient in recipients:
            verdict = self.rcpt(recipient, tag=tag, **more)
            if verdict.kind != YES:
                return verdict
        fd = self.draft(tag=tag)
        if isinstance(fd, Verdict):
            return fd
        os.write(fd, body)
        os.close(fd)
        return self.commit(body, tag=tag)

    def is_closed(self, seconds=10):
        """What was still on its way is read; the end must come."""
        ready = select.poll()
        ready.register(self.socket, select.POLLIN)
        while ready.poll(seconds * 1000):
            bytes_, fd = self.receive()
            if fd is not None:
                os.close(fd)
            if not bytes_:
                return True
        return False

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self.close()
