/** The program of the README at work: a pretrained model, a delta, a loop over events. */
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { countParameters, type Random, type Runtime, random } from "@cambium/core";
import { attach, type Delta, head, lora, saveAdapter, whole } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { adamW, batches, linear, train } from "@cambium/train";
import { loadClassifier, scoreMails } from "../classifier.ts";
import type { Job } from "../job.ts";
import { measure, type Quality } from "../quality.ts";
import type { Settings } from "../settings.ts";
import { median } from "../statistics.ts";
import { readMail, thinOut } from "./prepare.ts";

/** What is trained: the head on a frozen body, LoRA and the head, the same on a body in 8 bits, or every weight. */
export type Method = "head" | "lora" | "eightBit" | "whole";

/** A point of a curve. */
interface CurvePoint {
  readonly step: number;
  readonly value: number;
}

/** A tuned model, measured. */
export interface TunedRow extends Quality {
  readonly runtime: Runtime;
  readonly trainableCount: number;
  /** Weights of the model, trained or not. */
  readonly weightCount: number;
  /** Median time of a training step. */
  readonly stepMs: number;
  /** Mean loss of a batch, in nats a message. */
  readonly losses: readonly CurvePoint[];
  /** Accuracy on development messages. */
  readonly accuracies: readonly CurvePoint[];
  /** Log-odds of spam of each test message. */
  readonly scores: readonly number[];
}

/** The deltas of a method, on one model. */
export function createDeltas(
  method: Method,
  base: LanguageModel,
  { lora: options }: Settings,
  random: Random,
): readonly Delta[] {
  switch (method) {
    case "head":
      return [head(base)];
    case "lora":
    case "eightBit":
      return [lora(base, { rank: options.rank, targets: [...options.targets] }, random), head(base)];
    case "whole":
      return [whole(base)];
  }
}

/** A line of a run's log. */
type LogLine = { readonly step: number } & (
  | { readonly loss: number; readonly durationMs: number }
  | { readonly accuracy: number }
);

/** Curves from a log. Steps that a stopped run took twice count once, as they went the last time. */
export function readCurves(log: readonly LogLine[]): Pick<TunedRow, "stepMs" | "losses" | "accuracies"> {
  const losses = new Map<number, number>();
  const accuracies = new Map<number, number>();
  const durations = new Map<number, number>();
  for (const line of log) {
    if ("accuracy" in line) accuracies.set(line.step, line.accuracy);
    else {
      losses.set(line.step, line.loss);
      durations.set(line.step, line.durationMs);
    }
  }
  const curve = (points: ReadonlyMap<number, number>) =>
    [...points].map(([step, value]) => ({ step, value })).sort((a, b) => a.step - b.step);
  return { stepMs: median([...durations.values()]), losses: curve(losses), accuracies: curve(accuracies) };
}

const EVALUATIONS = 4;
const EVALUATED = 256;

/** Tunes the model by one method on all training messages; resumes from a checkpoint where there is one. */
export const tune: Job<"tune"> = async (method, context) => {
  const { settings, folder, signal, report } = context;
  const mail = readMail(context);
  const { base, toBatch, runtime } = await loadClassifier(settings, method === "eightBit" ? "int8" : "float32");
  const seed = random(settings.seed);
  const tuned = attach(base, ...createDeltas(method, base, settings, seed.at("delta")));

  const { learningRate, epochs } = settings[method === "eightBit" ? "lora" : method];
  const data = batches(mail.train, toBatch, {
    size: settings.batchSize,
    random: seed.at("order"),
    buckets: ({ text }) => text.length,
  });
  const steps = data.batchCount! * epochs;
  const dev = thinOut(mail.dev, EVALUATED);
  const run = train(tuned, data, {
    optimiser: adamW({ learningRate: linear(learningRate, { warmUp: Math.ceil(steps / 10), steps }) }),
    steps,
    clipNorm: 1,
    random: seed.at("dropout"),
    evaluate: {
      every: Math.ceil(steps / EVALUATIONS),
      run: async (parameters) => ({
        accuracy: measure(await scoreMails(tuned.with(parameters), dev, toBatch), dev).accuracy,
      }),
    },
    checkpoint: { files: join(folder.work, method), every: 50 },
    signal,
  });
  for await (const event of run) {
    if (event.type === "step") {
      folder.append(method, { step: event.step, loss: event.loss, durationMs: event.durationMs });
      report(`step ${event.step}/${steps}  loss ${event.loss.toFixed(3)}  ${Math.round(event.durationMs)} ms`);
      await setImmediate(); // lets a "stop" from the parent in
    }
    if (event.type === "evaluation") folder.append(method, { step: event.step, accuracy: event.metrics["accuracy"] });
    if (event.type === "end" && event.reason === "stopped") return undefined;
    if (event.type === "end") {
      const best = tuned.with(event.parameters);
      const scores = await scoreMails(best, mail.test, toBatch, (done) =>
        report(`${done} of ${mail.test.length} test messages`),
      );
      if (method === "lora") await saveAdapter(best, join(folder.out, "adapter"));
      return {
        ...measure(scores, mail.test),
        runtime,
        trainableCount: countParameters(tuned.parameters),
        weightCount: countParameters(base.parameters),
        scores,
        ...readCurves(folder.list(method)),
      };
    }
  }
  throw new Error("internal: the training run ended without an end event");
};
