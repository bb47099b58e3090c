"""What the agent's processes may not ask of the kernel, above all about the supervisor, who is process 1 and has the same user.

prlimit(2) looks at nothing but the user: the code could set process 1 a CPU limit and have the kernel end it. The sched_* calls could
take its turn on the processor away. Linux lets no signal from inside reach process 1; gVisor does, so those do nothing here. Refused
whatever they ask are calls where the kernel was wrong most often and that data science has no use for, on every backend alike: bpf,
perf_event_open, userfaultfd, add_key, request_key, keyctl, io_uring_setup, io_uring_enter, io_uring_register; and two kinds of
socket that no network namespace holds: AF_VSOCK, which reaches the machine's hypervisor, and AF_ALG, the kernel's ciphers.
"""

import ctypes
import platform
import struct

PR_SET_SECCOMP, FILTER_MODE, SET_FILTER, SPEC_ALLOW = 22, 2, 1, 4
ALLOW, DO_NOTHING, REFUSE = 0x7FFF0000, 0x00050000, 0x00050001  # the last two: SECCOMP_RET_ERRNO with 0, with EPERM
LOAD, EQUAL, ABOVE, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16
SOCKETS = (40, 38)  # AF_VSOCK, AF_ALG
ALWAYS = {"x86_64": (321, 298, 323, 248, 249, 250, 425, 426, 427), "aarch64": (280, 241, 282, 217, 218, 219, 425, 426, 427)}
# By machine: the kernel's name of it, the number of seccomp(2), and of each call its number, the argument looked at, its value, the answer.
CALLS = {
    "x86_64": (
        0xC000003E,
        317,
        [(41, 0, family, REFUSE) for family in SOCKETS]
        + [(number, 0, 1, REFUSE) for number in (302, 144, 142, 314, 203, 434)]  # prlimit64, sched_set{scheduler,param,attr,affinity}, pidfd_open
        + [(109, 1, 1, REFUSE)]  # setpgid: signals to its group would be signals to it
        + [(number, 0, 1, DO_NOTHING) for number in (62, 200, 234, 129, 297)],  # kill, tkill, tgkill, rt_[tg]sigqueueinfo
    ),
    "aarch64": (
        0xC00000B7,
        277,
        [(198, 0, family, REFUSE) for family in SOCKETS]
        + [(number, 0, 1, REFUSE) for number in (261, 119, 118, 274, 122, 434)]
        + [(154, 1, 1, REFUSE)]
        + [(number, 0, 1, DO_NOTHING) for number in (129, 130, 131, 138, 240)],
    ),
}


def program(architecture, always, calls):
    """The filter's steps: another architecture's calls and those of `always` are refused, these calls with these values answered as they say."""
    steps = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, REFUSE),
        (LOAD, 0, 0, NUMBER_AT),
        (ABOVE, 0, 1, 0x40000000),  # x32's numbers on x86_64
        (RETURN, 0, 0, REFUSE),
    ]
    for number in always:
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
    for number, argument, value, answer in calls:
        steps += [(EQUAL, 0, 4, number), (LOAD, 0, 0, ARGUMENTS_AT + 8 * argument)]  # its low half, where the bytes are little-endian
        steps += [(EQUAL, 0, 1, value), (RETURN, 0, 0, answer), (LOAD, 0, 0, NUMBER_AT)]
    steps.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def guard_supervisor():
    """Installs the filter in this process and all it will start. Raises OSError where the kernel takes none."""
    if platform.machine() not in CALLS:
        return  # unproven there: docs/sandbox.md
    architecture, seccomp, calls = CALLS[platform.machine()]
    steps = program(architecture, ALWAYS[platform.machine()], calls)
    filled = Program(len(steps) // 8, steps)
    libc = ctypes.CDLL(None, use_errno=True)
    # Without SPEC_ALLOW some kernels slow down all code of a filtered process; gVisor knows no such flag.
    if libc.syscall(seccomp, SET_FILTER, SPEC_ALLOW, ctypes.byref(filled)) == 0:
        return
    if libc.prctl(PR_SET_SECCOMP, FILTER_MODE, ctypes.byref(filled), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel took no seccomp filter")
