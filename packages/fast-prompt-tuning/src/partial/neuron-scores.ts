/** What feed-forward neurons are worth: the artefact, made once for a model and a task, and kept in files. */
import { ConfigError, type Files, FormatError, hasFile, openFiles, readJson } from "@cambium/base";
import { fingerprint, type Parameters, type Site } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { add, mul, norm, type Tensor, type Tensor1D, tidy } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { type FeedForwardSites, feedForwardParts } from "./feed-forward.ts";

/** How neurons are scored. */
export type NeuronMethod = "activation" | "mean" | "integrated-gradients" | "weights" | "fisher" | "output" | "experts";

/** A score for each neuron of every feed-forward part, by the path of its activation. The greatest are kept. */
export interface NeuronScores {
  readonly method: NeuronMethod;
  /**
   * Of the weights of the model's body, without its head: `runFastPromptTuning` refuses scores of another model, and `checkScores` does. Absent where scores
   * were made by hand.
   */
  readonly model?: string;
  readonly layers: Readonly<Record<string, readonly number[]>>;
}

/** What of a model scores are read off. */
export interface ScoredModel {
  readonly parameters: Parameters;
  /** Where its weights and activations are. */
  sites(): readonly Site[];
}

/** Lengths of the rows of a matrix that belong to neurons: rows `[out]` or columns by where they stand. */
function lengths(parameters: Parameters, site: Site, along: "out" | "in"): Tensor1D {
  const weight = parameters.get(site.weight!.name)! as Tensor;
  const isFirst = (site.weight!.layout === "out,in") === (along === "out");
  return norm(weight, "euclidean", isFirst ? 1 : 0) as Tensor1D;
}

/** Length of what each neuron writes, `[dFf]`. The caller owns it. */
export const outputNorms = (parameters: Parameters, { down }: FeedForwardSites): Tensor1D =>
  tidy(() => lengths(parameters, down, "in"));

/**
 * Neurons by their weights alone: the product of the lengths of what a neuron reads with, a sum over its gate and its other matrix, and of what it
 * writes with. Needs no data. Weights are read on the host at once.
 */
export function weightScores(model: ScoredModel): NeuronScores {
  const layers = feedForwardParts(model.sites()).map((part) => {
    const values = tidy(() => {
      const reading = part.up.map((site) => lengths(model.parameters, site, "out"));
      const both = reading.reduce((a, b) => add(a, b) as Tensor1D);
      return mul(both, outputNorms(model.parameters, part)).dataSync();
    });
    return [part.act.path, [...values]] as const;
  });
  return { method: "weights", layers: Object.fromEntries(layers) };
}

const schema = z.strictObject({
  format: z.literal("cambium neuron scores"),
  version: z.literal(1),
  key: z.string(),
  scores: z.strictObject({
    method: z.enum(["activation", "mean", "integrated-gradients", "weights", "fisher", "output", "experts"]),
    model: z.string().exactOptional(),
    layers: z.record(z.string(), z.array(z.number())),
  }),
});

const FILE = "neuron-scores.json";

/**
 * Scores out of a folder.
 *
 * @param key - What they must depend on, where that is known.
 * @returns The scores; undefined where the folder has none, or those of another key.
 * @throws {FormatError} For a file that is damaged.
 */
export async function loadNeuronScores(source: string | Files, key?: string): Promise<NeuronScores | undefined> {
  const files = openFiles(source);
  if (!(await hasFile(files, FILE))) return undefined;
  const parsed = schema.safeParse(await readJson(files, FILE));
  if (!parsed.success)
    throw new FormatError({
      message: `loadNeuronScores: ${FILE} in ${files.location} is no file of neuron scores; remove it`,
    });
  if (key !== undefined && parsed.data.key !== key) return undefined;
  return parsed.data.scores;
}

/** Writes scores into a folder, whole or not at all. */
export async function saveNeuronScores(scores: NeuronScores, target: string | Files, key = ""): Promise<void> {
  await openFiles(target).write(FILE, JSON.stringify({ format: "cambium neuron scores", version: 1, key, scores }));
}

/** A hash of a model's weights without its head. */
export const fingerprintBody = ({ parameters, headParameters }: LanguageModel): Promise<string> =>
  fingerprint(new Map([...parameters].filter(([name]) => !headParameters.includes(name))));

/**
 * Throws for scores of another model of the same shape, which `partialModel`, at once, cannot tell.
 *
 * @throws {ConfigError}
 */
export async function checkScores(caller: string, model: LanguageModel, { model: made }: NeuronScores): Promise<void> {
  if (made === undefined || made === (await fingerprintBody(model))) return;
  throw new ConfigError({
    message: `${caller}: the neurons were scored on another model, whose weights differ; score them on this one`,
  });
}

/**
 * The scores of one part.
 *
 * @throws {ConfigError} When they are of another model: of other places, or of another number of neurons.
 */
export function scoresOf(scores: NeuronScores, act: Site): readonly number[] {
  const values = scores.layers[act.path];
  if (values?.length === act.width && values.every(Number.isFinite)) return values;
  throw new ConfigError({
    message:
      values?.length === act.width
        ? `partialModel: a score of ${act.path} is ${values.find((value) => !Number.isFinite(value))}; are the weights of the model finite?`
        : `partialModel: neurons has ${values === undefined ? "no scores" : `${values.length} scores`} for ${act.path}, which has ${act.width} neurons; were they made for another model?`,
    path: act.path,
  });
}
