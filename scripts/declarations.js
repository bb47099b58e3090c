// Reads declarations and docstrings off the sources, without a type checker: what scripts/api-docs.js makes pages of.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import ts from "typescript-6";

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

/** What a file exports, in its order, with the file and the statement that declare it; a namespace's names as `options.judge`. */
export function publicNames(index) {
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

/** The docstring above a statement, as one text; null without one. */
export function docstringOf(statement) {
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
export function schemaOf(statement) {
  if (!ts.isTypeAliasDeclaration(statement) || !/^z\.(infer|output)</.test(statement.type.getText())) return undefined;
  const [argument] = statement.type.typeArguments ?? [];
  if (!argument || !ts.isTypeQueryNode(argument)) return undefined;
  return declarationOf(statement.getSourceFile().fileName, argument.exprName.getText());
}

/** A declaration as a reader needs it: no body, no export keyword, the comments of its members kept. */
export function declarationText(statement) {
  const source = statement.getSourceFile();
  const cut = (node, end) =>
    source.text
      .slice(node.getStart(source), end)
      .replace(/^export (default )?/, "")
      .replace(/^ *\/\/ biome-ignore.*\n/gm, "")
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
export function namesShown(statement) {
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

/** The name of the schema that a type is inferred from. */
export function schemaName(statement) {
  const schema = schemaOf(statement);
  return schema?.declarationList.declarations[0].name.getText();
}

/** The lists of words (`as const`) that a declaration refers to: without them a reader does not see what a value may be. */
export function wordListsOf(shown) {
  return [...shown.values()].flatMap(({ path, name }) => {
    const declared = declarationOf(path, name);
    const isList =
      declared && ts.isVariableStatement(declared) && /= \[\s*"[^\]]*"[,\s]*\] as const;?$/.test(declared.getText());
    return isList ? [declarationText(declared)] : [];
  });
}
