// Fireworks' fine-tuning over REST as documented: datasets, two ways to upload, jobs that are deleted.
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

const lengthRange = "x-goog-content-length-range";

export interface FireworksOptions {
  readonly faults?: TuningFault[];
  readonly statuses?: readonly string[];
}

interface Dataset {
  readonly id: string;
  readonly asked: Record<string, unknown>;
  bytes: Buffer | null;
  looks: number;
}

export interface FireworksServer extends TuningServer {
  readonly datasets: Dataset[];
  readonly jobs: ServedJob[];
}

export async function serveFireworks(options: FireworksOptions = {}): Promise<FireworksServer> {
  const statuses = options.statuses ?? ["CREATING", "VALIDATING", "RUNNING", "WRITING_RESULTS", "COMPLETED"];
  const datasets: Dataset[] = [];
  const jobs: ServedJob[] = [];

  const makeDataset = (request: Arrived): Reply => {
    const { datasetId, dataset } = jsonOf(request);
    if (datasets.some(({ id }) => id === datasetId)) return { status: 409, json: { message: "it exists" } };
    const made = { id: String(datasetId), asked: dataset as Record<string, unknown>, bytes: null, looks: 0 };
    datasets.push(made);
    return { json: shownDataset(made) };
  };
  const ofDataset = async (request: Arrived, rest: string, baseUrl: string): Promise<Reply | null> => {
    const [id, verb] = rest.split(":");
    const dataset = datasets.find((one) => one.id === id);
    if (dataset === undefined) return null;
    if (verb === undefined) {
      if (dataset.bytes !== null) dataset.looks += 1;
      return { json: shownDataset(dataset) };
    }
    if (verb === "upload") {
      const { file } = await formOf(request);
      if (typeof file !== "object") return { status: 400, json: { message: "no file" } };
      dataset.bytes = file.bytes;
      return { json: {} };
    }
    if (verb === "getUploadEndpoint") {
      const [name = ""] = Object.keys(jsonOf(request).filenameToSize as object);
      const url = `${baseUrl}/signed/${dataset.id}?X-Goog-SignedHeaders=content-type%3Bhost%3B${lengthRange}`;
      return { json: { filenameToSignedUrls: { [name]: url } } };
    }
    return verb === "validateUpload" ? { json: {} } : null;
  };
  const ofJobs = (request: Arrived, kind: string, id: string | undefined): Reply | null => {
    const { method, query } = request;
    if (id === undefined) {
      const name = query.get(`${kind}Id`) ?? "";
      const asked = jsonOf(request);
      const training = kind === "dpoJob" ? asked.trainingConfig : asked;
      if (typeof (training as { baseModel?: unknown } | undefined)?.baseModel !== "string")
        return { status: 400, json: { code: 3, message: "no base model where this kind of job has one" } };
      if (jobs.some((job) => job.id === `${kind}s/${name}`)) return { status: 409, json: { message: "it exists" } };
      const job = { id: `${kind}s/${name}`, asked, statuses: [...statuses] };
      jobs.unshift(job);
      return { json: shownJob(job, "CREATING") };
    }
    const job = jobs.find((one) => one.id === `${kind}s/${id}`);
    if (job === undefined) return null;
    if (method !== "DELETE") return { json: shownJob(job, nextStatus(job)) };
    jobs.splice(jobs.indexOf(job), 1);
    return { json: {} };
  };

  const server = await serveTuning((request, baseUrl) => {
    const { path, headers, body } = request;
    const signed = datasets.find(({ id }) => path === `/signed/${id}`);
    if (signed !== undefined) {
      if (headers.authorization !== undefined || headers["content-length"] === undefined) return { status: 400 };
      // What was signed has to come along as it was signed.
      if (headers[lengthRange] !== `${body.byteLength},${body.byteLength}`) return { status: 403 };
      signed.bytes = body;
      return {};
    }
    if (headers.authorization !== "Bearer key-of-tests")
      return { status: 401, json: { error: { message: "Unauthorized" } } };
    const [, kind = "", id] = /^\/accounts\/acme\/(\w+)(?:\/(.+))?$/.exec(path) ?? [];
    if (kind === "datasets") return id === undefined ? makeDataset(request) : ofDataset(request, id, baseUrl);
    if (kind === "supervisedFineTuningJobs" || kind === "dpoJobs") return ofJobs(request, kind.slice(0, -1), id);
    return null;
  }, options.faults);
  return { ...server, datasets, jobs };
}

function shownDataset({ id, bytes, looks }: Dataset) {
  const state = bytes === null || looks < 2 ? "UPLOADING" : "READY";
  return { name: `accounts/acme/datasets/${id}`, state, status: { code: "OK", message: "" } };
}

function shownJob({ id, asked }: ServedJob, status: string) {
  return {
    ...{ ...asked, name: `accounts/acme/${id}`, state: `JOB_STATE_${status}` },
    status: status === "FAILED" ? { code: "INVALID_ARGUMENT", message: "The loss is not a number" } : {},
  };
}
