// Compiles to dist/ and makes the commands executable. Plain JavaScript because it runs before anything is compiled.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const built = `${root}/dist`;
const fresh = `${root}/dist.${process.pid}.new`;
const stale = `${root}/dist.${process.pid}.old`;
try {
  execFileSync(
    process.execPath,
    [`${root}/node_modules/typescript/bin/tsc`, "-p", `${root}/tsconfig.build.json`, "--outDir", fresh],
    { stdio: "inherit" },
  );
} catch {
  rmSync(fresh, { recursive: true, force: true });
  process.exit(1); // the compiler has already said why
}
for (const name of ["bin.js", "cli.js"]) chmodSync(`${fresh}/src/${name}`, 0o755);
// Swapped whole, so that a command that is starting meanwhile finds one build or the other.
if (existsSync(built)) renameSync(built, stale);
renameSync(fresh, built);
rmSync(stale, { recursive: true, force: true });
