// Legitimate heavy use works: hardening must not break data science. Row 59 of the hostile catalogue, on every backend.
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Sandbox, SandboxBackend } from "../../src/contracts.ts";
import { openSandboxBackend } from "../../src/sandboxes/index.ts";
import { dataFolder, describeEachBackend } from "../kit/sandboxes.ts";

const signal = new AbortController().signal;
const bigFiles = process.env.TRACEMILL_BIG_FILES === "1";
const megabytes = bigFiles ? 520 : 50;

/** Each is one step of a shared sandbox and prints `expected` alone on its last line; nothing may stand on stderr unless it says so. */
const uses: readonly {
  readonly what: string;
  readonly code: string;
  readonly expected: string;
  readonly stderr?: RegExp;
}[] = [
  {
    what: "sklearn and joblib with n_jobs=-1",
    code: `
import numpy as np, joblib, warnings
from joblib import Parallel, delayed
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
x = np.random.default_rng(0).normal(size=(400, 6))
y = (x[:, 0] + x[:, 1] > 0).astype(int)
forest = RandomForestClassifier(n_estimators=20, n_jobs=-1, random_state=0).fit(x, y)
grid = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1]}, cv=3, n_jobs=-1).fit(x, y)
def square(v):
    return v * v
squares = Parallel(n_jobs=-1)(delayed(square)(i) for i in range(20))
print(forest.score(x, y) > 0.9, grid.best_score_ > 0.9, sum(squares), joblib.cpu_count())`,
    expected: "True True 2470 2",
  },
  {
    what: "multiprocessing by fork: Pool, shared memory, Manager, a function of an earlier step",
    code: `
import multiprocessing as mp
from multiprocessing import shared_memory
def cube(v):
    return v ** 3
with mp.Pool(3) as pool:
    cubes = sum(pool.map(cube, range(10)))
block = shared_memory.SharedMemory(create=True, size=1 << 20)
def put(name):
    other = shared_memory.SharedMemory(name=name)
    other.buf[0] = 42
    other.close()
worker = mp.Process(target=put, args=(block.name,)); worker.start(); worker.join()
seen = block.buf[0]; block.close(); block.unlink()
with mp.Manager() as manager:
    shared = manager.dict()
    def note(key):
        shared[key] = True
    workers = [mp.Process(target=note, args=(i,)) for i in range(3)]
    [w.start() for w in workers]; [w.join() for w in workers]
    noted = len(shared)
print(cubes, seen, noted)`,
    expected: "2025 42 3",
  },
  {
    what: "multiprocessing by spawn with a function of a module",
    code: `
import multiprocessing as mp, math
with mp.get_context("spawn").Pool(2) as pool:
    print(sum(pool.map(math.factorial, range(6))))`,
    expected: "154",
  },
  {
    what: "spawn and forkserver with a function that a step wrote into a module in /scratch",
    code: `
import multiprocessing as mp, pathlib, importlib
pathlib.Path("/scratch/workers.py").write_text("def double(v):\\n    return 2 * v\\n")
importlib.invalidate_caches()
import workers
totals = []
for kind in ("spawn", "forkserver"):
    with mp.get_context(kind).Pool(2) as pool:
        totals.append(sum(pool.map(workers.double, range(5))))
print(totals)`,
    expected: "[20, 20]",
  },
  {
    what: "threads, both kinds of concurrent.futures, asyncio",
    code: `
import asyncio, threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
def half(v):
    return v / 2
with ThreadPoolExecutor() as threads, ProcessPoolExecutor(2) as processes:
    halves = sum(threads.map(half, range(10))) + sum(processes.map(half, range(10)))
found = []
workers = [threading.Thread(target=found.append, args=(i,)) for i in range(30)]
[w.start() for w in workers]; [w.join() for w in workers]
async def later(v):
    await asyncio.sleep(0.01)
    return v
async def main():
    process = await asyncio.create_subprocess_exec("echo", "hi", stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return sum(await asyncio.gather(*(later(i) for i in range(5)))), out
print(halves, len(found), asyncio.run(main()))`,
    expected: "45.0 30 (10, b'hi\\n')",
  },
  {
    what: "matplotlib to png, pdf and svg, many figures, text of several scripts, no missing font",
    code: `
import matplotlib.pyplot as plt, os, logging
sizes = []
for kind in ("png", "pdf", "svg"):
    figure, axes = plt.subplots(figsize=(4, 3))
    axes.plot([1, 3, 2], label="Größe −1 µm"); axes.set_title("x² → y", style="italic"); axes.legend()
    figure.savefig("/scratch/plot." + kind); sizes.append(os.path.getsize("/scratch/plot." + kind) > 2000)
    plt.close(figure)
for i in range(15):
    figure = plt.figure(figsize=(2, 2)); figure.add_subplot().bar([1, 2], [i, 1]); figure.savefig("/scratch/f%d.png" % i)
plt.close("all")
names = os.listdir("/scratch")
print(sizes, len([n for n in names if n.endswith(".png")]), [n for n in names if n[0] == "."])`,
    expected: "[True, True, True] 16 []",
  },
  {
    what: "sqlite in /scratch, also with a write-ahead log, and pandas to and from it",
    code: `
import sqlite3, pandas as pd
base = sqlite3.connect("/scratch/base.db")
mode = base.execute("pragma journal_mode=wal").fetchone()[0]
pd.DataFrame({"a": range(1000), "b": 1.5}).to_sql("t", base, index=False)
base.commit()
other = sqlite3.connect("/scratch/base.db")
print(mode, pd.read_sql("select sum(a * b) as s from t", other).s[0]); base.close(); other.close()`,
    expected: "wal 749250.0",
  },
  {
    what: "floods of warnings, logging, and progress bars",
    code: `
import logging, sys, warnings
with warnings.catch_warnings():
    warnings.simplefilter("always")
    for i in range(100_000):
        warnings.warn("again %d" % i)
logging.basicConfig(); logging.warning("logged")
for i in range(101):
    sys.stderr.write("\\r%3d%%|%s" % (i, "█" * (i // 10)))
print("done")`,
    expected: "done",
    stderr: /100%\|█{10}$/,
  },
  {
    what: "statsmodels, scipy.optimize, sklearn pipelines, pickle and joblib files",
    code: `
import numpy as np, pandas as pd, pickle, joblib, statsmodels.api as sm, statsmodels.formula.api as smf
from scipy import optimize, stats
draw = np.random.default_rng(1)
frame = pd.DataFrame({"u": draw.normal(size=500), "v": draw.normal(size=500)})
frame["w"] = 2 * frame.u - frame.v + draw.normal(scale=0.1, size=500)
frame["z"] = (frame.w + draw.normal(size=500) > 0).astype(int)
ols = smf.ols("w ~ u + v", frame).fit()
logit = sm.Logit(frame.z, sm.add_constant(frame[["u"]])).fit(disp=0)
least = optimize.minimize(lambda p: (p[0] - 3) ** 2 + (p[1] + 1) ** 2, [0, 0])
joblib.dump(ols.params, "/scratch/ols.joblib"); pickle.dump(frame, open("/scratch/frame.pkl", "wb"))
back = joblib.load("/scratch/ols.joblib"); same = pickle.load(open("/scratch/frame.pkl", "rb")).equals(frame)
print((back.round(1) + 0.0).tolist(), logit.mle_retvals["converged"], least.x.round(2).tolist(), same)`,
    expected: "[0.0, 2.0, -1.0] True [3.0, -1.0] True",
  },
  {
    what: "subprocesses, temporary files, locale, time zones, unicode file names, large integers",
    code: `
import subprocess, tempfile, locale, zoneinfo, datetime, os, pathlib, sys, pandas as pd
said = subprocess.run(["sort"], input="b\\na\\n", capture_output=True, text=True, check=True).stdout.split()
shell = subprocess.run("seq 3 | wc -l", shell=True, capture_output=True, text=True).stdout.strip()
with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryDirectory() as folder:
    file.write(b"x" * 1000); file.flush(); there = os.path.getsize(file.name) == 1000 and os.path.isdir(folder)
berlin = datetime.datetime(2024, 7, 1, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).astimezone(datetime.timezone.utc).hour
tokyo = pd.Timestamp("2024-01-01", tz="UTC").tz_convert("Asia/Tokyo").hour
path = pathlib.Path("/scratch/données_数据_🚗.csv"); path.write_text("a\\n1\\n"); rows = len(pd.read_csv(path))
encoding = locale.getpreferredencoding().lower(), sys.getfilesystemencoding()
print(said, shell, there, berlin, tokyo, rows, encoding, len(str(2 ** 10_000)), locale.setlocale(locale.LC_ALL, ""))`,
    expected: "['a', 'b'] 3 True 10 9 1 ('utf-8', 'utf-8') 3011 C.UTF-8",
  },
  {
    what: "linear algebra on 2000 x 2000 matrices, the same twice",
    code: `
import numpy as np
a = np.random.default_rng(2).normal(size=(2000, 2000))
first, second = a @ a, a @ a
solved = np.linalg.solve(a, np.ones(2000))
print(np.array_equal(first, second), np.allclose(a @ solved, 1), np.linalg.svd(a[:300, :300], compute_uv=False)[0] > 30)`,
    expected: "True True True",
  },
  {
    what: `a CSV of ${megabytes} MB, in parts and whole`,
    code: `
import pandas as pd, os
parts = sum(part.price.sum() for part in pd.read_csv("/data/orders.csv", chunksize=200_000))
frame = pd.read_csv("/data/orders.csv")
top = frame.groupby("city").price.sum().sort_values(ascending=False).index[0]
size = os.path.getsize("/data/orders.csv") >= ${megabytes} * 10 ** 6
same = abs(parts - frame.price.sum()) < 1; rows = len(frame) == frame["order"].max(); del frame
print(size, same, rows, top)`,
    expected: "True True True Riga",
  },
];

await describeEachBackend("heavy use that is meant well", (entry) => {
  let backend: SandboxBackend;
  let dataDir: string;
  let sandbox: Sandbox;

  beforeAll(async () => {
    dataDir = await dataFolder({ "orders.csv": "" });
    await pipeline(Readable.from(orders(megabytes * 10 ** 6)), createWriteStream(join(dataDir, "orders.csv")));
    backend = await openSandboxBackend({
      ...{ backend: entry.name, memoryMb: 3072, cpus: 2, stepTimeoutSeconds: bigFiles ? 300 : 60, signal },
    });
    sandbox = await backend.open({ dataDir, label: "heavy use", signal });
  });
  afterAll(async () => {
    await sandbox?.[Symbol.asyncDispose]();
    await backend?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  test.each(uses)("$what", { timeout: bigFiles ? 300_000 : 60_000 }, async ({ code, expected, stderr }) => {
    const step = await sandbox.run(code, { signal });
    expect(step.exception?.traceback.head ?? "").toBe("");
    expect(step).toMatchObject({ end: "ok", stateLost: false });
    expect(step.stdout.head).toBe(`${expected}\n`);
    if (stderr) expect(step.stderr.head + step.stderr.tail).toMatch(stderr);
    else expect(step.stderr.head).toBe("");
  });
});

function* orders(bytes: number): Generator<string> {
  const cities = ["Bern", "Oslo", "Prag", "Riga"];
  yield "order,day,price,city,note\n";
  for (let row = 1, written = 0; written < bytes; ) {
    let lines = "";
    for (let line = 0; line < 5000; line++, row++) {
      lines += `${row},2024-0${1 + (row % 9)}-1${row % 10},${((row * 7919) % 100_000) / 100 + (row % 4)},${cities[row % 4]},note number ${row * 31}\n`;
    }
    written += lines.length;
    yield lines;
  }
}
