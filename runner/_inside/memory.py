"""What the kernel says of this sandbox's memory."""

OOM_COUNTERS = ("/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events")


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
