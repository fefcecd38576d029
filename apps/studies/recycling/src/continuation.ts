/**
 * The making of versions: the first model is trained on, domain after domain, with a tenth of the text before, and kept on the way. What is
 * kept are the weights that were trained, `step-<n>.safetensors` with n counted from the first model on.
 */
import { join, resolve } from "node:path";
import { configureOnnx } from "@cambium/backend-onnx";
import { canonicalJson, folder, hasFile, type JsonObject, sha256 } from "@cambium/base";
import { createEvaluator } from "@cambium/connectivity";
import { disposeParameters, fingerprint, type Parameters, random, saveSafetensors, useBackend } from "@cambium/core";
import { attach, type Delta, lora, type Tuned, whole } from "@cambium/delta";
import type { RunContext, StepCost } from "@cambium/experiments";
import { type LanguageModel, loadModel, loadTokenizer, type TokenBatch, type Tokenizer } from "@cambium/models";
import { modelSource } from "@cambium/study-kit/runs";
import { adamW, type Batches, linear, train } from "@cambium/train";
import { CONTINUATIONS, type Continuation, RECIPE, REPLAY_EVERY } from "./plan.ts";
import { headOf, heldBatches, pretrainingBatches } from "./pretraining-batches.ts";
import { type Domain, streamOf } from "./text.ts";

configureOnnx({ threads: 1 }); // several workers share the cores

/** What versions of a model depend on. */
export const recipeOf = (model: string): JsonObject => ({
  recipe: RECIPE,
  replayEvery: REPLAY_EVERY,
  ...(CONTINUATIONS[model] as unknown as JsonObject),
});

/** Where versions of a model are, below the folder of the study: those of another recipe are elsewhere. */
export const versionsFolder = (out: string, model: string): string =>
  join(out, "models", `${model}-${sha256(canonicalJson(recipeOf(model))).slice(0, 8)}`);

/** The study's folder, from that of a run's checkpoints, `<out>/<part>/scratch/<run>`. */
export const outOf = ({ scratch }: Pick<RunContext, "scratch">): string => resolve(scratch, "..", "..", "..");

/** The file of the weights after so many steps. */
export const fileAt = (step: number): string => `step-${step}.safetensors`;

const LAYERS = ["attn.q", "attn.k", "attn.v", "attn.out", "ff.up", "ff.gate", "ff.down"];

/** What is trained of a model as it is trained on. */
export function changeOf(model: LanguageModel, { change }: Continuation): Delta {
  if (change === "whole") return whole(model);
  const roles = new Set(model.sites().map(({ role }) => role));
  return lora(model, { rank: 16, targets: LAYERS.filter((role) => roles.has(role)) }, random(1).at("change"));
}

/** Steps since the first model at which there are models, rising. */
export const keptSteps = ({ domains, steps, kept }: Continuation): readonly number[] =>
  domains.flatMap((_, i) => kept.map((step) => i * steps + step));

/** What training on changed on text that was held back, in nats a word, and what the versions are. */
export interface VersionsResult extends Record<string, number | string> {
  /** By how much the second version's text costs it less than the first model. */
  readonly learnedSecond: number;
  /** By how much the third version's text costs it less than the second. */
  readonly learnedThird: number;
  /** By how much old prose costs the third version more than the first model. */
  readonly forgotten: number;
  readonly fingerprint: string;
}

const HELD_BATCHES = 12;

interface Bench {
  readonly plan: Continuation;
  readonly tuned: Tuned<LanguageModel>;
  readonly tokenizer: Tokenizer;
  data(version: number): Promise<Batches<TokenBatch>>;
  measure(domain: Domain, at: Parameters): Promise<number>;
}

async function openBench(model: string): Promise<Bench> {
  await useBackend("onnx");
  const plan = CONTINUATIONS[model]!;
  const source = modelSource(model);
  const tokenizer = await loadTokenizer(source);
  const base = await loadModel(source, { head: headOf(tokenizer.special.mask !== undefined) });
  const tuned = attach(base, changeOf(base, plan)) as Tuned<LanguageModel>;
  const shape = { rows: plan.rows, length: plan.length };
  return {
    plan,
    tuned,
    tokenizer,
    async data(version) {
      const before: readonly Domain[] = ["prose", ...plan.domains.slice(0, version)];
      const replay = { stream: await streamOf(before, "learned", tokenizer, plan.most), every: REPLAY_EVERY };
      const stream = await streamOf([plan.domains[version]!], "learned", tokenizer, plan.most);
      return pretrainingBatches({ stream, replay }, shape, tokenizer, random(1).at("text").at(version));
    },
    async measure(domain, at) {
      const stream = await streamOf([domain], "held", tokenizer, plan.most);
      const held = heldBatches(stream, shape, tokenizer, random(2).at(domain), HELD_BATCHES);
      const evaluator = await createEvaluator(tuned as never, held);
      try {
        return (await evaluator.measure(at)).loss;
      } finally {
        evaluator.dispose();
      }
    },
  };
}

const rateOf = ({ learningRate, steps }: Continuation) =>
  linear(learningRate, { warmUp: Math.ceil(steps / 10), steps });

/** Trains one version further, from kept model to kept model. The caller owns what it returns. */
async function makeVersion(
  { plan, tuned, data }: Bench,
  version: number,
  from: Parameters,
  context: RunContext,
  home: string,
): Promise<Parameters> {
  const batches = await data(version);
  for (const until of plan.kept) {
    const step = version * plan.steps + until;
    const isLast = until === plan.kept.at(-1);
    if (!isLast && (await hasFile(folder(home), fileAt(step)))) continue;
    const run = train(tuned as never, batches, {
      optimiser: adamW({ learningRate: rateOf(plan), weightDecay: 0.01 }),
      steps: until,
      clipNorm: 1,
      random: random(1).at("dropout").at(version),
      start: { parameters: from },
      signal: context.signal,
      checkpoint: { files: join(context.scratch, `version-${version}`), every: 50 },
    });
    for await (const event of run) {
      if (event.type === "step")
        context.progress((version * plan.steps + event.step) / (plan.domains.length * plan.steps));
      if (event.type !== "end") continue;
      if (event.reason === "stopped") throw context.signal.reason;
      await saveSafetensors(folder(home), fileAt(step), event.parameters);
      if (isLast) return event.parameters;
      disposeParameters(event.parameters);
    }
  }
  throw new Error("internal: a version without an end");
}

/** Makes all versions of a model. */
export async function makeVersions(
  { model }: { readonly model: string },
  context: RunContext,
): Promise<VersionsResult> {
  const bench = await openBench(model);
  const { plan, tuned, measure } = bench;
  const [secondDomain, thirdDomain] = plan.domains as [Domain, Domain];
  const home = versionsFolder(outOf(context), model);
  const first = tuned.parameters;
  const second = await makeVersion(bench, 0, first, context, home);
  const third = await makeVersion(bench, 1, second, context, home);
  const versions = new Map([...prefixed("second", second), ...prefixed("third", third)]);
  const result = {
    learnedSecond: (await measure(secondDomain, first)) - (await measure(secondDomain, second)),
    learnedThird: (await measure(thirdDomain, second)) - (await measure(thirdDomain, third)),
    forgotten: (await measure("prose", third)) - (await measure("prose", first)),
    fingerprint: (await fingerprint(versions)).slice(0, 32),
  };
  for (const tree of [second, third, tuned.parameters, tuned.base.parameters]) disposeParameters(tree);
  return result;
}

const prefixed = (prefix: string, tree: Parameters) =>
  [...tree].map(([name, tensor]) => [`${prefix}/${name}`, tensor] as const);

/** Steps that are looked at for the plan, of which the first also compiles. */
const LOOKS = 4;

/** What a step of training on costs, in processor time. */
export async function versionsStep({ model }: { readonly model: string }, context: RunContext): Promise<StepCost> {
  const startedAt = processorMs();
  const { plan, tuned, data, measure } = await openBench(model);
  const marks: number[] = [];
  for await (const event of train(tuned as never, await data(0), {
    optimiser: adamW({ learningRate: rateOf(plan), weightDecay: 0.01 }),
    steps: Math.min(LOOKS, plan.steps),
    clipNorm: 1,
    signal: context.signal,
  })) {
    if (event.type === "step") marks.push(processorMs());
    if (event.type === "end") disposeParameters(event.parameters);
  }
  const trained = processorMs();
  await measure("prose", tuned.parameters);
  const heldMs = processorMs() - trained;
  const stepMs = medianStep(marks);
  for (const tree of [tuned.parameters, tuned.base.parameters]) disposeParameters(tree);
  const setupMs = trained - startedAt - marks.length * stepMs + 6 * heldMs;
  return { stepMs, steps: plan.domains.length * plan.steps, setupMs: Math.max(0, setupMs) };
}

/** Processor time of this process so far. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Of the times between marks the one in the middle. */
export function medianStep(marks: readonly number[]): number {
  const steps = marks.slice(1).map((mark, i) => mark - marks[i]!);
  return steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)]!;
}
