/** The runs of all parts, as worker processes find them. */
import { join } from "node:path";
import { disposeParameters, random, useBackend } from "@cambium/core";
import type { ConditionActivations, NeuronScores, NeuronSite } from "@cambium/emotion-probing";
import type { RunContext, StepCost } from "@cambium/experiments";
import {
  type AblationDetails,
  type AblationMeasures,
  type AttributeMeasures,
  measureAblation,
  overAttributes,
  setsOf,
} from "./ablate.ts";
import type { Cell } from "./cell.ts";
import { attributesOf, baselinesOf, textsOf } from "./emotions.ts";
import { askedHead } from "./head.ts";
import { isDecoder, openModel } from "./models.ts";
import { decoderExtent, drawsOf, extentOf } from "./plan.ts";
import { type Prompts, tunePrompts } from "./prompts.ts";
import { represent } from "./represent.ts";
import { measureSimilarity, type SimilarityDetails, type SimilarityMeasures } from "./similarity.ts";

/** Where ablations take long: on a decoder, and for prompts, each of which is a model of its own. */
const FEW_ATTRIBUTES = ["valence", "joy", "anger"];

async function open({ model, seed, extent: name }: Cell) {
  await useBackend("onnx");
  const extent = isDecoder(model) ? decoderExtent(extentOf(name)) : extentOf(name);
  return { extent, data: await textsOf(extent), key: random(seed) };
}

/** What a run of similarities returns. */
export interface SimilarityResult extends SimilarityMeasures {
  readonly details: SimilarityDetails;
}

/** Similarity and searchlight of texts or templates. */
export async function similarity(cell: Cell): Promise<SimilarityResult> {
  const { extent, data, key } = await open(cell);
  const opened = await openModel(cell.model, key.at("model"), { weights: cell.weights });
  const activations = await represent(
    cell.model,
    opened,
    cell.representation as "texts" | "templates",
    data,
    extent,
    key.at("represent"),
  );
  const { emotions } = extent;
  const { measures, details } = await measureSimilarity(
    activations,
    attributesOf(emotions),
    baselinesOf(data, emotions),
    extent,
    key.at("similarity"),
  );
  disposeParameters(opened.model.parameters);
  return { ...measures, details };
}

/** What a run of ablations returns. */
export interface AblationResult extends AblationMeasures, AttributeMeasures {
  readonly details: AblationDetails;
  /** How much each attribute says of people's similarity: Kendall's tau-b. */
  readonly weights: Readonly<Record<string, number>>;
}

/** Ablation of the neurons that texts or templates select, with a class head. */
export const ablation = (cell: Cell): Promise<AblationResult> => ablate(cell, () => undefined);

/** @param select - Told when the neurons are known; gives the number of emotions that are asked about, where not all are. */
async function ablate(cell: Cell, select: () => number | undefined): Promise<AblationResult> {
  const { extent, data, key } = await open(cell);
  const opened = await openModel(cell.model, key.at("model"));
  const { representation } = cell as { readonly representation: "texts" | "templates" };
  const { emotions } = extent;
  const attributes = attributesOf(emotions);
  const activations = await represent(cell.model, opened, representation, data, extent, key.at("represent"));
  const found = await measureSimilarity(
    activations,
    attributes,
    baselinesOf(data, emotions),
    extent,
    key.at("similarity"),
  );
  const head = await askedHead(cell.model, opened, data, extent, key.at("head"));
  const names = isDecoder(cell.model) ? FEW_ATTRIBUTES : Object.keys(attributes);
  const sets = setsOf(found.taus, names, extent);
  const counts = head.tasks.map(({ batches }) => batches[0]!.ids.shape[0]);
  const majority = (100 * Math.max(...counts)) / counts.reduce((sum, n) => sum + n, 0);
  const { measures, details } = await measureAblation(
    [{ model: opened.model, tasks: head.tasks.slice(0, select()) }],
    sets,
    levelsOf(activations),
    majority,
    drawsOf(extent),
    key,
  );
  head.dispose();
  disposeParameters(opened.model.parameters);
  const weights = Object.fromEntries(
    Object.entries(found.details.attributes).map(([name, { weight }]) => [name, weight]),
  );
  return { ...measures, ...overAttributes(details, weights), details, weights };
}

/** What tuning the prompts of a run came to. */
interface Tuning {
  /** Mean development accuracy of the prompts, and the share that is better than chance by two standard errors, in percent. */
  readonly promptAccuracy: number;
  readonly passed: number;
  readonly accuracies: Prompts["accuracies"];
}

/** What a run of prompts returns. */
export interface PromptResult extends SimilarityMeasures, Partial<AblationMeasures>, Tuning {
  readonly details: { readonly similarity: SimilarityDetails; readonly ablation?: AblationDetails };
}

/** Similarity and searchlight of soft prompts, and of those on an encoder the ablation. */
export async function prompts(cell: Cell, context: RunContext): Promise<PromptResult> {
  const { extent, data, key } = await open(cell);
  const { promptEmotions: emotions } = extent;
  const tuned = await tunePrompts(cell.model, data, extent, key.at("prompts"), context);
  const found = await measureSimilarity(
    tuned.activations,
    attributesOf(emotions),
    baselinesOf(data, emotions),
    extent,
    key.at("similarity"),
  );
  const ablated = isDecoder(cell.model)
    ? undefined
    : await measureAblation(
        tuned.asked,
        setsOf(found.taus, FEW_ATTRIBUTES, extent),
        levelsOf(tuned.activations),
        50,
        drawsOf(extent),
        key,
      );
  const { accuracies, passed } = tuned;
  tuned.dispose();
  return {
    ...found.measures,
    ...ablated?.measures,
    promptAccuracy: accuracies.reduce((sum, { accuracy }) => sum + accuracy, 0) / accuracies.length,
    passed,
    accuracies,
    details: { similarity: found.details, ...(ablated !== undefined && { ablation: ablated.details }) },
  };
}

/** Mean activations over all conditions and repeats. */
function levelsOf({ sites, values }: ConditionActivations): NeuronScores {
  const meanOf = ({ path, width }: NeuronSite): Float32Array => {
    const rows = values.get(path)!.flat();
    return Float32Array.from(
      { length: width },
      (_, unit) => rows.reduce((sum, row) => sum + row[unit]!, 0) / rows.length,
    );
  };
  return { method: "mean", sites, values: new Map(sites.map((site) => [site.path, meanOf(site)])) };
}

/** A step of a run of similarities is all of it. */
export async function similarityStep(cell: Cell): Promise<StepCost> {
  const start = performance.now();
  await similarity(cell);
  return { stepMs: performance.now() - start, steps: 1 };
}

/** A step of a run of ablations is the ablations of one emotion's texts. */
export async function ablationStep(cell: Cell): Promise<StepCost> {
  const start = performance.now();
  let selected = start;
  await ablate(cell, () => {
    selected = performance.now();
    return 1;
  });
  const { extent } = await open(cell);
  return { setupMs: selected - start, stepMs: performance.now() - selected, steps: extent.emotions.length };
}

/** A step of a run of prompts is the tuning of one prompt; ablations, which take about as long, count as much again. */
export async function promptsStep(cell: Cell, { signal, scratch }: RunContext): Promise<StepCost> {
  const { extent, data, key } = await open(cell);
  const one = { ...extent, promptEmotions: extent.promptEmotions.slice(0, 1), repeats: 1 };
  const time = async (name: string): Promise<number> => {
    const start = performance.now();
    const context = { signal, scratch: join(scratch, name), progress: () => undefined };
    (await tunePrompts(cell.model, data, one, key.at("step"), context)).dispose();
    return performance.now() - start;
  };
  const first = await time("first"); // also compiles
  const stepMs = (isDecoder(cell.model) ? 1 : 2) * (await time("second"));
  return { setupMs: Math.max(0, first - stepMs), stepMs, steps: extent.promptEmotions.length * extent.repeats };
}
