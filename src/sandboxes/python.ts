// The host's Python, which bubblewrap shows to the inside.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

export const pythonPath = "/usr/bin/python3";

/** Debian's package for each module the inside needs. */
export const pythonPackages: Readonly<Record<string, string>> = {
  pandas: "python3-pandas",
  scipy: "python3-scipy",
  sklearn: "python3-sklearn",
  statsmodels: "python3-statsmodels",
  matplotlib: "python3-matplotlib",
  openpyxl: "python3-openpyxl",
};

/** The modules of `pythonPackages` that the host's Python cannot find, all of them where there is no Python of 3.11 or newer. */
export async function missingModules(): Promise<string[]> {
  const names = Object.keys(pythonPackages);
  if (!existsSync(pythonPath)) return names;
  const script = `import importlib.util, sys; print(*[n for n in sys.argv[1:] if importlib.util.find_spec(n) is None])`;
  const found = await promisify(execFile)(pythonPath, ["-s", "-P", "-c", script, ...names], { env: {} }).catch(
    () => null,
  );
  return found === null ? names : found.stdout.split(/\s+/).filter((name) => name !== "");
}
