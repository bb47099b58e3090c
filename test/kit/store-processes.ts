import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
let compiled: string | undefined;

/** Compiles a TypeScript file of this repository with what it imports, and returns the path of the JavaScript to run with Node. */
export function compile(file: string): string {
  if (compiled === undefined) {
    // Below node_modules, so that the compiled files find the packages and git does not see them.
    mkdirSync(join(root, "node_modules/.cache"), { recursive: true });
    compiled = mkdtempSync(join(root, "node_modules/.cache/tracemill-test-"));
    const folder = compiled;
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    const config = join(folder, "tsconfig.json");
    const settings = { outDir: join(folder, "out"), rootDir: root, noCheck: true, declaration: false };
    writeFileSync(
      config,
      JSON.stringify({
        extends: join(root, "tsconfig.json"),
        compilerOptions: { ...settings, types: ["node"], typeRoots: [join(root, "node_modules/@types")] },
        files: [join(root, file)],
        include: [],
      }),
    );
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", config], { stdio: "pipe" });
  }
  return join(compiled, "out", file.replace(/\.ts$/, ".js"));
}

/** Starts a process that opens the named store in `folder` and does one act of `store-child.ts`. */
export async function runStoreChild(store: string, folder: string, act: string) {
  const script = compile("test/kit/store-child.ts");
  const child = spawn(process.execPath, [script, store, folder, act], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child, "spawn");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async line(): Promise<string> {
      const { done, value } = await lines.next();
      if (done) throw new Error(`Expected a line from the child, it ended (${child.exitCode ?? child.signalCode})`);
      return value;
    },
    /** Kills the process as soon as it wrote that many lines; returns every whole line it wrote. */
    async killAfterLines(count: number): Promise<string[]> {
      const seen: string[] = [];
      for (let next = await lines.next(); !next.done; next = await lines.next()) {
        seen.push(next.value);
        if (seen.length === count) child.kill("SIGKILL");
      }
      return seen;
    },
    kill: () => kill(child),
    /** Waits until the process ended well. */
    async ended(): Promise<void> {
      if (child.exitCode === null) await once(child, "exit");
      if (child.exitCode !== 0) throw new Error(`Expected the child to end with 0, got ${child.exitCode}`);
    },
  };
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
