"""A qmail home as offices have them, and a queue with mail in each of qmail's states."""

import os
import pathlib


class QmailHome:
    """Settings are files of control/; homes of people are the test's own."""

    def __init__(self, folder, split=23):
        self.path = folder / "qmail"
        self.split = split
        self.count = 1000
        for name in ("control", "alias", "users", "bin"):
            (self.path / name).mkdir(parents=True)
        for name in ("mess", "info", "local", "remote"):
            (self.path / "queue" / name).mkdir(parents=True)
            for number in range(split):
                (self.path / "queue" / name / str(number)).mkdir()
        for name in ("todo", "intd", "bounce", "lock", "pid"):
            (self.path / "queue" / name).mkdir()
        (self.path / "queue/lock/sendmutex").touch()

    def file(self, name, text, mode=0o644):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def control(self, **settings):
        for name, text in settings.items():
            self.file(f"control/{name}", text)

    def message(self, body, todo=None, sender=None, local=(), remote=(), bounce=None):
        """One message of the queue; its number. A recipient with a "!" in front is done."""
        self.count += 7
        number, part = str(self.count), str(self.count % self.split)
        queue = self.path / "queue"
        (queue / "mess" / part / number).write_bytes(
            b"Received: (qmail 77 invoked by uid 500); 22 Nov 2026 10:00:00 -0000\n" + body
        )
        if todo is not None:
            (queue / "todo" / number).write_bytes(todo)
        if sender is not None:
            (queue / "info" / part / number).write_bytes(b"F" + sender.encode() + b"\0")
        for folder, recipients in (("local", local), ("remote", remote)):
            records = "".join(
                f"D{one[1:]}\0" if one[0] == "!" else f"T{one}\0" for one in recipients
            )
            if records:
                (queue / folder / part / number).write_bytes(records.encode())
        if bounce:
            (queue / "bounce" / number).write_text(bounce)
        return number

    def serial(self, maildir, name, sender, recipient, body="Subject: out\n\nout\n", where="new"):
        """What qmail-local put into a Maildir for serialmail."""
        for part in ("tmp", "new", "cur"):
            (self.path / "alias" / maildir / part).mkdir(parents=True, exist_ok=True)
        file = self.path / "alias" / maildir / where / name
        file.write_text(f"Return-Path: <{sender}>\nDelivered-To: {recipient}\n{body}")
        return file


def snapshot(path):
    """Everything below a folder: names, modes, contents. Nothing of it may change."""
    found = {}
    for place in sorted(pathlib.Path(path).rglob("*")):
        st = place.lstat()
        content = place.read_bytes() if place.is_file() else None
        found[str(place)] = (oct(st.st_mode), st.st_mtime_ns, st.st_uid, content)
    return found


def give(path, uid, gid):
    for place in (path, *path.rglob("*")):
        os.chown(place, uid, gid)
