import type { Family } from "../family.ts";
import { anova } from "./anova.ts";
import { chiSquare } from "./chi-square.ts";
import { commonPair } from "./common-pair.ts";
import { correlation } from "./correlation.ts";
import { datePeak } from "./date-peak.ts";
import { deviation } from "./deviation.ts";
import { gini } from "./gini.ts";
import { groupMean } from "./group-mean.ts";
import { medianGap } from "./median-gap.ts";
import { missingValues } from "./missing-values.ts";
import { model } from "./model.ts";
import { outliers } from "./outliers.ts";
import { pValue } from "./p-value.ts";
import { pareto } from "./pareto.ts";
import { quantile } from "./quantile.ts";
import { regression } from "./regression.ts";
import { shareAbove } from "./share-above.ts";
import { skewness } from "./skewness.ts";
import { strongestCorrelation } from "./strongest-correlation.ts";
import { tTest } from "./t-test.ts";
import { topShare } from "./top-share.ts";
import { trend } from "./trend.ts";
import { variation } from "./variation.ts";
import { yearlyChange } from "./yearly-change.ts";

/** The kinds of question the offline teacher can ask and answer, easy to hard. */
export const families: readonly Family[] = [
  groupMean,
  correlation,
  quantile,
  missingValues,
  deviation,
  commonPair,
  medianGap,
  variation,
  shareAbove,
  strongestCorrelation,
  outliers,
  skewness,
  datePeak,
  topShare,
  pareto,
  tTest,
  pValue,
  chiSquare,
  anova,
  regression,
  trend,
  yearlyChange,
  gini,
  model,
];
