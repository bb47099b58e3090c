// Many Python sessions in one process, for code that the offline teacher wrote itself. No sandbox: nothing here comes from a model.
import { spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { datasetLoader } from "../../src/datasets/load.ts";
import { profileDataset } from "../../src/datasets/profile.ts";
import type { Seed } from "../../src/domain/dataset.ts";
import { contentId } from "../../src/domain/hash.ts";

const python = "/usr/bin/python3";

/** Whether Debian's Python lacks what the families import; never where sandboxes are required, so that the tests run and fail there. */
export const pythonMissing =
  (process.env.TRACEMILL_REQUIRE_BACKENDS ?? "") === "" &&
  spawnSync(python, ["-c", "import pandas, scipy, sklearn"]).status !== 0;

/** Whether pandas cannot read workbooks there; they are then left out of the tests, except where sandboxes are required. */
export const workbooksMissing =
  (process.env.TRACEMILL_REQUIRE_BACKENDS ?? "") === "" && spawnSync(python, ["-c", "import openpyxl"]).status !== 0;

const worker = `
import contextlib, io, json, signal, sys, traceback, warnings
warnings.simplefilter("ignore")
sessions = {}
def too_long(*_):
    raise TimeoutError("it took longer than a step may take")
signal.signal(signal.SIGALRM, too_long)
for line in sys.stdin:
    job = json.loads(line)
    printed = io.StringIO()
    error = None
    with contextlib.redirect_stdout(printed):
        try:
            signal.alarm(10 if "time.sleep" not in job["code"] else 1)
            exec(compile(job["code"], "<step>", "exec"), sessions.setdefault(job["session"], {"__name__": "__main__"}))
        except Exception as exception:
            error = {"name": type(exception).__name__, "value": str(exception), "traceback": traceback.format_exc()}
        finally:
            signal.alarm(0)
    if job["last"]:
        del sessions[job["session"]]
    print(json.dumps({"printed": printed.getvalue().rstrip(), "error": error}), flush=True)
`;

export interface Ran {
  readonly printed: string;
  readonly error: { readonly name: string; readonly value: string; readonly traceback: string } | null;
}

export interface PythonSessions extends AsyncDisposable {
  /** Runs code in a session, with /data/ standing for `dir`; `last` forgets the session's variables. */
  run(session: string, code: string, dir: string, last?: boolean): Promise<Ran>;
  /** A table of the vega-datasets package, profiled, and where its copy lies. */
  seed(table: string, exploration?: number): Promise<{ seed: Seed; dir: string }>;
  /** A folder with the two files that `shopProfile` describes. */
  shop(name?: string): Promise<string>;
}

export async function startPython(): Promise<PythonSessions> {
  const folder = await mkdtemp(join(tmpdir(), "tracemill-teacher-data-"));
  const child = spawn(python, ["-c", worker]);
  const waiting: ((ran: Ran) => void)[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.(JSON.parse(line) as Ran));
  return {
    run(session, code, dir, last = false) {
      return new Promise((resolve) => {
        waiting.push(resolve);
        child.stdin.write(`${JSON.stringify({ session, code: code.replaceAll("/data/", `${dir}/`), last })}\n`);
      });
    },
    async seed(table, exploration = 0) {
      const [loaded] = await datasetLoader({ folder }).load(`package:vega-datasets/data/${table}`);
      if (!loaded) throw new Error(`Expected a dataset, got none for ${table}`);
      const { dataset, dir } = loaded;
      const profile = await profileDataset(dataset, dir);
      return {
        dir,
        seed: { id: contentId("seed", { dataset: dataset.id, exploration }), dataset, profile, exploration },
      };
    },
    async shop(name = "shop") {
      const dir = join(folder, name);
      await mkdir(dir, { recursive: true });
      await writeFile(join(dir, "customers.csv"), `${customers().join("\n")}\n`);
      await writeFile(join(dir, "orders.csv"), `${orders().join("\n")}\n`);
      return dir;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await rm(folder, { recursive: true });
    },
  };
}

function customers(): string[] {
  const regions = ["North", "East", "South", "West"];
  const rows = Array.from(
    { length: 40 },
    (_, at) => `${at + 1},${regions[(at * 7) % 4]},${at % 3 === 0 ? " Ada  Byron" : `name ${at}`}`,
  );
  return ["id,Region,Name", ...rows];
}

function orders(): string[] {
  const channels = ["Web", "Shop", "Phone"];
  const rows = Array.from({ length: 300 }, (_, at) => {
    const amount = ((at * 7919) % 149_900) / 100;
    const dollars = amount.toLocaleString("en-US", { minimumFractionDigits: 2 });
    const day = new Date(Date.UTC(2019, 0, 2) + ((at * 137) % 1090) * 86_400_000).toISOString().slice(0, 10);
    return [
      `A-${String(at + 1).padStart(4, "0")}`,
      ((at * 11) % 36) + 1,
      at % 25 === 0 ? `"($${dollars})"` : `"$${dollars}"`,
      ((at * 53) % 797) / 10 + 0.5,
      at % 25 === 3 ? "" : ((at * 31) % 187) / 10 + 1.5,
      channels[(at * at) % 3 === 1 ? at % 3 : 0],
      day,
    ].join(",");
  });
  return ["order_id,customer_id,Amount,Weight,Fee,Channel,Date", ...rows];
}
