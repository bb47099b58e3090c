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
      `Expected --repo org/name, got \`${args.repo}\`: the name of a user or an organisation of the Hub, a slash, and the repository's`,
    );
  const hubUrl = hubUrlOf(args);
  const problems = await hubTarget().check(folder);
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length > 0)
    throw new UsageError(
      `Expected \`${args.folder}\` to be a dataset repository, got ${plural(errors.length, "problem")}:\n${errors
        .slice(0, 10)
        .map(({ rule, field, message }) => `- ${rule} ${field}: ${harmless(message)}`)
        .join("\n")}\nNothing was sent`,
    );
  const manifest = parseJson(await readFile(join(folder, "manifest.json"), "utf8").catch(() => ""));
  const run = isObject(manifest) && typeof manifest.run === "string" ? manifest.run : null;
  if (isObject(manifest) && manifest.provisional === true && !args.provisional)
    throw new UsageError(
      `Expected a finished export, got a provisional one (run ${run ?? "unknown"}): run its config again first, or say --provisional. Nothing was sent`,
    );
  const files = await filesOf(folder);
  const bytes = (await Promise.all(files.map((file) => exportedBytes(join(folder, file))))).reduce(
    (sum, one) => sum + one,
    0,
  );
  const tell = (line: string) => process.stdout.write(`${processSecrets().cut(line)}\n`);
  for (const { rule, message } of problems) tell(`! ${rule} ${harmless(message)}`);
  tell(
    `push      ${plural(files.length, "file")}, ${bytesText(bytes)}, to ${hubUrl}/datasets/${args.repo} (${args.public ? "PUBLIC" : "private"}), branch ${args.branch}`,
  );
  for (const file of files) tell(`          ${file}`);
  if (args.dryRun) {
    tell("Nothing was sent (--dry-run).");
    return;
  }
  const token = await tokenOf();
  await expectConsent(args, `Send ${plural(files.length, "file")} to ${args.repo}?`);
  const abort = new AbortController();
  const stop = () => abort.abort(new Error("interrupted"));
  process.once("SIGINT", stop);
  try {
    const { sent, same, url } = await pushToHub({
      ...{ folder, files, repo: args.repo, token, hubUrl, tell, branch: args.branch, signal: abort.signal },
      isPrivate: !args.public,
      message: args.message ?? `Tracemill export${run === null ? "" : ` of run ${run}`}`,
    });
    tell(
      sent === 0
        ? `done      nothing to send: all ${plural(same, "file")} are there`
        : `done      ${plural(sent, "file")} sent, ${same} there already: ${url ?? `${hubUrl}/datasets/${args.repo}`}`,
    );
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    tell("Stopped. The same command goes on: what is there is not sent twice.");
    process.exitCode = exitCodes.interrupted;
  } finally {
    process.off("SIGINT", stop);
  }
}

/** Where the Hub is, without a slash at the end. @throws {UsageError} for what is no address. */
function hubUrlOf({ hubUrl }: Pick<PushArguments, "hubUrl">): string {
  const named = hubUrl ?? process.env.HF_ENDPOINT ?? hub;
  if (!/^https?:$/.test(URL.canParse(named) ? new URL(named).protocol : ""))
    throw new UsageError(
      `Expected the address of a Hub in ${hubUrl === undefined ? "HF_ENDPOINT" : "--hub-url"}, got \`${named}\`: begin it with https://, or leave it out`,
    );
  return named.replace(/\/+$/, "");
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** The token of HF_TOKEN, or that of the Hub's own command line. @throws {UsageError} where there is none. */
async function tokenOf(): Promise<string> {
  const home = process.env.HF_HOME ?? join(homedir(), ".cache", "huggingface");
  const token = (process.env.HF_TOKEN ?? (await readFile(join(home, "token"), "utf8").catch(() => ""))).trim();
  if (token === "")
    throw new UsageError(
      `Expected a token of the Hub in HF_TOKEN, or in ${shellWord(join(home, "token"))}, got none: make one with the right to write, and \`export HF_TOKEN=…\``,
    );
  if (!token.startsWith("hf_"))
    throw new UsageError(
      "Expected the Hub's token to begin with `hf_`, got another text (not shown): set HF_TOKEN again",
    );
  processSecrets().add(token);
  return token;
}
