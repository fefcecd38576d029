/**
 * Prompt tuning on parts of a model that grow while it trains: partial models as views, schedules of stages, counted FLOPs, and how alike
 * the prompts of parts are.
 *
 * @module
 */
export { type MeasureBlockInfluenceOptions, measureBlockInfluence } from "./partial/block-influence.ts";
export {
  loadNeuronScores,
  type NeuronMethod,
  type NeuronScores,
  type ScoredModel,
  saveNeuronScores,
  weightScores,
} from "./partial/neuron-scores.ts";
export {
  type HasParts,
  type PartialDescription,
  type PartialModel,
  type PartialOptions,
  partial,
  partialModel,
} from "./partial/partial-model.ts";
export { type Scorable, type ScoreNeuronsOptions, scoreNeurons } from "./partial/score-neurons.ts";
export { type LayerStrategy, type SelectLayersOptions, selectLayers } from "./partial/select-layers.ts";
