/** How AdaLoRA's ranks fall: what of it is numbers of a step, and what is tensors. */
import { ConfigError } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import {
  abs,
  add,
  cast,
  concat,
  gather,
  greater,
  maximum,
  mean,
  minimum,
  mul,
  reshape,
  scalar,
  sub,
  type Tensor,
  topk,
  where,
  zerosLike,
} from "@tensorflow/tfjs-core";
import type { DeltaStep } from "../method.ts";
import type { AdaLoraConfig } from "./ada-lora.ts";

/**
 * What happens after a step, in numbers: whether the means take the step in (`observes`), how many of all E fall (`cut`),
 * whether they are chosen by importance now (`prunes`), and whether the last choice is kept to (`settled`).
 *
 * @param ranks - Of each layer, before any fell.
 * @param step - From 1. PEFT counts from 0.
 */
export function budgetScalars(
  { initialRank, targetRank, warmUpSteps, finalSteps, interval, totalSteps }: AdaLoraConfig,
  ranks: readonly number[],
  step: number,
  total: number | undefined,
): Readonly<Record<string, number>> {
  const all = totalSteps ?? total;
  if (all === undefined) {
    throw new ConfigError({
      message:
        "adaLora: the budget falls over a known number of steps; pass totalSteps, or give the run a number of steps",
    });
  }
  const last = all - finalSteps;
  if (last <= warmUpSteps) {
    throw new ConfigError({
      message: `adaLora: of ${all} steps, ${warmUpSteps} to warm up and ${finalSteps} at the end leave none for ranks to fall`,
      totalSteps: all,
      warmUpSteps,
      finalSteps,
    });
  }
  const index = step - 1;
  const left = 1 - (index - warmUpSteps) / (last - warmUpSteps);
  const target = targetRank * ranks.length;
  const budget = index >= last ? target : Math.trunc((initialRank * ranks.length - target) * left ** 3 + target);
  const prunes = index > warmUpSteps && (index === last || (index < last && index % interval === 0));
  const whole = ranks.reduce((sum, rank) => sum + rank, 0);
  return {
    observes: Number(index < last),
    prunes: Number(prunes),
    settled: Number(index > last),
    cut: Math.max(0, whole - budget),
  };
}

/** Names of a layer's tensors. */
interface LayerNames {
  readonly a: string;
  readonly b: string;
  readonly e: string;
  readonly kept: string;
}

/** The state after a step, and E of every layer. */
export function followBudget(
  { parameters, state, config }: { parameters: Parameters; state: Parameters; config: AdaLoraConfig },
  layers: readonly LayerNames[],
  { gradients, scalars }: DeltaStep,
): { readonly state: Parameters; readonly parameters: Parameters } {
  const isOn = (name: string): Tensor => greater(scalars[name]!, scalar(0));
  const next = new Map<string, Tensor>();
  for (const name of layers.flatMap(({ a, b, e }) => [a, b, e])) {
    const before = { sensitivity: state.get(`${name}.sensitivity`)!, uncertainty: state.get(`${name}.uncertainty`)! };
    const now = abs(mul(parameters.get(name)!, gradients.get(name)!));
    const sensitivity = blend(before.sensitivity, now, config.sensitivityDecay);
    const uncertainty = blend(before.uncertainty, abs(sub(now, sensitivity)), config.uncertaintyDecay);
    next.set(`${name}.sensitivity`, where(isOn("observes"), sensitivity, before.sensitivity));
    next.set(`${name}.uncertainty`, where(isOn("observes"), uncertainty, before.uncertainty));
  }
  const scores = layers.map((layer) => scoreOf(layer, next));
  const threshold = smallest(concat(scores.map((score) => reshape(score, [-1]))), scalars["cut"]!);
  const moved = new Map<string, Tensor>();
  layers.forEach(({ e, kept }, i) => {
    const chosen = cast(greater(scores[i]!, threshold), "float32");
    const mask = where(isOn("prunes"), chosen, state.get(kept)!);
    next.set(kept, mask);
    const value = parameters.get(e)!;
    const masked = where(greater(mask, scalar(0)), value, zerosLike(value));
    moved.set(e, where(isOn("prunes"), masked, where(isOn("settled"), masked, value)));
  });
  return { state: next, parameters: moved };
}

/** A mean that moves on: `decay` of what it was, the rest of what is new. */
function blend(before: Tensor, now: Tensor, decay: number): Tensor {
  return add(mul(before, scalar(decay)), mul(now, scalar(1 - decay)));
}

/** Importance of each number in E, `[rank, 1]`: its own, and the means of its row in A and its column in B. */
function scoreOf({ a, b, e }: LayerNames, state: Parameters): Tensor {
  const score = (name: string): Tensor => mul(state.get(`${name}.sensitivity`)!, state.get(`${name}.uncertainty`)!);
  const [ofRows, ofColumns] = [mean(score(a), 1, true), reshape(mean(score(b), 0), [-1, 1])];
  return add(score(e), add(ofRows, ofColumns));
}

/** The `count`-th smallest of some numbers, `[1]`; the smallest for a count below 1. */
function smallest(values: Tensor, count: Tensor): Tensor {
  const size = values.size;
  const index = minimum(maximum(sub(scalar(size), count), scalar(0)), scalar(size - 1));
  return gather(topk(values, size).values, cast(index, "int32"));
}
