import { type DataFigure, type PlotRdmOptions, plotRdm, type RdmCell } from "../plots/plot-rdm.ts";
import type { EmotionProbe } from "./run-emotion-probe.ts";

/**
 * A heat map of how similar a probe's emotions are to the model.
 *
 * @param probe - Its `similarity` is shown; see `plotRdm` for any other RDM.
 */
export function plotSimilarity(
  probe: Pick<EmotionProbe, "similarity">,
  options: PlotRdmOptions = {},
): DataFigure<readonly RdmCell[]> {
  return plotRdm(probe.similarity, { title: "How far apart emotions are to the model", ...options });
}
