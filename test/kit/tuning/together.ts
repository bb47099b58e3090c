// Together AI's fine-tuning API as its clients speak it: an upload by redirect, states of processing, a report, a price, a job.
import { Answer, jsonOf, serveTuning, type TuningServer } from "./service.ts";

export interface TogetherPlan {
  /** The processing state of a file at each look. */
  readonly processing?: readonly string[];
  /** Fields of the validation report beside what the file says. */
  readonly report?: Readonly<Record<string, unknown>>;
  readonly price?: Readonly<Record<string, unknown>>;
  readonly statuses?: readonly string[];
}

export interface TogetherServer extends TuningServer {
  readonly files: Map<string, Buffer>;
  readonly jobs: Map<string, Record<string, unknown>>;
}

export const togetherKey = "together-secret-of-the-test";

export async function serveTogether(plan: TogetherPlan = {}): Promise<TogetherServer> {
  const {
    processing = ["PENDING", "RUNNING", "COMPLETED"],
    statuses = ["pending", "queued", "running", "compressing", "completed"],
  } = plan;
  const files: TogetherServer["files"] = new Map();
  const jobs: TogetherServer["jobs"] = new Map();
  const looks = new Map<string, number>();
  const parts = new Map<string, Buffer[]>();
  const look = (id: string) => {
    const times = looks.get(id) ?? 0;
    looks.set(id, times + 1);
    return times;
  };
  let uploads = 0;
  const reportOf = (bytes: Buffer) => {
    const lines = bytes.toString("utf8").trimEnd().split("\n");
    const rows = lines.map((line) => JSON.parse(line));
    return {
      ...{ valid: true, dataset_format: "conversation", nlines: lines.length },
      dataset_has_tools: rows.some((row) => "tools" in row),
      dataset_has_reasoning: rows.some((row) => JSON.stringify(row).includes('"reasoning_content"')),
      ...plan.report,
    };
  };
  const told = (job: Record<string, unknown>) => {
    const status =
      job.cancelled === true
        ? "cancelled"
        : (statuses[Math.min(looks.get(String(job.id)) ?? 0, statuses.length - 1)] ?? "pending");
    return {
      ...job,
      status,
      ...(status === "completed" ? { model_output_name: `org/small-${String(job.suffix)}`, token_count: 4_321 } : {}),
    };
  };
  const server: TuningServer = await serveTuning(
    [
      [
        /^POST \/files$/,
        () => {
          uploads += 1;
          const id = `file-${uploads}`;
          return new Answer(302, null, {
            location: `${server.baseUrl.replace(/\/v1$/, "")}/signed/${id}`,
            "x-together-file-id": id,
          });
        },
      ],
      [
        /^PUT \/signed\/(.+)$/,
        ({ headers, bytes }, [, id = ""]) => {
          if (headers.authorization !== undefined)
            return new Answer(400, { error: { message: "a signed address takes no key" } });
          if (headers["content-length"] === undefined)
            return new Answer(411, { error: { message: "a length is needed" } });
          files.set(id, bytes);
          return new Answer(200, null);
        },
      ],
      [
        /^POST \/files\/multipart\/initiate$/,
        (request) => {
          const { num_parts: count } = jsonOf(request) as { num_parts: number };
          uploads += 1;
          const id = `file-${uploads}`;
          parts.set(id, []);
          const base = server.baseUrl.replace(/\/v1$/, "");
          return {
            file_id: id,
            upload_id: `upload-${id}`,
            parts: Array.from({ length: count }, (_, index) => ({
              PartNumber: index + 1,
              URL: `${base}/part/${id}/${index}`,
            })),
          };
        },
      ],
      [
        /^PUT \/part\/([^/]+)\/(\d+)$/,
        ({ bytes }, [, id = "", index = "0"]) => {
          const all = parts.get(id) ?? [];
          all[Number(index)] = bytes;
          return new Answer(200, null, { etag: `"etag-${index}"` });
        },
      ],
      [
        /^POST \/files\/multipart\/complete$/,
        (request) => {
          const { file_id: id, parts: done } = jsonOf(request) as { file_id: string; parts: { etag: string }[] };
          if (done.some(({ etag }) => etag === ""))
            return new Answer(400, { error: { message: "an etag is missing" } });
          files.set(id, Buffer.concat(parts.get(id) ?? []));
          return { file: { id } };
        },
      ],
      [/^POST \/files\/(.+)\/preprocess$/, () => new Answer(404, { error: { message: "no such path" } })],
      [
        /^GET \/files\/(.+)$/,
        (_request, [, id = ""]) => {
          const bytes = files.get(id);
          if (bytes === undefined) return new Answer(404, { error: { message: "no such file" } });
          const status = processing[Math.min(look(id), processing.length - 1)];
          return {
            id,
            processing_status: status,
            ...(status === "COMPLETED" || status === "INVALID_FORMAT" ? { validation_report: reportOf(bytes) } : {}),
          };
        },
      ],
      [
        /^POST \/fine-tunes\/estimate-price$/,
        () => plan.price ?? { estimation_available: true, allowed_to_proceed: true, estimated_total_price: 4.2 },
      ],
      [
        /^POST \/fine-tunes$/,
        (request) => {
          const id = `ft-${jobs.size + 1}`;
          jobs.set(id, { id, ...jsonOf(request) });
          return told(jobs.get(id) ?? {});
        },
      ],
      [/^GET \/fine-tunes$/, () => ({ data: [...jobs.values()].map(told) })],
      [
        /^GET \/fine-tunes\/([^/]+)\/events$/,
        (_request, [, id = ""]) => ({
          data: Array.from({ length: Math.min(looks.get(id) ?? 0, statuses.length) }, (_, index) => ({
            ...{
              object: "fine-tune-event",
              created_at: `2026-11-25T00:00:0${index}Z`,
              level: "info",
              type: "job_update",
              message: `Job ${statuses[index]}`,
            },
            ...(index === 2 ? { step: 1, training_loss: 0.7 } : {}),
          })),
        }),
      ],
      [
        /^GET \/fine-tunes\/([^/]+)\/checkpoints$/,
        (_request, [, id = ""]) => ({
          data: [{ step: 10, path: `s3://bucket/${id}/10`, checkpoint_type: "intermediate" }],
        }),
      ],
      [
        /^POST \/fine-tunes\/([^/]+)\/cancel$/,
        (_request, [, id = ""]) => {
          jobs.set(id, { ...jobs.get(id), cancelled: true });
          return told(jobs.get(id) ?? {});
        },
      ],
      [
        /^GET \/fine-tunes\/([^/]+)$/,
        (_request, [, id = ""]) => {
          const now = told(jobs.get(id) ?? {});
          look(id);
          return now;
        },
      ],
    ],
    {
      refuses: ({ headers, path }) =>
        path.startsWith("/signed/") || path.startsWith("/part/") || headers.authorization === `Bearer ${togetherKey}`
          ? null
          : new Answer(401, { error: { message: "Invalid API key" } }),
    },
  );
  return Object.assign(server, { files, jobs });
}
