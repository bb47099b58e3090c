// Writes docs/api/: every public name of src/index.ts with its docstring and its declaration as written, a page for each folder
// of src/ it comes from. `--check` writes nothing and fails when a page is out of date. Reads sources only, so it needs no build.
// Where a name has no docstring, or shows a type that recipes cannot import, it says so and fails.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import {
  declarationText,
  docstringOf,
  namesShown,
  publicNames,
  schemaName,
  schemaOf,
  wordListsOf,
} from "./declarations.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const index = join(root, "src/index.ts");
const out = join(root, "docs/api");
const check = process.argv.includes("--check");
const problems = [];

const pages = [
  ["recipe", "Recipes", "What a recipe is, and what it is handed."],
  ["engine", "Lines and stages", "How a line is put together, and how an item leaves a stage."],
  [
    "stages",
    "The stages",
    "What Tracemill's own recipes are made of. A stage is handed what it needs; it looks nothing up. In options, `count` is a whole number from 1 and `share` a number from 0 to 1.",
  ],
  ["domain", "What things are", "The values that travel along a line, as JSON. Ids are hashes of what a thing is."],
  [
    "contracts",
    "Contracts",
    "What a metric, judge, scaffold, exporter or model of your own has to be, and what it is handed.",
  ],
  ["metrics", "Metrics", "What measures an answer or a trajectory."],
  ["judges", "Judges", "What scores a candidate by criteria."],
  ["agents", "Agents", "How an agent and its sandbox talk."],
  ["datasets", "Datasets", "What a config says about data."],
  ["models", "Models", "What a config says about a model."],
  ["prompts", "Prompts", "Prompt files."],
  ["exports", "Exports", "Formats, and what an own one is written with."],
];

const entries = publicNames(index);
for (const { name, path, statement } of entries) {
  if (!statement)
    problems.push(`${relative(root, path)}: \`${name}\` is exported by src/index.ts and declared nowhere`);
}
const pageOf = ({ path }) => relative(join(root, "src"), path).split("/")[0].replace(/\.ts$/, "");
const publicAt = new Map(entries.map((entry) => [`${entry.path}#${entry.declared}`, entry]));

const slug = (name) => name.toLowerCase().replace(/[^a-z0-9_-]/g, "");

/** Where each entry's heading lies: GitHub numbers headings that read the same in lower case. */
const anchors = new Map();
const grouped = new Map(
  pages.map(([page]) => [page, entries.filter((entry) => entry.statement && pageOf(entry) === page)]),
);
for (const entry of entries) {
  if (!grouped.has(pageOf(entry)))
    problems.push(`scripts/api-docs.js: no page for src/${pageOf(entry)} (\`${entry.name}\`)`);
}
for (const group of grouped.values()) {
  const taken = new Map();
  for (const entry of group) {
    const plain = slug(entry.name);
    const before = taken.get(plain) ?? 0;
    taken.set(plain, before + 1);
    anchors.set(entry, before === 0 ? plain : `${plain}-${before}`);
  }
}
const linkTo = (entry, page) =>
  `[\`${entry.name}\`](${pageOf(entry) === page ? "" : `${pageOf(entry)}.md`}#${anchors.get(entry)})`;

/** A schema is shown in the place of what it infers; the type that has its name in capitals is where it is described. */
function entryShown(key) {
  const direct = publicAt.get(key);
  if (direct) return direct;
  const [path, name] = key.split("#");
  return entries.find((one) => one.path === path && one.statement && schemaName(one.statement) === name);
}

function section(entry, page) {
  const { name, statement } = entry;
  const schema = schemaOf(statement);
  const doc = docstringOf(statement) ?? (schema && docstringOf(schema));
  const at = relative(root, entry.path);
  if (!doc) problems.push(`${at}: \`${name}\` is public and has no docstring`);
  const shown = new Map([...namesShown(statement), ...(schema ? namesShown(schema) : [])]);
  const links = new Set();
  for (const [key, target] of shown) {
    const known = entryShown(key);
    if (known && known !== entry) links.add(linkTo(known, page));
    // A type that its own file keeps to itself is nobody's to name.
    else if (!known && target.isType && target.isExported) {
      problems.push(`${at}: \`${name}\` shows the type \`${target.name}\`, which src/index.ts does not export`);
    }
  }
  const text = [...wordListsOf(shown), declarationText(statement), ...(schema ? [declarationText(schema)] : [])].join(
    "\n",
  );
  return [
    `## ${name}`,
    doc ?? "",
    `\`\`\`ts\n${text}\n\`\`\``,
    ...(links.size > 0 ? [`See ${[...links].sort().join(", ")}.`] : []),
  ].join("\n\n");
}

const made = "<!-- Made from the docstrings by `npm run docs:api`: change them there, not here. -->";
const contents = new Map();
for (const [page, title, words] of pages) {
  const group = grouped.get(page);
  if (group.length === 0) continue;
  const sections = group.map((entry) => section(entry, page));
  contents.set(
    `${page}.md`,
    `${made}\n\n# ${title}\n\n${words} [All pages](README.md).\n\n${group.map((entry) => linkTo(entry, page)).join(" · ")}\n\n${sections.join("\n\n")}\n`,
  );
}
const firstSentence = (doc) => (/^.*?[.:](?=\s|$)/s.exec(doc)?.[0] ?? doc).replace(/:$/, ".").replaceAll("|", "\\|");
const overview = pages
  .filter(([page]) => contents.has(`${page}.md`))
  .map(([page, title, words]) => {
    const rows = grouped.get(page).map((entry) => {
      const schema = schemaOf(entry.statement);
      const doc = docstringOf(entry.statement) ?? (schema && docstringOf(schema)) ?? "";
      return `| ${linkTo(entry, "")} | ${firstSentence(doc)} |`;
    });
    return `## [${title}](${page}.md)\n\n${words}\n\n| name | |\n| --- | --- |\n${rows.join("\n")}`;
  });
contents.set(
  "README.md",
  `${made}\n\n# API reference\n\nEverything that \`import { … } from "tracemill"\` gives, and \`z\`: the copy of zod that configs are checked ` +
    `with. How the parts go together stands in [Writing your own](../library.md). A declaration is shown as it is written in the sources; a type ` +
    `that is inferred from a schema is shown with it.\n\n${overview.join("\n\n")}\n`,
);

if (problems.length > 0) {
  console.error(`Expected every public name to be documented, got:\n${problems.map((one) => `- ${one}`).join("\n")}`);
  process.exit(1);
}
const stale = existsSync(out) ? readdirSync(out).filter((name) => !contents.has(name)) : [];
const changed = [...contents].filter(
  ([name, text]) => !existsSync(join(out, name)) || readFileSync(join(out, name), "utf8") !== text,
);
if (check) {
  const names = [...stale, ...changed.map(([name]) => name)];
  if (names.length > 0) {
    console.error(
      `Expected docs/api to be what the docstrings say, got other text in ${names.join(", ")}: run \`npm run docs:api\``,
    );
    process.exit(1);
  }
} else {
  mkdirSync(out, { recursive: true });
  for (const name of stale) rmSync(join(out, name));
  for (const [name, text] of changed) writeFileSync(join(out, name), text);
}
