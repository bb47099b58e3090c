"""System calls that the agent's code is refused, whatever the backend: a filter that its processes take on and cannot take off."""

import ctypes
import platform
import struct

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
ALLOW, EPERM = 0x7FFF0000, 0x00050001
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # BPF: load a word, jumps, return
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data; little-endian

# Where the kernel was wrong most often and data science has no use for it: bpf, perf_event_open, userfaultfd, keys, io_uring.
MACHINES = {
    "x86_64": (0xC000003E, 302, (321, 298, 323, 248, 249, 250, 425, 426, 427)),
    "aarch64": (0xC00000B7, 261, (280, 241, 282, 217, 218, 219, 425, 426, 427)),
}


def program(architecture, prlimit, refused):
    """The filter as BPF instructions (code, true, false, value)."""
    rest = [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, EPERM)]
    # prlimit of process 1: the supervisor has the same user, and a supervisor without memory or files ends as if the machine had broken.
    body = [(EQUAL, 0, 2, prlimit), (LOAD, 0, 0, FIRST_ARGUMENT), (EQUAL, 1, 0, 1)] + rest
    for number in reversed(refused):
        body.insert(0, (EQUAL, len(body) - 1, 0, number))
    body.insert(0, (AT_LEAST, len(body) - 1, 0, 0x40000000))  # x32: other numbers for the same calls
    body.insert(0, (LOAD, 0, 0, NUMBER))
    body.insert(0, (EQUAL, 0, len(body) - 1, architecture))  # 32-bit calls: other numbers again
    return [(LOAD, 0, 0, ARCHITECTURE)] + body


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
