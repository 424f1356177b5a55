"""What the benchmarks measure with: CPU and memory of a server's processes, device flushes,
medians and tables."""

import contextlib
import itertools
import os
import pathlib
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HELPERS = ROOT / "build/helpers"
WORK = ROOT / f"build/bench/{os.getpid()}"
QUICK = bool(os.environ.get("BENCH_QUICK"))

_numbers = itertools.count()


def runs(full):
    return 1 if QUICK else full


def size(full, quick):
    return quick if QUICK else full


def wait_for(condition, seconds, what):
    """The first true value of condition(); looked for every 5 ms."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.005)


class Processes:
    """A server's processes, in a control group of their own so that what they start and
    forget is counted too; without control groups, the tree below the first."""

    def __init__(self):
        self.root = None
        self.group = None
        for base in ("/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup"):
            path = pathlib.Path(base) / f"lontar-bench-{os.getpid()}-{next(_numbers)}"
            with contextlib.suppress(OSError):
                path.mkdir()
                if (path / "cpuacct.usage").exists() or (path / "cpu.stat").exists():
                    self.group = path
                    return
                path.rmdir()

    def enter(self):
        """preexec_fn of the server's first process."""
        if self.group:
            (self.group / "cgroup.procs").write_text("0")

    def pids(self):
        if self.group:
            return [int(word) for word in (self.group / "cgroup.procs").read_text().split()]
        parents = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parents[int(stat.parent.name)] = int(
                    stat.read_text().rpartition(") ")[2].split()[1]
                )
        family, more = set(), {self.root}
        while more:
            family |= more
            more = {pid for pid, parent in parents.items() if parent in more} - family
        return sorted(family)

    def cpu_s(self):
        if self.group and (self.group / "cpuacct.usage").exists():
            return int((self.group / "cpuacct.usage").read_text()) / 1e9
        if self.group:
            return int((self.group / "cpu.stat").read_text().split()[1]) / 1e6
        ticks = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2]
                ticks += sum(map(int, stat.split()[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def pss_kib(self, names=None):
        """Proportional set size; names: of programs, default all."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                proc = pathlib.Path(f"/proc/{pid}")
                if names and (proc / "comm").read_text().strip() not in names:
                    continue
                for line in (proc / "smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        return total

    def each(self):
        """(program, PSS, what only it has written to) of each process, KiB."""
        found = []
        for pid in self.pids():
            with contextlib.suppress(OSError):
                proc = pathlib.Path(f"/proc/{pid}")
                lines = (proc / "smaps_rollup").read_text().splitlines()[1:]
                sizes = {line.split()[0]: int(line.split()[1]) for line in lines}
                name = (proc / "comm").read_text().strip()
                found.append((name, sizes["Pss:"], sizes["Private_Dirty:"]))
        return sorted(found)

    def close(self):
        if self.group:
            with contextlib.suppress(OSError):
                self.group.rmdir()


class Machine:
    """How busy all of the machine is, whoever is at work."""

    def __init__(self):
        self.begun = self._ticks()

    @staticmethod
    def _ticks():
        words = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        ticks = list(map(int, words))
        return sum(ticks), ticks[3] + ticks[4]  # all, idle and waiting for the disk

    def busy(self):
        """Share of all cores' time since it was made."""
        total, idle = (now - then for now, then in zip(self._ticks(), self.begun))
        return (total - idle) / total if total else None


def disk_alone(folder, seconds=1.0):
    """Messages/s that the disk lets one process make durable one after the other, and do
    nothing else: 4 KiB written and synced, linked, the folder synced, as a commit of one."""
    new = folder / "new"
    new.mkdir(parents=True)
    content, done = bytes(4096), 0
    listing = os.open(new, os.O_RDONLY)
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        draft = folder / f"draft{done}"
        out = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(out, content)
        os.fdatasync(out)
        os.close(out)
        os.rename(draft, new / str(done))
        os.fsync(listing)
        done += 1
    rate = done / (time.monotonic() - begun)
    os.close(listing)
    return rate


class Flushes:
    """A folder on an ext4 of its own, on a loop device, whose flush requests are counted."""

    def __init__(self, path, megabytes=2048):
        self.path = path
        self.image = path.with_suffix(".img")
        path.mkdir(parents=True, exist_ok=True)
        with open(self.image, "wb") as image:
            image.truncate(megabytes << 20)
        run("mkfs.ext4", "-q", "-F", self.image)
        self.device = run("losetup", "--show", "-f", self.image).strip()
        run("mount", self.device, path)
        path.chmod(0o755)

    def count(self):
        for line in pathlib.Path("/proc/diskstats").read_text().splitlines():
            words = line.split()
            if words[2] == self.device.rpartition("/")[2]:
                return int(words[18])
        raise LookupError(self.device)

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=False)
        subprocess.run(["losetup", "-d", self.device], check=False)
        self.image.unlink()


def run(*words, **more):
    if "input" not in more:
        more["stdin"] = subprocess.DEVNULL
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr or done.stdout}")
    return done.stdout


def smtpload(port, clients, messages, per_connection, sender, recipients, bytes_=4096,
             host="127.0.0.1"):  # fmt: skip
    """The counts and times that tests/smtpload prints."""
    words = [host, *map(str, (port, clients, messages, per_connection, bytes_)), sender]
    try:
        done = subprocess.run(
            [HELPERS / "smtpload", *words, *recipients],
            capture_output=True, text=True, check=False, timeout=40,
        )  # fmt: skip
    except subprocess.TimeoutExpired as fault:
        raise TimeoutError(f"{messages} messages were not taken within 40 s") from fault
    return {key: float(value) for key, value in
            (word.split("=") for word in done.stdout.split())}  # fmt: skip


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def spread(values):
    """"median (least to most)"."""
    values = [value for value in values if value is not None]
    if not values:
        return "-"
    if len(values) == 1:
        return figure(values[0])
    return f"{figure(median(values))} ({figure(min(values))} to {figure(max(values))})"


def figure(value):
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(figure, row)) + " |" for row in rows]
    return "\n".join(lines)


def say(text):
    print(text, flush=True)
