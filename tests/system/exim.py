"""Debian's Exim as the provider's smarthost. Its package excludes Postfix's, so it is
unpacked below build/peers and run in a mount namespace in which its user exists. It has
Debian's rule against long lines, and what it takes waits in its spool."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from postfix import free_port
from waiting import wait_until

PEERS = pathlib.Path(__file__).resolve().parents[2] / "build/peers"
PACKAGES = ("exim4-daemon-light", "exim4-base")
UID = 950

# The ACL is that of Debian's conf.d/acl/40_exim4-config_check_data.
CONFIG = """
primary_hostname = isp.example
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/log/pid
exim_user = Debian-exim
exim_group = Debian-exim
queue_only
{more}
acl_smtp_rcpt = accept
acl_smtp_data = check_data
host_lookup =
rfc1413_hosts =
begin acl
check_data:
  deny
    condition  = ${{if > {{$max_received_linelength}}{{998}}}}
    message    = maximum allowed line length is 998 octets, \\
                 got $max_received_linelength
  accept
"""


def available():
    return os.getuid() == 0 and shutil.which("apt-get") and shutil.which("unshare")


def unpack():
    """The folder with the program, fetched the first time."""
    folder = PEERS / "exim-system"
    if not (folder / "usr/sbin/exim4").exists():
        PEERS.mkdir(parents=True, exist_ok=True)
        downloads = pathlib.Path(tempfile.mkdtemp(prefix="lontar-exim-"))
        downloads.chmod(0o777)
        subprocess.run(
            ["apt-get", "-q", "download", *PACKAGES], cwd=downloads, check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for archive in downloads.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
        shutil.rmtree(downloads)
    return folder


class Exim:
    def __init__(self, more=""):
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lontar-exim-"))
        self.folder.chmod(0o755)
        for name in ("spool", "log"):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, UID, UID)
        for name in ("passwd", "group"):
            text = pathlib.Path(f"/etc/{name}").read_text()
            more_text = f"Debian-exim:x:{UID}:{UID}::/nonexistent:/bin/false\n"
            if name == "group":
                more_text = f"Debian-exim:x:{UID}:\n"
            (self.folder / name).write_text(text + more_text)
        config = self.folder / "exim.conf"
        config.write_text(CONFIG.format(port=self.port, folder=self.folder, more=more))
        script = (
            f"mount --bind {self.folder}/passwd /etc/passwd; "
            f"mount --bind {self.folder}/group /etc/group; "
            f"exec {unpack()}/usr/sbin/exim4 -C {config} -bdf"
        )
        self.output = open(self.folder / "output", "wb")
        self.process = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-ec", script],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
        )  # fmt: skip
        wait_until(self._listens, what="Exim's start")

    def _listens(self):
        assert self.process.poll() is None, (self.folder / "output").read_text()
        return any(
            f":{self.port:04X} " in line and " 0A " in line
            for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()
        )

    def bodies(self):
        """What was taken: the bytes behind each message's header, LF line ends."""
        files = sorted((self.folder / "spool/input").rglob("*-D"))
        return [file.read_bytes().partition(b"\n")[2] for file in files]

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.output.close()
        shutil.rmtree(self.folder, ignore_errors=True)
