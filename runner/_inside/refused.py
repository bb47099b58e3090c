"""System calls that the agent's code is refused, whatever the backend: a filter that its processes take on and cannot take off."""

import ctypes
import platform
import struct

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
ALLOW, EPERM = 0x7FFF0000, 0x00050001
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # BPF: load a word, jumps, return
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data; little-endian
X32 = 0x40000000

# For each machine its AUDIT_ARCH, then
# - calls where the kernel was wrong most often and for which data science has no use: bpf, perf_event_open, userfaultfd, add_key,
#   request_key, keyctl, io_uring_setup, io_uring_enter, io_uring_register;
# - calls whose first argument names a process, refused for process 1: kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo,
#   pidfd_open, prlimit64, sched_setparam, sched_setscheduler, sched_setaffinity, sched_setattr. The supervisor has the same user; without
#   memory or files it would end as if the machine had broken, and not every kernel keeps signals from a process 1.
MACHINES = {
    "x86_64": (
        0xC000003E,
        (321, 298, 323, 248, 249, 250, 425, 426, 427),
        (62, 200, 234, 129, 297, 434, 302, 142, 144, 203, 314),
    ),
    "aarch64": (
        0xC00000B7,
        (280, 241, 282, 217, 218, 219, 425, 426, 427),
        (129, 130, 131, 138, 240, 434, 261, 118, 119, 122, 274),
    ),
}


def program(architecture, refused, not_of_process_1):
    """The filter as BPF instructions (code, steps to skip if true, if false, value)."""
    calls = len(refused) + len(not_of_process_1)
    allow, argument, refuse = calls + 4, calls + 5, calls + 8  # where these stand
    lines = [(LOAD, 0, 0, ARCHITECTURE)]
    lines.append((EQUAL, 0, refuse - 2, architecture))  # 32-bit calls: other numbers for the same
    lines.append((LOAD, 0, 0, NUMBER))
    lines.append((AT_LEAST, refuse - 4, 0, X32))  # other numbers again
    for number in refused:
        lines.append((EQUAL, refuse - len(lines) - 1, 0, number))
    for number in not_of_process_1:
        lines.append((EQUAL, argument - len(lines) - 1, 0, number))
    lines.append((RETURN, 0, 0, ALLOW))
    lines.append((LOAD, 0, 0, FIRST_ARGUMENT))
    lines.append((EQUAL, 1, 0, 1))
    lines.append((RETURN, 0, 0, ALLOW))
    lines.append((RETURN, 0, 0, EPERM))
    assert lines[allow][0] == RETURN and lines[argument][0] == LOAD and lines[refuse][3] == EPERM
    return lines


def refuse_calls():
    """Puts the filter on this process and what it starts. Raises OSError where it cannot."""
    if platform.machine() not in MACHINES:
        return  # numbers nobody has looked up: the backend's own filter has to do
    instructions = b"".join(struct.pack("=HBBI", *line) for line in program(*MACHINES[platform.machine()]))
    held = ctypes.create_string_buffer(instructions, len(instructions))
    header = struct.pack("@HP", len(instructions) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, FILTER, header, 0, 0)):
        if libc.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), "prctl(%d)" % call[0])
