/**
 * Floating-point operations, counted by hand: a multiplication and an addition for each product of matrices, nothing for the rest.
 *
 * Linear sites and attention are read off the model's sites, so that parts of models and all architectures are counted by one rule: what
 * differs is how many rows flow through a site.
 */
import { ConfigError, parseConfig } from "@cambium/base";
import type { Site } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import { type LanguageModel, poolOf } from "@cambium/models";
import * as z from "zod";

/** Sizes of a batch. */
export interface FlopsOptions {
  /** Sequences in it. @default 1 */
  readonly rows?: number;
  /** Tokens of each, padding included and prompts left out: of the source, where there is a target. */
  readonly length: number;
  /** Tokens of the target, for models of two stacks. */
  readonly targetLength?: number;
  /** Rows of a prompt in front, for a model without its deltas. @default the prompts of a tuned model, else none */
  readonly prompt?: number;
  /** For masked words: how many places of the whole batch are scored. @default all */
  readonly places?: number;
}

/** What a batch costs. */
export interface Flops {
  /** A forward pass with all rows of all layers, as `model.forward` runs it. */
  readonly forward: number;
  /** A training step of a prompt, and of the head where a delta trains it: what the loss reads, forward, and the gradients down to the prompt. */
  readonly step: number;
}

const size = z.int().positive();
const schema = z.strictObject({
  rows: size.default(1),
  length: size,
  targetLength: size.exactOptional(),
  prompt: z.int().nonnegative().exactOptional(),
  places: size.exactOptional(),
});

/** Whatever is counted. */
export type Countable = LanguageModel | Tuned<LanguageModel>;

/**
 * Cost of a batch on a model or a part of one.
 *
 * Of a linear layer `2 · rows · in · out`; of attention `4 · queries · keys · heads · dHead`. Backwards, a frozen linear layer costs the same again (the gradient of its
 * input), a trained one twice that, attention twice its forward. The paper's counts are of `forward`. Lookups, norms and activations are left out; what is computed again
 * to save memory is not counted.
 *
 * @param model - With deltas of the kinds `prompt` and `head`, or none.
 * @throws {ConfigError} For sizes that are missing, and for other deltas: `measureFlops` counts these.
 * @see Huang et al. 2022, FPT, arXiv:2211.06840, section 4; Hoffmann et al. 2022, arXiv:2203.15556, appendix F, for counting so.
 * @example
 * const { step } = flops(partial(tuned, { depth: 0.5 }), { rows: 16, length: 48 });
 */
export function flops(model: Countable, options: FlopsOptions): Flops {
  const { rows, length, targetLength, prompt, places } = parseConfig("flops", schema, options);
  const tuned = model as unknown as Tuned<LanguageModel>;
  const base = (tuned.base ?? model) as unknown as LanguageModel;
  const hasTarget = base.architecture.batch === "source+target";
  if (hasTarget !== (targetLength !== undefined)) {
    throw new ConfigError({
      message: hasTarget
        ? `flops: a ${base.config.model_type} reads a target; give targetLength`
        : `flops: a ${base.config.model_type} reads no target; leave out targetLength`,
    });
  }
  const other = tuned.deltas?.find(({ kind }) => kind !== "prompt" && kind !== "head");
  if (other !== undefined)
    throw new ConfigError({
      message: `flops: delta "${other.name}" (${other.kind}) computes things of its own, which this does not count; measureFlops counts all`,
      delta: other.name,
    });
  if (prompt !== undefined && tuned.deltas !== undefined)
    throw new ConfigError({ message: "flops: the tuned model says how long its prompt is; leave out prompt" });
  const front = prompt ?? promptRows(tuned);
  const trained = new Set(
    (tuned.deltas ?? []).flatMap((delta) => (delta.kind === "head" ? [...delta.parameters.keys()] : [])),
  );
  const batch: Sizes = { rows, words: length, source: length + front, target: targetLength ?? 0, places };
  const sites = base
    .sites()
    .filter(({ kind, part }) => (kind === "linear" && part === undefined) || kind === "attention");
  const isShort = readsFirst(base);
  let [forward, step] = [0, 0];
  for (const site of sites) {
    const whole = costOf(site, base, batch, false);
    const read = isShort ? costOf(site, base, batch, true) : whole;
    forward += whole;
    const isTrained = site.weight !== undefined && trained.has(site.weight.name);
    step += read * (1 + (isReached(site, base) ? (site.kind === "attention" ? 2 : 1) : 0) + (isTrained ? 1 : 0));
  }
  return { forward, step };
}

/** Rows that a tuned model's prompts put in front. */
export function promptRows({ deltas = [] }: { readonly deltas?: Tuned["deltas"] }): number {
  return deltas.reduce(
    (sum, { kind, config }) => sum + (kind === "prompt" ? (config as { readonly length: number }).length : 0),
    0,
  );
}

interface Sizes {
  readonly rows: number;
  readonly words: number;
  readonly source: number;
  readonly target: number;
  readonly places: number | undefined;
}

/** Operations at a site; with `isShort`, where the last layer computes the first row alone. */
function costOf(site: Site, model: LanguageModel, sizes: Sizes, isShort: boolean): number {
  const { rows, source, target } = sizes;
  const isCross = site.role.startsWith("cross.");
  const own = site.stack === "decoder" ? target : source;
  const isLast = isShort && site.layer === lastLayer(model);
  const asking = isLast ? 1 : own;
  if (site.kind === "attention") {
    const heads = model.sites().find(({ kind, path }) => kind === "pattern" && path === `${site.path}.pattern`)!.width;
    return 4 * rows * asking * (isCross ? source : own) * heads * site.width;
  }
  const product = 2 * site.input! * site.width;
  if (site.layer === undefined) return product * headRows(site, model, sizes);
  if (isCross && (site.role === "cross.k" || site.role === "cross.v")) return product * rows * source;
  const isAsked = site.role === "attn.k" || site.role === "attn.v";
  return product * rows * (isAsked ? own : asking);
}

/** Rows of the whole batch that a site outside of all layers reads. */
function headRows(
  site: Site,
  { head, architecture }: LanguageModel,
  { rows, words, source, target, places }: Sizes,
): number {
  if (site.role === "pooler") return rows;
  switch (head?.kind) {
    case "sequence-classification":
    case "regression":
    case "embedding":
      return rows;
    case "token-classification":
    case "question-answering":
      return rows * words;
    case "masked-lm":
      return places ?? rows * words;
    case "sequence-to-sequence":
      return rows * target;
    default:
      return rows * (architecture.batch === "source+target" ? target : source);
  }
}

/** The last layer of the whole model, which alone can leave rows out. */
function lastLayer({ config }: LanguageModel): number {
  return (config as unknown as { readonly num_hidden_layers: number }).num_hidden_layers - 1;
}

/** Whether the loss reads the first row alone, and the architecture computes no other in its last layer then. */
function readsFirst({ architecture, head }: LanguageModel): boolean {
  if (head === undefined || !["bert", "roberta"].some((type) => architecture.types.includes(type))) return false;
  return (poolOf(head) ?? architecture.heads[head.kind]?.pools?.[0]) === "first";
}

/** Whether a gradient passes on its way down to a prompt: a decoder's words do not depend on the encoder's, so its first block is reached at its reading of these. */
function isReached(site: Site, model: LanguageModel): boolean {
  if (site.stack !== "decoder" || site.layer === undefined) return true;
  const first = model.sites().find(({ kind, stack }) => kind === "block" && stack === "decoder")!;
  if (site.layer !== first.layer) return true;
  return !site.role.startsWith("attn.") && site.role !== "cross.q";
}
