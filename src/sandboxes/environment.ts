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
kernel = os.uname().release
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
if status["NoNewPrivs"].strip() != "1":
    broken.append("new privileges can be gained")
print(json.dumps({"versions": found, "kernel": kernel, "broken": broken}))
`;

/** Opens one sandbox with these limits and imports. */
type Open = (limits: SandboxLimits, preimport: readonly string[], dataDir: string) => Promise<Sandbox>;

/**
 * Runs real steps and returns the environment's identity.
 * @throws {UsageError} naming the promise the backend does not hold here. @throws {FailureError} when a sandbox broke.
 */
export async function prove(
  backend: string,
  image: string | null,
  runtime: string,
  options: SandboxOptions,
  open: Open,
): Promise<Environment> {
  const dataDir = await mkdtemp(join(tmpdir(), "tracemill-probe-"));
  try {
    await writeFile(join(dataDir, "probe.txt"), "probe");
    await chmod(join(dataDir, "probe.txt"), 0o644);
    await chmod(dataDir, 0o755);
    const [{ versions, kernel }] = await Promise.all([
      proveIsolation(backend, options, open, dataDir),
      proveMemoryLimit(backend, options, open, dataDir),
    ]);
    const { preimport } = options;
    const { idleMs: _, ...limits } = options.limits; // how long a sandbox outlives its host changes nothing that code can see
    const id = hashOf({ kind: "environment", versions, runner: runnerHash(), limits, preimport }).slice(0, 16);
    return { id, backend, versions, image, kernel, runtime };
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function proveIsolation(backend: string, options: SandboxOptions, open: Open, dataDir: string) {
  await using sandbox = await open(options.limits, options.preimport, dataDir);
  const seen = await sandbox.run(look, { signal: options.signal });
  if (seen.end !== "ok")
    throw new FailureError("sandbox", `The ${backend} sandbox's first step failed: ${story(seen)}`);
  const { versions, kernel, broken } = JSON.parse(seen.stdout.head) as {
    versions: Record<string, string>;
    kernel: string;
    broken: string[];
  };
  if (broken.length > 0)
    throw new UsageError(
      `Expected the ${backend} sandbox to isolate code, but here it does not: ${broken.join("; ")}. Name another under \`sandbox.backend\`; docs/sandbox.md says which machines can`,
    );
  return { versions, kernel };
}

async function proveMemoryLimit(backend: string, options: SandboxOptions, open: Open, dataDir: string) {
  const memoryMb = 192;
  await using sandbox = await open({ ...options.limits, memoryMb, scratchMb: 16 }, [], dataDir);
  const eaten = await sandbox.run(`len(b"x" * ${2 * memoryMb * 1024 * 1024})`, { signal: options.signal });
  if (eaten.end !== "oom") {
    throw new UsageError(
      `Expected the ${backend} sandbox to hold its memory limit of ${memoryMb} MB, but here it does not: ${story(eaten)}. Name another under \`sandbox.backend\`; docs/sandbox.md says which machines can`,
    );
  }
}

function story(step: StepResult): string {
  return `${step.end}${step.detail ? ` (${step.detail})` : ""}: ${step.exception?.traceback.head ?? step.result?.head ?? ""}`;
}
