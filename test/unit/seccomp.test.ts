// The system call filter, run as the kernel runs it: also for the architecture this machine does not have.
import { expect, test } from "vitest";
import { seccompProgram } from "../../src/sandboxes/seccomp.ts";

const audit = { x64: 0xc000003e, arm64: 0xc00000b7, i386: 0x40000003 };
const allow = 0x7fff0000;
const kill = 0x80000000;
const [eperm, enosys] = [0x50001, 0x50026];

/** What the program answers to a call; `args` are the low halves of its arguments. */
function answer(program: Buffer, number: number, architecture: number, args: readonly number[] = []): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, 0);
  data.writeUInt32LE(architecture, 4);
  args.forEach((value, index) => {
    data.writeUInt32LE(value, 16 + 8 * index);
  });
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at++) {
    const code = program.readUInt16LE(8 * at);
    const [yes, no] = [program.readUInt8(8 * at + 2), program.readUInt8(8 * at + 3)];
    const operand = program.readUInt32LE(8 * at + 4);
    if (code === 0x20) accumulator = data.readUInt32LE(operand);
    else if (code === 0x06) return operand;
    else {
      const tests: Record<number, boolean> = {
        21: accumulator === operand,
        37: accumulator > operand,
        53: accumulator >= operand,
        69: (accumulator & operand) !== 0,
      };
      at += tests[code] ? yes : no;
    }
  }
  throw new Error("the program ran past its end");
}

test.each([
  {
    architecture: "x64" as const,
    read: 0,
    openat: 257,
    clone: 56,
    clone3: 435,
    socket: 41,
    ptrace: 101,
    keyctl: 250,
    mount: 165,
    unshare: 272,
    ioUring: 425,
    shmget: 29,
  },
  {
    architecture: "arm64" as const,
    read: 63,
    openat: 56,
    clone: 220,
    clone3: 435,
    socket: 198,
    ptrace: 117,
    keyctl: 219,
    mount: 40,
    unshare: 97,
    ioUring: 425,
    shmget: 194,
  },
])("the filter of $architecture knows its architecture's numbers", ({ architecture, ...calls }) => {
  const program = seccompProgram(architecture);
  const asked = (number: number, ...args: number[]) => answer(program, number, audit[architecture], args);
  expect(program.length / 8).toBeLessThan(4096); // the kernel's BPF_MAXINSNS
  expect([calls.read, calls.openat].map((number) => asked(number))).toEqual([allow, allow]);
  for (const number of [calls.ptrace, calls.keyctl, calls.mount, calls.unshare, calls.ioUring])
    expect(asked(number)).toBe(eperm);
  expect([asked(calls.clone3), asked(calls.shmget), asked(451), asked(1000)]).toEqual([enosys, enosys, enosys, enosys]);
  expect([asked(calls.clone, 17), asked(calls.clone, 0x10000011)]).toEqual([allow, eperm]);
  expect([asked(calls.socket, 1), asked(calls.socket, 16, 3, 0)]).toEqual([allow, allow]);
  expect([asked(calls.socket, 40), asked(calls.socket, 16, 3, 9)]).toEqual([0x50061, 0x50061]);
  expect(answer(program, calls.read, audit.i386)).toBe(kill);
  expect(asked(0x40000000 | calls.read)).toBe(architecture === "x64" ? kill : enosys);
});
