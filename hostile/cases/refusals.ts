// Row 58: where a backend cannot be had, it says so and why; nothing ever runs unsandboxed or in a weaker one.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { HostileCase, Target } from "../case.ts";
import { configOf } from "./operations.ts";

const built = fileURLToPath(new URL("../../src/sandboxes/index.js", import.meta.url));

interface Attempt {
  readonly env?: Readonly<Record<string, string>>;
  readonly config?: Readonly<Record<string, unknown>>;
  /** Run in a mount namespace of its own after this shell line (root only). */
  readonly mounts?: string;
}

/** Opens the target's backend in a process of its own and tells the error, or `opened`, with what code then ran as. */
async function attempt(target: Target, dataDir: string, { env = {}, config = {}, mounts }: Attempt): Promise<string> {
  assert.ok(existsSync(built), `Expected the built package at ${built}`);
  const script = `
const { openSandboxBackend } = await import(process.argv[1]);
const signal = AbortSignal.timeout(60000);
try {
  const backend = await openSandboxBackend({ ...JSON.parse(process.argv[2]), signal });
  const sandbox = await backend.open({ dataDir: process.argv[3], label: "refusal", signal });
  const step = await sandbox.run("import os; [os.getuid(), os.getpid() < 100, os.path.exists('/data')]", { signal });
  await sandbox[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
  console.log("opened " + backend.name + " " + step.result?.head);
} catch (error) {
  console.log(error.name + ": " + error.message);
}
process.exit(0);
`;
  const node = [
    process.execPath,
    "--input-type=module",
    "-e",
    script,
    built,
    JSON.stringify(configOf(target, config)),
    dataDir,
  ];
  const words =
    mounts === undefined ? node : ["/usr/bin/unshare", "-m", "/bin/sh", "-c", `${mounts}; exec "$@"`, "sh", ...node];
  const child = spawn(words[0] as string, words.slice(1), {
    env: { PATH: "/usr/bin:/bin", DOCKER_HOST: process.env.DOCKER_HOST ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await new Promise((resolve) => child.once("close", resolve));
  return said.trim();
}

/** An engine that answers every request in one way, on a port of its own. */
async function withEngine<T>(answer: "500" | "nonsense" | "never", body: (host: string) => Promise<T>): Promise<T> {
  const server = createServer((_request, response) => {
    if (answer === "500")
      response.writeHead(500, { "content-type": "application/json" }).end('{"message": "disk is full"}');
    else if (answer === "nonsense")
      response.writeHead(200, { "content-type": "text/html" }).end("<html>a captive portal</html>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await body(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function refused(said: string, reason: RegExp): string {
  assert.match(said, /^(?:UsageError|FailureError): /, said);
  assert.match(said, reason);
  return said;
}

async function dockerRefusals(target: Target, dataDir: string): Promise<string[]> {
  const nowhere = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };
  return [
    refused(await attempt(target, dataDir, { env: nowhere }), /no Docker engine answers/),
    refused(await attempt(target, dataDir, { env: { DOCKER_HOST: "tcp://127.0.0.1:1" } }), /no Docker engine answers/),
    refused(
      await attempt(target, dataDir, { config: { image: "tracemill-sandbox:nonexistent" } }),
      /no image|setup --image/,
    ),
    refused(
      await withEngine("500", (host) => attempt(target, dataDir, { env: { DOCKER_HOST: host } })),
      /disk is full|no Docker engine/,
    ),
    refused(await withEngine("nonsense", (host) => attempt(target, dataDir, { env: { DOCKER_HOST: host } })), /./),
  ];
}

async function bubblewrapRefusals(target: Target, dataDir: string): Promise<string[]> {
  const fake = await mkdtemp(join(tmpdir(), "tracemill-fake-"));
  try {
    const marker = join(fake, "was-run");
    for (const name of ["bwrap", "python3", "sh", "unshare", "mount", "setpriv"]) {
      await writeFile(join(fake, name), `#!/bin/sh\necho ${name} >> ${marker}\nexit 0\n`);
      await chmod(join(fake, name), 0o755);
    }
    await chmod(fake, 0o777);
    // A program of that name earlier in PATH is not the sandbox.
    const told = [await attempt(target, dataDir, { env: { PATH: `${fake}:/usr/bin:/bin` } })];
    assert.match(told[0] ?? "", /^opened bubblewrap \[10001, True, True\]$/);
    assert.ok(!existsSync(marker), "nothing from PATH was run");
    if (process.getuid?.() !== 0) return told;
    const hide = (path: string) => `mount --bind /dev/null ${path}`;
    const readOnly =
      "for c in memory pids cpu,cpuacct cpu; do mount -o remount,bind,ro /sys/fs/cgroup/$c 2>/dev/null; done; mount -o remount,bind,ro /sys/fs/cgroup";
    return [
      ...told,
      refused(await attempt(target, dataDir, { mounts: hide("/usr/bin/bwrap") }), /bwrap|bubblewrap/),
      refused(await attempt(target, dataDir, { mounts: hide("/usr/bin/python3.11") }), /python3/),
      refused(await attempt(target, dataDir, { mounts: "umount -l /sys/fs/cgroup" }), /cgroup/),
      refused(await attempt(target, dataDir, { mounts: readOnly }), /cgroup|read-only/),
    ];
  } finally {
    await rm(fake, { recursive: true });
  }
}

export const refusalCases: readonly HostileCase[] = [
  {
    row: 58,
    name: "no engine, a broken engine, no image, no bwrap, no Python, no cgroups",
    kind: "operations",
    slow: true,
    async run({ target, dataDir }) {
      const docker = target.kind === "docker";
      const told = docker ? await dockerRefusals(target, dataDir) : await bubblewrapRefusals(target, dataDir);
      return { agentSees: "nothing: no run begins", record: told.map((line) => line.slice(0, 160)).join(" / ") };
    },
  },
  {
    row: 58,
    name: "`auto` where the wanted kind is not to be had: the other, or a refusal with both reasons",
    kind: "operations",
    slow: true,
    async run({ target, dataDir }) {
      const nowhere = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };
      const auto = await attempt(target, dataDir, { env: nowhere, config: { backend: "auto", runtime: undefined } });
      assert.match(auto, /^opened bubblewrap \[10001, True, True\]$|^UsageError: .*docker: .*bubblewrap: /);
      if (process.getuid?.() !== 0) return { agentSees: "nothing: no run begins", record: auto };
      const mounts = "mount --bind /dev/null /usr/bin/bwrap";
      const neither = refused(
        await attempt(target, dataDir, { env: nowhere, config: { backend: "auto", runtime: undefined }, mounts }),
        /bwrap|bubblewrap/,
      );
      return { agentSees: "nothing: no run begins", record: `${auto} / ${neither.slice(0, 200)}` };
    },
  },
  {
    row: 58,
    name: "an engine that never answers",
    kind: "operations",
    slow: true,
    async run({ target, dataDir }) {
      if (target.kind !== "docker") return { agentSees: "nothing", record: "only Docker has an engine" };
      const said = await withEngine("never", (host) => attempt(target, dataDir, { env: { DOCKER_HOST: host } }));
      return {
        agentSees: "nothing: no run begins",
        record: refused(said, /no Docker engine answers \(no answer within/).slice(0, 200),
      };
    },
  },
];
