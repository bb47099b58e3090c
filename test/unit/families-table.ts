import { families } from "../../src/models/families.ts";
import { type Family, familyNames } from "../../src/models/family.ts";

const begin = "<!-- families: written by `npm run docs:families` -->";
const end = "<!-- /families -->";

const sent: readonly (readonly [string, (family: Family) => string])[] = [
  ["`baseUrl`", ({ baseUrl }) => `\`${baseUrl}\``],
  ["key", ({ keyHeader }) => (keyHeader === "authorization" ? "bearer" : `\`${keyHeader}\``)],
  ["tools", ({ told }) => told.tools],
  [
    "`parallel_tool_calls`",
    ({ told, parallelToolCalls }) => `${told.parallelToolCalls}${parallelToolCalls ? "; sent" : ""}`,
  ],
  ["JSON schema", ({ told }) => told.jsonSchema],
  ["JSON is asked for by", ({ structuredOutput }) => `\`${structuredOutput.usual}\``],
  ["seed", ({ told }) => told.seed],
  ["stop", ({ told }) => told.stop],
  ["limit in", ({ maxTokensField }) => `\`${maxTokensField}\``],
];
const received: readonly (readonly [string, (family: Family) => string])[] = [
  ["reasoning", ({ told }) => told.reasoning],
  ["it goes back as", ({ sendsReasoning }) => (sendsReasoning === "none" ? "" : `\`${sendsReasoning}\``)],
  ["usage", ({ told }) => told.usage],
  ["`n`", ({ told }) => told.n],
  ["logprobs", ({ told }) => told.logprobs],
  ["batch", ({ told }) => told.batch],
  ["`GET /models`", ({ told }) => told.modelsRoute],
  ["rate-limit headers", ({ told }) => told.rateLimitHeaders],
];

/** What docs/models.md says of the families, written from the list. */
export function familiesSection(): string {
  return [begin, "", table(sent), "", table(received), "", pages(), "", end].join("\n");
}

/** The page with that section put in. @throws {Error} where it has no place for it. */
export function withFamilies(page: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`Expected the page to hold \`${begin}\` and \`${end}\``);
  return `${page.slice(0, from)}${familiesSection()}${page.slice(to + end.length)}`;
}

function table(columns: typeof sent): string {
  return [
    `| \`family\` | ${columns.map(([title]) => title).join(" | ")} |`,
    `| --- |${" --- |".repeat(columns.length)}`,
    ...familyNames.map((name) => `| \`${name}\` | ${columns.map(([, of]) => of(families[name])).join(" | ")} |`),
  ].join("\n");
}

function pages(): string {
  return [
    "Read from:",
    "",
    ...familyNames
      .filter((name) => families[name].pages.length > 0)
      .map((name) => `- \`${name}\` (${families[name].title}): ${families[name].pages.join(", ")}`),
  ].join("\n");
}
