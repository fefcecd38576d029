/** Two tunings of one model that differ in one thing. */
import { setImmediate } from "node:timers/promises";
import { configureOnnx } from "@cambium/backend-onnx";
import { folder, hasFile, StateError } from "@cambium/base";
import {
  disposeParameters,
  loadSafetensors,
  mapParameters,
  type Parameters,
  type Random,
  random,
  saveSafetensors,
  useBackend,
} from "@cambium/core";
import { adapter, attach, type Delta, head, lora, prefix, type Tuned, whole } from "@cambium/delta";
import type { RunContext } from "@cambium/experiments";
import { collate, type LanguageModel, loadModel, loadTokenizer, type TokenBatch } from "@cambium/models";
import { labelled, modelSource, taskOf } from "@cambium/study-kit/runs";
import { fewShot } from "@cambium/tasks";
import { adamW, type Batches, batches, linear, train } from "@cambium/train";
import { zeros } from "@tensorflow/tfjs-core";
import { BATCH, type Cell, MAX_LENGTH, type MethodName, NARROW, PAD_TO, RATES, WIDE } from "./plan.ts";

configureOnnx({ threads: 1 }); // several workers share the cores

/** A model on a task, and how its ends are made. */
export interface Bench {
  readonly start: Tuned<LanguageModel>;
  /** Rows to learn from, in the order of an end. */
  readonly learned: Batches<TokenBatch>;
  /** The same rows as they come, for what is recorded of each. */
  readonly inOrder: Batches<TokenBatch>;
  /** Rows that no end learned from. */
  readonly fresh: Batches<TokenBatch>;
  readonly classes: number;
  /** Trains an end, 0 or 1. The caller owns its point. */
  end(
    which: 0 | 1,
    watch?: { readonly every: number; readonly see: (at: Parameters) => Promise<void> },
  ): Promise<Parameters>;
  dispose(): void;
}

function deltasOf(method: MethodName, model: LanguageModel, key: Random): readonly Delta[] {
  switch (method) {
    case "whole":
      return [whole(model)];
    case "adapter":
      return [adapter(model, { bottleneck: 12 }, key), head(model)];
    case "lora":
      return [lora(model, { rank: 8 }, key), head(model)];
    case "prefix":
      return [prefix(model, { length: 10 }, key), head(model)];
  }
}

/** Where an end starts: what is not the factor is the same for both. */
function startOf(tuned: Tuned<LanguageModel>, { method, factor }: Cell, key: Random, which: 0 | 1): Parameters {
  const isFactor = factor === "start" || factor === "wide-start";
  const own = key.at("start").at(isFactor ? which : 0);
  const deviation = factor === "wide-start" ? WIDE : NARROW;
  return mapParameters(tuned.parameters, (tensor, name) => {
    // A new head has its own start; the body of a whole model keeps what it knows, and LoRA's B its zeros.
    const isHead =
      name.startsWith("head/") || (method === "whole" && tuned.base.headParameters.includes(name.slice(6)));
    if (isHead) return own.at(name).normal(tensor.shape, 0, NARROW);
    if (method === "whole") return tensor.clone();
    if (method === "lora" && name.endsWith("lora_B.weight")) return zeros(tensor.shape);
    return own.at(name).normal(tensor.shape, 0, method === "prefix" ? 10 * deviation : deviation);
  });
}

/** Opens a model on a task. */
export async function openBench(cell: Cell, context: RunContext): Promise<Bench> {
  await useBackend("onnx");
  const { task, train: known, test } = await taskOf(cell.task);
  const key = random(cell.seed).at(cell.task);
  const source = modelSource(cell.model);
  const top = task.head("class-head");
  const base = await loadModel(source, { head: top, random: key.at("head") });
  const toBatch = collate(base, await loadTokenizer(source), { maxLength: MAX_LENGTH, padTo: PAD_TO });
  const start = attach(base, ...deltasOf(cell.method, base, key.at("delta")));
  // Of halves, each end learns from its own; else both learn from the first.
  const all = labelled(fewShot(known, { perClass: 2 * cell.rows, random: key.at("rows") }), MAX_LENGTH);
  const halfOf = (which: 0 | 1) => all.filter((_, i) => i % 2 === (cell.factor === "data" ? which : 0));
  const orderOf = (which: 0 | 1): Random => key.at("order").at(cell.factor === "order" ? which : 0);
  const learnedBy = (which: 0 | 1): Batches<TokenBatch> =>
    batches(halfOf(which), toBatch, { size: BATCH, random: orderOf(which), last: "drop" });
  return {
    start,
    learned: learnedBy(0),
    inOrder: batches(halfOf(0), toBatch, { size: 2 * BATCH }),
    fresh: batches(labelled(test.slice(0, cell.measuredRows), MAX_LENGTH), toBatch, { size: 2 * BATCH }),
    classes: "labels" in top ? top.labels.length : 2,
    async end(which, watch) {
      // A run that starts again finds the ends that it had; one that is watched has to be trained.
      const [files, file] = [folder(context.scratch), `end-${which}.safetensors`];
      if (watch === undefined && (await hasFile(files, file))) return loadSafetensors(files, file);
      const from = startOf(start, cell, key, which);
      const rate = RATES[cell.method];
      const run = train(start, learnedBy(which), {
        optimiser: adamW({ learningRate: linear(rate, { warmUp: Math.ceil(cell.steps / 10), steps: cell.steps }) }),
        steps: cell.steps,
        clipNorm: 1,
        random: key.at("dropout"),
        signal: context.signal,
        start: { parameters: from },
        ...(watch !== undefined && {
          evaluate: {
            every: watch.every,
            run: async (at: Parameters) => {
              await watch.see(at);
              return {};
            },
          },
        }),
      });
      try {
        for await (const event of run) {
          if (event.type === "step") await setImmediate(); // lets a stop in
          if (event.type !== "end") continue;
          if (event.reason === "stopped") throw context.signal.reason;
          if (watch === undefined) await saveSafetensors(files, file, event.parameters);
          return event.parameters;
        }
      } finally {
        disposeParameters(from);
      }
      throw new StateError({ message: "internal: the training run ended without an end event" });
    },
    dispose() {
      disposeParameters(start.parameters);
      disposeParameters(base.parameters);
    },
  };
}
