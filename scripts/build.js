// Compiles to dist/ and makes the command executable. Plain JavaScript because it runs before anything is compiled.
import { execFileSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
rmSync(`${root}/dist`, { recursive: true, force: true });
try {
  execFileSync(process.execPath, [`${root}/node_modules/typescript/bin/tsc`, "-p", `${root}/tsconfig.build.json`], {
    stdio: "inherit",
  });
} catch {
  process.exit(1); // the compiler has already said why
}
chmodSync(`${root}/dist/src/cli.js`, 0o755);
