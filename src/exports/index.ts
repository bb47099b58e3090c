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
import { atifExporter } from "./atif.ts";
import { chatJsonlExporter } from "./chat-jsonl.ts";
import { arrowExporter } from "./columnar/arrow.ts";
import { parquetExporter } from "./columnar/parquet.ts";
import { parquetJsonExporter } from "./columnar/parquet-json.ts";
import { tokenisedExporter } from "./columnar/tokenised.ts";
import { verlRlExporter } from "./columnar/verl-rl.ts";
import { verlSftExporter, verlSftTrainableExporter } from "./columnar/verl-sft.ts";
import { fireworksExporter, fireworksPreferenceExporter } from "./hosted/fireworks.ts";
import { mistralExporter } from "./hosted/mistral.ts";
import {
  azureExporter,
  azurePreferenceExporter,
  openaiExporter,
  openaiPreferenceExporter,
  openaiReinforcementExporter,
} from "./hosted/openai.ts";
import { togetherExporter, togetherInstructionExporter, togetherPreferenceExporter } from "./hosted/together.ts";
import { ktoExporter, pairExporter, stepExporter, taskExporter } from "./products/plain.ts";
import { axolotlExporter } from "./trainers/axolotl.ts";
import {
  llamaFactoryExporter,
  llamaFactoryKtoExporter,
  llamaFactoryPreferenceExporter,
  llamaFactoryStepsExporter,
} from "./trainers/llama-factory.ts";
import { swiftExporter, swiftKtoExporter, swiftPreferenceExporter } from "./trainers/ms-swift.ts";
import { nemoExporter, nemoStepsExporter } from "./trainers/nemo-rl.ts";
import {
  trlExporter,
  trlKtoExporter,
  trlPreferenceExporter,
  trlStepsExporter,
  trlStepwiseExporter,
} from "./trainers/trl.ts";

/** The formats of each product. Config names come from these lists. */
export const exampleExporters: readonly Exporter[] = [
  chatJsonlExporter(),
  openaiExporter(),
  azureExporter(),
  togetherExporter(),
  togetherInstructionExporter(),
  fireworksExporter(),
  mistralExporter(),
  trlExporter(),
  trlStepsExporter(),
  llamaFactoryExporter(),
  llamaFactoryStepsExporter(),
  axolotlExporter(),
  swiftExporter(),
  nemoExporter(),
  nemoStepsExporter(),
  parquetExporter(),
  parquetJsonExporter(),
  arrowExporter(),
  verlSftExporter(),
  verlSftTrainableExporter(),
  tokenisedExporter(),
];
export const preferenceExporters: readonly Exporter<PreferencePair>[] = [
  pairExporter(),
  openaiPreferenceExporter(),
  azurePreferenceExporter(),
  togetherPreferenceExporter(),
  fireworksPreferenceExporter(),
  trlPreferenceExporter(),
  llamaFactoryPreferenceExporter(),
  swiftPreferenceExporter(),
];
export const ktoExporters: readonly Exporter<LabelledTry>[] = [
  ktoExporter(),
  trlKtoExporter(),
  llamaFactoryKtoExporter(),
  swiftKtoExporter(),
];
export const rlExporters: readonly Exporter<RlTask>[] = [
  taskExporter(),
  openaiReinforcementExporter(),
  verlRlExporter(),
];
export const stepExporters: readonly Exporter<LabelledSteps>[] = [stepExporter(), trlStepwiseExporter()];
export const trajectoryExporters: readonly Exporter<EndedCandidate>[] = [atifExporter()];

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
