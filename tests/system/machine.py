"""An office machine whose network is brought up by Debian's own programs: pppd's scripts,
ifupdown and NetworkManager, unpacked below build/peers and run in namespaces, where our
hooks lie in the folders that those programs look into."""

import fcntl
import os
import pathlib
import shutil
import subprocess

from gateway import BIN
from link import Wire, available
from waiting import read_line, wait_until

TOP = pathlib.Path(__file__).resolve().parents[2]
HOOKS = TOP / "ppp-hooks"
PEERS = pathlib.Path(os.environ.get("LONTAR_PEERS", TOP / "build/peers")).resolve()
PACKAGES = (
    "ppp", "ifupdown", "network-manager", "libnm0", "libndp0", "libjim0.81", "libbluetooth3",
    "libmm-glib0", "libnewt0.52", "libteamdctl0", "libpcap0.8", "libgudev-1.0-0",
    "libnl-route-3-200", "libpsl5", "libcurl3-gnutls",
)  # fmt: skip
LIBRARIES = "usr/lib/x86_64-linux-gnu"

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path=/run/bus</listen><servicedir>{folder}/services</servicedir>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow receive_sender="*"/></policy></busconfig>
"""
DISPATCHER = """[D-BUS Service]
Name=org.freedesktop.nm_dispatcher
Exec=/usr/bin/env DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/bus LD_LIBRARY_PATH={peers}/{libraries} {peers}/usr/lib/NetworkManager/nm-dispatcher --persist
"""
MANAGER = """[main]
plugins=keyfile
dns=none
rc-manager=unmanaged
auth-polkit=false
no-auto-default=*
[keyfile]
unmanaged-devices=interface-name:far0
"""
CONNECTION = """[connection]
id={name}
uuid=6b1b8c2e-6f0e-4b5a-9d3e-000000000001
type=ethernet
interface-name={interface}
autoconnect=false
[ipv4]
method=manual
address1={address}/24
dns=192.0.2.53;
[ipv6]
method=disabled
"""
# sysfs read-only: NetworkManager then waits for no udev.
ENCLOSE = """set -e
mount --bind {etc} /etc
mount -t sysfs -o ro sysfs /sys
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mkdir -p /var/lib/NetworkManager /run/NetworkManager /run/network
echo ready
exec cat
"""


def _unpack():
    """Debian's packages below build/peers/network; None without a network."""
    place = PEERS / "network"
    PEERS.mkdir(parents=True, exist_ok=True)
    with open(PEERS / "network.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if place.exists():
            return place
        downloads, fresh = PEERS / "network.debs", PEERS / "network.new"
        for folder in (downloads, fresh):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        words = ["apt-get", "download", *PACKAGES]
        if subprocess.run(words, cwd=downloads, capture_output=True, check=False).returncode:
            return None
        for archive in downloads.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", archive, fresh], check=True)
        fresh.rename(place)
        shutil.rmtree(downloads)
    return place


def impossible():
    """Why there can be no Machine, or ""."""
    if available():
        return available()
    for program in ("nsenter", "unshare", "dbus-daemon", "apt-get", "dpkg-deb"):
        if not shutil.which(program):
            return f"no {program}"
    words = ["unshare", "-m", "-n", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        return "mount namespaces are refused"
    return "" if _unpack() else "Debian's packages cannot be fetched"


class Machine:
    """wire: its only interface, without carrier and address. Settings of a gateway that runs
    on it are told to the hooks as they are to be: by /etc/default/lontar."""

    tty = "/dev/ttyS0"

    def __init__(self, folder, interface="ppp0"):
        self.folder = folder
        self.peers = _unpack()
        self.wire = Wire(interface)
        self.interface = interface
        self.started = []
        self.etc = folder / "etc"
        subprocess.run(["cp", "-a", "/etc", self.etc], check=True)
        subprocess.run(["cp", "-a", *(self.peers / "etc").glob("*"), self.etc], check=True)
        for old in self.etc.glob("network/if-*.d/*"):
            old.unlink()
        (self.etc / "ppp/ip-up.d/0000usepeerdns").unlink(missing_ok=True)
        self.holder = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{self.wire.name}", "unshare", "-m", "sh", "-c",
             ENCLOSE.format(etc=self.etc)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        assert read_line(self.holder.stdout) == b"ready\n"

    def hook(self, path, *places):
        """Installs one of ours into /etc/PLACE."""
        for place in places:
            target = self.etc / place
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(HOOKS / path, target)
            target.chmod(0o755)

    def tell(self, gateway):
        """What a hook needs to know of the gateway."""
        (self.etc / "default/lontar").write_text(
            f"LONTAR_ROOT={gateway.root}\nLONTAR={BIN}/lontar\n"
        )

    def _words(self, words):
        space = f"/proc/{self.holder.pid}/ns"
        return ["nsenter", f"--mount={space}/mnt", f"--net={space}/net", *map(str, words)]

    def _try(self, *words, **environment):
        return subprocess.run(
            self._words(words), env=environment, stdin=subprocess.DEVNULL, timeout=30,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def run(self, *words, **environment):
        done = self._try(*words, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    # pppd

    def pppd_says(self, script, ipparam="", local="192.0.2.10", remote="192.0.2.1", **more):
        """Debian's /etc/ppp/SCRIPT as pppd 2.4.9 runs it: hardly an environment."""
        return self.run(
            f"/etc/ppp/{script}", self.interface, self.tty, "33600", local, remote, ipparam,
            DEVICE=self.tty, IFNAME=self.interface, IPLOCAL=local, IPREMOTE=remote,
            SPEED="33600", ORIG_UID="0", PPPLOGNAME="root", PPPD_PID="4711", **more,
        )  # fmt: skip

    # ifupdown

    def ifupdown(self, command):
        file = self.folder / "interfaces"
        file.write_text(
            f"iface {self.interface} inet static\n\taddress {self.wire.address}/24\n"
        )
        place = self.folder / "ifstate"
        place.mkdir(exist_ok=True)
        return self.run(
            self.peers / "sbin" / command, "--force", "-i", file, "--state-dir", place,
            self.interface, PATH="/usr/sbin:/usr/bin:/sbin:/bin",
        )  # fmt: skip

    # NetworkManager

    def _start(self, *words, **environment):
        self.started.append(
            subprocess.Popen(
                self._words(words), env=environment, stdin=subprocess.DEVNULL,
                stdout=open(self.folder / "services.log", "ab"), stderr=subprocess.STDOUT,
            )
        )  # fmt: skip

    def _environment(self):
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/bus",
            "LD_LIBRARY_PATH": str(self.peers / LIBRARIES),
        }

    def manage(self, connection):
        """Starts NetworkManager; it knows one connection of that name."""
        (self.folder / "services").mkdir()
        (self.folder / "services/dispatcher.service").write_text(
            DISPATCHER.format(peers=self.peers, libraries=LIBRARIES)
        )
        (self.folder / "bus.conf").write_text(BUS.format(folder=self.folder))
        (self.folder / "manager.conf").write_text(MANAGER)
        file = self.etc / "NetworkManager/system-connections/it.nmconnection"
        file.write_text(
            CONNECTION.format(
                name=connection, interface=self.interface, address=self.wire.address
            )
        )
        file.chmod(0o600)
        self._start("dbus-daemon", "--nofork", f"--config-file={self.folder}/bus.conf",
                    PATH="/usr/bin:/bin")  # fmt: skip
        wait_until(lambda: self._is_there("/run/bus"), what="the bus")
        self._start(
            self.peers / "usr/sbin/NetworkManager", "--no-daemon", "--config",
            self.folder / "manager.conf", **self._environment(),
        )  # fmt: skip
        nmcli = self.peers / "usr/bin/nmcli"
        wait_until(
            lambda: self.interface in self._try(nmcli, "device", **self._environment()).stdout,
            what="NetworkManager's device",
        )

    def _is_there(self, path):
        return os.path.exists(f"/proc/{self.holder.pid}/root{path}")

    def nmcli(self, *words):
        nmcli = self.peers / "usr/bin/nmcli"
        return self.run(nmcli, "--wait", "20", *words, **self._environment())

    def close(self):
        for one in reversed(self.started):
            one.terminate()
            one.wait(10)
        self.holder.stdin.close()
        self.holder.wait(10)
        self.holder.stdout.close()
        self.wire.close()
