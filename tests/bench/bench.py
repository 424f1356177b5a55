"""make bench: Lontar and its peers in turn, on the same work, on this machine, now.

usage: bench.py [SECTION...]; sections: accept flush pop3 queue memory. Results are printed
and written to docs/benchmarks.md, which keeps the sections that were not run. BENCH_QUICK=1
in the environment is a smoke run of all drivers; its figures are only printed."""

import datetime
import importlib
import os
import pathlib
import platform
import re
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import ours  # noqa: E402, it makes tests/system importable
import peers  # noqa: E402
from link import available  # noqa: E402
from measure import QUICK, ROOT, WORK, run, say  # noqa: E402

# Accepting goes first: ext4 steps over inodes that were freed in the last minutes when it
# looks for a free one, and the other sections remove files by the thousand.
SECTIONS = {
    "accept": "Accept and deliver",
    "flush": "Flush",
    "pop3": "POP3",
    "queue": "Large queues",
    "memory": "Memory",
}
QUOTED = ROOT / "tests/bench/ancestors.md"
MODULES = {"queue": "queues"}  # the standard library has a queue of its own
PAGE = ROOT / "docs/benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench`; do not edit. Every figure was measured by the run named under its
heading, Lontar and the peers in turn on the same machine and the same work; what is quoted
from elsewhere says so.
"""


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as info:
        model = re.search(r"model name\s*: (.*)", info.read())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    system = run("stat", "-f", "-c", "%T", WORK).strip()
    with open("/proc/sys/net/ipv4/tcp_congestion_control", encoding="ascii") as control:
        congestion = control.read().strip()
    return (f"{os.cpu_count()} x {model.group(1) if model else platform.machine()}, {memory} GiB, "
            f"{system}, Linux {platform.release()}, TCP {congestion}")  # fmt: skip


def conditions(seconds, load):
    revision = run("git", "-C", ROOT, "describe", "--always", "--dirty").strip()
    versions = f"{ours.version()} ({revision}), Postfix {peers.Postfix.version()}"
    for kind in (peers.OpenSMTPD, peers.Exim):
        archives = sorted((peers.PEERS / "downloads").glob(f"{kind.packages[0]}_*.deb"))
        if archives:
            versions += f", {kind.name} {archives[0].name.split('_')[1].replace('%3a', ':')}"
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return (f"*{now}, {seconds:.0f} s. {machine()}. {versions}. Load average when it began: "
            f"{load:.1f}.*")  # fmt: skip


def kept():
    """{section: text} of the page as it is."""
    text = PAGE.read_text() if PAGE.exists() else ""
    parts = re.split(r"^<!-- section (\w+) -->\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def write_page(texts):
    parts = [f"<!-- section {one} -->\n{texts[one].rstrip()}\n" for one in SECTIONS if one in texts]
    parts += [f"<!-- section quoted -->\n{QUOTED.read_text()}"]
    PAGE.write_text(HEAD + "".join("\n" + part for part in parts))


def main():
    wanted = sys.argv[1:] or list(SECTIONS)
    unknown = [word for word in wanted if word not in SECTIONS]
    if unknown:
        sys.exit(f"bench: no such section: {' '.join(unknown)}; there are {' '.join(SECTIONS)}")
    why = available()
    if why:
        sys.exit(f"bench: {why}")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    WORK.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in SECTIONS:
        if name not in wanted:
            continue
        begun, load = time.monotonic(), os.getloadavg()[0]
        try:
            body = importlib.import_module(MODULES.get(name, name)).section()
        except Exception as fault:  # one section must not cost the others
            failed.append(f"{name}: {type(fault).__name__}: {fault}")
            continue
        texts = kept()
        texts[name] = (f"## {SECTIONS[name]}\n\n{conditions(time.monotonic() - begun, load)}\n\n"
                       f"{body.strip()}\n\n")  # fmt: skip
        say("\n" + texts[name])
        if not QUICK:
            write_page(texts)
    shutil.rmtree(WORK, ignore_errors=True)
    if failed:
        sys.exit("bench: " + "; ".join(failed))


if __name__ == "__main__":
    main()
