// Every case of bad input through the built command, and docs/errors.md, which is made of what they say.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { packageRoot } from "../../src/package.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { type AcceptedEnd, accepted, acceptedConfigs, big, bigMb, runAccepted, wide } from "./accepted.ts";
import type { Case, ConfigMistake } from "./case.ts";
import { commandCases } from "./command-cases.ts";
import { configCases } from "./config-cases.ts";
import { configMistakes } from "./config-mistakes.ts";
import { dataCases } from "./data-cases.ts";
import { endpointCases } from "./endpoint-cases.ts";
import { machineCases } from "./machine-cases.ts";
import { type Row, renderPage } from "./page.ts";
import { introduction, sectionsOf } from "./page-words.ts";
import { goodConfig, runCase } from "./run-case.ts";

const pagePath = join(packageRoot(), "docs/errors.md");
const noSandbox = await sandboxMissing();
const cases = [...configCases, ...commandCases, ...dataCases, ...endpointCases, ...machineCases];
const rows = new Map<string, Row>();

const notATrace = /^\s+at |this is a bug|Unhandled|\[object |\bundefined\b|\bNaN\b/m;

describe.concurrent("bad input is told with what, where and the way out", () => {
  for (const one of cases) {
    const reason = one.lacks ?? null;
    test.skipIf(reason !== null)(`${one.did}${reason === null ? "" : ` (skipped: ${reason})`}`, () => told(one));
  }
});

async function told(one: Case): Promise<void> {
  const end = await runCase(one.arrange, one.endpoint);
  expect([end.code, end.signal], end.stderr).toEqual([one.code, null]);
  for (const part of [one.what, one.where, one.wayOut]) expect(end.said).toMatch(part);
  expect(end.stderr).not.toMatch(notATrace);
  expect(end.stderr.match(/^tracemill: /gm), end.stderr).toHaveLength(1);
  if (one.never !== undefined) expect(end.stdout + end.stderr).not.toMatch(one.never);
  if (one.shownBy === undefined)
    expect({ requests: end.requests, madeRun: end.madeRun }).toEqual({ requests: 0, madeRun: false });
  rows.set(one.did, {
    did: one.did,
    said: end.said,
    code: String(one.code),
    known: one.shownBy ?? "before anything is spent",
  });
}

describe.concurrent("every mistake of a config is told at once", () => {
  for (const together of configMistakes) {
    test(together.map(({ did }) => did).join("; "), async () => {
      const end = await runCase(({ baseUrl }) => ({
        yaml: stringify(together.reduce(merged, goodConfig(baseUrl)), { aliasDuplicateObjects: false }),
      }));
      expect(end.code, end.stderr).toBe(2);
      expect(end.said).toContain(`Expected \`my.yaml\` to be a valid config, got ${together.length} problem`);
      for (const mistake of together) toldInList(mistake, end.said, end.stdout + end.stderr);
      expect({ requests: end.requests, madeRun: end.madeRun }).toEqual({ requests: 0, madeRun: false });
    });
  }
});

function toldInList({ did, at, said, never }: ConfigMistake, list: string, output: string): void {
  const line = list.split("\n").find((one) => one.startsWith(`- ${at}: `)) ?? `no line for ${at} in:\n${list}`;
  expect(line).toMatch(said);
  if (never !== undefined) expect(output).not.toMatch(never);
  rows.set(did, { did, said: line.slice(2), code: "2", known: "" });
}

/** Objects merged key by key; undefined takes a key away. */
function merged(into: Record<string, unknown>, { config }: Pick<ConfigMistake, "config">): Record<string, unknown> {
  const result = { ...into };
  for (const [key, value] of Object.entries(config)) {
    const inside = result[key];
    if (value === undefined) delete result[key];
    else if (isMap(value) && isMap(inside)) result[key] = merged(inside, { config: value });
    else result[key] = value;
  }
  return result;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

describe.concurrent("a config that looks bad and is good gets as far as its endpoint", () => {
  test.each(acceptedConfigs)("$did", async ({ did, name, text }) => {
    const end = await runCase(
      async ({ baseUrl, write }) => {
        await write(name, text(goodConfig(baseUrl)));
        return { args: ["run", name] };
      },
      { models: { status: 403, body: "{}" } },
    );
    expect(end.said).toMatch(/^Expected the endpoint .* got `403/);
    rows.set(did, { did, said: `\`${name}\``, code: "", known: "" });
  });
});

describe.skipIf(noSandbox !== null)(
  `what looks bad and is good${noSandbox === null ? "" : ` (skipped: ${noSandbox})`}`,
  () => {
    const files = [...accepted, wide];
    let end: AcceptedEnd;
    beforeAll(async () => {
      end = await runAccepted(files);
    });

    test("the run goes to its end", () => {
      expect(end.code, end.stderr).toBe(5); // the scripted proposer asks nothing, so there are no examples
    });

    test.each(files)("$did: pandas in the sandbox opens it", ({ did, name, rows: high, columns }) => {
      expect(end.opened.get(name), end.stderr).toEqual([high, columns]);
      rows.set(did, { did, said: `\`/data/${name}\``, code: "", known: "" });
    });
  },
);

const noBig = bigMb > 0 ? noSandbox : "set TRACEMILL_BIG_FILES=1 to make a table of 2 GB";

test.skipIf(noBig !== null)(
  `${big.did}${noBig === null ? "" : ` (skipped: ${noBig})`}`,
  async () => {
    const end = await runAccepted([big]);
    expect(end.opened.get(big.name), end.stderr).toEqual([big.rows, big.columns]);
    expect(end.peakMb).toBeGreaterThan(50);
    expect(end.peakMb).toBeLessThan(1536);
    rows.set(big.did, { did: big.did, said: `\`/data/${big.name}\``, code: "", known: "" });
  },
  3_600_000,
);

test("no two cases have one name", () => {
  const names = [...cases, ...configMistakes.flat(), ...acceptedConfigs, ...accepted, wide, big].map(({ did }) => did);
  expect(names.length).toBe(new Set(names).size);
});

test("docs/errors.md is what these cases gave (npm run docs:errors writes it)", () => {
  const page = readFileSync(pagePath, { encoding: "utf8", flag: "a+" });
  const dids = {
    configMistakes: configMistakes.flat(),
    configCases,
    commandCases,
    dataCases,
    endpointCases,
    machineCases,
    accepted: [...acceptedConfigs, ...accepted, wide, big],
  };
  const rendered = renderPage(introduction, sectionsOf(dids), rows, page);
  if (process.env.TRACEMILL_WRITE_DOCS === "1") writeFileSync(pagePath, rendered);
  else expect(page).toBe(rendered);
});
