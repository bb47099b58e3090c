// What docs/library.md and the examples show has to compile against the package as built.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/package.ts";

const root = packageRoot();

/** What the compiler says about files below the package, whose own name they import. */
async function complaints(files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(join(root, ".tmp"), { recursive: true });
  const folder = await mkdtemp(join(root, ".tmp/library-"));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const compilerOptions = { allowJs: true, checkJs: true, noEmit: true, rewriteRelativeImportExtensions: false };
    const config = { extends: "../../tsconfig.json", compilerOptions, include: ["*"] };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    return await promisify(execFile)(process.execPath, [compiler, "-p", folder]).then(
      () => "",
      (error: { stdout: string }) => error.stdout,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test("every snippet of docs/library.md and every example compiles", async () => {
  const page = await readFile(join(root, "docs/library.md"), "utf8");
  const snippets = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text = ""], at) => [`snippet-${at}.mts`, text]);
  expect(snippets.length).toBeGreaterThan(3);
  const examples = [];
  for (const name of await readdir(join(root, "examples"), { recursive: true })) {
    if (name.endsWith(".mjs")) {
      examples.push([name.replaceAll("/", "-"), await readFile(join(root, "examples", name), "utf8")]);
    }
  }
  expect(examples.length).toBe(3);
  expect(await complaints(Object.fromEntries([...snippets, ...examples]))).toBe("");
});

test("a stage that does not fit behind another does not compile", async () => {
  const text = `import { accept, attempts, from, type Task } from "tracemill";
const tasks: Task[] = [];
export const line = from(tasks).through(attempts(2)).through(accept({ mean: 0, each: 0 }));\n`;
  expect(await complaints({ "misfit.mts": text })).toContain("misfit.mts(3,");
});
