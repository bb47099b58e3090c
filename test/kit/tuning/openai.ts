// OpenAI's fine-tuning API as documented, and Azure's form of it.
import {
  type Arrived,
  formOf,
  jsonOf,
  nextStatus,
  type Reply,
  type ServedJob,
  serveTuning,
  type TuningFault,
  type TuningServer,
} from "./service.ts";

export interface OpenaiOptions {
  readonly flavour?: "openai" | "azure";
  readonly faults?: TuningFault[];
  /** What a job goes through, a step each time it is looked at. */
  readonly statuses?: readonly string[];
  /** Answers 403 to whoever creates a job. */
  readonly closed?: boolean;
  /** Jobs made before, which the list has to be paged through. */
  readonly olderJobs?: number;
  readonly error?: unknown;
  /** Whether jobs keep what they were named by; older versions of Azure's API do not. */
  readonly metadata?: boolean;
}

export interface OpenaiServer extends TuningServer {
  readonly files: { readonly id: string; readonly name: string; readonly bytes: Buffer; looks: number }[];
  readonly jobs: ServedJob[];
}

const key = { openai: ["authorization", "Bearer key-of-tests"], azure: ["api-key", "key-of-tests"] } as const;
const mostOfAPage = 2;

export async function serveOpenai(options: OpenaiOptions = {}): Promise<OpenaiServer> {
  const { flavour = "openai", faults, olderJobs = 0 } = options;
  const statuses = options.statuses ?? ["validating_files", "queued", "running", "a_word_of_tomorrow", "succeeded"];
  const files: OpenaiServer["files"] = [];
  const jobs: ServedJob[] = Array.from({ length: olderJobs }, (_, index) => ({
    id: `ftjob-old${index}`,
    asked: { metadata: {} },
    statuses: ["succeeded"],
  }));

  const upload = async (request: Arrived): Promise<Reply> => {
    const { file, purpose } = await formOf(request);
    if (typeof file !== "object" || purpose !== "fine-tune") return refused("a file and its purpose are needed");
    const hasMark = file.bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]));
    if (hasMark !== (flavour === "azure")) return refused("the file's first bytes are wrong");
    const made = { id: `file-${files.length + 1}`, ...file, looks: 0 };
    files.push(made);
    return { json: fileOf(made) };
  };
  const create = (request: Arrived): Reply => {
    if (options.closed === true)
      return {
        status: 403,
        json: {
          error: {
            message: "This organization cannot create fine-tuning jobs.",
            type: "invalid_request_error",
            param: null,
            code: "permission_denied",
          },
        },
      };
    const asked = jsonOf(request);
    if (!files.some(({ id }) => id === asked.training_file)) return refused(`no file ${String(asked.training_file)}`);
    if (options.metadata === false) delete asked.metadata;
    const job = { id: `ftjob-${jobs.length + 1}`, asked, statuses: [...statuses] };
    jobs.unshift(job);
    return { json: jobOf(job, "validating_files", options.error) };
  };

  const server = await serveTuning(async (request) => {
    const [header, value] = key[flavour];
    if (request.headers[header] !== value)
      return { status: 401, json: { error: { message: `Incorrect API key provided: ${request.headers[header]}` } } };
    const { method, path, query } = request;
    if (method === "POST" && path === "/files") return upload(request);
    const file = files.find(({ id }) => path === `/files/${id}`);
    if (file !== undefined) {
      file.looks += 1;
      return { json: fileOf(file) };
    }
    if (path === "/fine_tuning/jobs")
      return method === "POST"
        ? create(request)
        : page(jobs, query, (job) => jobOf(job, job.statuses[0] as string, options.error));
    const [, id, sub] = /^\/fine_tuning\/jobs\/([^/]+)\/?(.*)$/.exec(path) ?? [];
    const job = jobs.find((one) => one.id === id);
    if (job === undefined) return null;
    const passed = 1 + statuses.length - job.statuses.length;
    if (sub === "") return { json: jobOf(job, nextStatus(job), options.error) };
    if (sub === "events") return page(eventsOf(job, passed), query, (event) => event);
    if (sub === "checkpoints") return page(checkpointsOf(job), query, (checkpoint) => checkpoint);
    if (sub === "cancel") {
      job.statuses = ["cancelled"];
      return { json: jobOf(job, "cancelled", options.error) };
    }
    return null;
  }, faults);
  return { ...server, files, jobs };
}

function refused(message: string): Reply {
  return { status: 400, json: { error: { message, type: "invalid_request_error", param: null, code: null } } };
}

function fileOf({ id, name, bytes, looks }: OpenaiServer["files"][number]) {
  const status = looks < 2 ? "uploaded" : "processed";
  return { id, object: "file", bytes: bytes.byteLength, created_at: 1, filename: name, purpose: "fine-tune", status };
}

function jobOf({ id, asked, statuses: _ }: ServedJob, status: string, error: unknown = {}) {
  const succeeded = status === "succeeded";
  return {
    ...{ id, object: "fine_tuning.job", created_at: 1_790_000_000, finished_at: null, organization_id: "org" },
    ...{ status, error: status === "failed" ? error : {}, result_files: [], estimated_finish: null },
    ...{ model: asked.model, training_file: asked.training_file, validation_file: asked.validation_file ?? null },
    ...{ metadata: asked.metadata, method: asked.method, seed: asked.seed ?? 1 },
    fine_tuned_model: succeeded ? `ft:${String(asked.model)}:org::${id}` : null,
    trained_tokens: succeeded ? 12_345 : null,
  };
}

/** A message, a step's metrics and so on, one for each time that the job went on; the newest first. */
function eventsOf({ id }: ServedJob, passed: number) {
  return Array.from({ length: passed }, (_, index) => ({
    ...{ object: "fine_tuning.job.event", id: `ftevent-${id}-${index}`, created_at: 1_790_000_000 + index },
    ...(index % 2 === 0
      ? { level: "info", type: "message", message: `Went on ${index}`, data: {} }
      : {
          ...{ level: "info", type: "metrics", message: `Step ${index}` },
          data: { step: index, train_loss: 1 / index, note: "no number" },
        }),
  })).reverse();
}

function checkpointsOf({ id }: ServedJob) {
  return [20, 10].map((step) => ({
    ...{ object: "fine_tuning.job.checkpoint", id: `ftckpt-${step}`, created_at: step, fine_tuning_job_id: id },
    ...{ step_number: step, fine_tuned_model_checkpoint: `ft:model:${id}:step-${step}` },
    metrics: { step, train_loss: 1 / step },
  }));
}

function page<T extends { readonly id: string }>(
  all: readonly T[],
  query: URLSearchParams,
  shown: (one: T) => unknown,
): Reply {
  const after = query.get("after");
  const start = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
  const most = Math.min(Number(query.get("limit") ?? 20), mostOfAPage);
  const some = all.slice(start, start + most);
  return { json: { object: "list", data: some.map(shown), has_more: start + most < all.length } };
}
