"""The hooks, run as pppd and others run them: hardly any environment, stdin closed."""

import os
import pathlib
import subprocess

import pytest

from gateway import BIN
from waiting import wait_until

HOOKS = pathlib.Path(__file__).resolve().parents[2] / "ppp-hooks"
FAR = "you@far.example"


def run_hook(gateway, name, *arguments, **environment):
    """With stdin closed, not merely empty, and only the variables named."""
    done = subprocess.run(
        [HOOKS / name, *arguments], capture_output=True, text=True, timeout=20,
        env={"LONTAR_ROOT": str(gateway.root), "PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
             **environment},
        preexec_fn=lambda: os.close(0), cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def pppd(gateway, name, ipparam="office"):
    """pppd 2.4.9 and Debian's /etc/ppp/ip-up: interface tty speed local remote ipparam, and
    their variables; what the call was is known at its end."""
    over = {"CONNECT_TIME": "77", "BYTES_SENT": "1000", "BYTES_RCVD": "2000"}
    return run_hook(
        gateway, name, "ppp7", "/dev/ttyS0", "115200", "10.9.8.7", "10.9.8.1", ipparam,
        PPP_IFACE="ppp7", PPP_TTY="/dev/ttyS0", PPP_SPEED="115200", PPP_LOCAL="10.9.8.7",
        PPP_REMOTE="10.9.8.1", PPP_IPPARAM=ipparam, PPP_TTYNAME="ttyS0", DEVICE="/dev/ttyS0",
        SPEED="115200", IFNAME="ppp7", IPLOCAL="10.9.8.7", IPREMOTE="10.9.8.1", ORIG_UID="0",
        PPPLOGNAME="root", PEERNAME="isp", CALL_FILE="isp", LINKNAME="isp",
        DNS1="127.0.0.1", DNS2="127.0.0.2", USEPEERDNS="1", PPPD_PID="4711",
        **(over if "down" in name else {}),
    )  # fmt: skip


def links(gateway):
    return {one["name"]: one["state"] for one in gateway.status()["links"]}


def test_ppp_up_sends_what_is_parked_and_down_tells(gateway, smarthost):
    gateway.send("ann@gate.example", [FAR])
    pppd(gateway, "ppp/ip-up.d/90lontar")
    assert links(gateway) == {"office": "up"}
    wait_until(lambda: smarthost.taken, what="the parked message at the smarthost")
    notes = (gateway.root / "spool/state/links").iterdir()
    note = "".join(path.read_text() for path in notes)
    for fact in ("ppp7", "10.9.8.7", "10.9.8.1", "127.0.0.1", "127.0.0.2", "115200"):
        assert fact in note, note
    pppd(gateway, "ppp/ip-down.d/90lontar")
    assert links(gateway) == {"office": "down"}


@pytest.mark.parametrize("ipparam", ["", "My Provider", "-x", "../x"])
def test_without_a_name_that_could_be_a_links_ppp_is_called_as_its_interface(gateway, ipparam):
    pppd(gateway, "ppp/ip-up.d/90lontar", ipparam)
    assert links(gateway) == {"ppp7": "up"}
    pppd(gateway, "ppp/ip-down.d/90lontar", ipparam)
    assert links(gateway) == {"ppp7": "down"}


def test_networkmanager_tells(gateway):
    hook = "NetworkManager/dispatcher.d/90-lontar"
    for action, state in (("up", "up"), ("down", "down")):
        run_hook(
            gateway, hook, "eth9", action, CONNECTION_ID="hill", DEVICE_IFACE="eth9",
            DEVICE_IP_IFACE="eth9", NM_DISPATCHER_ACTION=action, IP4_NUM_ADDRESSES="1",
            IP4_ADDRESS_0="192.0.2.5/24 192.0.2.1", IP4_NAMESERVERS="192.0.2.53",
            CONNECTION_UUID="x", CONNECTION_FILENAME="/x",
        )  # fmt: skip
        assert links(gateway) == {"hill": state}


NM = "NetworkManager/dispatcher.d/90-lontar"
HILL = {
    "CONNECTION_ID": "My Hill_1", "CONNECTION_UUID": "x", "CONNECTION_FILENAME": "/x",
    "CONNECTION_DBUS_PATH": "/org/freedesktop/NetworkManager/Settings/1",
    "DEVICE_IFACE": "cdc-wdm9", "DEVICE_IP_IFACE": "wwan9", "IP4_NUM_ADDRESSES": "1",
    "IP4_ADDRESS_0": "192.0.2.5/24 192.0.2.1", "IP4_GATEWAY": "192.0.2.1",
    "IP4_NUM_ROUTES": "0", "IP4_NAMESERVERS": "192.0.2.53 192.0.2.54", "IP4_DOMAINS": "x",
}  # fmt: skip


def manager(gateway, interface, action, **environment):
    run_hook(gateway, NM, interface, action, NM_DISPATCHER_ACTION=action, **environment)


def note(gateway, name):
    lines = (gateway.root / "spool/state/links" / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_networkmanagers_other_actions_say_nothing_of_a_link(gateway):
    for action in ("pre-up", "dhcp4-change", "dhcp6-change", "reapply", "vpn-pre-up"):
        manager(gateway, "wwan9", action, **HILL)
    manager(gateway, "none", "hostname")
    for state in ("UNKNOWN", "NONE", "PORTAL", "LIMITED", "FULL"):
        manager(gateway, "", "connectivity-change", CONNECTIVITY_STATE=state)
    manager(gateway, "docker9", "up", **{**HILL, "CONNECTION_EXTERNAL": "1"})
    assert links(gateway) == {}


def test_a_connection_is_up_until_it_is_about_to_go_down(gateway):
    manager(gateway, "wwan9", "up", **HILL)
    assert links(gateway) == {"my-hill-1": "up"}
    facts = note(gateway, "my-hill-1")
    assert facts["interface"] == "wwan9"
    assert facts["local"] == "192.0.2.5"
    assert facts["dns"] == "192.0.2.53,192.0.2.54"
    manager(gateway, "wwan9", "connectivity-change", **{**HILL, "CONNECTIVITY_STATE": "LIMITED"})
    assert links(gateway) == {"my-hill-1": "up"}
    manager(gateway, "wwan9", "pre-down", **HILL)
    assert links(gateway) == {"my-hill-1": "down"}
    manager(gateway, "wwan9", "dhcp4-change", **HILL)
    manager(gateway, "wwan9", "down", **HILL)
    assert links(gateway) == {"my-hill-1": "down"}


def test_new_name_servers_of_a_link_that_is_up_are_taken(gateway):
    manager(gateway, "wwan9", "up", **HILL)
    manager(gateway, "wwan9", "dhcp4-change", **{**HILL, "IP4_NAMESERVERS": "192.0.2.99"})
    assert note(gateway, "my-hill-1")["dns"] == "192.0.2.99"


def test_a_tunnel_is_a_link_of_its_own(gateway):
    vpn = {
        **HILL, "CONNECTION_ID": "office", "VPN_IP_IFACE": "tun9", "VPN_IP4_NUM_ADDRESSES": "1",
        "VPN_IP4_ADDRESS_0": "10.8.0.2/24 10.8.0.1", "VPN_IP4_NAMESERVERS": "10.8.0.1",
    }  # fmt: skip
    manager(gateway, "wwan9", "up", **HILL)
    manager(gateway, "tun9", "vpn-up", **vpn)
    assert links(gateway) == {"my-hill-1": "up", "office": "up"}
    facts = note(gateway, "office")
    assert (facts["interface"], facts["local"]) == ("tun9", "10.8.0.2")
    assert facts["dns"] == "10.8.0.1"
    manager(gateway, "tun9", "vpn-down", **vpn)
    assert links(gateway) == {"my-hill-1": "up", "office": "down"}


def test_networkd_dispatcher_tells(gateway):
    for folder, state in (("routable.d", "up"), ("off.d", "down")):
        run_hook(
            gateway, f"networkd-dispatcher/{folder}/90-lontar", IFACE="eth9", STATE=folder[:-2], ADDR="192.0.2.5", IP_ADDRS="192.0.2.5",
            OperationalState=folder[:-2], AdministrativeState="configured", json="{}",
        )  # fmt: skip
        assert links(gateway) == {"eth9": state}


def test_ifupdown_tells(gateway):
    for folder, state in (("if-up.d", "up"), ("if-down.d", "down")):
        run_hook(
            gateway, f"ifupdown/{folder}/lontar", IFACE="eth9", LOGICAL="eth9", ADDRFAM="inet", METHOD="static",
            MODE="start" if state == "up" else "stop", PHASE="post-up", VERBOSITY="0",
            IF_ADDRESS="192.0.2.5",
        )  # fmt: skip
        assert links(gateway) == {"eth9": state}


def test_link_up_returns_within_a_second_and_unknown_keys_only_warn(gateway, smarthost):
    import threading
    import time

    gate = threading.Event()
    smarthost.answer = lambda step, *_: gate.wait(20) and None if step == "GREETING" else None
    gateway.send("ann@gate.example", [FAR])
    began = time.monotonic()
    done = gateway.run("link", "up", "ppp0", "interface=ppp0", "colour=red")
    assert time.monotonic() - began < 1
    assert done.returncode == 0
    assert "colour" in done.stderr
    gate.set()


def test_link_works_without_a_running_gateway(stopped_gateway):
    assert stopped_gateway.run("link", "up", "ppp0", "interface=ppp0").returncode == 0
    assert links(stopped_gateway) == {"ppp0": "up"}
    assert "ppp0" in stopped_gateway.run("link").stdout
    stopped_gateway.start()
    assert links(stopped_gateway) == {"ppp0": "up"}


def test_all_links_start_down_after_a_boot(stopped_gateway):
    assert stopped_gateway.run("link", "up", "ppp0").returncode == 0
    note = stopped_gateway.root / "spool/state/links/ppp0"
    boot = open("/proc/sys/kernel/random/boot_id").read().strip()
    note.write_text(note.read_text().replace(boot, "another boot"))
    stopped_gateway.start()
    assert links(stopped_gateway) == {"ppp0": "down"}


@pytest.mark.parametrize("name", ["", "UP", "a/b", "..", "x" * 300])
def test_a_link_needs_a_proper_name(gateway, name):
    assert gateway.run("link", "up", name).returncode == 64


def test_check_warns_of_two_files_at_one_interface(stopped_gateway):
    for name in ("isp-a", "isp-b"):
        stopped_gateway.control(f"links/{name}", "interface ppp0\n")
    stopped_gateway.control("links/boat", "interface wlan0\n")
    checked = stopped_gateway.run("check")
    assert checked.returncode == 0
    said = checked.stdout + checked.stderr
    assert "control/links/isp-b: interface ppp0 is link isp-a's too" in said
    assert "links/isp-a" not in said and "boat" not in said


def test_without_a_gateway_too_news_of_an_interface_is_news_of_its_file_s_link(stopped_gateway):
    stopped_gateway.control("links/line", "interface ppp7\n")
    pppd(stopped_gateway, "ppp/ip-up.d/90lontar", "isp")
    assert links(stopped_gateway) == {"line": "up"}
    pppd(stopped_gateway, "ppp/ip-down.d/90lontar", "isp")
    assert links(stopped_gateway) == {"line": "down"}


def test_a_file_with_a_wrong_line_still_keeps_its_interface(gateway, smarthost):
    gateway.control("links/line", "interface ppp7\nbudget much\n")
    pppd(gateway, "ppp/ip-up.d/90lontar", "isp")
    gateway.send("ann@gate.example", [FAR])
    assert links(gateway) == {"line": "up"}
    assert smarthost.taken == [] and len(gateway.queue()) == 1


def test_a_virtual_address_is_no_link_and_takes_none_down(gateway):
    run_hook(gateway, "ifupdown/if-up.d/lontar", IFACE="eth9", METHOD="static")
    for folder in ("if-up.d", "if-down.d"):
        run_hook(gateway, f"ifupdown/{folder}/lontar", IFACE="eth9:1", METHOD="static")
    assert links(gateway) == {"eth9": "up"}


def test_a_tunnel_without_an_interface_of_its_own_is_no_link(gateway):
    vpn = {**HILL, "CONNECTION_ID": "office", "VPN_IP_IFACE": "wwan9"}
    manager(gateway, "wwan9", "up", **HILL)
    for action in ("vpn-up", "vpn-down"):
        manager(gateway, "wwan9", action, **vpn)
    assert links(gateway) == {"my-hill-1": "up"}


def test_new_name_servers_are_taken_whatever_the_link_is_called(gateway):
    gateway.control("links/line", "interface wwan9\n")
    manager(gateway, "cdc-wdm9", "up", **HILL)
    changed = {**HILL, "IP4_NAMESERVERS": "192.0.2.99"}
    manager(gateway, "cdc-wdm9", "dhcp4-change", **changed)
    assert note(gateway, "line")["dns"] == "192.0.2.99"
    assert links(gateway) == {"line": "up"}
