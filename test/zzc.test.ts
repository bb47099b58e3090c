import { describeProfile } from "../src/datasets/describe.ts";
import { reply } from "../src/models/offline-teacher/teacher.ts";
import { recognise } from "../src/models/offline-teacher/question.ts";
import { families } from "../src/models/offline-teacher/families/index.ts";
import { answerIn, codeIn, observed, onlyErrors, said, seedMessages, taskMessages } from "./unit/offline-teacher-fixture.ts";
import { startPython } from "./conformance/offline-teacher-python.ts";
import { dedupe } from "../src/stages/dedupe.ts";
import { sha256 } from "../src/domain/hash.ts";
import { writeFileSync } from "node:fs";
import { test } from "vitest";
test("sweep",{timeout:600000},async()=>{
const tables = process.env.T!.split(",");
const explorations = Number(process.env.E ?? 1);
const count = Number(process.env.C ?? 24);
const solveThem = process.env.N !== "nosolve";
const python = await startPython();
let n = 0;
async function converse(opening: any, dir: string, seed: number, maxTurns: number) {
  const messages = [...opening];
  const session = `s${n++}`;
  let answer: string | null = null;
  let steps = 0;
  for (let turn = 0; turn < maxTurns && answer === null; turn++) {
    const made = reply({ messages, seed, bareJson: false, rates: onlyErrors() });
    if (!made) throw new Error("not recognised");
    messages.push(said(made.text));
    answer = answerIn(made.text);
    const code = codeIn(made.text);
    if (code !== null) {
      steps++;
      const r = await python.run(session, code, dir);
      messages.push(observed((r.error === null ? r.printed : `${r.printed}\n${r.error.traceback}`.trim()) || "(no output)"));
    } else if (answer === null) messages.push({ role: "user", content: "Nothing was run." });
  }
  await python.run(session, "", dir, true);
  return { answer, messages, steps };
}
const fams = new Map<string, number>(); const lens = new Map<number, number>(); const diff = new Map<string, number>();
const all: any[] = [];
let wrong = 0, total = 0;
for (const table of tables) {
  let got = 0;
  for (let e = 1; e <= explorations; e++) {
    const { seed, dir } = await python.seed(table);
    const p = await converse(seedMessages(describeProfile(seed.profile), count, e), dir, e - 1, 15);
    if (process.env.SHOWP) console.log(p.messages.map((m) => `[${m.role}]\n${m.content}`).join("\n\n"));
    const items = JSON.parse(/\[[\s\S]*\]/.exec(p.answer ?? "")?.[0] ?? "[]");
    got += items.length;
    for (const item of items) {
      const k = recognise(item.question, item.constraints);
      all.push({ table, e, ...item, family: k?.family.name, filter: k?.filter.length });
      fams.set(k?.family.name ?? "?", (fams.get(k?.family.name ?? "?") ?? 0) + 1);
      diff.set(item.difficulty, (diff.get(item.difficulty) ?? 0) + 1);
      if (!solveThem) continue;
      total++;
      const s = await converse(taskMessages(`/data/${table}`, item), dir, e, 10);
      lens.set(s.steps, (lens.get(s.steps) ?? 0) + 1);
      const tb = s.messages.slice(2).some((m) => m.role === "user" && /Traceback/.test(m.content));
      if (s.answer !== item.reference_answer || tb) {
        wrong++;
        console.log("MISMATCH", table, k?.family.name, item.question, "|", item.constraints, "\n  ref", item.reference_answer, "got", s.answer);
        if (tb || process.env.FULL) console.log(s.messages.slice(2).map((m) => m.content).join("\n").slice(-2500));
      }
    }
  }
  console.log(table, "questions", got);
}
console.log({ wrong, total });
console.log("families", fams.size, "of", families.length, families.map((f) => f.name).filter((f) => !fams.has(f)));
console.log([...fams].sort((a, b) => b[1] - a[1]).map(([k, v]) => `${k}:${v}`).join(" "));
console.log("steps", [...lens].sort((a, b) => a[0] - b[0]), "difficulty", [...diff], "filters", all.reduce((m: any, i) => ({ ...m, [i.filter]: (m[i.filter] ?? 0) + 1 }), {}));
writeFileSync("/tmp/questions.json", JSON.stringify(all));
const stage = dedupe({ nearDuplicate: 0.85 });
const queries = all.map((i: any, n: number) => ({ id: sha256(`${n}`), seedId: "s", dataset: { id: i.table, name: i.table, files: [] }, question: i.question, constraints: i.constraints, answerFormat: i.answer_format, referenceCode: i.reference_code, referenceAnswer: i.reference_answer, difficulty: i.difficulty, i }));
queries.sort((a: any, b: any) => (a.id < b.id ? -1 : 1));
const decisions = stage.decide(queries.map((q: any) => stage.project(q)));
const kept = new Map<string, number>();
queries.forEach((q: any, n: number) => { if (!decisions[n]) kept.set(q.i.table, (kept.get(q.i.table) ?? 0) + 1); });
console.log("asked", queries.length, "kept", [...kept.values()].reduce((a, b) => a + b, 0), [...kept], "codes", decisions.reduce((m: any, d: any) => ({ ...m, [d?.code ?? "kept"]: (m[d?.code ?? "kept"] ?? 0) + 1 }), {}));

await python[Symbol.asyncDispose]();

});
