import type { Exporter } from "../../contracts.ts";
import { type BatchLimits, batchLimits } from "./batches.ts";

const stream = () => import("./arrow-stream.ts");

/** Arrow IPC stream: the columns of the Parquet export, calls and functions included, one record batch a batch. */
export function arrowExporter(limits: BatchLimits = batchLimits): Exporter {
  return {
    name: "arrow",
    about: "Arrow IPC stream with the columns of the Parquet export",
    fileName: "chat.arrow",
    write: async (examples, path, { placed } = {}) => (await stream()).writeArrow(examples, path, limits, placed),
    check: async (path) => (await stream()).checkArrow(path),
    async *conversations(path) {
      yield* (await stream()).arrowConversations(path);
    },
  };
}
