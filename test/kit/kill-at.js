// Loaded before the command (`--import`): kills its own process with SIGKILL when a given event reaches events.jsonl. KILL_AT is
// `<stage>:<n>:<before|after>`: at the n-th ending of an item in that stage, before or after the line is written.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const [stage, nth, when] = process.env.KILL_AT.split(":");
const writeSync = fs.writeSync;
let seen = 0;
fs.writeSync = (file, data, ...rest) => {
  const text = Buffer.from(data).toString("utf8");
  for (const line of text.split("\n")) {
    if (line.includes('"type":"item"') && line.includes(`"stage":"${stage}"`)) seen += 1;
  }
  const now = seen >= Number(nth);
  if (now && when === "before") process.kill(process.pid, "SIGKILL");
  const written = writeSync(file, data, ...rest);
  if (now) process.kill(process.pid, "SIGKILL");
  return written;
};
syncBuiltinESMExports();
