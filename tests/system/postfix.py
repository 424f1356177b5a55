"""Debian's Postfix as the provider's smarthost: an instance of its own below a folder of
the test's own, on a free port, delivering everything into one Maildir."""

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

from waiting import wait_until

MASTER = """
{address}:{port} inet n - n - - smtpd {smtps}
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
proxymap  unix - - n - - proxymap
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
multi_instance_name = postfix-lontar-test
syslog_name = postfix-lontar-test
myhostname = isp.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
mynetworks = {networks}
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{
    {{nobody@far.example = 550 5.1.1 nobody of that name}}
    {{gone.example = 550 5.1.1 nobody of that name}}
    {{later@far.example = 450 4.2.1 come back later}} }}
virtual_mailbox_domains = static:all
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:all/
virtual_mailbox_limit = 0
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
message_size_limit = 52428800
smtpd_forbid_bare_newline = no
smtpd_peername_lookup = no
local_header_rewrite_clients =
message_drop_headers =
{more}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def available():
    return os.getuid() == 0 and shutil.which("postfix")


class Postfix:
    def __init__(self, certificates, tls=None, auth=False, without=(), address="127.0.0.1",
                 port=None, more=()):  # fmt: skip
        """tls: None, "starttls" or "implicit"; auth: AUTH is offered and needed;
        without: EHLO keywords that it does not offer; more: lines of main.cf."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lontar-postfix-"))
        self.folder.chmod(0o755)
        owner = pwd.getpwnam("postfix")
        self.user, self.password = "office", "the provider's secret"
        self.address, self.port = address, port or free_port()
        for name in ("queue", "data", "mail", "config"):
            (self.folder / name).mkdir()
        os.chown(self.folder / "data", owner.pw_uid, owner.pw_gid)
        os.chown(self.folder / "mail", owner.pw_uid, owner.pw_gid)
        more = [f"smtpd_discard_ehlo_keywords = {' '.join(without)}", *more]
        if tls:
            more += self._tls(certificates, tls)
        if auth:
            more += self._auth()
        config = self.folder / "config"
        (config / "main.cf").write_text(
            MAIN.format(
                address=address, folder=self.folder, uid=owner.pw_uid, gid=owner.pw_gid,
                networks="" if auth else "127.0.0.0/8", more="\n".join(more),
            )  # fmt: skip
        )
        smtps = "-o smtpd_tls_wrappermode=yes" if tls == "implicit" else ""
        (config / "master.cf").write_text(MASTER.format(address=address, port=self.port, smtps=smtps))
        self._postfix("start")
        wait_until(self._answers, what="Postfix")

    def _tls(self, certificates, tls):
        key = self.folder / "server.key"
        shutil.copy(certificates.key, key)
        return [
            f"smtpd_tls_cert_file = {certificates.certificate}",
            f"smtpd_tls_key_file = {key}",
            f"smtpd_tls_security_level = {'may' if tls == 'starttls' else 'encrypt'}",
            f"smtpd_tls_auth_only = {'yes' if tls == 'starttls' else 'no'}",
        ]

    def _auth(self):
        database = self.folder / "sasldb2"
        (self.folder / "config/sasl").mkdir()  # where Debian's Postfix looks
        (self.folder / "config/sasl/smtpd.conf").write_text(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
            f"mech_list: PLAIN LOGIN CRAM-MD5\nsasldb_path: {database}\n"
        )
        subprocess.run(
            ["saslpasswd2", "-p", "-c", "-f", database, "-u", "isp.example", self.user],
            input=self.password.encode(), check=True, capture_output=True,
        )  # fmt: skip
        shutil.chown(database, "postfix")
        return [
            "smtpd_sasl_auth_enable = yes",
            "smtpd_sasl_type = cyrus",
            "smtpd_sasl_path = smtpd",
            "smtpd_sasl_local_domain = isp.example",
        ]

    def _postfix(self, word):
        done = subprocess.run(
            ["postfix", "-c", str(self.folder / "config"), word],
            capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + self.log()

    def _answers(self):
        try:
            socket.create_connection((self.address, self.port), 1).close()
            return True
        except OSError:
            return False

    def log(self):
        try:
            return (self.folder / "log").read_text()
        except FileNotFoundError:
            return ""

    def mail(self):
        """The bytes of all messages delivered."""
        files = (self.folder / "mail/all/new").glob("*")
        return [path.read_bytes() for path in sorted(files, key=lambda path: path.name)]

    def forget(self):
        for path in (self.folder / "mail/all/new").glob("*"):
            path.unlink()

    def close(self):
        self._postfix("stop")
        shutil.rmtree(self.folder, ignore_errors=True)
