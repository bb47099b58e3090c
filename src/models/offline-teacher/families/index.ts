import type { Family } from "../family.ts";
import { anova } from "./anova.ts";
import { autocorrelation } from "./autocorrelation.ts";
import { binning } from "./binning.ts";
import { chiSquare } from "./chi-square.ts";
import { commonPair } from "./common-pair.ts";
import { confidenceInterval } from "./confidence-interval.ts";
import { correlation } from "./correlation.ts";
import { cumulative } from "./cumulative.ts";
import { dateGap } from "./date-gap.ts";
import { datePeak } from "./date-peak.ts";
import { deviation } from "./deviation.ts";
import { entropy } from "./entropy.ts";
import { filteredSummary } from "./filtered-summary.ts";
import { fiveNumbers } from "./five-numbers.ts";
import { gini } from "./gini.ts";
import { groupMean } from "./group-mean.ts";
import { groupRank } from "./group-rank.ts";
import { joinTotal } from "./join-total.ts";
import { joinUnmatched } from "./join-unmatched.ts";
import { kruskal } from "./kruskal.ts";
import { medianGap } from "./median-gap.ts";
import { missingValues } from "./missing-values.ts";
import { model } from "./model.ts";
import { multipleRegression } from "./multiple-regression.ts";
import { outliers } from "./outliers.ts";
import { pValue } from "./p-value.ts";
import { pareto } from "./pareto.ts";
import { percentChange } from "./percent-change.ts";
import { pivot } from "./pivot.ts";
import { quantile } from "./quantile.ts";
import { rankSum } from "./rank-sum.ts";
import { ratioByGroup } from "./ratio-by-group.ts";
import { regression } from "./regression.ts";
import { rollingMean } from "./rolling-mean.ts";
import { seasonality } from "./seasonality.ts";
import { shareAbove } from "./share-above.ts";
import { shareOverTime } from "./share-over-time.ts";
import { skewness } from "./skewness.ts";
import { streak } from "./streak.ts";
import { strongestCorrelation } from "./strongest-correlation.ts";
import { survival } from "./survival.ts";
import { tTest } from "./t-test.ts";
import { textLength } from "./text-length.ts";
import { textPattern } from "./text-pattern.ts";
import { tidyText } from "./tidy-text.ts";
import { topShare } from "./top-share.ts";
import { trend } from "./trend.ts";
import { trimmedMean } from "./trimmed-mean.ts";
import { unitConversion } from "./unit-conversion.ts";
import { variation } from "./variation.ts";
import { weightedMean } from "./weighted-mean.ts";
import { writtenNumber } from "./written-numbers.ts";
import { yearlyChange } from "./yearly-change.ts";
import { zScore } from "./z-score.ts";

/** The kinds of question the offline teacher can ask and answer, easy to hard. */
export const families: readonly Family[] = [
  groupMean,
  correlation,
  quantile,
  missingValues,
  deviation,
  commonPair,
  tidyText,
  textPattern,
  textLength,
  unitConversion,
  fiveNumbers,
  trimmedMean,
  groupRank,
  medianGap,
  variation,
  shareAbove,
  strongestCorrelation,
  outliers,
  skewness,
  datePeak,
  topShare,
  zScore,
  pivot,
  joinUnmatched,
  writtenNumber,
  confidenceInterval,
  percentChange,
  binning,
  survival,
  filteredSummary,
  weightedMean,
  entropy,
  ratioByGroup,
  dateGap,
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
  multipleRegression,
  joinTotal,
  rollingMean,
  rankSum,
  kruskal,
  seasonality,
  shareOverTime,
  cumulative,
  autocorrelation,
  streak,
];
