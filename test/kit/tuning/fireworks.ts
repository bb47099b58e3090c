// Fireworks' REST as it is documented: a dataset, its upload, a job that is looked at and deleted.
import { Answer, formOf, jsonOf, serveTuning, type TuningServer } from "./service.ts";

export interface FireworksServer extends TuningServer {
  readonly files: Map<string, Buffer>;
  readonly jobs: Map<string, Record<string, unknown>>;
}

export const fireworksKey = "fireworks-secret-of-the-test";

export async function serveFireworks({
  states = ["JOB_STATE_CREATING", "JOB_STATE_RUNNING", "JOB_STATE_COMPLETED"],
}: {
  readonly states?: readonly string[];
} = {}): Promise<FireworksServer> {
  const files: FireworksServer["files"] = new Map();
  const datasets = new Map<string, Record<string, unknown>>();
  const jobs: FireworksServer["jobs"] = new Map();
  const looks = new Map<string, number>();
  const account = String.raw`\/accounts\/acme`;
  const told = (job: Record<string, unknown>) => {
    const state = states[Math.min(looks.get(String(job.name)) ?? 0, states.length - 1)];
    return {
      ...job,
      state,
      status: state === "JOB_STATE_FAILED" ? { code: "INVALID_ARGUMENT", message: "line 7 is too long" } : {},
    };
  };
  const server: TuningServer = await serveTuning(
    [
      [
        new RegExp(`^POST ${account}/datasets$`),
        (request) => {
          const { datasetId: id, dataset } = jsonOf(request) as { datasetId: string; dataset: Record<string, unknown> };
          if (datasets.has(id)) return new Answer(409, { message: "already exists" });
          datasets.set(id, { ...dataset, name: `accounts/acme/datasets/${id}`, state: "UPLOADING" });
          return datasets.get(id);
        },
      ],
      [
        new RegExp(`^POST ${account}/datasets/([^:]+):upload$`),
        (request, [, id = ""]) => {
          files.set(id, formOf(request).file);
          datasets.set(id, { ...datasets.get(id), state: "READY" });
          return {};
        },
      ],
      [
        new RegExp(`^POST ${account}/datasets/([^:]+):getUploadEndpoint$`),
        (request, [, id = ""]) => {
          const [name = ""] = Object.keys((jsonOf(request) as { filenameToSize: object }).filenameToSize);
          return { filenameToSignedUrls: { [name]: `${server.baseUrl.replace(/\/v1$/, "")}/signed/${id}` } };
        },
      ],
      [
        /^PUT \/signed\/(.+)$/,
        ({ bytes, headers }, [, id = ""]) => {
          if (headers.authorization !== undefined) return new Answer(400, { message: "a signed address takes no key" });
          files.set(id, bytes);
          return new Answer(200, null);
        },
      ],
      [
        new RegExp(`^POST ${account}/datasets/([^:]+):validateUpload$`),
        (_request, [, id = ""]) => {
          datasets.set(id, { ...datasets.get(id), state: "READY" });
          return {};
        },
      ],
      [
        new RegExp(`^GET ${account}/datasets/(.+)$`),
        (_request, [, id = ""]) => datasets.get(id) ?? new Answer(404, { message: "not found" }),
      ],
      [
        new RegExp(`^POST ${account}/(supervisedFineTuningJob|dpoJob)s$`),
        (request, [, kind = ""]) => {
          const id = request.query.get(`${kind}Id`) ?? "";
          const name = `accounts/acme/${kind}s/${id}`;
          if (jobs.has(name)) return new Answer(409, { message: "already exists" });
          jobs.set(name, { name, ...jsonOf(request) });
          return told(jobs.get(name) ?? {});
        },
      ],
      [
        new RegExp(`^(GET|DELETE) ${account}/((?:supervisedFineTuningJob|dpoJob)s/.+)$`),
        (_request, [, method, id = ""]) => {
          const name = `accounts/acme/${id}`;
          const job = jobs.get(name);
          if (job === undefined) return new Answer(404, { message: "not found" });
          if (method === "DELETE") {
            jobs.delete(name);
            return {};
          }
          const now = told(job);
          looks.set(name, (looks.get(name) ?? 0) + 1);
          return now;
        },
      ],
    ],
    {
      refuses: ({ headers, path }) =>
        path.startsWith("/signed/") || headers.authorization === `Bearer ${fireworksKey}`
          ? null
          : new Answer(401, { message: "unauthenticated" }),
    },
  );
  return Object.assign(server, { files, jobs });
}
