/** What a stage trains. */
import type { Objective, Parameters } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import type { PartialModel } from "../partial/partial-model.ts";

/** A tuned model of a stage. */
export type StageModel<M extends LanguageModel = LanguageModel> = Tuned<PartialModel<M>> | Tuned<M>;

/** A stage in other coordinates than the parameters, such as few directions: what `subspaceObjective` of `@cambium/subspace` gives. */
export interface CoordinateObjective extends Objective<TokenBatch> {
  /** The tuned model's parameters at coordinates, all of them. The caller owns them. */
  decode(parameters: Parameters): Parameters;
  /** Called after the stage. */
  dispose(): void;
}
