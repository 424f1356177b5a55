"""The real programs, on ports the kernel picks, below a folder of the test's own."""

import atexit
import json
import os
import pathlib
import poplib
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile

from waiting import read_line, wait_until


def reachable(binaries):
    """Where everyone may run them: the programs of .qmail files run as nobody, who cannot go
    into a clone below /root."""
    if all(place.stat().st_mode & 0o001 for place in (binaries, *binaries.parents)):
        return binaries
    copy = pathlib.Path(tempfile.mkdtemp(prefix="lontar-bin-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    return shutil.copytree(binaries, copy / "bin", symlinks=True)


BIN = reachable(pathlib.Path(os.environ.get("LONTAR_BIN", "build/bin")).resolve())

EX_OK, EX_USAGE, EX_NOINPUT, EX_UNAVAILABLE = 0, 64, 66, 69
EX_EXISTS, EX_TEMPFAIL, EX_NOPERM, EX_CONFIG = 73, 75, 77, 78

SERVICES = ("smtp", "submission", "smtps", "pop3", "pop3s")
PASSWORD = "a long secret"


def unverified():
    """The gateway's own certificate is self-signed."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Parked:
    """A parked file: its name's facts and its bytes."""

    def __init__(self, path):
        self.path = path
        base, _, self.flags = path.name.partition(":2,")
        self.id, *facts = base.split(",")
        self.facts = dict(fact.split("=", 1) for fact in facts)
        self.bytes = path.read_bytes()
        head, self.body = self._split()
        self.recipients = [line[14:] for line in head if line[1:14] == "elivered-To: "]
        self.unsettled = [line[14:] for line in head if line.startswith("Delivered-To: ")]

    def _split(self):
        rest, head = self.bytes, []
        while re.match(rb"(Return-Path|[Dx]elivered-To): ", rest):
            line, _, rest = rest.partition(b"\n")
            head.append(line.decode(errors="replace"))
        return head, rest


class Wire:
    """A conversation byte by byte."""

    def __init__(self, port, address="127.0.0.1"):
        self.socket = socket.create_connection((address, port), timeout=20)
        self.stream = self.socket.makefile("rb")
        self.greeting = self.reply()

    def send(self, data):
        self.socket.sendall(data)

    def reply(self):
        """One reply's lines, "" at the end of the connection."""
        lines = []
        while True:
            line = self.stream.readline().decode("utf-8", "replace")
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    def say(self, line):
        self.send((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        return self.reply()

    def hello(self, *lines):
        """EHLO and what follows, each taken."""
        for line in ("EHLO office-pc.example", *lines):
            answer = self.say(line)
            assert answer[0] in "23", f"{line}: {answer}"
        return self

    def is_closed(self):
        return self.stream.read(1) == b""

    def close(self):
        self.stream.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self.close()


class Gateway:
    def __init__(self, folder, me="gate.example", users=("ann", "bob"), smarthosts=()):
        self.folder = folder
        self.root = folder / "root"
        self.process = None
        self.ports = {}
        self.environment = {
            "PATH": f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(folder),
            "LONTAR_ROOT": str(self.root),
            "LC_ALL": "C.UTF-8",
        }
        words = ["init", "--me", me]
        for user in users:
            words += ["--user", f"{user}:{PASSWORD}"]
        for name, port in dict(smarthosts).items():
            words += ["--smarthost", f"{name}=127.0.0.1:{port}"]
        done = self.run(*words)
        assert done.returncode == EX_OK, done.stderr
        self.control("listen", "".join(f"{name} 127.0.0.1:0\n" for name in SERVICES))

    # settings

    def control(self, name, text):
        """Writes a setting."""
        file = self.root / "control" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    def smarthost(self, name, **keys):
        """Writes control/smarthosts/NAME; returns its path."""
        return self.control(
            f"smarthosts/{name}", "".join(f"{key} {value}\n" for key, value in keys.items())
        )

    def secret(self, name, text):
        file = self.control(name, text + "\n")
        file.chmod(0o600)
        return name

    # processes

    def start(self, **more):
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [BIN / "lontar", "run"], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.log, bufsize=0, start_new_session=True, **more,
        )  # fmt: skip
        line = read_line(self.process.stdout).decode()
        assert line.startswith("ready "), f"{line!r}; log:\n{self.log_text()}"
        self.ports = {}
        for word in line.split()[1:]:
            service, _, address = word.partition("=")
            self.ports[service] = int(address.rpartition(":")[2])
        return self

    def stop(self, number=signal.SIGTERM):
        """Ends it and returns its exit code; afterwards no process of it is left."""
        if not self.process:
            return None
        family = [self.process.pid, *self.processes()]
        self.process.send_signal(number)
        code = self.process.wait(10)
        wait_until(lambda: not any(map(self._alive, family)), what="the end of all services")
        self.process.stdout.close()
        self.log.close()
        self.process = None
        return code

    @staticmethod
    def _alive(pid):
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        return state not in "ZX"

    def processes(self):
        """{pid: program} of what the master started, and what those started."""
        parents, names = {}, {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                rest = stat.read_text().rpartition(") ")[2].split()
                words = (stat.parent / "cmdline").read_text().split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            pid = int(stat.parent.name)
            names[pid], parents[pid] = pathlib.Path(words[0]).name, int(rest[1])
        family, more = set(), {self.process.pid}
        while more:
            more = {pid for pid, parent in parents.items() if parent in more} - family
            family |= more
        return {pid: names[pid] for pid in family}

    def log_text(self):
        return (self.folder / "log").read_text(errors="replace")

    def run(self, *words, program="lontar", input=None, timeout=60, env=None, **more):
        """One command, to its end."""
        return subprocess.run(
            [BIN / program, *map(str, words)], env=env or self.environment, text=True,
            capture_output=True, timeout=timeout,
            **({"input": input} if input is not None else {"stdin": subprocess.DEVNULL}),
            **more,
        )  # fmt: skip

    # what people and programs see

    def smtp(self, service="smtp"):
        return smtplib.SMTP("127.0.0.1", self.ports[service], timeout=20)

    def submission(self, user="ann", password=PASSWORD):
        client = self.smtp("submission")
        client.starttls(context=unverified())
        client.login(user, password)
        return client

    def pop3(self, user="ann", password=PASSWORD):
        client = poplib.POP3("127.0.0.1", self.ports["pop3"], timeout=20)
        client.user(user)
        client.pass_(password)
        return client

    def send(self, sender, recipients, message=b"Subject: hello\r\n\r\nhello\r\n"):
        with self.smtp() as client:
            return client.sendmail(sender, recipients, message)

    def connect(self, service="smtp"):
        """A bare connection, its greeting read."""
        return Wire(self.ports[service])

    def flush(self, *words, **more):
        return self.run("flush", *words, **more)

    def queue(self, *names):
        done = self.run("queue", "--json", *names)
        assert done.returncode == EX_OK, done.stderr
        return json.loads(done.stdout)

    def status(self):
        done = self.run("status", "--json")
        assert done.returncode == EX_OK, done.stderr
        return json.loads(done.stdout)

    def smarthost_status(self, name="isp"):
        return next(one for one in self.status()["parked"] if one["smarthost"] == name)

    # what is on the disk

    def parked(self, name="isp"):
        found = []
        for folder in ("new", "cur"):
            for path in (self.root / "spool/parked" / name / folder).glob("*"):
                try:
                    found.append(Parked(path))
                except FileNotFoundError:
                    continue  # renamed or sent while we looked
        return sorted(found, key=lambda one: one.id)

    def mailbox(self, user):
        """The bytes of all messages, oldest first."""
        maildir = self.root / "mail" / user / "Maildir"
        files = [path for sub in ("new", "cur") for path in (maildir / sub).glob("*")]
        return [path.read_bytes() for path in sorted(files, key=lambda path: path.name)]
