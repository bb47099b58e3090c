"""Where the inside of a sandbox starts: makes this process a supervisor (`_inside/supervisor.py`) that speaks frames with the host.

A frame is a big-endian u32 length and that many bytes of JSON. The supervisor's stdin and stdout carry frames and its stderr
diagnostics; the child never holds them: its stdout and stderr are pipes the supervisor reads, its stdin is /dev/null, and it is
told what to run over a socket of its own. Nothing the child says is believed beyond its own step. See docs/sandbox.md.
"""

import ctypes
import os
import resource
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from _inside.supervisor import Supervisor  # noqa: E402

sys.path.pop(0)  # the agent's code imports nothing of ours

SANDBOX_UID = 10001
PR_SET_DUMPABLE = 4


def main():
    if os.getuid() != SANDBOX_UID:  # leave() kills every process it can see; outside a sandbox that would be the machine
        sys.exit("runner.py is the inside of a sandbox; it does not run as uid %d" % os.getuid())
    try:
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("0")  # as low as the code may set its own: where memory runs out this process is never the likelier one
    except OSError:
        pass  # the kernel keeps it higher for all inside
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # /proc/<supervisor>/fd stays closed to the agent
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    hard = min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.closerange(3, 1 << 20)  # whatever the launcher's own parents left open is nobody's business inside
    host_in, host_out = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    supervisor = Supervisor(host_in, host_out)
    try:
        supervisor.serve()
    except BaseException as error:
        os.write(2, ("%s: %s\n" % (type(error).__name__, error)).encode("utf-8", "replace"))
        supervisor.leave(71)


if __name__ == "__main__":
    main()
