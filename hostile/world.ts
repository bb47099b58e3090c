// What a session finds when it is opened: a clean world, the same each time, whoever was there before.
import { FailureError } from "../src/domain/errors.ts";
import type { Target } from "./case.ts";

const look = `
import hashlib, json, os, sys
def tree(path):
    return sorted(os.path.join(folder, name) for folder, folders, files in os.walk(path) for name in folders + files)
def hashed(path):
    with open(path, "rb") as file: return hashlib.sha256(file.read()).hexdigest()
processes = []
for pid in os.listdir("/proc"):
    if pid.isdigit():
        try: processes.append(open(f"/proc/{pid}/cmdline", "rb").read().replace(b"\\0", b" ").decode("utf-8", "replace").strip())
        except OSError: pass
print(json.dumps({
    "files": tree("/scratch") + tree("/tmp") + tree("/dev/shm"),
    "processes": sorted(processes),
    "data": {path: hashed(path) for path in tree("/data")},
    "environment": dict(os.environ),
    "names": sorted(name for name in globals() if not name.startswith("__")),
    "path": sys.path, "builtins": repr(print) + repr(open) + repr(json.dumps)[:22],
    "descriptors": len(os.listdir("/proc/self/fd")),
    "uid": os.getuid(),
}, sort_keys=True))
`;

/** Opens a session and tells what it finds, as canonical JSON. @throws {FailureError} when the look itself does not work. */
export async function lookInside(target: Target, dataDir: string, signal: AbortSignal): Promise<World> {
  await using sandbox = await target.open({ dataDir, label: "next", signal });
  const step = await sandbox.run(look, { signal });
  if (step.end !== "ok" || step.stdout.droppedBytes > 0)
    throw new FailureError(
      "sandbox",
      `The next session could not look around: ${step.end} ${step.exception?.value ?? ""}`,
    );
  return JSON.parse(step.stdout.head) as World;
}

/** What a session found, by part. */
export type World = Readonly<Record<string, unknown>> & {
  readonly files: readonly string[];
  readonly data: Readonly<Record<string, string>>;
  readonly uid: number;
};

/** A line for each part in which `now` is another world than `clean`. */
export function worldChanges(clean: World, now: World): string[] {
  return Object.keys({ ...clean, ...now })
    .filter((part) => JSON.stringify(clean[part]) !== JSON.stringify(now[part]))
    .map(
      (part) => `a next session finds other ${part}: ${JSON.stringify(now[part])} for ${JSON.stringify(clean[part])}`,
    );
}
