// Rows 59 and 62: ordinary data science goes on working within the limits, and what needs a network fails at once.
import assert from "node:assert/strict";
import type { HostileCase, Session, Step } from "../case.ts";
import { expectEndOf, expectUsable, seenIn } from "./kit.ts";

const work: readonly (readonly [what: string, code: string, result: string | RegExp | null])[] = [
  ["imports", "import numpy as np, pandas as pd\nNone", null],
  ["imports of plots", "import matplotlib.pyplot as plt\nNone", null],
  ["imports of models", "import joblib\nfrom sklearn.linear_model import LinearRegression\nNone", null],
  [
    "a large CSV",
    "pd.DataFrame({'a': np.arange(200_000), 'b': np.random.RandomState(0).rand(200_000)}).to_csv('/scratch/big.csv', index=False)\nlen(pd.read_csv('/scratch/big.csv'))",
    "200000",
  ],
  [
    "a plot in a file",
    "plt.plot([1, 2, 3]); plt.savefig('/scratch/plot.png'); plt.close()\nimport os\nos.path.getsize('/scratch/plot.png') > 1000",
    "True",
  ],
  [
    "a database",
    "import sqlite3\ndb = sqlite3.connect('/scratch/cars.db')\npd.read_csv('/data/cars.csv').to_sql('cars', db, index=False)\ndb.execute('select count(*) > 0 from cars').fetchone()",
    "(1,)",
  ],
  [
    "joblib",
    "def square(x): return x * x\nsum(joblib.Parallel(n_jobs=-1)(joblib.delayed(square)(i) for i in range(50)))",
    "40425",
  ],
  [
    "a model",
    "round(float(LinearRegression(n_jobs=-1).fit(np.arange(1000).reshape(-1, 1), np.arange(1000) * 2.0).coef_[0]), 6)",
    "2.0",
  ],
  [
    "a pool of processes",
    "import multiprocessing as mp\nwith mp.get_context('fork').Pool(2) as pool: out = pool.map(square, range(10))\nsum(out)",
    "285",
  ],
  [
    "threads",
    "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(8) as pool: out = list(pool.map(square, range(100)))\nlen(out)",
    "100",
  ],
  [
    "fork beside threads",
    "import threading, time\nthreading.Thread(target=time.sleep, args=(0.3,)).start()\nimport subprocess\nsubprocess.run(['echo', 'hi'], capture_output=True, text=True).stdout",
    "'hi\\n'",
  ],
  [
    "a flood of warnings",
    "import warnings\nwarnings.simplefilter('always')\nfor i in range(20_000): warnings.warn(f'deprecated {i}')\n'warned'",
    "'warned'",
  ],
  [
    "a progress bar",
    "import sys\nfor i in range(2000): sys.stderr.write(f'\\r{i / 20:.0f}%|{\"#\" * (i // 100)}'); sys.stderr.flush()\n'bar'",
    "'bar'",
  ],
  [
    "temporary files",
    "import tempfile\nwith tempfile.NamedTemporaryFile() as f: f.write(b'x' * 1000)\nwith tempfile.TemporaryDirectory() as d: open(d + '/x', 'w').close()\n'temporary'",
    "'temporary'",
  ],
  [
    "a shared array",
    "from multiprocessing import shared_memory\ns = shared_memory.SharedMemory(create=True, size=1 << 20); s.close(); s.unlink()\nmp.Lock() is not None",
    "True",
  ],
  ["a compiled helper", "import ctypes\nctypes.CDLL('libm.so.6').abs(-7)", "7"],
];

const installs: readonly (readonly [code: string, ends: readonly string[]])[] = [
  [
    "import subprocess, sys\nr = subprocess.run([sys.executable, '-m', 'pip', 'install', 'polars'], capture_output=True, text=True)\nprint(r.stdout, r.stderr); r.returncode != 0",
    ["ok"],
  ],
  ["import os\nos.system('pip install polars') != 0", ["ok"]],
  ["os.system('conda install -y polars') != 0", ["ok"]],
  ["os.system('apt-get install -y cowsay; apt update; apk add curl') != 0", ["ok"]],
  ["os.system('curl -m 60 -sS http://192.0.2.1/; wget -T 60 http://192.0.2.1/') != 0", ["ok"]],
  ["import polars", ["error"]],
  ["import urllib.request\nurllib.request.urlopen('http://example.invalid/', timeout=60)", ["error"]],
  ["import pandas as pd\npd.read_csv('https://example.invalid/data.csv')", ["error"]],
  ["!pip install polars", ["error", "ok"]],
  ["%pip install polars", ["error", "ok"]],
  ["import ensurepip\nensurepip.bootstrap(root='/scratch')", ["error", "exited", "ok"]],
  ["from sklearn.datasets import fetch_california_housing\nfetch_california_housing(data_home='/scratch')", ["error"]],
];

/** A step that gets its time again where a busy machine took it: what starts large programs needs a few seconds of a whole core. */
async function patiently(session: Session, code: string): Promise<Step> {
  let step = await session.run(code);
  for (let again = 0; step.end === "timeout" && again < 3; again++) step = await session.run(code);
  return step;
}

export const legitimateCases: readonly HostileCase[] = [
  {
    row: 59,
    name: "a working day of data science: files, plots, models, pools, databases, warnings",
    kind: "legitimate",
    slow: true,
    async run({ open }) {
      const session = await open();
      const steps: Step[] = [];
      for (const [what, code, result] of work) {
        const step = await patiently(session, code);
        expectEndOf(`${what}: ${code}`, step, "ok");
        if (result !== null) assert.equal(step.result, result, what);
        steps.push(step);
      }
      await expectUsable(session);
      return { ...seenIn(...steps), record: `${steps.length} steps ok` };
    },
  },
  {
    row: 59,
    name: "a frame shown, a plot drawn and a variable kept in small limits",
    kind: "legitimate",
    async run({ open }) {
      const session = await open();
      const first = await session.run(
        "import csv, statistics\nrows = list(csv.DictReader(open('/data/cars.csv')))\nlen(rows) > 0",
      );
      expectEndOf("csv", first, "ok");
      assert.equal(first.result, "True");
      const second = await session.run(
        "open('/scratch/out.csv', 'w').write('x,y\\n' + '\\n'.join(f'{i},{i * i}' for i in range(100)))\nrows[0] is not None",
      );
      assert.equal(second.result, "True");
      await expectUsable(session);
      return seenIn(first, second);
    },
  },
  {
    row: 62,
    name: "pip, conda, apt, downloads: no network, told at once",
    kind: "legitimate",
    slow: true,
    async run({ open }) {
      const session = await open();
      const steps: Step[] = [];
      for (const [code, ends] of installs) {
        const step = await patiently(session, code);
        expectEndOf(code, step, ...ends);
        if (step.result !== null && code.endsWith("!= 0")) assert.equal(step.result, "True", code);
        steps.push(step);
      }
      await expectUsable(session);
      return seenIn(...steps);
    },
  },
  {
    row: 62,
    name: "a package that is not there, and a download, fail at once and say why",
    kind: "legitimate",
    async run({ open }) {
      const session = await open();
      const imported = await session.run("import polars");
      assert.match(imported.error ?? "", /^ModuleNotFoundError: No module named 'polars'/);
      const fetched = await session.run(
        "import urllib.request\nurllib.request.urlopen('http://192.0.2.1/', timeout=60)",
      );
      expectEndOf("urlopen", fetched, "error");
      assert.match(fetched.error ?? "", /URLError/);
      await expectUsable(session);
      return seenIn(imported, fetched);
    },
  },
];
