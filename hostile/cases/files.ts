// Row 9: files that are handed in and are not what they look like. (Rows 42 and 43 follow.)
import assert from "node:assert/strict";
import { endedIn, lastLine, recordOf } from "../attempts.ts";
import type { HostileCase } from "../case.ts";

const capBytes = 1 << 20;

/** The code makes `/scratch/submission.csv`; it must be refused as too large, whatever it takes on disk. */
function tooLarge(name: string, code: string): HostileCase {
  return {
    row: 9,
    name,
    kind: "files",
    async run(context) {
      const session = await context.open();
      const made = await session.run(code);
      endedIn(context, made, ["ok"]);
      if (!("collect" in session.raw)) {
        const seen = { agentSees: lastLine(made), record: recordOf(made) };
        return { ...seen, notHeld: "this sandbox hands out no files" };
      }
      const collected = await session.collect("/scratch/submission.csv", capBytes);
      assert.ok("refused" in collected, "it was taken");
      assert.equal(collected.refused, "too_large");
      return { agentSees: collected.detail, record: `refused: ${collected.refused}` };
    },
  };
}

export const files: readonly HostileCase[] = [
  tooLarge(
    "a sparse submission of a gigabyte",
    "import os\nopen('/scratch/submission.csv', 'w').close()\nos.truncate('/scratch/submission.csv', (1 << 30) - 1)\nprint(os.stat('/scratch/submission.csv').st_size)",
  ),
  {
    row: 9,
    name: "a sparse submission of a terabyte",
    kind: "files",
    async run(context) {
      const session = await context.open();
      const step = await session.run(
        "import os\nopen('/scratch/submission.csv', 'w').close()\nos.truncate('/scratch/submission.csv', 1 << 40)",
      );
      endedIn(context, step, ["error", "exited"]);
      return { agentSees: lastLine(step), record: recordOf(step) };
    },
  },
  tooLarge(
    "a submission of ten million columns",
    "with open('/scratch/submission.csv', 'w') as file:\n    for _ in range(100): file.write('a,' * 100_000)\nprint('written')",
  ),
  tooLarge(
    "a submission of millions of rows",
    "with open('/scratch/submission.csv', 'w') as file:\n    file.write('id,answer\\n')\n    for _ in range(100): file.write('1,2\\n' * 50_000)\nprint('written')",
  ),
];
