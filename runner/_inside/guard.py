"""What the agent's processes may not ask of the kernel about the supervisor, who has the same user.

prlimit(2) looks at nothing but the user, so the code could set process 1 a CPU limit and have it killed, or take its descriptors; the
sched_* calls could take its turn on the processor away. Signals need no rule: none from inside reaches process 1.
"""

import ctypes
import platform
import struct

PR_SET_SECCOMP, FILTER_MODE, SET_FILTER, SPEC_ALLOW = 22, 2, 1, 4
ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ERRNO with EPERM
LOAD, EQUAL, ABOVE, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER_AT, ARCHITECTURE_AT, FIRST_ARGUMENT_AT = 0, 4, 16
# prlimit64, sched_setscheduler, sched_setparam, sched_setattr; then seccomp itself.
CALLS = {
    "x86_64": (0xC000003E, (302, 144, 142, 314), 317),
    "aarch64": (0xC00000B7, (261, 119, 118, 274), 277),
}


def program(architecture, numbers):
    """The filter's steps: another architecture's calls, and these calls about process 1, are refused."""
    load = 4 + len(numbers)
    refuse, allow = load + 2, load + 3
    steps = [(LOAD, None, None, ARCHITECTURE_AT), (EQUAL, 2, refuse, architecture), (LOAD, None, None, NUMBER_AT)]
    steps.append((ABOVE, refuse, 4, 0x40000000))  # x32's numbers on x86_64
    for at, number in enumerate(numbers, 4):
        steps.append((EQUAL, load, allow if at == load - 1 else at + 1, number))
    steps += [(LOAD, None, None, FIRST_ARGUMENT_AT), (EQUAL, refuse, allow, 1)]
    steps += [(RETURN, None, None, REFUSE), (RETURN, None, None, ALLOW)]
    return b"".join(
        struct.pack("=HBBI", code, 0 if yes is None else yes - at - 1, 0 if no is None else no - at - 1, value)
        for at, (code, yes, no, value) in enumerate(steps)
    )


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def guard_supervisor():
    """Installs the filter in this process and all it will start. Raises OSError where the kernel takes none."""
    if platform.machine() not in CALLS:
        return  # unproven there: docs/sandbox.md
    architecture, numbers, seccomp = CALLS[platform.machine()]
    steps = program(architecture, numbers)
    filled = Program(len(steps) // 8, steps)
    libc = ctypes.CDLL(None, use_errno=True)
    # Without SPEC_ALLOW some kernels slow down all code of a filtered process; gVisor knows no such flag.
    if libc.syscall(seccomp, SET_FILTER, SPEC_ALLOW, ctypes.byref(filled)) == 0:
        return
    if libc.prctl(PR_SET_SECCOMP, FILTER_MODE, ctypes.byref(filled), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel took no seccomp filter")
