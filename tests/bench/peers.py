"""The peers, from Debian's packages. Postfix is installed; Exim, OpenSMTPD and Dovecot,
which exclude it or each other, are unpacked below build/peers and run with their files laid
over this machine's (overlayfs, in a mount namespace that ends with them), their spool and
mail on the disk that is measured."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

from measure import ROOT, Processes, run, wait_for

PEERS = ROOT / "build/peers"
USERS = [f"user{number}" for number in range(8)]
OUTSIDE = "you@far.example"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port, host="127.0.0.1"):
    try:
        with socket.create_connection((host, port), 2) as stream:
            stream.settimeout(10)
            return stream.recv(1)
    except OSError:
        return b""


class Peer:
    """A mail server with mailboxes for 8 users of gate.example; everything else goes to
    the smarthost, once it is told to."""

    outside = [OUTSIDE]
    sender = "user0@gate.example"
    local = [f"{user}@gate.example" for user in USERS]
    address = "127.0.0.1"
    is_smarthost = False  # takes mail for everybody, into one mailbox

    def __init__(self, place, smarthost=("127.0.0.1", 9)):
        self.place = pathlib.Path(place)
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        self.smarthost = smarthost
        self.processes = Processes()
        self.port = free_port()

    def maildirs(self):
        return [self.place / "mail" / user for user in (["all"] if self.is_smarthost else USERS)]

    def delivered(self):
        return sum(
            len(os.listdir(folder / "new")) for folder in self.maildirs()
            if (folder / "new").exists()
        )  # fmt: skip

    def forget(self):
        for folder in self.maildirs():
            if (folder / "new").exists():
                for path in (folder / "new").iterdir():
                    path.unlink()

    def __enter__(self):
        begun = time.monotonic()
        self.start()
        wait_for(
            lambda: answers(self.port, self.address), 20, f"{self.name} on port {self.port}"
        )
        self.started_s = time.monotonic() - begun
        return self

    def __exit__(self, *fault):
        self.stop()
        self.processes.close()


POSTFIX_MASTER = """
{address}:{port} inet n - n - - smtpd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {place}/queue
data_directory = {place}/data
maillog_file = {place}/log
maillog_file_prefixes = {place}
multi_instance_name = postfix-{instance}
syslog_name = postfix-{instance}
myhostname = {host}
mydestination =
inet_interfaces = {address}
inet_protocols = ipv4
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8 10.77.0.0/24
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
disable_dns_lookups = yes
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {place}/mail
virtual_mailbox_maps = {boxes}
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
relayhost = [{relay[0]}]:{relay[1]}
defer_transports = smtp
"""


class Postfix(Peer):
    """Debian's, with its defaults; outbound mail waits (defer_transports) for postqueue -f."""

    name = "Postfix"
    label = "postfix"
    number = 0
    host, domains = "gate.example", "gate.example"
    boxes = "inline:{" + ", ".join(f"{{{user}@gate.example={user}/}}" for user in USERS) + "}"

    def more(self):
        """Further lines of main.cf."""
        return ""

    def start(self):
        owner = pwd.getpwnam("postfix")
        for name in ("queue", "data", "mail", "config"):
            (self.place / name).mkdir()
        for name in ("data", "mail"):
            os.chown(self.place / name, owner.pw_uid, owner.pw_gid)
        for folder in self.place.parents:
            if folder.is_relative_to(ROOT / "build"):
                folder.chmod(0o755)
        self.place.chmod(0o755)
        Postfix.number += 1
        (self.place / "config/main.cf").write_text(
            POSTFIX_MAIN.format(
                place=self.place, instance=f"bench-{os.getpid()}-{Postfix.number}",
                uid=owner.pw_uid, gid=owner.pw_gid, relay=self.smarthost, host=self.host,
                address=self.address, domains=self.domains, boxes=self.boxes,
            ) + self.more()  # fmt: skip
        )
        (self.place / "config/master.cf").write_text(
            POSTFIX_MASTER.format(address=self.address, port=self.port)
        )
        run("postfix", "-c", self.place / "config", "start", preexec_fn=self.processes.enter)
        self.processes.root = int((self.place / "queue/pid/master.pid").read_text())

    def _count(self, *queues):
        count = 0
        for name in queues:
            for _, _, files in os.walk(self.place / "queue" / name):
                count += len(files)
        return count

    def parked(self):
        return self._count("incoming", "active", "deferred")

    def flush(self):
        # What is on its way into the deferred queue would miss the flush.
        wait_for(lambda: self._count("incoming", "active") == 0, 60, "Postfix to defer")
        begun = time.monotonic()
        run("postqueue", "-c", self.place / "config", "-f")
        return begun

    def forget(self):
        super().forget()
        if not self.is_smarthost:
            run("postsuper", "-c", self.place / "config", "-d", "ALL")

    def stop(self):
        run("postfix", "-c", self.place / "config", "stop")

    @staticmethod
    def version():
        return run("postconf", "-d", "-h", "mail_version").strip()


class PostfixSmarthost(Postfix):
    """The provider's Postfix, with CHUNKING as Debian's has it."""

    host, domains = "isp.example", "static:all"
    boxes = "static:all/"
    is_smarthost = True


class PostfixWithLogin(PostfixSmarthost):
    """As providers have it: STARTTLS and a login before any mail."""

    user, password = "office", "bench"

    def keys(self):
        """What control/smarthosts/NAME says of it, beside host and port."""
        secret = self.place / "password"
        secret.write_text(self.password + "\n")
        secret.chmod(0o600)
        return {"tls": "starttls", "user": f"{self.user}@{self.host}", "passwordfile": secret,
                "cafile": self.place / "server.pem"}  # fmt: skip

    def more(self):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "30", "-subj", f"/CN={self.host}",
            "-addext", f"subjectAltName=IP:{self.address}",
            "-keyout", self.place / "server.key", "-out", self.place / "server.pem")  # fmt: skip
        database = self.place / "sasldb2"
        (self.place / "config/sasl").mkdir()
        (self.place / "config/sasl/smtpd.conf").write_text(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN\n"
            f"sasldb_path: {database}\n"
        )
        run("saslpasswd2", "-p", "-c", "-f", database, "-u", self.host, self.user,
            input=self.password)  # fmt: skip
        shutil.chown(database, "postfix")
        return (f"mynetworks =\nsmtpd_tls_cert_file = {self.place}/server.pem\n"
                f"smtpd_tls_key_file = {self.place}/server.key\nsmtpd_tls_security_level = may\n"
                "smtpd_tls_auth_only = yes\nsmtpd_sasl_auth_enable = yes\n"
                "smtpd_sasl_type = cyrus\nsmtpd_sasl_path = smtpd\n"
                f"smtpd_sasl_local_domain = {self.host}\n")  # fmt: skip


class Unpacked(Peer):
    """A peer below build/peers."""

    packages = ()
    users = ()  # name:uid that the packages' scripts would have made

    @classmethod
    def unpack(cls):
        folder = PEERS / cls.label
        if not folder.exists():
            downloads = PEERS / "downloads"
            downloads.mkdir(parents=True, exist_ok=True)
            run("apt-get", "download", *cls.packages, cwd=downloads)
            fresh = folder.with_suffix(".new")
            for package in cls.packages:
                for archive in downloads.glob(f"{package}_*.deb"):
                    run("dpkg-deb", "-x", archive, fresh)
            (fresh / "etc").mkdir(exist_ok=True)
            passwd, group = (pathlib.Path(f"/etc/{name}").read_text()
                             for name in ("passwd", "group"))  # fmt: skip
            for user, uid in cls.users:
                home = f"/var/lib/bench/home/{user}"
                passwd += f"{user}:x:{uid}:{uid}::{home}:/bin/false\n"
                group += f"{user}:x:{uid}:\n"
            (fresh / "etc/passwd").write_text(passwd)
            (fresh / "etc/group").write_text(group)
            fresh.rename(folder)
        return folder

    def enclosed(self, command, *binds):
        """The words that run a shell command where the peer seems installed; its place is
        /var/lib/bench there. binds: (folder below the place, where it is seen)."""
        folder = self.unpack()
        spot = "/var/lib/bench"
        script = ["mount -t tmpfs tmpfs /mnt"]
        for part in ("usr", "etc", "var"):
            script += [
                f"mkdir -p /mnt/{part}.up /mnt/{part}.work {folder}/{part}",
                f"mount -t overlay overlay -o lowerdir={folder}/{part}:/{part},"
                f"upperdir=/mnt/{part}.up,workdir=/mnt/{part}.work /{part}",
            ]
        script += ["mount -t tmpfs tmpfs /run"]
        # A name server that refuses at once: OpenSMTPD looks up its clients' names.
        script += ["rm -f /etc/resolv.conf", "echo nameserver 127.0.0.1 >/etc/resolv.conf"]
        for below, seen in ((".", spot), *binds):
            script += [f"mkdir -p {seen}", f"mount --bind {self.place}/{below} {seen}"]
        script += [command]
        return ["unshare", "-m", "--propagation", "private", "sh", "-ec", "\n".join(script)]

    def launch(self, command, *binds):
        self.log = open(self.place / "output", "ab")
        self.process = subprocess.Popen(
            self.enclosed(command, *binds), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, start_new_session=True, preexec_fn=self.processes.enter,
        )  # fmt: skip
        self.processes.root = self.process.pid

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        if self.processes.group:
            deadline = time.monotonic() + 5
            while self.processes.pids() and time.monotonic() < deadline:
                time.sleep(0.05)
            for pid in self.processes.pids():
                os.kill(pid, signal.SIGKILL)
            wait_for(lambda: not self.processes.pids(), 5, "the end of " + self.name)
        self.log.close()

    def version(self):
        self.unpack()
        archive = next((PEERS / "downloads").glob(f"{self.packages[0]}_*.deb"))
        return archive.name.split("_")[1].replace("%3a", ":")


OPENSMTPD = """
listen on {address} port {port}
action "all" maildir "/var/lib/bench/mail/all" virtual {{ "@" = user0 }}
action "local" maildir "/var/lib/bench/mail/%{{dest.user}}"
action "relay" relay host smtp://{relay[0]}:{relay[1]}
match for domain "gate.example" action "local"
match from any for any action "{rest}"
"""


class OpenSMTPD(Unpacked):
    """With its defaults; outbound mail waits (smtpctl pause mta)."""

    name = "OpenSMTPD"
    label = "opensmtpd"
    packages = ("opensmtpd",)
    users = [("opensmtpd", 951), ("opensmtpq", 952)] + [
        (user, 960 + number) for number, user in enumerate(USERS)
    ]

    def start(self):
        (self.place / "spool").mkdir()
        (self.place / "spool").chmod(0o711)
        (self.place / "mail").mkdir()
        for number, user in enumerate(["all"] if self.is_smarthost else USERS):
            for folder in ("mail", "home"):
                (self.place / folder / user).mkdir(parents=True)
                os.chown(self.place / folder / user, 960 + number, 960 + number)
        (self.place / "smtpd.conf").write_text(
            OPENSMTPD.format(
                address=self.address, port=self.port, relay=self.smarthost,
                rest="all" if self.is_smarthost else "relay",
            )  # fmt: skip
        )
        (self.place / "spool").chmod(0o711)
        self.place.chmod(0o755)
        empty = self.unpack() / "var/lib/opensmtpd/empty"
        empty.mkdir(parents=True, exist_ok=True)
        empty.chmod(0o755)
        self.launch(
            "chgrp opensmtpq /usr/sbin/smtpctl; chmod 2755 /usr/sbin/smtpctl; "
            "(until smtpctl pause mta; do sleep 0.1; done) & "
            "exec smtpd -d -f /var/lib/bench/smtpd.conf",
            ("spool", "/var/spool/smtpd"),
        )

    def parked(self):
        count = 0
        for _, _, files in os.walk(self.place / "spool/queue"):
            count += sum(name != "message" for name in files)
        return count


EXIM = """
primary_hostname = gate.example
daemon_smtp_ports = {port}
local_interfaces = {address}
spool_directory = /var/lib/bench/spool
log_file_path = /var/lib/bench/log/%slog
exim_user = Debian-exim
exim_group = Debian-exim
never_users =
domainlist local_domains = {domains}
queue_smtp_domains = ! +local_domains
smtp_accept_max = 300
smtp_accept_queue_per_connection = 0
remote_max_parallel = 2
acl_smtp_rcpt = accept
acl_smtp_data = accept
host_lookup =
rfc1413_hosts =
smtp_enforce_sync = true
begin routers
local:
  driver = accept
  domains = +local_domains
  transport = maildir
relay:
  driver = manualroute
  route_list = * {relay[0]}::{relay[1]} byname
  self = send
  transport = smtp
begin transports
maildir:
  driver = appendfile
  directory = /var/lib/bench/mail/${{lookup{{$local_part}}lsearch*{{/var/lib/bench/boxes}}}}
  maildir_format
  user = Debian-exim
smtp:
  driver = smtp
"""


class Exim(Unpacked):
    """Debian's light daemon; outbound mail is queued (queue_smtp_domains)."""

    name = "Exim"
    label = "exim"
    packages = ("exim4-daemon-light", "exim4-base")
    users = [("Debian-exim", 950)]

    def start(self):
        for name in ("spool", "log", "mail"):
            (self.place / name).mkdir()
            os.chown(self.place / name, 950, 950)
        (self.place / "boxes").write_text(
            "".join(f"{user}: {user}\n" for user in USERS) + "*: all\n"
        )
        (self.place / "exim.conf").write_text(
            EXIM.format(
                address=self.address, port=self.port, relay=self.smarthost,
                domains="*" if self.is_smarthost else "gate.example",
            )  # fmt: skip
        )
        (self.place / "exim.conf").chmod(0o644)
        self.launch(
            "mkdir -p /etc/exim4; cp /var/lib/bench/exim.conf /etc/exim4/exim4.conf; "
            "exec /usr/sbin/exim4 -bdf -q30m"
        )

    def parked(self):
        return len(list((self.place / "spool/input").rglob("*-H")))
