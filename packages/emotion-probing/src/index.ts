/**
 * The neurons behind a concept: what a model's neurons say of labelled concepts (emotions, or any others), which neurons, and
 * whether it matters.
 *
 * Representational similarity analysis with its statistics (`measureRdm`, `compareRdms`, `testSimilarity`,
 * `bootstrapSimilarity`, `measureNoiseCeiling`), capture and interventions on every architecture's sites, searchlights over
 * neurons, ablations with matched controls, and the whole probe as one call, `runEmotionProbe`.
 *
 * @module
 */
export type { ControlKind } from "./ablate/controls.ts";
export type { AblationMode } from "./ablate/modes.ts";
export {
  type AblationEffect,
  type AblationEvent,
  type AblationResult,
  type AblationRow,
  type AblationTask,
  type RunAblationOptions,
  runAblation,
} from "./ablate/run-ablation.ts";
export { type WordTaskOptions, wordIds, wordTask } from "./ablate/word-task.ts";
export { type CollectActivationsOptions, collectActivations } from "./capture/collect.ts";
export { type CollectWindowsOptions, collectWindows, type WindowActivations } from "./capture/collect-windows.ts";
export { type InterveneOptions, intervene } from "./capture/intervene.ts";
export { hashInterventions, type Intervention, type Operation, parseInterventions } from "./capture/interventions.ts";
export { type MeasurePatchGridOptions, measurePatchGrid, type PatchGrid } from "./capture/patch-grid.ts";
export { type Repositioned, withPositionOffset } from "./capture/position-offset.ts";
export type { ReadTextsOptions, Reduction, TokenWindow } from "./capture/read-texts.ts";
export {
  type Activations,
  type CaptureEvent,
  openActivations,
  type RunCaptureOptions,
  runCapture,
} from "./capture/run-capture.ts";
export { findSites, type HasSites, type SiteName, siteNames } from "./capture/site-names.ts";
export { linearCka } from "./compare/cka.ts";
export { type CompareRdmsOptions, compareRdms } from "./compare/compare-rdms.ts";
export type { Similarity } from "./compare/methods.ts";
export {
  type CrossValidated,
  type CrossValidateWeightedModelOptions,
  crossValidateWeightedModel,
  type FitWeightedModelOptions,
  fitWeightedModel,
  type WeightedModel,
} from "./compare/weighted-model.ts";
export { checkReferenceStudy, type ReferenceCheck } from "./data/check-reference.ts";
export { ekmanGroups, groupRdm, polarityGroups } from "./data/emotion-groups.ts";
export { cooccurrenceRdm, type GoEmotions, type LabelledText, loadGoEmotions } from "./data/go-emotions.ts";
export { type EmoBankRow, readEmoBank, readVader, type VaderWord } from "./data/lexicons.ts";
export { type Ratings, ratingRdms, readRatings, readSimilarities } from "./data/ratings.ts";
export { loadReferenceStudy, type ReferenceAblation, type ReferenceStudy } from "./data/reference-study.ts";
export { valence } from "./data/valence.ts";
export { type Adjustment, adjustP } from "./inference/adjust.ts";
export {
  type BootstrappedSimilarity,
  type BootstrapResult,
  type BootstrapSimilarityOptions,
  bootstrapSimilarity,
  type ModelDifference,
} from "./inference/bootstrap.ts";
export { type DipTest, type DipTestOptions, dipTest } from "./inference/dip-test.ts";
export { type MeasureNoiseCeilingOptions, measureNoiseCeiling, type NoiseCeiling } from "./inference/noise-ceiling.ts";
export {
  type IntraclassCorrelation,
  type IntraclassCorrelationOptions,
  type IntraclassKind,
  intraclassCorrelation,
  type MeasureSplitHalfOptions,
  measureSplitHalf,
  type SplitHalf,
} from "./inference/reliability.ts";
export {
  type Correspondence,
  type MeasureCorrespondenceOptions,
  measureCorrespondence,
  type TestedMean,
  type TestMeanOptions,
  type TestMeansOptions,
  testMean,
  testMeans,
} from "./inference/test-mean.ts";
export { type TestedSimilarity, type TestSimilarityOptions, testSimilarity } from "./inference/test-similarity.ts";
export { type ConditionMap, type MapConditionsOptions, mapConditions } from "./maps/mds.ts";
export type { Linkage, Merge } from "./maps/merge-conditions.ts";
export { type Aligned, alignPoints } from "./maps/procrustes.ts";
export { type AttributeUnitsOptions, type Attribution, attributeUnits } from "./neurons/attribution.ts";
export {
  type AverageConditionsOptions,
  averageConditions,
  type ConditionActivations,
  type NeuronSite,
  repeatRdms,
  similarityOf,
} from "./neurons/condition-activations.ts";
export { type ElasticNet, type RankByElasticNetOptions, rankByElasticNet } from "./neurons/elastic-net.ts";
export type { LightKind } from "./neurons/lights.ts";
export { type MeasureLevelsOptions, measureLevels } from "./neurons/measure-levels.ts";
export { type MeasureProbesOptions, measureProbes, type Probes, type SiteProbe } from "./neurons/probe.ts";
export { type NeuronMeasure, type ScoreNeuronsOptions, scoreNeurons } from "./neurons/score-neurons.ts";
export {
  combineUnits,
  measureOverlap,
  type NamedNeuron,
  type NeuronScores,
  type ScoresOfOptions,
  type SelectUnitsOptions,
  scoresOf,
  selectUnits,
  type UnitOverlap,
} from "./neurons/scores.ts";
export {
  type AttributeSearchlight,
  type RunSearchlightOptions,
  runSearchlight,
  type Searchlight,
  type SearchlightEvent,
} from "./neurons/searchlight.ts";
export { type SelectSharedUnitsOptions, type SharedUnits, selectSharedUnits } from "./neurons/shared-units.ts";
export {
  type ExposeActivationsOptions,
  type ExposedActivation,
  type ExposedOnnx,
  exposeActivations,
  type NeutralInput,
} from "./onnx/expose-activations.ts";
export type { ColorMap } from "./plots/color-maps.ts";
export { type PlotDendrogramOptions, plotDendrogram } from "./plots/plot-dendrogram.ts";
export { type GridCell, type PlotGridOptions, plotGrid } from "./plots/plot-grid.ts";
export { type GroupBar, type PlotGroupsOptions, plotGroups } from "./plots/plot-groups.ts";
export {
  type LayerCount,
  type PlotLayersOptions,
  plotLayers,
  plotStaircase,
  type StaircaseCell,
} from "./plots/plot-layers.ts";
export { type MapPoint, type PlotMapOptions, plotMap } from "./plots/plot-map.ts";
export { type ModelBar, type PlotModelsOptions, plotModels } from "./plots/plot-models.ts";
export { type DataFigure, type PlotOptions, type PlotRdmOptions, plotRdm, type RdmCell } from "./plots/plot-rdm.ts";
export { type PlotRidgesOptions, plotRidges, type RidgePoint } from "./plots/plot-ridges.ts";
export { type PlotScatterOptions, plotScatter, type ScatterPoint } from "./plots/plot-scatter.ts";
export { type PlotStripOptions, plotStrip, type StripCell, type StripUnit } from "./plots/plot-strip.ts";
export { plotSimilarity } from "./probe/plot-similarity.ts";
export { reportProbe } from "./probe/report-probe.ts";
export {
  type AttributeNeurons,
  type EmotionProbe,
  type EmotionProbeEvent,
  type ProbeSimilarity,
  type RunEmotionProbeOptions,
  runEmotionProbe,
} from "./probe/run-emotion-probe.ts";
export { meanRdm, percentileRdm, rankRdm } from "./rdm/change-rdm.ts";
export {
  type MeasureCrossnobisOptions,
  type MeasureRdmOptions,
  type Metric,
  measureCrossnobis,
  measureRdm,
} from "./rdm/measure-rdm.ts";
export { type Precision, type ShrunkPrecision, type ShrunkPrecisionOptions, shrunkPrecision } from "./rdm/precision.ts";
export { type Rdm, rdmOf, selectConditions, squareRdm } from "./rdm/rdm.ts";
