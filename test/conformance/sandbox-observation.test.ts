import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { showStep } from "../../src/agents/observation.ts";
import type { Sandbox, SandboxBackend } from "../../src/contracts.ts";
import type { StepResult } from "../../src/domain/trajectory.ts";
import { openBlobs } from "../../src/engine/blobs.ts";
import { openSandboxBackend } from "../../src/sandboxes/index.ts";
import { openSession } from "../../src/sandboxes/session.ts";
import { dataFolder, describeEachBackend, rememberIn } from "../kit/sandboxes.ts";

const signal = new AbortController().signal;
const outputBytes = 2000;

await describeEachBackend("what an agent sees", (entry) => {
  let backend: SandboxBackend;
  let dataDir: string;
  let blobFolder: string;
  let sandbox: Sandbox;

  beforeAll(async () => {
    dataDir = await dataFolder({ "cars.csv": "name,mpg\na,21\nb,30\n" });
    blobFolder = await mkdtemp(join(tmpdir(), "tracemill-blobs-"));
    backend = await openSandboxBackend({
      backend: entry.name,
      memoryMb: 512,
      stepTimeoutSeconds: 30,
      outputBytes,
      preimport: ["pandas"],
      signal,
    });
    sandbox = await backend.open({ dataDir, label: "test", blobs: openBlobs(blobFolder), signal });
  }, 60_000);

  afterAll(async () => {
    await backend?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
    await rm(blobFolder, { recursive: true, force: true });
  });

  const run = (code: string): Promise<StepResult> => sandbox.run(code, { signal });
  const see = async (code: string): Promise<string> => showStep(await run(code));

  test("display() and prints appear in order, the last value after them, `_` holds it and `;` hides it", async () => {
    const code = `from IPython.display import display, HTML, Markdown, clear_output
import pandas as pd
df = pd.read_csv('/data/cars.csv')
print('before'); display(df.head(1), 'text'); print('after')
display(HTML('<table><tr><td>x</td><td>&lt;y&gt;</td></tr></table>'), Markdown('*z*')); clear_output()
df.mpg.max()`;
    expect(await see(code)).toBe("before\n  name  mpg\n0    a   21\n'text'\nafter\nx\t<y>\n*z*\n30");
    expect(await see("_ + 1")).toBe("31");
    expect(await see("_;")).toBe("(no output)");
    expect(await see("(_);  # quiet")).toBe("(no output)");
    expect(await see("display('a built-in name')")).toBe("'a built-in name'");
  });

  test("values of any size are shown as bounded text, small ones as Python writes them", async () => {
    const small = `import collections
small = [[1, 'a"', (2,), {3}, set(), frozenset({4}), {'k': [None]}, b'x', collections.Counter('aab'), collections.deque([1], 2),
  collections.defaultdict(list, {1: []}), collections.OrderedDict(a=1), {}.keys(), type('L', (list,), {})([1])]]
small[0].append(small)
small`;
    const shown = (await run(small)).result;
    expect(shown?.head).toBe((await run("repr(small)")).result?.head.slice(1, -1).replaceAll("\\'", "'"));
    const list = await run("list(range(3_000_000))");
    expect(showStep(list)).toMatch(/^\[0, 1, 2[\s\S]*2999998, 2999999\]/);
    expect(await see(`'<2,999,000 items left out>' in open('${list.savedOutput}').read()`)).toBe("True");
    expect(await see("{i: i for i in range(300_000)}")).toMatch(/^\{0: 0, 1: 1/);
    expect(await see("'x' * 50_000_000")).toMatch(/^'xxx[\s\S]*xxx'/);
    expect(await see("class Huge:\n    def __repr__(self): return 'h' * 50_000_000\nHuge()")).toMatch(/^hhh/);
    const all = "pd.set_option('display.max_rows', None)\npd.DataFrame({'a': range(300_000)})";
    expect(await see(all)).toMatch(/\[300000 rows x 1 columns\]/);
    expect(await see("pd.get_option('display.max_rows'), pd.reset_option('display.max_rows')")).toBe("(None, None)");
  });

  test("figures become pictures in order, are closed, and the same code gives the same bytes", async () => {
    const code = `%matplotlib inline
import matplotlib.pyplot as plt
for name in ('one', 'two'):
    print(name)
    plt.bar(['a', 'b'], [1, 2]); plt.title(name); plt.xlabel('letter'); plt.ylabel('n'); plt.show()
fig, (left, right) = plt.subplots(1, 2)
left.plot([1, 2], label='line'); left.legend(); right.scatter([1], [2])
plt.savefig('/scratch/own.png')`;
    const first = await run(code);
    expect(showStep(first)).toMatch(
      /^one\n\[Figure 1: \d+ x \d+ pixels; title "one"; x axis "letter"; y axis "n"; 2 bars\]\ntwo\n\[Figure 2: .*title "two".*\]\n\[Figure 3: .*2 axes; \(1 line; legend "line"\); \(1 point\)\]\n\[3 pictures are kept with the record\. You cannot see pictures/,
    );
    expect(first.pictures).toHaveLength(3);
    for (const picture of first.pictures) {
      const bytes = await openBlobs(blobFolder).get(picture.sha256);
      expect(bytes?.length).toBe(picture.bytes);
      expect(Buffer.from(bytes ?? []).readUInt32BE(16)).toBe(picture.width);
    }
    expect((await run(code)).pictures).toEqual(first.pictures);
    expect(await see("import os\n(plt.get_fignums(), os.path.getsize('/scratch/own.png') > 1000)")).toBe("([], True)");
  });

  test("at most eight pictures a step, none above a MiB, and nothing that is no PNG", async () => {
    const many = await run("for i in range(10): plt.figure(figsize=(1, 1)); plt.plot([0, i])");
    expect(many.pictures).toHaveLength(8);
    expect(showStep(many)).toContain("[2 more pictures were not kept: a step keeps at most 8, 6 MiB together]");
    const wide = await run("plt.figure(figsize=(300, 300)); plt.plot([1, 2]);");
    expect(wide.pictures).toMatchObject([{ width: 2000, height: 2000 }]);
    const given = `class Given:
    def __init__(self, png): self.png = png
    def _repr_png_(self): return self.png
good = open('/scratch/own.png', 'rb').read()
for png in (good, b'GIF89a' * 10, good[:-20], good[:-30] + b'?' + good[-29:], good + b'x' * (1 << 20)): display(Given(png))`;
    const step = await run(given);
    expect(step.pictures).toHaveLength(1);
    expect(showStep(step)).toContain("[Picture 2 was not kept: it is no PNG]");
    expect(showStep(step)).toMatch(/\[Picture 5 was not kept: [\d,]+ bytes are more/);
    expect(step.detail).toMatch(
      /pictures were refused \(number 2: it ends in the middle; number 3: the checksum of its/,
    );
  });

  test("IPython's own lines are explained, in the agent's line", async () => {
    expect(await see("a = 1\n%timeit sum([1])")).toMatch(
      /File "<step \d+>", line 2\n {4}%timeit sum\(\[1\]\)\n {4}\^\nSyntaxError: magics \(%timeit\) are not available here; use Python$/,
    );
    expect(await see("!pip install polars")).toContain("nothing can be installed: there is no network here");
    expect(await see("names = !ls")).toContain("shell lines (!) are not available here");
    expect(await see("df?")).toContain("use help(df)");
    expect(await see("text = '''\n%matplotlib inline\n'''\n7 %3 != 1, text")).toBe(
      "(False, '\\n%matplotlib inline\\n')",
    );
  });

  test("pip, conda and apt fail at once and say that there is no network", async () => {
    const shown = await see(`import os, subprocess, sys
print([os.system(f'{command} install polars 2>&1') >> 8 for command in ('pip', 'pip3', 'conda', 'apt-get', 'apt')])
print(subprocess.run([sys.executable, '-m', 'pip', 'install', 'polars'], capture_output=True, text=True).stderr)
os.system('pip list | grep -c pandas')`);
    expect(shown.match(/there is no network here, nothing can be installed/g)).toHaveLength(6);
    expect(shown).toContain("[1, 1, 1, 1, 1]");
  });

  test("tracebacks name the step and line of the agent's own code and leave libraries' frames out", async () => {
    const defined = "# a comment\ndef broken(value):\n    return value / zero\nzero = 0\nbroken.__code__.co_filename";
    const step = (await run(defined)).result?.head.slice(1, -1);
    const shown = await see("\ndf.mpg.apply(broken)");
    expect(shown).toMatch(/File "<step \d+>", line 2, in <module>\n {4}df\.mpg\.apply\(broken\)/);
    expect(shown).toContain(`File "${step}", line 3, in broken\n    return value / zero`);
    expect(shown).toMatch(/\[\.\.\. \d+ frames inside libraries left out \.\.\.\]/);
    expect(shown).not.toContain("_inside");
    const group = await see("raise ExceptionGroup('many', [ValueError('a'), KeyError('b')])");
    expect(group).toMatch(/ExceptionGroup: many \(2 sub-exceptions\)[\s\S]*ValueError: a[\s\S]*KeyError: 'b'/);
    const chained = await see("try: broken(1)\nexcept Exception as error: raise RuntimeError('outer') from error");
    expect(chained).toMatch(/ZeroDivisionError[\s\S]*direct cause[\s\S]*RuntimeError: outer/);
    expect(await see("if True print(1)")).toMatch(
      /^ {2}File "<step \d+>", line 1\n {4}if True print\(1\)\n +\^+\nSyntaxError/,
    );
  });

  test("the same warning is shown once a step", async () => {
    const code = `import warnings
for _ in range(50):
    with warnings.catch_warnings(): pass
    warnings.warn('careful')`;
    for (const _ of [1, 2]) expect((await see(code)).match(/UserWarning: careful/g)).toHaveLength(1);
  });

  test("a progress bar shows its last state, and nothing that a terminal would obey gets through", async () => {
    const shown = await see(`import sys
for i in range(0, 101, 5):
    sys.stderr.write('\\r%3d%%|%s%s| %d/100 [00:00<00:00, 50.00it/s]' % (i, '█' * (i // 10), ' ' * (10 - i // 10), i))
sys.stderr.write('\\n')
print('\\x1b]8;;http://example.org\\x07link\\x1b]8;;\\x07 \\x1b]52;c;ZXZpbA==\\x07\\x9b31mred\\x9b0m \\x85\\u202etxet\\x00')
print('w' * 10_000_000)`);
    expect(shown).toContain("[stderr]\n100%|██████████| 100/100 [00:00<00:00, 50.00it/s]\n");
    expect(shown).toContain("link red \\u202etxet\nwww");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
    expect(shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  });

  test("what was cut can be read on from a file", async () => {
    const step = await run("print('\\n'.join(f'line {n}' for n in range(3000)))");
    expect(step.savedOutput).toMatch(/^\/scratch\/\.output\/step-\d+\.txt$/);
    const page = /To read on: (print\(.*\))\]/.exec(showStep(step))?.[1] ?? "";
    const head = step.stdout.head;
    const next = await see(page);
    expect(head + next).toContain(`${head}${next.slice(0, 20)}`);
    const whole = Array.from({ length: 3000 }, (_, n) => `line ${n}`).join("\n");
    expect(whole.slice(head.length)).toMatch(new RegExp(`^${next.slice(0, 500)}`));
    expect((await run("1")).savedOutput).toBeNull();
    const gone = await see("print('z' * 3_000_000)");
    expect(gone).toMatch(/The first MiB of the output is in .* The rest is gone\./);
    expect(
      await see(`open('${step.savedOutput?.replace(/\d+(?=\.txt)/, (n) => String(Number(n) + 3))}').read()[-45:]`),
    ).toMatch(/\[1,951,42\d bytes more were not kept\]/);
  });

  test("the files of a session take eight MiB at most, and the oldest go first", async () => {
    const paths = [];
    for (let step = 0; step < 9; step++) paths.push((await run("print('y' * 1_048_575)")).savedOutput);
    expect(await see(`import os\n[os.path.exists(p) for p in ${JSON.stringify([paths[0], ...paths.slice(-2)])}]`)).toBe(
      "[False, True, True]",
    );
    const used =
      "sum(os.path.getsize(f'/scratch/.output/{name}') for name in os.listdir('/scratch/.output')) <= 8 << 20";
    expect(await see(used)).toBe("True");
  });

  test("nothing that the agent puts in the way of that file is followed, waited for or written to", async () => {
    const long = "print('y' * 50_000)";
    const tries = [
      "import os, shutil\nshutil.rmtree('/scratch/.output'); os.symlink('/scratch/elsewhere', '/scratch/.output'); os.mkdir('/scratch/elsewhere')",
      "os.unlink('/scratch/.output'); os.mkfifo('/scratch/.output')",
      "os.unlink('/scratch/.output'); open('/scratch/.output', 'w').close()",
    ];
    for (const code of tries) expect((await run(`${code}\n${long}`)).savedOutput, code).toBeNull();
    expect(await see("os.listdir('/scratch/elsewhere'), os.path.getsize('/scratch/.output')")).toBe("([], 0)");
    const names =
      "os.unlink('/scratch/.output'); os.mkdir('/scratch/.output'); open('/scratch/victim', 'w').write('whole')\nfor n in range(1, 200): ";
    const linked = await run(`${names}os.symlink('/scratch/victim', f'/scratch/.output/step-{n}.txt')\n${long}`);
    expect(linked.savedOutput).not.toBeNull();
    expect(await see(`open('/scratch/victim').read(), os.path.islink('${linked.savedOutput}')`)).toBe(
      "('whole', False)",
    );
    const fifos =
      "for n in range(1, 200): os.path.lexists(p := f'/scratch/.output/step-{n}.txt') and os.unlink(p); os.mkfifo(p)";
    expect((await run(`${fifos}\n${long}`)).savedOutput).not.toBeNull();
    const folders =
      "shutil.rmtree('/scratch/.output')\nfor n in range(1, 200): os.makedirs(f'/scratch/.output/step-{n}.txt/in')";
    expect((await run(`${folders}\n${long}`)).savedOutput).toBeNull();
    expect(
      (await run("shutil.rmtree('/scratch/.output')\nopen('/scratch/full', 'wb').write(b'x' * (127 << 20))")).end,
    ).toBe("ok");
    const full = await run(long.replace("50_000", "900_000"));
    expect(full.savedOutput).toBeNull();
    expect((await run(`os.unlink('/scratch/full')\n${long}`)).savedOutput).not.toBeNull();
  });

  test("a replay that rebuilds state makes the file again, under the same name", async () => {
    const store = new Map();
    const session = () =>
      openSession({
        ...{ backend, remember: rememberIn(store), blobs: openBlobs(blobFolder), dataset: { id: "d", dir: dataDir } },
        ...{ attempt: "a", label: "test", signal },
      });
    const codes = ["import os; os._exit(1)", "print('p' * 5000)", "import matplotlib.pyplot as plt\nplt.plot([1, 2])"];
    {
      await using first = session();
      for (const code of codes) await first.run(code, { signal });
    }
    await using again = session();
    const steps = [];
    for (const code of [...codes, "open('/scratch/.output/step-2.txt').read() == 'p' * 5000 + '\\n'"])
      steps.push(await again.run(code, { signal }));
    expect(steps.map(({ diverged }) => diverged)).toEqual([false, false, false, false]);
    expect(steps[1]?.result.savedOutput).toBe("/scratch/.output/step-2.txt");
    expect(steps[2]?.result.pictures).toHaveLength(1);
    expect(steps[3]?.result.result?.head).toBe("True");
  });

  test("objects whose picture or text does harm end their own step at most", async () => {
    expect(await run("class Bad:\n    def _repr_png_(self): raise SystemExit(3)\ndisplay(Bad())")).toMatchObject({
      end: "error",
      stateLost: false,
    });
    const loud = "class Loud(Exception):\n    def __str__(self): return 'm' * 20_000_000\nraise Loud()";
    expect(await run(loud)).toMatchObject({ end: "error", stateLost: false });
    expect(await run("import sys\nsys.stdout = None\nplt.plot([1, 2]);")).toMatchObject({ end: "ok", pictures: [{}] });
    expect(await see("plt.plot([1]); raise ValueError('after the plot')")).toMatch(
      /^\[Figure 1: [\s\S]*ValueError: after the plot/,
    );
  });

  test("a picture without blobs is described and let go", async () => {
    await using bare = await backend.open({ dataDir, label: "bare", signal });
    const step = await bare.run("import matplotlib.pyplot as plt\nplt.plot([1, 2]);", { signal });
    expect(step.pictures).toEqual([]);
    expect(showStep(step)).toMatch(/^\[Figure 1: \d+ x \d+ pixels; 1 line\]$/);
  });
});
