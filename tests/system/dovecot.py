"""Debian's Dovecot as the provider: an instance of its own below a folder of the test's
own, on free ports, one Maildir a user."""

import itertools
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

from waiting import wait_until

PROGRAM = "/usr/sbin/dovecot"

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = pop3 imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
last_valid_uid = 0
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
mail_uid = {uid}
mail_gid = {gid}
maildir_very_dirty_syncs = no
pop3_no_flag_updates = yes
pop3_uidl_format = {uidl}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
protocol imap {{
  mail_plugins = {imap_plugins}
}}
passdb {{
  driver = static
  args = password={stored}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
"""


def available():
    return os.geteuid() == 0 and os.path.exists(PROGRAM)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Dovecot:
    password = "isp-secret"

    def __init__(
        self, certificates, uidl="%08Xu%08Xv", imap_plugins="", more="", stored=password
    ):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lontar-dovecot-"))
        self.folder.chmod(0o755)
        self._numbers = itertools.count()
        self.pop3, self.pop3s = free_port(), free_port()
        self.imap, self.imaps = free_port(), free_port()
        owner = pwd.getpwnam("nobody")
        self.owner = owner.pw_uid, owner.pw_gid
        (self.folder / "mail").mkdir()
        os.chown(self.folder / "mail", *self.owner)
        self.configuration = self.folder / "dovecot.conf"
        self.configuration.write_text(
            CONFIGURATION.format(
                folder=self.folder, certificate=certificates.certificate,
                key=certificates.key, uid=self.owner[0], gid=self.owner[1], uidl=uidl,
                pop3=self.pop3, pop3s=self.pop3s, imap=self.imap, imaps=self.imaps,
                imap_plugins=imap_plugins, stored=stored,
            )  # fmt: skip
            + more
        )
        self.process = subprocess.Popen(
            [PROGRAM, "-F", "-c", self.configuration], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(self._answers, what="Dovecot")

    def _answers(self):
        assert self.process.poll() is None, self.log_text()
        try:
            with socket.create_connection(("127.0.0.1", self.pop3), timeout=5) as wire:
                return wire.recv(3) == b"+OK"
        except OSError:
            return False

    def _mailbox(self, user):
        box = self.folder / "mail" / user
        for part in ("", "cur", "new", "tmp"):
            path = box / part
            path.mkdir(exist_ok=True)
            os.chown(path, *self.owner)
        return box

    def put(self, user, messages):
        """Messages with LF line ends."""
        box = self._mailbox(user)
        for message in messages:
            # Never one that was used before: it would have the old one's UID.
            number = next(self._numbers)
            path = box / "new" / f"{1700000000 + number}.M{number}P1.isp"
            path.write_bytes(message)
            os.chown(path, *self.owner)

    def empty(self, user):
        for path in [*self._mailbox(user).glob("new/*"), *self._mailbox(user).glob("cur/*")]:
            path.unlink()

    def left(self, user):
        return len(list(self._mailbox(user).glob("*/*:2,*"))) + len(
            list(self._mailbox(user).glob("new/*"))
        )

    def log_text(self):
        try:
            return (self.folder / "log").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
