// Writes docs/api/: every public name of src/index.ts with its docstring and its declaration as written, a page for each folder
// of src/ it comes from. `--check` writes nothing and fails when a page is out of date. Reads sources only, so it needs no build.
// Where a name has no docstring, or shows a type that recipes cannot import, it says so and fails.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript-6";

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
  ["contracts", "Contracts", "What a model, metric, judge, scaffold or exporter of your own has to be."],
  ["metrics", "Metrics", "What measures an answer or a trajectory."],
  ["judges", "Judges", "What scores a candidate by criteria."],
  ["agents", "Agents", "How an agent and its sandbox talk."],
  ["models", "Models", "What a config says about a model."],
  ["prompts", "Prompts", "Prompt files."],
  ["exports", "Exports", "Formats, and what an own one is written with."],
];

const files = new Map();
function parse(path) {
  if (!files.has(path)) {
    files.set(path, ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true));
  }
  return files.get(path);
}

/** The statement of a file that declares a name; where it only passes it on, that of the file it comes from. */
function declarationOf(path, name) {
  const source = parse(path);
  for (const statement of source.statements) {
    if (ts.isVariableStatement(statement)) {
      if (statement.declarationList.declarations.some((one) => one.name.getText() === name)) return statement;
    } else if (statement.name?.text === name) return statement;
  }
  return undefined;
}

const isExported = (statement) =>
  (ts.getModifiers(statement) ?? []).some((one) => one.kind === ts.SyntaxKind.ExportKeyword);

/** What a file imports: local name -> where it comes from, for files of ours. */
function importsOf(source) {
  const found = new Map();
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement) || !statement.moduleSpecifier.text.startsWith(".")) continue;
    const path = resolve(dirname(source.fileName), statement.moduleSpecifier.text);
    const bindings = statement.importClause?.namedBindings;
    if (bindings && ts.isNamedImports(bindings)) {
      for (const one of bindings.elements) {
        found.set(one.name.text, { path, name: (one.propertyName ?? one.name).text });
      }
    }
  }
  return found;
}

/** Public names in the order of their declaration: name, file, declaring statement; `inside` names a namespace. */
function publicNames() {
  const names = [];
  for (const statement of parse(index).statements) {
    if (!ts.isExportDeclaration(statement)) continue;
    const from = statement.moduleSpecifier.text;
    if (!from.startsWith(".")) continue; // another package's, with its own reference
    const path = resolve(dirname(index), from);
    const clause = statement.exportClause;
    if (clause && ts.isNamedExports(clause)) {
      for (const one of clause.elements)
        names.push({ name: one.name.text, path, declared: (one.propertyName ?? one.name).text });
    } else if (clause && ts.isNamespaceExport(clause)) {
      for (const inner of parse(path).statements.filter(ts.isExportDeclaration)) {
        const target = resolve(dirname(path), inner.moduleSpecifier.text);
        for (const one of inner.exportClause.elements) {
          names.push({
            name: `${clause.name.text}.${one.name.text}`,
            path: target,
            declared: (one.propertyName ?? one.name).text,
          });
        }
      }
    } else {
      for (const inner of parse(path).statements.filter((one) => isExported(one) && one.name)) {
        names.push({ name: inner.name.text, path, declared: inner.name.text });
      }
    }
  }
  return names.map((entry) => ({ ...entry, statement: declarationOf(entry.path, entry.declared) }));
}

const entries = publicNames();
for (const { name, path, statement } of entries) {
  if (!statement)
    problems.push(`${relative(root, path)}: \`${name}\` is exported by src/index.ts and declared nowhere`);
}
const pageOf = ({ path }) => relative(join(root, "src"), path).split("/")[0].replace(/\.ts$/, "");
const publicAt = new Map(entries.map((entry) => [`${entry.path}#${entry.declared}`, entry]));

/** The docstring above a statement, as one text; null without one. */
function docstringOf(statement) {
  const doc = statement.jsDoc?.at(-1);
  if (!doc) return null;
  const text = (comment) => ts.getTextOfJSDocComment(comment) ?? "";
  const tags = (doc.tags ?? []).map((tag) => {
    if (ts.isJSDocThrowsTag(tag)) {
      const type = tag.typeExpression ? `\`${tag.typeExpression.type.getText()}\` ` : "";
      return `Throws ${type}${text(tag.comment)}`.trim().replace(/([^.])$/, "$1.");
    }
    return `${tag.tagName.text}: ${text(tag.comment)}`;
  });
  return [text(doc.comment), ...tags]
    .join("\n")
    .replace(/\s*\n\s*/g, " ")
    .trim();
}

/** The schema that a type is inferred from (`z.infer<typeof task>`), where the type itself says nothing. */
function schemaOf(statement) {
  if (!ts.isTypeAliasDeclaration(statement) || !/^z\.(infer|output)</.test(statement.type.getText())) return undefined;
  const [argument] = statement.type.typeArguments ?? [];
  if (!argument || !ts.isTypeQueryNode(argument)) return undefined;
  return declarationOf(statement.getSourceFile().fileName, argument.exprName.getText());
}

/** A declaration as a reader needs it: no body, no export keyword, the comments of its members kept. */
function declarationText(statement) {
  const source = statement.getSourceFile();
  const cut = (node, end) =>
    source.text
      .slice(node.getStart(source), end)
      .replace(/^export (default )?/, "")
      .trim();
  if (ts.isFunctionDeclaration(statement)) {
    const end = statement.body ? statement.body.getFullStart() : statement.end;
    return `${cut(statement, end).replace(/^async /, "")};`;
  }
  if (ts.isVariableStatement(statement)) {
    const [one] = statement.declarationList.declarations;
    if (one.type) return `const ${one.name.getText()}: ${one.type.getText()};`;
    return cut(statement, statement.end);
  }
  if (ts.isClassDeclaration(statement)) {
    const heritage = (statement.heritageClauses ?? []).map((clause) => clause.getText()).join(" ");
    const members = statement.members
      .filter((member) => !(ts.getModifiers(member) ?? []).some((one) => one.kind === ts.SyntaxKind.OverrideKeyword))
      .map((member) =>
        ts.isConstructorDeclaration(member)
          ? `  ${source.text.slice(member.getStart(source), member.body.getFullStart()).trim()};`
          : `  ${member.getText()}`,
      );
    return members.length === 0
      ? `class ${statement.name.text} ${heritage} {}`
      : `class ${statement.name.text} ${heritage} {\n${members.join("\n")}\n}`;
  }
  return cut(statement, statement.end);
}

/** The names of ours that a declaration shows in its types, and in the schemas it is made from. */
function namesShown(statement) {
  const source = statement.getSourceFile();
  const imports = importsOf(source);
  const shown = new Map();
  const visit = (node) => {
    const isBody = ts.isBlock(node) || (ts.isArrowFunction(node) && !ts.isBlock(node.body) && node !== statement);
    if (isBody) return;
    if (ts.isIdentifier(node) && !isMemberName(node)) {
      const imported = imports.get(node.text);
      const target = imported ?? { path: source.fileName, name: node.text };
      const declared = declarationOf(target.path, target.name);
      if (declared && declared !== statement) {
        const isType = ts.isInterfaceDeclaration(declared) || ts.isTypeAliasDeclaration(declared);
        shown.set(`${target.path}#${target.name}`, { ...target, isType, isExported: isExported(declared) });
      }
    }
    ts.forEachChild(node, visit);
  };
  if (ts.isVariableStatement(statement)) {
    const [one] = statement.declarationList.declarations;
    visit(one.type ?? one.initializer);
  } else ts.forEachChild(statement, visit);
  return shown;
}

function isMemberName(node) {
  const { parent } = node;
  return (
    ((ts.isPropertySignature(parent) ||
      ts.isPropertyAssignment(parent) ||
      ts.isParameter(parent) ||
      ts.isMethodSignature(parent)) &&
      parent.name === node) ||
    (ts.isPropertyAccessExpression(parent) && parent.name === node)
  );
}

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
function schemaName(statement) {
  const schema = schemaOf(statement);
  return schema?.declarationList.declarations[0].name.getText();
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
  const text = [declarationText(statement), ...(schema ? [declarationText(schema)] : [])].join("\n");
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
