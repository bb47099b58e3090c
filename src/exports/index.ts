import type { Exporter } from "../contracts.ts";
import type {
  EndedCandidate,
  LabelledSteps,
  LabelledTry,
  PreferencePair,
  ProductItems,
  ProductName,
  RlTask,
} from "../domain/products.ts";
import { chatJsonlExporter } from "./chat-jsonl.ts";
import { arrowExporter } from "./columnar/arrow.ts";
import { parquetExporter } from "./columnar/parquet.ts";
import { parquetJsonExporter } from "./columnar/parquet-json.ts";
import { tokenisedExporter } from "./columnar/tokenised.ts";
import { verlRlExporter } from "./columnar/verl-rl.ts";
import { verlSftExporter, verlSftTrainableExporter } from "./columnar/verl-sft.ts";

/** The formats of each product. Config names come from these lists. */
export const exampleExporters: readonly Exporter[] = [
  chatJsonlExporter(),
  parquetExporter(),
  parquetJsonExporter(),
  arrowExporter(),
  verlSftExporter(),
  verlSftTrainableExporter(),
  tokenisedExporter(),
];
export const preferenceExporters: readonly Exporter<PreferencePair>[] = [];
export const ktoExporters: readonly Exporter<LabelledTry>[] = [];
export const rlExporters: readonly Exporter<RlTask>[] = [verlRlExporter()];
export const stepExporters: readonly Exporter<LabelledSteps>[] = [];
export const trajectoryExporters: readonly Exporter<EndedCandidate>[] = [];

/** An exporter of any product. */
export type AnyExporter = { [P in ProductName]: Exporter<ProductItems[P]> }[ProductName];

/** Every format, of whichever product. */
export const exporters: readonly AnyExporter[] = [
  ...exampleExporters,
  ...preferenceExporters,
  ...ktoExporters,
  ...rlExporters,
  ...stepExporters,
  ...trajectoryExporters,
];
