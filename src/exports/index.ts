import type { Exporter } from "../contracts.ts";
import { arrowExporter } from "./arrow.ts";
import { chatJsonlExporter } from "./chat-jsonl.ts";
import { parquetExporter } from "./parquet.ts";

/** The formats examples can be written in. Config names come from this list. */
export const exporters: readonly Exporter[] = [chatJsonlExporter(), parquetExporter(), arrowExporter()];
