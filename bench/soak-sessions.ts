// What the sessions of `npm run bench:soak` do: realistic cells whose values are known, and codes that mean harm.
import type { StepResult } from "../src/domain/trajectory.ts";

/** One step; `prints` is its stdout, or undefined where only a typed end is wanted. */
export interface Cell {
  readonly code: string;
  readonly prints?: string;
  /** The end that is right; any where it is missing. */
  readonly end?: StepResult["end"];
}

/** Numbers from 0 to 1 by a seed, the same in every run. */
export function drawFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const regions = ["north", "east", "south", "west"] as const;
const rows = 2000;

/** The table that every session reads: sales of regions on days, in whole numbers. */
export function salesCsv(): string {
  const lines = Array.from({ length: rows }, (_, row) =>
    [row, regions[row % 4], `2024-${String(1 + (row % 12)).padStart(2, "0")}-15`, salesOf(row)].join(","),
  );
  return `order,region,day,sales\n${lines.join("\n")}\n`;
}

const salesOf = (row: number) => (row * 7919) % 1000;
const total = (of: (row: number) => boolean) =>
  Array.from({ length: rows }, (_, row) => (of(row) ? salesOf(row) : 0)).reduce((sum, one) => sum + one, 0);

/** 10 to 40 cells of an honest analyst: pandas, plots, fits, files, a mistake now and then; state goes from cell to cell. */
export function honestCells(session: number): Cell[] {
  const draw = drawFrom(session * 7 + 1);
  const count = 10 + Math.floor(draw() * 31);
  const cells: Cell[] = [
    {
      code: `import numpy as np, pandas as pd\ntoken, steps = ${session}, 0\nframe = pd.read_csv("/data/sales.csv", parse_dates=["day"])\nprint(len(frame), token)`,
      prints: `${rows} ${session}\n`,
      end: "ok",
    },
  ];
  let [steps, files] = [0, 0];
  const kinds: (() => Cell)[] = [
    () => {
      const region = regions[Math.floor(draw() * 4)] ?? "north";
      const sum = total((row) => regions[row % 4] === region);
      return { code: `print(frame.groupby("region").sales.sum()["${region}"])`, prints: `${sum}\n`, end: "ok" };
    },
    () => {
      const month = 1 + Math.floor(draw() * 12);
      return {
        code: `print(frame[frame.day.dt.month == ${month}].sales.sum(), token)`,
        prints: `${total((row) => 1 + (row % 12) === month)} ${session}\n`,
        end: "ok",
      };
    },
    () => ({ code: `steps += 1\nprint(steps)`, prints: `${++steps}\n`, end: "ok" }),
    () => ({
      code: `import io, matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\nframe.groupby("region").sales.sum().plot.bar(ax=axes)\nheld = io.BytesIO(); figure.savefig(held); plt.close(figure)\nprint(held.tell() > 5000)`,
      prints: "True\n",
      end: "ok",
    }),
    () => {
      const slope = 1 + Math.floor(draw() * 50);
      return {
        code: `from sklearn.linear_model import LinearRegression\nx = np.arange(200).reshape(-1, 1)\nfit = LinearRegression().fit(x, ${slope} * x.ravel() + token)\nprint(round(fit.coef_[0]), round(fit.intercept_))`,
        prints: `${slope} ${session}\n`,
        end: "ok",
      };
    },
    () => ({
      code: `import os\nopen("/scratch/part%d.csv" % len(os.listdir("/scratch")), "w").write("a\\n" * 50_000)\nprint(len(os.listdir("/scratch")))`,
      prints: `${++files}\n`,
      end: "ok",
    }),
    () => ({
      code: `big = np.random.default_rng(token).normal(size=(1500, 1500))\n(big @ big.T).trace() > 0`,
      end: "ok",
    }),
    () => ({ code: `frame["no such column"]`, end: "error", prints: "" }),
  ];
  while (cells.length < count) cells.push((kinds[Math.floor(draw() * kinds.length)] as () => Cell)());
  return cells;
}

/** A session that means harm: its cells may end as they like, as long as each end is typed. Used where hostile/ is not built. */
export const hostileSessions: readonly { readonly name: string; readonly cells: readonly Cell[] }[] = [
  ["fork bomb", "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"],
  [
    "thread bomb",
    "import threading, time\nfor _ in range(10**5):\n    threading.Thread(target=time.sleep, args=(60,)).start()",
  ],
  ["memory", "held = []\nwhile True:\n    held.append(b'x' * 10**7)"],
  ["output flood", "import os\nwhile True:\n    os.write(1, b'x' * 2**20)"],
  ["does not listen", "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass"],
  ["kills everything", "import os, signal\nos.kill(-1, signal.SIGKILL)"],
  [
    "stays behind",
    "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        while True: time.sleep(0.01)\n    os._exit(0)",
  ],
  ["fills the disk", "n = 0\nwhile True:\n    open('/scratch/%d' % n, 'wb').write(b'x' * 10**7); n += 1"],
  ["many files", "for n in range(10**5):\n    open('/tmp/%d' % n, 'w').close()"],
  ["closes everything", "import os\nos.closerange(0, 4096)"],
  [
    "forges frames",
    "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'\\x00\\x00\\x00\\x02{}')\n    except OSError: pass",
  ],
  ["crashes", "import ctypes\nctypes.string_at(0)"],
  ["fills /scratch and memory", "open('/scratch/fill', 'wb').write(b'x' * 10**8)\nheld = bytearray(10**9)"],
].map(([name = "", code = ""]) => ({ name, cells: [{ code }, { code: "print(1 + 1)" }, { code }] }));
