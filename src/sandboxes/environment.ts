// What a backend must show before it is used: real steps in a real sandbox, from which the environment's identity is read.
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Environment, Sandbox, SandboxLimits } from "../contracts.ts";
import { FailureError, UsageError } from "../domain/errors.ts";
import { hashOf } from "../domain/hash.ts";
import type { StepResult } from "../domain/trajectory.ts";
import { runnerHash, type SandboxOptions } from "./inside.ts";

const packages = ["numpy", "pandas", "scipy", "scikit-learn", "statsmodels", "matplotlib", "openpyxl"];

const look = `
import importlib.metadata, json, os, platform, socket
found = {"python": platform.python_version()}
for name in ${JSON.stringify(packages)}:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
import glob
blas = glob.glob("/usr/lib/*/libblas.so.3")
found["blas"] = os.path.basename(os.path.dirname(os.path.realpath(blas[0]))) if blas else "none"
broken = []
try:
    socket.create_connection(("192.0.2.1", 80), timeout=0.5)
    broken.append("the network can be reached")
except TimeoutError:
    broken.append("packets leave the sandbox")
except OSError:
    pass
try:
    open("/data/probe.txt", "a").close()
    broken.append("/data can be written")
except OSError:
    pass
if open("/data/probe.txt").read() != "probe":
    broken.append("/data does not hold the data")
for path in ("/root", "/home", "/var/run/docker.sock", "/etc/shadow"):
    if os.path.exists(path) and path != "/etc/shadow":
        try:
            if os.path.isfile(path) or os.listdir(path):
                broken.append(path + " is visible")
        except OSError:
            pass
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
if int(status["CapEff"], 16) or int(status["CapBnd"], 16):
    broken.append("capabilities are left: " + status["CapEff"])
import ctypes
libc = ctypes.CDLL(None)
if libc.prctl(39, 0, 0, 0, 0) != 1:
    broken.append("new privileges can be gained")
for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list"):
    try:
        if os.path.exists(path) and open(path, "rb").read(1):
            broken.append(path + " can be read")
    except OSError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
first = dict(line.split(":\\t", 1) for line in open("/proc/1/status").read().splitlines() if ":\\t" in line)
filtered = first.get("Seccomp") == "2"
log = ctypes.create_string_buffer(1 << 16)
read = libc.klogctl(3, log, len(log))
print(json.dumps({
    "versions": found,
    "broken": broken,
    "kernel": platform.release(),
    "filtered": filtered and int(status.get("Seccomp", "0")) == 2,
    "gvisor": b"Starting gVisor" in log.raw[:max(read, 0)],
}))
`;

/** Opens one sandbox with these limits and imports. */
type Open = (limits: SandboxLimits, preimport: readonly string[], dataDir: string) => Promise<Sandbox>;

/** What an inside has to show beyond what each has to: what filters its system calls, and whose kernel it runs on. */
export interface Expected {
  /** A filter of system calls (seccomp) around the code. */
  readonly seccomp: boolean;
  /** gVisor's kernel instead of the host's. */
  readonly gvisor: boolean;
  /** Whether the kernel takes the interpreter alone when memory runs out; else it may take the whole sandbox. */
  readonly outlivesMemory: boolean;
}

/**
 * Runs real steps and returns the environment's identity.
 * @throws {UsageError} naming the promise the backend does not hold here. @throws {FailureError} when a sandbox broke.
 */
export async function prove(
  expected: Expected & Pick<Environment, "backend" | "image" | "runtime">,
  options: SandboxOptions,
  open: Open,
): Promise<Environment> {
  const { backend, image, runtime } = expected;
  const dataDir = await mkdtemp(join(tmpdir(), "tracemill-probe-"));
  try {
    await writeFile(join(dataDir, "probe.txt"), "probe");
    await chmod(join(dataDir, "probe.txt"), 0o644);
    await chmod(dataDir, 0o755);
    const [{ versions, kernel }] = await Promise.all([
      proveIsolation(expected, options, open, dataDir),
      proveMemoryLimit(expected, options, open, dataDir),
    ]);
    const { idleMs: _idleMs, ...limits } = options.limits; // when an idle sandbox ends changes no output
    const { preimport } = options;
    const id = hashOf({ kind: "environment", versions, runner: runnerHash(), limits, preimport }).slice(0, 16);
    return { id, backend, versions, image, kernel, runtime };
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** What the first step inside prints of the sandbox. */
interface Seen {
  readonly versions: Record<string, string>;
  readonly broken: readonly string[];
  readonly kernel: string;
  /** Process 1 has a filter: it is the backend's, as the runner puts its own on the interpreter alone. */
  readonly filtered: boolean;
  readonly gvisor: boolean;
}

async function proveIsolation(
  { backend, runtime, ...expected }: Expected & Pick<Environment, "backend" | "runtime">,
  options: SandboxOptions,
  open: Open,
  dataDir: string,
): Promise<Seen> {
  await using sandbox = await open(options.limits, options.preimport, dataDir);
  const step = await sandbox.run(look, { signal: options.signal });
  if (step.end !== "ok")
    throw new FailureError("sandbox", `The ${backend} sandbox's first step failed: ${story(step)}`);
  const seen = JSON.parse(step.stdout.head) as Seen;
  const broken = [...seen.broken];
  if (expected.seccomp && !seen.filtered)
    broken.push("system calls are not filtered (was the engine started with seccomp=unconfined?)");
  if (expected.gvisor && !seen.gvisor)
    broken.push(`\`${runtime}\` runs code on the kernel ${seen.kernel}, not on gVisor`);
  if (broken.length > 0)
    throw new UsageError(
      `Expected the ${backend} sandbox to isolate code, but here it does not: ${broken.join("; ")}. Name another under \`sandbox.backend\`; docs/sandbox.md says which machines can`,
    );
  return seen;
}

async function proveMemoryLimit(
  { backend, outlivesMemory }: Expected & Pick<Environment, "backend">,
  options: SandboxOptions,
  open: Open,
  dataDir: string,
): Promise<void> {
  const memoryMb = 192;
  await using sandbox = await open({ ...options.limits, memoryMb, scratchMb: 16 }, [], dataDir);
  const eaten = await sandbox.run(`len(b"x" * ${2 * memoryMb * 1024 * 1024})`, { signal: options.signal });
  if (eaten.end !== "oom" && (outlivesMemory || eaten.end !== "killed")) {
    throw new UsageError(
      `Expected the ${backend} sandbox to hold its memory limit of ${memoryMb} MB, but here it does not: ${story(eaten)}. Name another under \`sandbox.backend\`; docs/sandbox.md says which machines can`,
    );
  }
}

function story(step: StepResult): string {
  return `${step.end}${step.detail ? ` (${step.detail})` : ""}: ${step.exception?.traceback.head ?? step.result?.head ?? ""}`;
}
