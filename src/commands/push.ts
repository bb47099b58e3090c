import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, relative, resolve } from "node:path";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { exitCodes } from "../archive/run-end.ts";
import { bytesText, harmless, plural, shellWord } from "../audit/text.ts";
import { UsageError } from "../domain/errors.ts";
import { parseJson } from "../domain/reply-json.ts";
import { hubTarget } from "../exports/card/hf-rules.ts";
import { isObject } from "../exports/chat-line.ts";
import { exportedBytes } from "../exports/exported-bytes.ts";
import { pushToHub } from "../publish/hub.ts";
import { expectConsent } from "../run/consent.ts";
import { processSecrets } from "../telemetry/run-secrets.ts";

interface PushArguments {
  readonly where: "hf";
  readonly folder: string;
  readonly repo: string;
  readonly public: boolean;
  readonly branch: string;
  readonly message?: string | undefined;
  readonly provisional: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly hubUrl?: string | undefined;
}

const hub = "https://huggingface.co";

export function builder(argv: Argv): Argv {
  return argv
    .positional("where", { choices: ["hf"] as const, demandOption: true, describe: "hf: the Hugging Face Hub" })
    .positional("folder", { type: "string", demandOption: true, describe: "A folder of exports" })
    .option("repo", {
      type: "string",
      demandOption: true,
      requiresArg: true,
      describe: "org/name of the dataset repository",
    })
    .option("public", { type: "boolean", default: false, describe: "Everybody may read it; private otherwise" })
    .option("branch", { type: "string", default: "main", requiresArg: true, describe: "The branch to commit to" })
    .option("message", {
      type: "string",
      requiresArg: true,
      describe: "The commit's message; it names the run otherwise",
    })
    .option("provisional", { type: "boolean", default: false, describe: "Push although the run is not at its end" })
    .option("dry-run", { type: "boolean", default: false, describe: "Check, show what would be sent, send nothing" })
    .option("yes", { type: "boolean", default: false, describe: "Do not ask" })
    .option("hub-url", {
      type: "string",
      requiresArg: true,
      describe: "Another Hub than HF_ENDPOINT or the usual one",
    });
}

export async function handler(args: ArgumentsCamelCase<PushArguments>): Promise<void> {
  const folder = resolve(args.folder);
  if (!/^\w[\w.-]*\/\w[\w.-]*$/.test(args.repo))
    throw new UsageError(
      `Expected --repo org/name, got \`${args.repo}\`: name the organisation or user, and the dataset`,
    );
  const hubUrl = hubUrlOf(args.hubUrl);
  const problems = await hubTarget().check(folder);
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length > 0)
    throw new UsageError(
      `Expected \`${args.folder}\` to be a dataset repository, got ${plural(errors.length, "problem")}:\n${errors
        .slice(0, 10)
        .map(({ rule, field, message }) => `- ${rule} ${field}: ${harmless(message)}`)
        .join("\n")}\nNothing was sent. \`tracemill check ${shellWord(args.folder)} --target hf\` shows all of them`,
    );
  const run = await completeRun(folder, args);
  const files = await filesOf(folder);
  const sizes = await Promise.all(files.map((file) => exportedBytes(join(folder, file))));
  const bytes = sizes.reduce((sum, one) => sum + one, 0);
  const tell = (line: string) => process.stdout.write(`${processSecrets().cut(line)}\n`);
  for (const { rule, message } of problems) tell(`! ${rule} ${harmless(message)}`);
  const { repo, branch } = args;
  tell(
    `push      ${plural(files.length, "file")}, ${bytesText(bytes)}, to ${hubUrl}/datasets/${repo} (${args.public ? "PUBLIC" : "private"}), branch ${branch}`,
  );
  for (const [index, file] of files.entries()) tell(`          ${file}  ${bytesText(sizes[index] ?? 0)}`);
  if (args.dryRun) {
    tell("Nothing was sent (--dry-run).");
    return;
  }
  const token = await tokenOf();
  await expectConsent(args, `Send ${plural(files.length, "file")} to ${repo} (${args.public ? "PUBLIC" : "private"})?`);
  const abort = new AbortController();
  const stop = () => abort.abort(new Error("interrupted"));
  process.once("SIGINT", stop);
  try {
    const { sent, same, url } = await pushToHub({
      ...{ folder, files, repo, branch, token, hubUrl, tell, signal: abort.signal },
      isPrivate: !args.public,
      message: args.message ?? `Tracemill export of run ${run}`,
    });
    tell(
      sent === 0
        ? `done      nothing to send: all ${plural(same, "file")} are there`
        : `done      ${plural(sent, "file")} sent, ${same} there already: ${url ?? `${hubUrl}/datasets/${repo}`}`,
    );
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    tell("Stopped. The same command goes on: what is there is not sent twice.");
    process.exitCode = exitCodes.interrupted;
  } finally {
    process.off("SIGINT", stop);
  }
}

/** The run whose whole export the folder is. @throws {UsageError} where the export, or the run, is not at its end. */
async function completeRun(folder: string, args: PushArguments): Promise<string> {
  const manifest = parseJson(await readFile(join(folder, "manifest.json"), "utf8").catch(() => ""));
  if (!isObject(manifest) || typeof manifest.run !== "string")
    throw new UsageError(
      `Expected \`${args.folder}\` to hold the manifest.json that ends an export, got none: \`tracemill export\` writes the folder whole. Nothing was sent`,
    );
  if (manifest.provisional !== false && !args.provisional)
    throw new UsageError(
      `Expected a finished export, got a provisional one (run ${harmless(manifest.run)}): run its config again first, or say --provisional. Nothing was sent`,
    );
  return manifest.run;
}

/** Where the Hub is. @throws {UsageError} for what is no address. */
function hubUrlOf(named: string | undefined): string {
  const url = named ?? (process.env.HF_ENDPOINT || hub);
  if (!URL.canParse(url) || !/^https?:\/\//.test(url))
    throw new UsageError(
      `Expected ${named === undefined ? "HF_ENDPOINT" : "--hub-url"} to be the address of a Hub, got \`${harmless(url)}\`: https://… , or leave it out`,
    );
  return url.replace(/\/+$/, "");
}

/** All files but hidden ones. */
async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)\./.test(file))
    .sort();
}

/** The token of HF_TOKEN, or that of the Hub's own command line. @throws {UsageError} where there is none. */
async function tokenOf(): Promise<string> {
  const { HF_TOKEN, HF_TOKEN_PATH, HF_HOME, XDG_CACHE_HOME } = process.env;
  const home = HF_HOME ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "huggingface");
  const path = HF_TOKEN_PATH ?? join(home, "token");
  const token = (HF_TOKEN ?? (await readFile(path, "utf8").catch(() => ""))).trim();
  if (token === "")
    throw new UsageError(
      `Expected a token of the Hub in HF_TOKEN, or in ${shellWord(path)}, got none: make one with the right to write, and \`export HF_TOKEN=…\`. Nothing was sent`,
    );
  processSecrets().add(token);
  if (!token.startsWith("hf_"))
    throw new UsageError(
      `Expected the Hub's token to begin with \`hf_\`, got another text (not shown): set ${HF_TOKEN === undefined ? shellWord(path) : "HF_TOKEN"} again. Nothing was sent`,
    );
  return token;
}
