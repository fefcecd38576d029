/** A task, its rows, and tunings of versions on them. */
import { setImmediate } from "node:timers/promises";
import { configureOnnx } from "@cambium/backend-onnx";
import { canonicalJson, folder, hasFile, StateError, sha256 } from "@cambium/base";
import { createEvaluator } from "@cambium/connectivity";
import {
  disposeParameters,
  loadSafetensors,
  type Objective,
  type Parameters,
  type Random,
  random,
  saveSafetensors,
  useBackend,
} from "@cambium/core";
import { adapter, attach, type Delta, head, lora, type Tuned, whole } from "@cambium/delta";
import type { RunContext } from "@cambium/experiments";
import { collate, type HeadConfig, type LanguageModel, loadTokenizer, type TokenBatch } from "@cambium/models";
import type { LearningCurve } from "@cambium/recycling";
import { labelled, taskOf } from "@cambium/study-kit/runs";
import { fewShot } from "@cambium/tasks";
import { adamW, type Batches, batches, linear, train } from "@cambium/train";
import { outOf } from "./continuation.ts";
import {
  batchSizeOf,
  type Cell,
  CURVE_ROWS,
  DECODER_RATE,
  FULL,
  LOOKS,
  MAX_LENGTH,
  type MethodName,
  PAD_TO,
  RATES,
  SETTINGS,
} from "./plan.ts";
import { type Versions, versionsOf } from "./versions.ts";

configureOnnx({ threads: 1 }); // several workers share the cores

/** Parts of a task's rows. */
export interface Data {
  /** What the old model learned from, in random order. */
  readonly many: Batches<TokenBatch>;
  /** What is left for the new one. */
  readonly few: Batches<TokenBatch>;
  /** What a run on few rows chooses its end by. */
  readonly chosenBy: Batches<TokenBatch>;
  /** What learning curves are drawn by. */
  readonly curve: Batches<TokenBatch>;
  /** What nothing learned from or chose by. */
  readonly test: Batches<TokenBatch>;
}

/** A task on the versions of a model. */
export interface Bench {
  readonly cell: Cell;
  readonly context: RunContext;
  readonly versions: Versions;
  readonly head: HeadConfig;
  readonly key: Random;
  readonly data: Data;
  /** A version with new deltas on it: the same ones on each. The caller owns both trees. */
  start(at: number | "control"): Promise<Tuned<LanguageModel>>;
}

function deltasOf(method: MethodName, model: LanguageModel, key: Random): readonly Delta[] {
  if (method === "whole") return [whole(model)];
  return [method === "lora" ? lora(model, { rank: 8 }, key) : adapter(model, { bottleneck: 8 }, key), head(model)];
}

/** Opens a task. */
export async function openBench(cell: Cell, context: RunContext): Promise<Bench> {
  await useBackend("onnx");
  const { model, method, task: name, seed } = cell;
  const { task, train: known, dev, test } = await taskOf(name);
  const versions = await versionsOf(model, outOf(context));
  const key = random(seed).at(name);
  const top = task.head("class-head");
  const tokenizer = await loadTokenizer(versions.source);
  const first = await versions.open(0, top, key.at("head"));
  const toBatch = collate(first, tokenizer, { maxLength: MAX_LENGTH, padTo: PAD_TO });
  disposeParameters(first.parameters);
  const draw = (rows: typeof known, perClass: number, at: string) =>
    labelled(fewShot(rows, { perClass, fewer: "keep", random: key.at(at) }), MAX_LENGTH);
  const size = batchSizeOf(model);
  const learned = (rows: ReturnType<typeof draw>): Batches<TokenBatch> =>
    batches(rows, toBatch, { size, random: key.at("order"), last: "drop" });
  const inOrder = (rows: ReturnType<typeof draw>): Batches<TokenBatch> => {
    const sorted = rows.toSorted((a, b) => a.text.length - b.text.length); // so that few batches are padded far
    return batches(sorted, toBatch, { size: 2 * size });
  };
  return {
    cell,
    context,
    versions,
    head: top,
    key,
    data: {
      many: learned(draw(known, cell.rows, "many")),
      few: learned(draw(known, cell.fewRows, "few")),
      chosenBy: inOrder(draw(dev, cell.fewRows, "chosen by")),
      curve: inOrder(labelled(dev.slice(0, Math.min(CURVE_ROWS, 2 * cell.measuredRows)), MAX_LENGTH)),
      test: inOrder(labelled(test.slice(0, cell.measuredRows), MAX_LENGTH)),
    },
    async start(at) {
      const base = await versions.open(at, top, key.at("head"));
      return attach(base, ...deltasOf(method, base, key.at("delta"))) as Tuned<LanguageModel>;
    },
  };
}

/** Frees a tuned model with its base. */
export function free({ parameters, base }: Tuned<LanguageModel>): void {
  for (const tree of [parameters, base.parameters]) disposeParameters(tree);
}

/** The learning rate of a cell. */
export const rateOf = ({ model, method }: Pick<Cell, "model" | "method">): number =>
  model === FULL.decoder ? DECODER_RATE : RATES[method];

/** What is measured of a model at several points. */
export interface Scorer {
  /** Percent of the rows that are right. */
  score(at: Parameters): Promise<number>;
  dispose(): void;
}

/** Measures points of a tuned model. */
export async function openScorer(tuned: Tuned<LanguageModel>, data: Batches<TokenBatch>): Promise<Scorer> {
  const evaluator = await createEvaluator(tuned as never, data);
  return {
    score: async (at) => 100 * (await evaluator.measure(at)).accuracy!,
    dispose: () => evaluator.dispose(),
  };
}

/** A tuning on many rows: where it ended, and how it came there. */
export interface Tuning {
  readonly parameters: Parameters;
  readonly curve: LearningCurve["points"];
}

/**
 * Tunes on many rows from where `tuned` stands, or reads what an earlier run of the same made. The caller owns the parameters.
 *
 * @param what - Which of a cell's tunings.
 * @param objective - What is trained of it. @default the loss of its labels
 */
export async function tune(
  bench: Bench,
  what: string,
  tuned: Tuned<LanguageModel>,
  objective: Objective<TokenBatch> = tuned as unknown as Objective<TokenBatch>,
): Promise<Tuning> {
  const { cell, context, data, key } = bench;
  const { points: _, fewRows: __, fewSteps: ___, ...about } = cell;
  const name = sha256(canonicalJson({ what, settings: SETTINGS, ...about })).slice(0, 32);
  const files = folder(`${outOf(context)}/tunings`);
  if (await hasFile(files, `${name}.json`)) {
    const curve = JSON.parse(new TextDecoder().decode(await files.read(`${name}.json`))) as Tuning["curve"];
    return { parameters: await loadSafetensors(files, `${name}.safetensors`), curve };
  }
  const scorer = await openScorer(tuned, data.curve);
  const { steps } = cell;
  const points = [{ step: 0, score: await scorer.score(tuned.parameters) }];
  const run = train(objective, data.many, {
    optimiser: adamW({ learningRate: linear(rateOf(cell), { warmUp: Math.ceil(steps / 10), steps }) }),
    steps,
    clipNorm: 1,
    random: key.at("dropout"),
    signal: context.signal,
    evaluate: {
      every: Math.max(1, Math.floor(steps / LOOKS)),
      run: async (at) => ({ score: await scorer.score(at) }),
    },
  });
  try {
    for await (const event of run) {
      if (event.type === "step") await setImmediate(); // lets a stop in
      if (event.type === "evaluation") points.push({ step: event.step, score: event.metrics["score"]! });
      if (event.type !== "end") continue;
      if (event.reason === "stopped") throw context.signal.reason;
      await saveSafetensors(files, `${name}.safetensors`, event.parameters);
      await files.write(`${name}.json`, JSON.stringify(points));
      return { parameters: event.parameters, curve: points };
    }
  } finally {
    scorer.dispose();
  }
  throw new StateError({ message: "internal: the training run ended without an end event" });
}

/** The old tuned model of a bench. The caller owns both trees. */
export async function oldOf(bench: Bench): Promise<Tuned<LanguageModel>> {
  const start = await bench.start(0);
  const { parameters } = await tune(bench, "old", start);
  disposeParameters(start.parameters);
  return start.with(parameters);
}
