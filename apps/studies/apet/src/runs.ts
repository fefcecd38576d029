/** The runs of all parts, as worker processes find them. */

import type { Random } from "@cambium/core";
import { adapter, arbitrary, bitFit, type Delta, head, prompt, whole } from "@cambium/delta";
import type { RunContext, StepCost } from "@cambium/experiments";
import type { LanguageModel } from "@cambium/models";
import type { Cell, Measured } from "./cell.ts";
import { countOf, designed, elsewhere } from "./deltas.ts";
import type { MethodName } from "./plan.ts";
import { measureStep, type Trained, tune } from "./tune.ts";

/** Where as many scalars as a method has are trained. */
export type Position = "designed" | "groups" | "scalars";

export interface PositionCell extends Cell {
  readonly method: "head" | MethodName;
  readonly position: Position;
}

function atPosition({ method, position }: PositionCell): Trained {
  return {
    deltas(model, random) {
      if (method === "head") return [head(model)];
      const usual = designed(model, method, random.at(method));
      const choice =
        position === "designed" ? usual : elsewhere(model, position, countOf(model, usual), random.at(position));
      return [head(model), choice];
    },
  };
}

export const position = (cell: PositionCell, context: RunContext): Promise<Measured> =>
  tune(cell, context, atPosition(cell));
export const positionStep = (cell: PositionCell, context: RunContext): Promise<StepCost> =>
  measureStep(cell, context, atPosition(cell));

export interface QuantityCell extends Cell {
  readonly weights: "pretrained" | "random";
  readonly place: "anywhere" | "query-value" | "full";
  readonly count: number;
}

/** The head is random and stays so, so that exactly `count` scalars learn: a model then starts at a guess. */
function ofQuantity({ weights, place, count }: QuantityCell): Trained {
  const at = { count, granularity: "scalar", pool: "weights" } as const;
  const deltas = (model: LanguageModel, random: Random): readonly Delta[] => {
    switch (place) {
      case "full":
        return [whole(model)];
      case "anywhere":
        return [arbitrary(model, { ...at, excludeEmbeddings: true }, random)];
      case "query-value":
        return [arbitrary(model, { ...at, roles: ["attn.q", "attn.v"] }, random)];
    }
  };
  return { weights, deltas };
}

export const quantity = (cell: QuantityCell, context: RunContext): Promise<Measured> =>
  tune(cell, context, ofQuantity(cell));
export const quantityStep = (cell: QuantityCell, context: RunContext): Promise<StepCost> =>
  measureStep(cell, context, ofQuantity(cell));

export interface CombinationCell extends Cell {
  readonly prompt: boolean;
  readonly bias: boolean;
  readonly adapter: boolean;
}

/** A prompt of 10 rows, every bias and Houlsby's adapters of a sixteenth of the width, as the survey of Ding et al. 2023. */
function ofCombination(cell: CombinationCell): Trained {
  return {
    deltas: (model, random) => [
      head(model),
      ...(cell.prompt ? [prompt(model, { length: 10 }, random.at("prompt"))] : []),
      ...(cell.bias ? [bitFit(model)] : []),
      ...(cell.adapter ? [adapter(model, {}, random.at("adapter"))] : []),
    ],
  };
}

export const combination = (cell: CombinationCell, context: RunContext): Promise<Measured> =>
  tune(cell, context, ofCombination(cell));
export const combinationStep = (cell: CombinationCell, context: RunContext): Promise<StepCost> =>
  measureStep(cell, context, ofCombination(cell));
