// Together AI's fine-tuning API as documented: an upload by redirect or in parts, a report of the file, a price, jobs.
import {
  type Arrived,
  jsonOf,
  nextStatus,
  type Reply,
  type ServedJob,
  serveTuning,
  type TuningFault,
  type TuningServer,
} from "./service.ts";

export interface TogetherOptions {
  readonly faults?: TuningFault[];
  readonly statuses?: readonly string[];
  /** What a file's report says in place of what is true. */
  readonly report?: Readonly<Record<string, unknown>>;
  readonly endOfFile?: "COMPLETED" | "INVALID_FORMAT";
  readonly price?: unknown;
  /** Whether the server knows `/preprocess`. */
  readonly preprocess?: boolean;
}

interface ServedFile {
  readonly id: string;
  readonly name: string;
  bytes: Buffer | null;
  readonly parts: Map<number, Buffer>;
  looks: number;
}

export interface TogetherServer extends TuningServer {
  readonly files: ServedFile[];
  readonly jobs: ServedJob[];
}

const pricedFields = [
  ...["training_file", "validation_file", "model", "n_epochs", "n_evals", "training_method", "training_type"],
  "from_checkpoint",
];
const fileStates = ["PENDING", "QUEUED", "RUNNING"];
const defaultPrice = {
  ...{ estimation_available: true, allowed_to_proceed: true, estimated_total_price: 4.25 },
  ...{ estimated_train_token_count: 1000, estimated_eval_token_count: 0, user_limit: 100 },
};

export async function serveTogether(options: TogetherOptions = {}): Promise<TogetherServer> {
  const { faults, endOfFile = "COMPLETED", price = defaultPrice, preprocess = true } = options;
  const statuses = options.statuses ?? ["pending", "queued", "running", "compressing", "uploading", "completed"];
  const files: ServedFile[] = [];
  const jobs: ServedJob[] = [];
  const newFile = (name: string) => {
    const file: ServedFile = { id: `file-${files.length + 1}`, name, bytes: null, parts: new Map(), looks: 0 };
    files.push(file);
    return file;
  };
  const shownFile = (file: ServedFile) => {
    const status = fileStates[file.looks] ?? endOfFile;
    file.looks += 1;
    const report = { valid: endOfFile === "COMPLETED", ...reportOf(file.bytes ?? Buffer.alloc(0)), ...options.report };
    return {
      ...{ id: file.id, object: "file", filename: file.name, bytes: file.bytes?.byteLength ?? 0, purpose: "fine-tune" },
      ...{ processing_status: status, validation_report: status === endOfFile ? report : null },
    };
  };

  /** Signed addresses: no key may come along, and the length has to be told. */
  const put = ({ path, headers, body }: Arrived): Reply => {
    if (headers.authorization !== undefined) return { status: 400, json: { message: "a key at a signed address" } };
    if (headers["content-length"] === undefined) return { status: 411, json: { message: "no length" } };
    const [, id, part] = /^\/signed\/([^/]+)(?:\/(\d+))?$/.exec(path) ?? [];
    const file = files.find((one) => one.id === id);
    if (file === undefined) return { status: 404 };
    if (part === undefined) file.bytes = body;
    else file.parts.set(Number(part), body);
    return { headers: { etag: `"etag-${part ?? 0}"` } };
  };
  const initiate = (request: Arrived, baseUrl: string): Reply => {
    const { num_parts: count, file_name: name } = jsonOf(request);
    const file = newFile(String(name));
    const parts = Array.from({ length: Number(count) }, (_, index) => ({
      PartNumber: index + 1,
      URL: `${baseUrl}/signed/${file.id}/${index + 1}`,
    }));
    return { json: { upload_id: "upload-1", file_id: file.id, parts } };
  };
  const complete = (request: Arrived): Reply => {
    const { file_id: id, parts } = jsonOf(request);
    const file = files.find((one) => one.id === id);
    if (file === undefined) return { status: 404 };
    const listed = parts as { part_number: number; etag: string }[];
    if (listed.some(({ part_number: number, etag }) => etag !== `"etag-${number}"`)) return { status: 400 };
    file.bytes = Buffer.concat(listed.map(({ part_number: number }) => file.parts.get(number) ?? Buffer.alloc(0)));
    return { json: { id } };
  };

  const server = await serveTuning((request, baseUrl) => {
    const { method, path, query, headers } = request;
    if (path.startsWith("/signed/")) return put(request);
    if (headers.authorization !== "Bearer key-of-tests")
      return { status: 401, json: { error: { message: `Invalid API key ${headers.authorization}` } } };
    if (method === "POST" && path === "/files") {
      const file = newFile(query.get("file_name") ?? "");
      return {
        status: 302,
        headers: { location: `${baseUrl}/signed/${file.id}`, "x-together-file-id": file.id },
      };
    }
    if (path === "/files/multipart/initiate") return initiate(request, baseUrl);
    if (path === "/files/multipart/complete") return complete(request);
    const file = files.find(({ id }) => path.startsWith(`/files/${id}`));
    if (file !== undefined) {
      if (path.endsWith("/preprocess")) return preprocess ? { json: { id: file.id } } : null;
      return { json: shownFile(file) };
    }
    if (path === "/fine-tunes/estimate-price") {
      const unknown = Object.keys(jsonOf(request)).filter((name) => !pricedFields.includes(name));
      if (unknown.length > 0) return { status: 400, json: { error: { message: `unknown fields ${unknown.join()}` } } };
      return { json: price };
    }
    if (path === "/fine-tunes" && method === "POST") {
      const job = { id: `ft-${jobs.length + 1}`, asked: jsonOf(request), statuses: [...statuses] };
      jobs.unshift(job);
      return { json: jobOf(job, "pending") };
    }
    if (path === "/fine-tunes") return { json: { data: jobs.map((job) => jobOf(job, job.statuses[0] as string)) } };
    return ofJob(jobs, statuses, path);
  }, faults);
  return { ...server, files, jobs };
}

function ofJob(jobs: readonly ServedJob[], statuses: readonly string[], path: string): Reply | null {
  const [, id, sub] = /^\/fine-tunes\/([^/]+)\/?(.*)$/.exec(path) ?? [];
  const job = jobs.find((one) => one.id === id);
  if (job === undefined) return null;
  const passed = 1 + statuses.length - job.statuses.length;
  switch (sub) {
    case "":
      return { json: jobOf(job, nextStatus(job)) };
    case "events":
      return { json: { data: eventsOf(passed) } };
    case "metrics":
      return {
        json: { metrics: Array.from({ length: passed }, (_, step) => ({ step, "train/loss": 1 / (step + 1) })) },
      };
    case "checkpoints":
      return {
        json: {
          data: [10, 20].map((step) => ({
            ...{ step, created_at: `2026-11-25T10:00:${step}Z`, checkpoint_type: "Intermediate" },
            path: `s3://bucket/${job.id}/step-${step}`,
          })),
        },
      };
    case "cancel":
      job.statuses = ["cancelled"];
      return { json: jobOf(job, "cancel_requested") };
    default:
      return null;
  }
}

function reportOf(bytes: Buffer): Record<string, unknown> {
  const lines = bytes.toString("utf8").trimEnd().split("\n");
  const text = lines.join("\n");
  return {
    ...{ dataset_format: "conversation", nlines: lines.length, error: null, error_type: null },
    ...{ dataset_has_tools: text.includes('"tools":'), dataset_has_reasoning: text.includes('"reasoning') },
    dataset_has_message_weights: text.includes('"weight":'),
  };
}

function jobOf({ id, asked }: ServedJob, status: string) {
  const completed = status === "completed";
  return {
    ...{ id, status, created_at: "2026-11-25T10:00:00Z", model: asked.model, training_file: asked.training_file },
    ...{ suffix: asked.suffix, n_epochs: asked.n_epochs, user_id: "user" },
    events: [{ object: "fine-tune-event", message: `It is ${status}`, type: "job_pending" }],
    ...(completed ? { model_output_name: `account/model-${String(asked.suffix)}`, token_count: 4321 } : {}),
  };
}

function eventsOf(passed: number) {
  return Array.from({ length: passed }, (_, index) => ({
    ...{ object: "fine-tune-event", created_at: `2026-11-25T10:00:0${index}Z`, level: "info" },
    ...{ type: index === 0 ? "job_pending" : "epoch_complete", message: `Went on ${index}`, hash: "" },
  }));
}
