import { expect, test } from "vitest";
import { frame } from "../../src/display/frame.ts";
import type { Look } from "../../src/display/look.ts";
import { openScreen, type Terminal } from "../../src/run/screen.ts";
import { virtualTerminal } from "../kit/virtual-terminal.ts";
import { snapshot } from "./display-fixture.ts";

/** A screen on a terminal in memory. */
function fixture(columns: number, rows: number) {
  const seen = virtualTerminal(columns, rows);
  const written: string[] = [];
  let resized = () => {};
  const size = { columns, rows };
  const terminal: Terminal = {
    write: (text) => written.push(text),
    on: (_event, listener) => {
      resized = listener;
    },
    off: () => {},
  };
  let drawings = 0;
  const look = (): Look => ({ ...size, colour: true, unicode: true });
  const render = (at: Look) => {
    drawings += 1;
    return frame(snapshot({ examples: drawings }), at);
  };
  const screen = openScreen(terminal, { look, render, folds: true });
  return {
    screen,
    seen,
    written,
    /** What was written since the last time goes to the terminal. */
    flush: async () => {
      for (const text of written.splice(0)) await seen.write(text);
    },
    resize(newColumns: number, newRows: number) {
      seen.resize(newColumns, newRows);
      Object.assign(size, { columns: newColumns, rows: newRows });
      resized();
    },
    blocks: (lines: readonly string[]) => lines.filter((line) => line.includes("running")).length,
  };
}

test("drawing again and again changes the block in place, and log lines stand above it in order", async () => {
  const { screen, seen, flush, blocks } = fixture(80, 24);
  for (let turn = 0; turn < 30; turn++) {
    screen.draw();
    screen.above(`log line ${turn} ${"x".repeat(turn * 8)}`);
    await flush();
    expect(blocks(seen.screen())).toBeLessThanOrEqual(1);
  }
  screen.close();
  await flush();
  const lines = seen.everything();
  expect(blocks(lines)).toBe(1);
  const logged = lines.filter((line) => line.startsWith("log line"));
  expect(logged.map((line) => line.split(" ")[2])).toEqual(Array.from({ length: 30 }, (_, turn) => String(turn)));
  expect(lines.slice(-4).join("\n")).toContain("slowest");
});

test("every drawing and every log line is one write", () => {
  const { screen, written } = fixture(80, 24);
  written.splice(0);
  screen.draw();
  screen.above("something happened");
  expect(written).toHaveLength(2);
  expect(written[1]).toContain("something happened\n");
  screen.close();
});

test("however wide the terminal becomes, there is one block and nothing of the old one", async () => {
  const { screen, seen, flush, resize, blocks } = fixture(120, 60);
  screen.above("before");
  for (const columns of [100, 60, 200, 80, 50, 120, 61]) {
    await flush();
    resize(columns, 60);
    await flush();
    const expected = frame(snapshot(), { columns, rows: 60, colour: false, unicode: true });
    expect(seen.everything()).toHaveLength(1 + expected.length);
    expect(blocks(seen.everything())).toBe(1);
  }
  screen.close();
});

// Rows that the terminal itself has scrolled out on becoming lower are out of reach: they may come back when it grows.
test("however high the terminal becomes, the last lines of the screen are one whole block", async () => {
  const { screen, seen, flush, resize, blocks } = fixture(100, 40);
  for (const rows of [30, 20, 10, 5, 24, 60, 12]) {
    await flush();
    resize(100, rows);
    await flush();
    const expected = frame(snapshot(), { columns: 100, rows, colour: false, unicode: true });
    const last = seen.screen().slice(-expected.length);
    expect(last[0]).toContain("running");
    expect(blocks(last)).toBe(1);
    expect(last.at(-1)?.replace(/[^a-z]/g, "")).toBe(expected.at(-1)?.replace(/[^a-z]/g, ""));
  }
  screen.close();
});

test("the cursor is hidden meanwhile and given back at the end, below the block", async () => {
  const { screen, seen, flush } = fixture(80, 24);
  await flush();
  expect(seen.isCursorShown()).toBe(false);
  screen.close();
  screen.close();
  screen.above("last words");
  await flush();
  expect(seen.isCursorShown()).toBe(true);
  expect(seen.screen().at(-1)).toBe("last words");
});

test("what a log line brings along cannot move the cursor", async () => {
  const { screen, seen, flush, blocks } = fixture(80, 24);
  screen.above("evil \u001b[2J\u001b[H text");
  await flush();
  expect(seen.screen()[0]).toContain("evil");
  expect(blocks(seen.screen())).toBe(1);
  screen.close();
});
