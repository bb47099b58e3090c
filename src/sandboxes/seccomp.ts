// The system call filter of a bubblewrap sandbox, as the classic BPF program that `bwrap --seccomp` loads before the runner starts.
// Docker's default profile for a container without capabilities, and stricter: an allow-list, so a call that is not named is refused.
import { type Architecture, allowedCalls, answeredCalls, newestKnown } from "./system-calls.ts";

const errno = { EPERM: 1, ENOMEM: 12, EINVAL: 22, ENOSYS: 38, EAFNOSUPPORT: 97 } as const;

// linux/seccomp.h and linux/audit.h
const allow = 0x7fff0000;
const killProcess = 0x80000000;
const fail = (name: keyof typeof errno) => 0x00050000 | errno[name];
const succeed = 0x00050000; // the call is not made and answers 0
const auditArchitecture: Record<Architecture, number> = { x64: 0xc000003e, arm64: 0xc00000b7 };
const x32Bit = 0x40000000;

// linux/bpf_common.h: load a word of seccomp_data, jump if equal / above or equal / above / any bit, return
const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const ifEqual = (value: number, yes: number, no: number): Instruction => [0x15, yes, no, value];
const ifAtLeast = (value: number, yes: number, no: number): Instruction => [0x35, yes, no, value];
const ifAbove = (value: number, yes: number, no: number): Instruction => [0x25, yes, no, value];
const ifAnyBit = (mask: number, yes: number, no: number): Instruction => [0x45, yes, no, mask];
const answer = (action: number): Instruction => [0x06, 0, 0, action];
/** code, jump if true, jump if false, operand */
type Instruction = readonly [number, number, number, number];

const numberOffset = 0;
const architectureOffset = 4;
/** The low half of an argument: every argument looked at here is an `int` or `unsigned` to the kernel, or its flags lie there. */
const argument = (index: number) => load(16 + 8 * index);

const refuseBits = (index: number, bits: number, action: number) => [
  argument(index),
  ifAnyBit(bits, 0, 1),
  answer(action),
  answer(allow),
];
const refuseValues = (index: number, values: readonly number[], action: number) => [
  argument(index),
  ...values.flatMap((value) => [ifEqual(value, 0, 1), answer(action)]),
  answer(allow),
];
const onlyValues = (index: number, values: readonly number[], action: number) => [
  argument(index),
  ...values.flatMap((value) => [ifEqual(value, 0, 1), answer(allow)]),
  answer(action),
];

// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET
const newNamespaces = 0x7e020000;
const huge = { mapHugetlb: 0x40000, memfdHugetlb: 0x4 };
const [tiocsti, tioclinux] = [0x5412, 0x541c];
const personalities = [0, 0x8, 0x20000, 0x20008, 0xffffffff];
const [afUnix, afInet, afInet6, afNetlink, netlinkRoute] = [1, 2, 10, 16, 0];

/** What a call in `answered` is told. Every list of instructions ends in an answer. */
const answers: Readonly<Record<string, readonly Instruction[]>> = {
  clone: refuseBits(0, newNamespaces, fail("EPERM")),
  // Its flags lie in memory, where a filter cannot read them; libc falls back on clone.
  clone3: [answer(fail("ENOSYS"))],
  // Huge pages are the host's and not charged to a cgroup.
  mmap: refuseBits(3, huge.mapHugetlb, fail("ENOMEM")),
  memfd_create: refuseBits(1, huge.memfdHugetlb, fail("EINVAL")),
  ioctl: refuseValues(1, [tiocsti, tioclinux], fail("EPERM")),
  personality: onlyValues(0, personalities, fail("EPERM")),
  socket: [
    argument(0),
    ifEqual(afNetlink, 0, 4),
    argument(2),
    ifEqual(netlinkRoute, 0, 1),
    answer(allow),
    answer(fail("EAFNOSUPPORT")),
    ...onlyValues(0, [afUnix, afInet, afInet6], fail("EAFNOSUPPORT")),
  ],
  // All that can be written in is memory, so there is nothing to do; the host's disks are not the code's to flush.
  sync: [answer(succeed)],
  syncfs: [answer(succeed)],
};

/** Whether there is a filter for this architecture, by Node's name for it. */
export function hasFilter(architecture: string): architecture is Architecture {
  return architecture === "x64" || architecture === "arm64";
}

/**
 * The program, as the bytes that the kernel's `sock_filter` array has on a little-endian machine. A call of another architecture or of
 * the x32 ABI kills the process; one newer than the table answers ENOSYS, so that libc falls back; any other that is not allowed EPERM.
 */
export function seccompProgram(architecture: Architecture): Buffer {
  const blocks: Instruction[][] = [
    [
      load(architectureOffset),
      ifEqual(auditArchitecture[architecture], 1, 0),
      answer(killProcess),
      load(numberOffset),
      ...(architecture === "x64" ? [ifAtLeast(x32Bit, 0, 1), answer(killProcess)] : []),
      ifAbove(newestKnown, 0, 1),
      answer(fail("ENOSYS")),
    ],
  ];
  for (const [first, last] of ranges([...allowedCalls(architecture).values()])) {
    blocks.push([ifAtLeast(first, 0, 2), ifAbove(last, 1, 0), answer(allow)]);
  }
  for (const [name, number] of answeredCalls(architecture)) {
    // What is named without an answer of its own is system V IPC, message queues and kernel AIO: their limits are shared by the whole host.
    const told = answers[name] ?? [answer(fail("ENOSYS"))];
    blocks.push([ifEqual(number, 0, told.length), ...told]);
  }
  blocks.push([answer(fail("EPERM"))]);
  return encode(blocks.flat());
}

/** Numbers as the fewest ranges of first to last, both included. */
function ranges(numbers: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && last[1] + 1 === number) last[1] = number;
    else found.push([number, number]);
  }
  return found;
}

function encode(instructions: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(8 * instructions.length);
  instructions.forEach(([code, yes, no, operand], index) => {
    bytes.writeUInt16LE(code, 8 * index);
    bytes.writeUInt8(yes, 8 * index + 2);
    bytes.writeUInt8(no, 8 * index + 3);
    bytes.writeUInt32LE(operand >>> 0, 8 * index + 4);
  });
  return bytes;
}
