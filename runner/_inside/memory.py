"""What the kernel says of this sandbox's memory."""

import os
import time

from .cpu import processes

OOM_COUNTERS = ("/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events")
# Per file, what processes hold of their own and what lies in temporary file systems; the page cache is in neither.
STATS = (
    ("/sys/fs/cgroup/memory/memory.stat", ("total_rss", "total_shmem")),
    ("/sys/fs/cgroup/memory.stat", ("anon", "shmem")),
)
TEMPORARY = ("/scratch", "/tmp", "/dev/shm")
SAMPLE_S = 0.02


def oom_kills():
    """How many processes of this sandbox the kernel has killed for memory."""
    for path in OOM_COUNTERS:
        try:
            with open(path) as counter:
                for line in counter:
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        except OSError:
            continue
    return 0


def temporary_bytes():
    """Bytes that files in temporary file systems hold."""
    held = 0
    for path in TEMPORARY:
        try:
            room = os.statvfs(path)
            held += (room.f_blocks - room.f_bfree) * room.f_frsize
        except OSError:
            continue
    return held


def held_bytes():
    """Bytes that all processes and temporary files hold now, not the page cache; None where nothing tells."""
    for path, names in STATS:
        try:
            with open(path) as stat:
                fields = dict(line.split() for line in stat)
            return sum(int(fields[name]) for name in names)
        except (OSError, KeyError, ValueError):
            continue
    # Without a cgroup to read (gVisor): what copies of a process share counts once for each.
    sizes = [status_of(pid) for pid in processes()]
    resident = [size.get("RssAnon", size.get("VmRSS")) for size in sizes if size]
    if not resident or None in resident:
        return None
    return sum(resident) + temporary_bytes()


def status_of(pid):
    """The sizes in /proc/<pid>/status, in bytes by name; empty where the process has gone."""
    sizes = {}
    try:
        with open("/proc/%s/status" % pid) as status:
            for line in status:
                if line.endswith(" kB\n"):
                    name, _colon, size = line.partition(":")
                    sizes[name] = int(size.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return {}
    return sizes


class PeakMemory:
    """The most memory held from now on: sampled, and for the interpreter itself as the kernel kept it where that can be set back."""

    def __init__(self, pid):
        self.pid = pid
        self.peak = held_bytes()
        self.sampled_at = time.monotonic()
        try:
            with open("/proc/%d/clear_refs" % pid, "w") as marks:
                marks.write("5")  # VmHWM begins again from what is resident now
            self.marked = True
        except OSError:
            self.marked = False

    def sample(self):
        now = time.monotonic()
        if now < self.sampled_at + SAMPLE_S or self.peak is None:
            return
        self.sampled_at = now
        self.peak = max(self.peak, held_bytes() or 0)

    def bytes(self):
        if self.peak is None:
            return None
        sizes = status_of(self.pid) if self.marked else {}
        if "VmHWM" in sizes:  # catches what came and went between two samples
            shared = sizes.get("RssFile", 0) + sizes.get("RssShmem", 0)
            self.peak = max(self.peak, sizes["VmHWM"] - shared + temporary_bytes())
        return max(self.peak, held_bytes() or 0)
