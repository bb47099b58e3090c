import type { Family } from "../family.ts";
import { chiSquare } from "./chi-square.ts";
import { correlation } from "./correlation.ts";
import { datePeak } from "./date-peak.ts";
import { groupMean } from "./group-mean.ts";
import { medianGap } from "./median-gap.ts";
import { missingValues } from "./missing-values.ts";
import { model } from "./model.ts";
import { outliers } from "./outliers.ts";
import { quantile } from "./quantile.ts";
import { regression } from "./regression.ts";
import { skewness } from "./skewness.ts";
import { strongestCorrelation } from "./strongest-correlation.ts";
import { tTest } from "./t-test.ts";
import { topShare } from "./top-share.ts";
import { trend } from "./trend.ts";

/** The kinds of question the offline teacher can ask and answer, easy to hard. */
export const families: readonly Family[] = [
  groupMean,
  correlation,
  quantile,
  missingValues,
  medianGap,
  strongestCorrelation,
  outliers,
  skewness,
  datePeak,
  topShare,
  tTest,
  chiSquare,
  regression,
  trend,
  model,
];
