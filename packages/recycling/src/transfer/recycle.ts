/** A delta of one model on the next version of it, without training. */
import { ConfigError, checkOptions } from "@cambium/base";
import { disposeParameters, isQuantised, type Parameters } from "@cambium/core";
import { attach, combine, type Delta, named, type Stack, type Tuned } from "@cambium/delta";
import type { LanguageModel, Tokenizer } from "@cambium/models";
import { add, sub, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { type DeltaProjection, projectTree } from "../projection/projection.ts";
import { followUnits } from "./align.ts";
import { compareModels } from "./compatibility.ts";
import { labelOrder, reorderer } from "./labels.ts";
import { moveRows } from "./prompts.ts";
import { checkScale, type Scale, scaleDelta } from "./scale.ts";

/** Settings of `recycle`. */
export interface RecycleOptions {
  /** `"initialise"`: what was learned is put onto the new model as it is. `"project"`: it goes through `projection` before. */
  readonly method: "initialise" | "project";
  /** What maps deltas of the old model to deltas of the new one, such as `fitProjection` gives. */
  readonly projection?: DeltaProjection;
  /** λ: how much of the change is taken over, or a factor for each layer. Heads stay whole. @default 1 */
  readonly scale?: Scale;
  /**
   * What becomes of a trained head: `"keep"` takes its numbers over, `"difference"` adds to the new model's head what training changed
   * in the old one's, which is for models that have one head from before. @default "keep"
   */
  readonly classifier?: "keep" | "difference";
  /** Whether a LoRA comes along as its two factors, or as their product, factored again at its singular vectors; then the result is a promise. @default "factors" */
  readonly lora?: "factors" | "product";
  /** Whether prompts keep their numbers, or follow the words that they are nearest to into the new table. @default "keep" */
  readonly prompts?: "keep" | "nearest-token";
  /**
   * Whether neurons and heads of the new model may stand in another order than the old one's: then the delta follows them. For versions
   * that were trained on it is not needed, and finds nothing to do. The result is a promise. @default false
   */
  readonly align?: boolean;
  /** The old model, where only a delta of it is given that stands for values of that model, or holds a head. */
  readonly from?: LanguageModel;
  /** Of both models: unlike ones are an error. @default compared by the size of their vocabularies */
  readonly tokenizers?: readonly [old: Tokenizer, current: Tokenizer];
}

const KEYS = ["method", "projection", "scale", "classifier", "lora", "prompts", "align", "from", "tokenizers"] as const;

/**
 * Puts what was learned on one model onto another one of the same form, such as a later version of it. Nothing is trained: it is where
 * training starts, and what it scores before the first step is how far the old delta serves the new model.
 *
 * LoRA, adapters, (IA)³ and prefixes come along as they are, BitFit as a difference of biases, weights that were trained themselves
 * (`whole`, norms, biases beside a LoRA) as their difference from the old model's, of tied weights once. Classes follow their names.
 *
 * @param old - A tuned model, or a delta of one; what a delta changed in weights, and whose rows the labels are, only its model says (`from`). Not
 *   disposed of.
 * @param newBase - Not changed.
 * @returns The tuned new model, as a promise with `align` and for products of LoRAs, which read weights. The caller owns its parameters.
 * @throws {ConfigError} When it does not fit; lists all reasons. For settings that there are not, or that do not go together.
 * @see Qin et al. 2023, Recyclable Tuning for Continual Pre-training, arXiv:2305.08702.
 * @example
 * const moved = recycle(old, newBase, { method: "initialise" });
 * const { parameters } = await result(train(moved, data, { optimiser, steps: 50 }));
 */
export function recycle<M extends LanguageModel>(
  old: Tuned<LanguageModel> | Delta | Stack,
  newBase: M,
  options: RecycleOptions & { readonly align?: false; readonly lora?: "factors" },
): Tuned<M>;
export function recycle<M extends LanguageModel>(
  old: Tuned<LanguageModel> | Delta | Stack,
  newBase: M,
  options: RecycleOptions,
): Tuned<M> | Promise<Tuned<M>>;
export function recycle<M extends LanguageModel>(
  old: Tuned<LanguageModel> | Delta | Stack,
  newBase: M,
  options: RecycleOptions,
): Tuned<M> | Promise<Tuned<M>> {
  checkOptions("recycle", options, KEYS);
  const {
    method,
    projection,
    scale = 1,
    classifier = "keep",
    lora = "factors",
    prompts = "keep",
    tokenizers,
    align = false,
  } = options;
  checkChoice("method", method, ["initialise", "project"]);
  checkChoice("classifier", classifier, ["keep", "difference"]);
  checkChoice("lora", lora, ["factors", "product"]);
  checkChoice("prompts", prompts, ["keep", "nearest-token"]);
  checkScale("recycle", scale);
  if ((method === "project") !== (projection !== undefined))
    throw new ConfigError({
      message: `recycle: ${method === "project" ? '"project" needs a projection, such as fitProjection gives' : '"initialise" takes no projection; is method "project" meant?'}`,
    });
  const tuned = asTuned(old, options.from, newBase);
  const { problems } = compareModels(tuned, newBase, tokenizers);
  if (problems.length > 0)
    throw new ConfigError({
      message: `recycle: the delta does not fit the new model: ${problems.join("; ")}`,
      problems,
    });
  checkOptionsOf(tuned, newBase, { scale, classifier, lora, prompts });
  if (align && projection !== undefined)
    throw new ConfigError({ message: "recycle: a projection is of units in their order; leave align out" });
  const plan = { scale, classifier, prompts };
  if (align) return transferAligned(tuned, newBase, plan, lora);
  const moved =
    projection === undefined ? transfer(tuned, newBase, plan) : transferMapped(projection, tuned, newBase, plan);
  return lora === "product" ? asProducts(moved) : moved;
}

function transferMapped<M extends LanguageModel>(
  projection: DeltaProjection,
  tuned: Tuned<LanguageModel>,
  newBase: M,
  plan: Plan,
): Tuned<M> {
  const projected = projectTree(projection, tuned, newBase);
  try {
    return transfer(tuned.with(projected), newBase, plan);
  } finally {
    disposeParameters(projected);
  }
}

async function transferAligned<M extends LanguageModel>(
  tuned: Tuned<LanguageModel>,
  newBase: M,
  plan: Plan,
  lora: "factors" | "product",
): Promise<Tuned<M>> {
  const followed = await followUnits(tuned, newBase);
  try {
    const moved = transfer(followed.tuned, newBase, plan);
    return lora === "product" ? await asProducts(moved) : moved;
  } finally {
    followed.dispose();
  }
}

/** With every LoRA as the product of its factors, factored again. Takes over the parameters of what it is given. */
async function asProducts<M extends LanguageModel>(moved: Tuned<M>): Promise<Tuned<M>> {
  const made: Delta[] = [];
  try {
    for (const delta of moved.deltas)
      if (delta.kind === "lora") made.push(named(delta.name, await combine([[delta, 1]], { method: "svd" })));
  } catch (error) {
    for (const { parameters } of made) disposeParameters(parameters);
    disposeParameters(moved.parameters);
    throw error;
  }
  for (const delta of moved.deltas) if (delta.kind === "lora") disposeParameters(delta.parameters);
  const byName = new Map(made.map((delta) => [delta.name, delta]));
  return attach(moved.base, ...moved.deltas.map((delta) => byName.get(delta.name) ?? delta));
}

function checkChoice(name: string, value: unknown, known: readonly string[]): void {
  if (known.includes(value as string)) return;
  const choices = known.map((each) => `"${each}"`).join(" or ");
  throw new ConfigError({ message: `recycle: ${name} must be ${choices}, got ${JSON.stringify(value)}` });
}

const ROWS: readonly string[] = ["prompt", "prefix", "pTuning"];

/** Throws for settings that would do nothing, and for weights in few bits, between which there are no differences. */
function checkOptionsOf(
  { base, deltas }: Tuned<LanguageModel>,
  newBase: LanguageModel,
  { scale, classifier, lora, prompts }: Plan & Required<Pick<RecycleOptions, "lora">>,
): void {
  const fail = (message: string): ConfigError => new ConfigError({ message: `recycle: ${message}` });
  const none = (kind: string): boolean => deltas.every((delta) => delta.kind !== kind);
  const rows = deltas.find(({ kind }) => ROWS.includes(kind));
  if (scale !== 1 && rows !== undefined)
    throw fail(
      `"${rows.name}" (${rows.kind}) puts rows in front of others, and there is no part of a row; leave scale out`,
    );
  if (lora === "product" && none("lora")) throw fail('lora: "product" is for LoRAs, of which there are none');
  if (prompts === "nearest-token" && none("prompt"))
    throw fail('prompts: "nearest-token" is for prompts, of which there are none');
  const replaced = deltas.flatMap(({ method, parameters, shape, config }) =>
    method.replaces === true ? [...parameters.keys()] : (method.replaced?.(shape, config as never) ?? []),
  );
  if (classifier === "difference" && !replaced.some((name) => base.headParameters.includes(name)))
    throw fail('classifier: "difference" is for a trained head, of which there is none');
  const rounded = replaced.filter((name) => [base, newBase].some((model) => isRounded(model, name)));
  if (rounded.length > 0)
    throw fail(
      `what training changed in ${rounded.slice(0, 3).join(", ")} is a difference of weights, and these are held in few bits; load both models in float32`,
    );
}

function isRounded({ parameters }: LanguageModel, name: string): boolean {
  const tensor = parameters.get(name);
  return tensor !== undefined && isQuantised(tensor);
}

/** A tuned model of what was given. */
function asTuned(
  old: Tuned<LanguageModel> | Delta | Stack,
  from: LanguageModel | undefined,
  newBase: LanguageModel,
): Tuned<LanguageModel> {
  if (Object(old) === old && "deltas" in old) {
    if (from === undefined) return old;
    throw new ConfigError({ message: "recycle: a tuned model has its base; from is for deltas alone" });
  }
  if (from !== undefined) return attach(from, old as Delta | Stack);
  const tuned = attach(newBase, old as Delta | Stack);
  // Numbers beside the weights are what they are; those in their place, or that began from them, count from the old model's.
  const bound = tuned.deltas.find(
    ({ method, parameters, buffers, shape, config, kind }) =>
      method.replaces === true ||
      (method.replaced?.(shape, config as never) ?? []).length > 0 ||
      (method.rebase !== undefined && (kind !== "lora" || buffers.size > 0)) ||
      [...parameters.keys()].some((name) => shape.tensors.has(name)),
  );
  if (bound === undefined) return tuned;
  throw new ConfigError({
    message: `recycle: "${bound.name}" (${bound.kind}) counts from the weights of its model; pass the tuned old model, or the model that the delta was trained on as from`,
    delta: bound.name,
  });
}

type Plan = Required<Pick<RecycleOptions, "scale" | "classifier" | "prompts">>;

function transfer<M extends LanguageModel>(old: Tuned<LanguageModel>, newBase: M, plan: Plan): Tuned<M> {
  const { scale, classifier, prompts } = plan;
  const order = labelOrder(old.head, newBase.head);
  const reorder = order === undefined ? undefined : reorderer(newBase, old.deltas, order);
  const moved = old.on(newBase);
  const owned: Parameters[] = [new Map(old.deltas.flatMap((delta, i) => madeOnMove(delta, moved.deltas[i]!)))];
  const done: Delta[] = [];
  try {
    for (const [i, before] of old.deltas.entries()) {
      const change = (delta: Delta, change: (name: string, value: Tensor) => Tensor): Delta => {
        const parameters = new Map([...delta.parameters].map(([name, value]) => [name, change(name, value)]));
        owned.push(parameters);
        return { ...delta, parameters };
      };
      let delta = moved.deltas[i]!;
      if (reorder !== undefined && delta.method.replaces === true) delta = change(delta, reorder);
      if (classifier === "difference" && before.method.replaces === true)
        delta = change(delta, (name, value) => headDifference(old.base, newBase, reorder, name, value));
      if (delta.kind === "prompt" && prompts === "nearest-token")
        delta = change(delta, (_, value) => moveRows(value, old.base, newBase));
      const { delta: part, made } = scaleDelta(delta, newBase, scale);
      if (made) owned.push(part.parameters);
      delta = part;
      const { start: _, ...rest } = delta;
      done.push({ ...rest, parameters: new Map([...delta.parameters].map(([name, value]) => [name, value.clone()])) });
    }
    return attach(newBase, ...done);
  } catch (error) {
    for (const { parameters } of done) disposeParameters(parameters);
    throw error;
  } finally {
    for (const tree of owned) disposeParameters(tree);
  }
}

/** Tensors that moving a delta to another base has made. */
function madeOnMove(before: Delta, after: Delta): [string, Tensor][] {
  return [...after.parameters].flatMap(([name, value]) =>
    before.parameters.get(name) === value ? [] : [[`${after.name}/${name}`, value] as [string, Tensor]],
  );
}

/** What training changed in the old head, added to the new model's; other tensors as they are. */
function headDifference(
  old: LanguageModel,
  current: LanguageModel,
  reorder: ((name: string, tensor: Tensor) => Tensor) | undefined,
  name: string,
  value: Tensor,
): Tensor {
  if (!current.headParameters.includes(name)) return value.clone();
  return tidy(() => {
    const before = old.parameters.get(name)!;
    return add(sub(value, reorder === undefined ? before : reorder(name, before)), current.parameters.get(name)!);
  });
}
