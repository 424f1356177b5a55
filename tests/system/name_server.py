"""A name server with a zone of the test's own, on loopback."""

import ipaddress
import socket
import struct
import threading

A, CNAME, MX, AAAA = 1, 5, 15, 28
NAMES = {"A": A, "CNAME": CNAME, "MX": MX, "AAAA": AAAA}


def name_bytes(name):
    labels = [label for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(one)]) + one.encode() for one in labels) + b"\0"


def record_bytes(kind, value):
    if kind in (A, AAAA):
        return ipaddress.ip_address(value).packed
    if kind == MX:
        preference, host = value
        return struct.pack("!H", preference) + name_bytes(host)
    return name_bytes(value)


class Zone:
    """records: {"far.example": {"MX": [(10, "mx.far.example")]}, ...}; a name that is not
    there does not exist; one with "SERVFAIL" for records cannot be told of. A root
    server's name is there, as on any name server that tells the truth."""

    def __init__(self, records, address="127.0.0.1"):
        self.records = records
        self.records.setdefault("a.root-servers.net", {"A": ["198.41.0.4"]})
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.address = "%s:%d" % self.socket.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                question, client = self.socket.recvfrom(2048)
            except OSError:
                return
            self.socket.sendto(self._answer(question), client)

    def _answer(self, question):
        end = question.index(b"\0", 12)
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1 : at + 1 + question[at]].decode())
            at += question[at] + 1
        name, kind = ".".join(labels).lower(), struct.unpack("!H", question[end + 1 : end + 3])[0]
        self.asked.append((name, kind))
        code, answers = self._find(name, kind)
        head = question[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(answers), 0, 0)
        return head + question[12 : end + 5] + b"".join(answers)

    def _find(self, name, kind):
        answers = []
        while True:
            records = self.records.get(name)
            if records == "SERVFAIL":
                return 2, []
            if records is None:
                return 3, answers
            if "CNAME" not in records:
                break
            answers.append(self._record(name, CNAME, records["CNAME"][0]))
            name = records["CNAME"][0]
        for word, number in NAMES.items():
            if number == kind:
                answers += [self._record(name, kind, one) for one in records.get(word, [])]
        return 0, answers

    @staticmethod
    def _record(name, kind, value):
        data = record_bytes(kind, value)
        return name_bytes(name) + struct.pack("!HHIH", kind, 1, 60, len(data)) + data

    def close(self):
        self.socket.close()
