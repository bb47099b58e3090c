// Records the display anew: asciicasts of real runs in docs/recordings/, and an animated SVG of each. Needs asciinema and a sandbox.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import xterm from "@xterm/headless";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "docs/recordings");
const work = mkdtempSync(join(tmpdir(), "tracemill-recordings-"));
const output = join(work, "output");
const typed = "npx tracemill run docs/recordings/short.yaml";
const recordings = [
  { name: "run", columns: 100, rows: 30, typed, env: {} },
  { name: "narrow", columns: 60, rows: 24, typed: `${typed} --set seed=2`, env: {} },
  { name: "plain", columns: 80, rows: 30, typed: `${typed} --set seed=3`, env: { NO_COLOR: "1", LC_ALL: "C" } },
];
// Names choose recordings; `--draw` makes only the pictures anew.
const asked = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const onlyDraw = process.argv.includes("--draw");

function record({ columns, rows, typed: command, env }, cast) {
  const set = Object.entries(env).map(([name, value]) => `export ${name}=${value}\n`);
  const real = `${command.replace("npx tracemill", `'${process.execPath}' '${root}dist/src/cli.js'`)} --output '${output}'`;
  const script = join(work, "record.sh");
  writeFileSync(script, `${set.join("")}printf '%s\\n' ${quote(`$ ${command}`)}\ncd '${root}'\n${real}\nsleep 1\n`);
  const size = ["--cols", String(columns), "--rows", String(rows)];
  execFileSync("asciinema", ["rec", "--quiet", "--overwrite", ...size, "--command", `sh ${script}`, cast], {
    env: { ...withoutColourSettings(process.env), LC_ALL: "C.UTF-8", TERM: "xterm-256color" },
    stdio: "inherit",
  });
  const seen = readFileSync(cast, "utf8");
  if (!seen.includes("results in")) throw new Error(`Expected a run that ends well, got:\n${seen.slice(-2000)}`);
  // Where the output lay is nobody's business but this machine's.
  writeFileSync(cast, seen.replaceAll(/[^\s"]*\/tracemill-recordings-\w+\/output/g, "output"));
}

function withoutColourSettings({ NO_COLOR: _none, FORCE_COLOR: _forced, ...env }) {
  return env;
}

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Plays a cast into an emulator, keeps what the screen shows at regular times and writes it as a film strip that CSS moves along. */
async function animate(cast, svg) {
  const [head, ...lines] = readFileSync(cast, "utf8").trim().split("\n");
  const { width: columns, height: rows } = JSON.parse(head);
  const events = lines.map((line) => JSON.parse(line));
  const seconds = events.at(-1)[0];
  const frameCount = Math.min(36, Math.max(1, Math.ceil(seconds)));
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const frames = [];
  let next = 0;
  for (let frame = 1; frame <= frameCount; frame++) {
    for (; next < events.length && events[next][0] <= (seconds * frame) / frameCount + 1e-6; next++) {
      await new Promise((resolve) => terminal.write(events[next][2], resolve));
    }
    frames.push(Array.from({ length: rows }, (_, row) => drawRow(terminal, row, columns)));
  }
  writeFileSync(svg, film(frames, { columns, rows }));
}

const cell = { width: 8.4, height: 18 };
const palette = { 1: "#f07178", 2: "#7fc77f", 3: "#e5c07b", 4: "#61afef", 6: "#56c8d8" };
// Drawn as shapes: fonts leave gaps between such characters.
const shapes = {
  "━": [0.42, 0.16, 1],
  "─": [0.47, 0.07, 1],
  "█": [0.08, 0.84, 1],
  "▓": [0.08, 0.84, 0.75],
  "▒": [0.08, 0.84, 0.5],
  "░": [0.08, 0.84, 0.25],
};

/** One row of the screen as SVG, its top at 0; empty for an empty row. */
function drawRow(terminal, row, columns) {
  const { active } = terminal.buffer;
  const line = active.getLine(active.viewportY + row);
  let drawn = "";
  for (let column = 0; column < columns; ) {
    const first = line.getCell(column);
    const style = styleOf(first);
    let text = "";
    const start = column;
    for (; column < columns; column++) {
      const here = line.getCell(column);
      const isShape = here.getChars() in shapes;
      if (styleOf(here) !== style || (text !== "" && isShape !== text[0] in shapes)) break;
      if (isShape && text !== "" && here.getChars() !== text[0]) break;
      if (here.getWidth() > 0) text += here.getChars() || " ";
    }
    if (text.trim() === "") continue;
    const [top, height, opacity] = shapes[text[0]] ?? [];
    if (top === undefined) {
      // Viewers disagree about spaces at the ends of a text, so none are left there.
      const x = round((start + text.length - text.trimStart().length) * cell.width);
      const length = round((column - start - (text.length - text.trim().length)) * cell.width);
      drawn += `<text x="${x}" y="13.5"${style} textLength="${length}">${xml(text.trim())}</text>`;
    } else {
      const box = `x="${round(start * cell.width)}" y="${round(top * cell.height)}" width="${round((column - start) * cell.width)}"`;
      const faint = opacity < 1 ? ` fill-opacity="${opacity}"` : "";
      drawn += `<rect ${box} height="${round(height * cell.height)}"${style}${faint}/>`;
    }
  }
  return drawn;
}

function styleOf(at) {
  const colour = at.isFgPalette() ? palette[at.getFgColor() % 8] : undefined;
  return [
    colour ? ` fill="${colour}"` : "",
    at.isBold() ? ' font-weight="bold"' : "",
    at.isDim() ? ' opacity=".55"' : "",
  ].join("");
}

function film(frames, { columns, rows }) {
  const [width, height] = [columns * cell.width + 24, rows * cell.height + 24];
  const ids = new Map();
  const strip = frames.map((frame, index) => {
    const uses = frame.flatMap((row, at) => {
      if (row === "") return [];
      if (!ids.has(row)) ids.set(row, `r${ids.size}`);
      return [`<use href="#${ids.get(row)}" y="${at * cell.height}"/>`];
    });
    return `<g transform="translate(${round(index * width)})">${uses.join("")}</g>`;
  });
  const seconds = frames.length * 0.5 + 3;
  const steps = frames.map(
    (_, index) => `${round((index * 50) / seconds)}%{transform:translateX(${round(-index * width)}px)}`,
  );
  const rowsOnce = [...ids].map(([row, id]) => `<g id="${id}">${row}</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<style>text{white-space:pre;font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}@keyframes film{${steps.join("")}100%{transform:translateX(${round(-(frames.length - 1) * width)}px)}}#film{animation:film ${seconds}s steps(1,end) infinite}</style>
<rect width="100%" height="100%" rx="8" fill="#1b1f24"/><defs>${rowsOnce.join("\n")}</defs>
<svg x="12" y="12" width="${width - 24}" height="${height - 24}" fill="#d7dae0"><g id="film">${strip.join("\n")}</g></svg></svg>
`;
}

function xml(text) {
  // Viewers fold several spaces into one, but not those that do not break.
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(" ", "\u00a0");
}

function round(value) {
  return Math.round(value * 100) / 100;
}

try {
  for (const recording of recordings) {
    if (asked.length > 0 && !asked.includes(recording.name)) continue;
    const cast = join(folder, `${recording.name}.cast`);
    if (!onlyDraw) record(recording, cast);
    await animate(cast, join(folder, `${recording.name}.svg`));
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
