// What the Hub's answers and broken connections mean, in words; and which of them are worth another try.
import { FailureError, UsageError } from "../domain/errors.ts";

/** What was being done to which repository. */
export interface HubStep {
  /** In words, after "to": `upload`, `make the repository`. */
  readonly what: string;
  readonly repo: string;
  readonly branch: string;
  readonly hubUrl: string;
}

/** The status of the Hub's answer; null where there was none. */
export function statusOf(error: unknown): number | null {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === "number" ? status : null;
}

/** Whether the same request may pass later: the Hub is busy or broken, or the connection was. */
export function mayPass(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== null) return status >= 500 || status === 429 || status === 408;
  return connectionBroke(error);
}

/** The error that a person reads. What is neither an answer of the Hub nor a broken connection comes back as it is. */
export function inWords(error: unknown, step: HubStep): unknown {
  const { what, repo, hubUrl } = step;
  const status = statusOf(error);
  const said = messageOf(error);
  if (mayPass(error))
    return new FailureError(
      "provider",
      `The Hub at ${hubUrl} could not be brought to ${what} ${repo}: ${said}. Run the same command again: what is there is not sent twice`,
      { cause: error },
    );
  if (status === null) return error;
  return new UsageError(`The Hub answered ${status} to ${what} ${repo}: ${wayOut(status, step)} (it says: ${said})`, {
    cause: error,
  });
}

function connectionBroke(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // What `fetch` throws where there is no answer, or a part of one.
  if (error instanceof TypeError && /fetch failed|terminated/.test(error.message)) return true;
  const { code } = error as NodeJS.ErrnoException;
  return /^(ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|UND_ERR)/.test(code ?? "");
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const why = cause instanceof Error && cause.message !== "" ? cause.message : undefined;
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  const more = why ?? code;
  return more === undefined ? error.message : `${error.message}: ${more}`;
}

function wayOut(status: number, { repo, branch }: HubStep): string {
  const [organisation = repo] = repo.split("/");
  switch (status) {
    case 401:
      return "the token is not one of this Hub's, or has expired; set HF_TOKEN to a token with the right to write";
    case 402:
      return `the account's room or plan does not hold it; make room, or ask who pays for \`${organisation}\``;
    case 403:
      return `the token may not write to \`${repo}\`, or the account's room is used up; take a token with the right to write in \`${organisation}\`, or make room`;
    case 404:
      return `there is no \`${repo}\` with the branch \`${branch}\` that this token may see; look at --repo, --branch and the token's rights`;
    case 409:
    case 412:
      return `somebody else changed \`${repo}\` at the same time; look at its commits, then run the same command again`;
    case 413:
      return "a file is larger than it takes; write shards with `tracemill export --shard-mb`";
    default:
      return "it refuses the request as it is";
  }
}
