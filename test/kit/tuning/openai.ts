// OpenAI's fine-tuning API as it is documented, with one job's life played through: a status a look.
import { Answer, type Arrived, formOf, jsonOf, serveTuning, type TuningServer } from "./service.ts";

export interface OpenAiPlan {
  /** The status of a job at each look, the last for good. */
  readonly statuses?: readonly string[];
  readonly error?: unknown;
  /** Events of a page. */
  readonly pageSize?: number;
  /** Azure: the key in `api-key`, and a byte order mark in every file. */
  readonly azure?: boolean;
}

export interface OpenAiServer extends TuningServer {
  readonly files: Map<string, { readonly name: string; readonly bytes: Buffer }>;
  readonly jobs: Map<string, Record<string, unknown>>;
}

export const openaiKey = "sk-secret-of-the-test";

/** Serves until disposed. The key is `openaiKey`. */
export async function serveOpenAi(plan: OpenAiPlan = {}): Promise<OpenAiServer> {
  const { statuses = ["validating_files", "queued", "running", "succeeded"], pageSize = 2, azure = false } = plan;
  const files: OpenAiServer["files"] = new Map();
  const jobs: OpenAiServer["jobs"] = new Map();
  const looks = new Map<string, number>();
  const page = (all: readonly Record<string, unknown>[], { query }: Arrived, size: number) => {
    const after = query.get("after");
    const start = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
    const data = all.slice(start, start + size);
    return { object: "list", data, has_more: start + size < all.length };
  };
  const statusOf = (id: string) => statuses[Math.min(looks.get(id) ?? 0, statuses.length - 1)] ?? "queued";
  const told = (job: Record<string, unknown>) => {
    const status = job.status === "cancelled" ? "cancelled" : statusOf(String(job.id));
    const done = status === "succeeded";
    return {
      ...job,
      status,
      error:
        status === "failed"
          ? (plan.error ?? { code: "invalid_training_file", message: "line 3 is no JSON", param: null })
          : {},
      fine_tuned_model: done ? "ft:gpt-small:org::abc" : null,
      trained_tokens: done ? 12_345 : null,
    };
  };
  const eventsOf = (id: string) => {
    const seen = Math.min(looks.get(id) ?? 0, statuses.length - 1) + 1;
    const events = Array.from({ length: seen }, (_, index) => ({
      ...{ id: `ftevent-${index}`, object: "fine_tuning.job.event", created_at: 1_700_000_000 + index, level: "info" },
      ...(index % 2 === 0
        ? { type: "message", message: `The job is ${statuses[index]}`, data: {} }
        : { type: "metrics", message: `Step ${index}`, data: { step: index, train_loss: 1 / (index + 1) } }),
    }));
    return events.reverse();
  };
  const server = await serveTuning(
    [
      [
        /^POST \/files$/,
        (request) => {
          const { name, file } = formOf(request);
          const hasMark = file.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]));
          if (hasMark !== azure) return new Answer(400, { error: { message: `byte order mark: ${hasMark}` } });
          const id = `file-${files.size + 1}`;
          files.set(id, { name, bytes: file });
          return {
            id,
            object: "file",
            bytes: file.byteLength,
            filename: name,
            purpose: "fine-tune",
            status: "uploaded",
          };
        },
      ],
      [/^GET \/files\/(.+)$/, (_request, [, id = ""]) => ({ id, object: "file", status: "processed" })],
      [
        /^POST \/fine_tuning\/jobs$/,
        (request) => {
          const id = `ftjob-${jobs.size + 1}`;
          const job = { id, object: "fine_tuning.job", created_at: 1_700_000_000, ...jsonOf(request) };
          jobs.set(id, job);
          return told(job);
        },
      ],
      [/^GET \/fine_tuning\/jobs$/, (request) => page([...jobs.values()].map(told).reverse(), request, pageSize)],
      [/^GET \/fine_tuning\/jobs\/([^/]+)\/events$/, (request, [, id = ""]) => page(eventsOf(id), request, pageSize)],
      [
        /^GET \/fine_tuning\/jobs\/([^/]+)\/checkpoints$/,
        (request) =>
          page(
            [2, 1].map((step) => ({
              id: `ftckpt-${step}`,
              step_number: step,
              fine_tuned_model_checkpoint: `ft:gpt-small:org::abc:ckpt-${step}`,
              metrics: { step, train_loss: 1 / step },
            })),
            request,
            pageSize,
          ),
      ],
      [
        /^POST \/fine_tuning\/jobs\/([^/]+)\/cancel$/,
        (_request, [, id = ""]) => {
          const job = { ...jobs.get(id), status: "cancelled" };
          jobs.set(id, job);
          return told(job);
        },
      ],
      [
        /^GET \/fine_tuning\/jobs\/([^/]+)$/,
        (_request, [, id = ""]) => {
          const job = jobs.get(id);
          if (job === undefined) return new Answer(404, { error: { message: "no such job" } });
          const now = told(job);
          looks.set(id, (looks.get(id) ?? 0) + 1);
          return now;
        },
      ],
    ],
    {
      refuses({ headers }) {
        const right = azure ? headers["api-key"] === openaiKey : headers.authorization === `Bearer ${openaiKey}`;
        return right
          ? null
          : new Answer(401, {
              error: { message: "Incorrect API key provided", type: "invalid_request_error", code: "invalid_api_key" },
            });
      },
    },
  );
  return Object.assign(server, { files, jobs });
}
