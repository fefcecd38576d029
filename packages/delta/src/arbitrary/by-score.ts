/**
 * Choices that are not random, as baselines beside `arbitrary`: the entries of largest score, and all biases or gains.
 *
 * The largest are found by counting bits of the scores (two passes of 16 bits), so that ties are settled by name and place on
 * every backend, and nothing is sorted.
 */
import { ConfigError, parseConfig } from "@cambium/base";
import { disposeParameters, type Parameters, random, valueAndGradients } from "@cambium/core";
import { add, square, type Tensor, tidy } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { type AnyModel, attach, type InputOf } from "../attach.ts";
import { describeUntrained, type Host, type HostModel, type HostSource, hostOf } from "../host.ts";
import { whole } from "../methods/whole.ts";
import { overlay } from "../trees.ts";
import { allowed, type Candidate, weightCandidates } from "./candidates.ts";
import { type Manifest, type Pick, writeManifest } from "./manifest.ts";
import { constraintKeys, type SelectionConstraints } from "./options.ts";
import { checkPlaces } from "./places.ts";

/** Settings of the selections by score. */
export interface SelectByOptions extends SelectionConstraints {
  /** Scalars to choose. */
  readonly count: number;
}

const schema = z.strictObject({ ...constraintKeys, count: z.int().min(1) });
const wherever = z.strictObject(constraintKeys);
const none = new Int32Array(0);

/** The weights that the options allow. */
function candidatesFor(caller: string, model: HostSource, options: SelectionConstraints): readonly Candidate[] {
  const host = hostOf(model);
  const weights = weightCandidates(host);
  checkPlaces(caller, host, weights, options);
  const found = allowed(host, weights, options);
  if (found.length > 0) return found;
  throw new ConfigError({ message: `${caller}: no weights are left to choose from${describeUntrained(host)}` });
}

const parseCount = (caller: string, options: SelectByOptions) => parseConfig(caller, schema, options);

/** Distances from zero in the order of integers: the bits of a float32 without its sign. */
async function bitsOf(name: string, scores: Parameters): Promise<Uint32Array> {
  const values = (await scores.get(name)!.data()) as Float32Array;
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return bits.map((value) => value & 0x7fffffff);
}

/** The bucket that the `count`-th largest lies in, and how many of the bucket belong to the largest. */
function bucketOf(histogram: Float64Array, count: number): readonly [bucket: number, left: number] {
  let left = count;
  for (let bucket = histogram.length - 1; ; bucket--) {
    if (histogram[bucket]! >= left) return [bucket, left];
    left -= histogram[bucket]!;
  }
}

async function largest(
  caller: string,
  host: Host,
  candidates: readonly Candidate[],
  scores: Parameters,
  count: number,
): Promise<Manifest> {
  const total = candidates.reduce((sum, { size }) => sum + size, 0);
  if (total < count)
    throw new ConfigError({
      message: `${caller}: a count of ${count} was asked for, and there are ${total} scalars to choose from${describeUntrained(host)}`,
      count,
      total,
    });
  const [upper, lower] = [new Float64Array(2 ** 15), new Float64Array(2 ** 16)];
  for (const { name } of candidates) {
    for (const bits of await bitsOf(name, scores)) {
      if (bits > 0x7f800000) throw new ConfigError({ message: `${caller}: a score of "${name}" is NaN`, name });
      upper[bits >>> 16]!++;
    }
  }
  const [high, inBucket] = bucketOf(upper, count);
  for (const { name } of candidates)
    for (const bits of await bitsOf(name, scores)) if (bits >>> 16 === high) lower[bits & 0xffff]!++;
  const [low, atThreshold] = bucketOf(lower, inBucket);
  const threshold = high * 2 ** 16 + low;
  let ties = atThreshold;
  const picks: Pick[] = [];
  for (const candidate of candidates) {
    const places: number[] = [];
    for (const [place, bits] of (await bitsOf(candidate.name, scores)).entries()) {
      if (bits > threshold || (bits === threshold && ties-- > 0)) places.push(place);
    }
    const all = places.length === candidate.size;
    if (places.length > 0) picks.push({ candidate, all, rows: none, scalars: all ? none : Int32Array.from(places) });
  }
  return writeManifest(host, { requested: count, picks }, 0);
}

/**
 * The entries whose scores are farthest from zero, from any score: `trained − base` after a full fine-tuning is the lottery
 * ticket of Frankle and Carbin 2019, arXiv:1803.03635.
 *
 * @param scores - A number for each entry, under the names of the weights; ties go to names and places that come first.
 * @throws {ConfigError} For a weight without scores, and for scores of another shape, that are not float32, or NaN.
 * @example
 * const tuned = attach(base, arbitrary(base, { selection: await selectByScores(base, changes, { count: 5000 }) }, random(1)));
 */
export async function selectByScores(
  model: HostModel,
  scores: Parameters,
  options: SelectByOptions,
): Promise<Manifest> {
  const { count, ...where } = parseCount("selectByScores", options);
  const candidates = candidatesFor("selectByScores", model, where);
  for (const { name, shape } of candidates) {
    const given = scores.get(name);
    if (given !== undefined && given.dtype !== "float32")
      throw new ConfigError({
        message: `selectByScores: the scores of "${name}" are ${given.dtype}; cast them to float32`,
        name,
      });
    if (given?.shape.join() === shape.join()) continue;
    throw new ConfigError({
      message: `selectByScores: "${name}" of shape [${shape}] has ${given === undefined ? "no scores" : `scores of shape [${given.shape}]`}; leave it out by the options, or give it some`,
      name,
    });
  }
  return largest("selectByScores", hostOf(model), candidates, scores, count);
}

/**
 * The entries of largest magnitude.
 *
 * @throws {ConfigError} For options out of range, and fewer weights than `count`.
 * @example
 * const selection = await selectByMagnitude(base, { count: 5000, excludeEmbeddings: true });
 */
export async function selectByMagnitude(model: HostModel, options: SelectByOptions): Promise<Manifest> {
  const { count, ...where } = parseCount("selectByMagnitude", options);
  const candidates = candidatesFor("selectByMagnitude", model, where);
  return largest("selectByMagnitude", hostOf(model), candidates, model.parameters, count);
}

/** Sums over batches of something of the gradient of each weight, largest first. */
async function byGradients<M extends AnyModel & HostModel>(
  caller: string,
  model: M,
  data: Iterable<InputOf<M>> | AsyncIterable<InputOf<M>>,
  options: SelectByOptions,
  of: (gradient: Tensor) => Tensor,
): Promise<Manifest> {
  const { count, ...where } = parseCount(caller, options);
  const candidates = candidatesFor(caller, model, where);
  const full = whole(model, { modules: candidates.map(({ name }) => name) });
  const tuned = attach(model, full);
  const at = new Map(candidates.map(({ name }) => [`${full.name}/${name}`, full.parameters.get(name)!]));
  const sums = new Map<string, Tensor>();
  let isEmpty = true;
  try {
    for await (const batch of data) {
      isEmpty = false;
      const context = { random: random(0), training: false };
      const { value, gradients } = valueAndGradients(
        (q) => tuned.loss(overlay(tuned.parameters, q), batch, context),
        at,
      );
      value.dispose();
      for (const { name } of candidates) {
        const before = sums.get(name);
        const gradient = gradients.get(`${full.name}/${name}`)!;
        sums.set(
          name,
          tidy(() => (before === undefined ? of(gradient).clone() : add(before, of(gradient)))),
        );
        before?.dispose();
      }
      disposeParameters(gradients);
    }
    if (isEmpty) throw new ConfigError({ message: `${caller}: there are no batches to take gradients of` });
    return await largest(caller, hostOf(model), candidates, sums, count);
  } finally {
    disposeParameters(sums);
    disposeParameters(full.parameters);
  }
}

/**
 * The entries whose gradient of the mean loss is largest before training, summed over batches without dropout.
 *
 * @param data - Batches that the model's loss reads; they stay the caller's.
 * @throws {ConfigError} For options out of range, a model without a loss, and data without batches.
 */
export function selectByGradient<M extends AnyModel & HostModel>(
  model: M,
  data: Iterable<InputOf<M>> | AsyncIterable<InputOf<M>>,
  options: SelectByOptions,
): Promise<Manifest> {
  return byGradients("selectByGradient", model, data, options, (gradient) => gradient);
}

/**
 * The entries of largest empirical Fisher information, the squared gradient summed over batches: the FISH mask of Sung et al.
 * 2021, arXiv:2111.09839. They square the gradient of each example: give batches of one row for that.
 *
 * @param data - Batches that the model's loss reads; they stay the caller's.
 * @throws {ConfigError} For options out of range, a model without a loss, and data without batches.
 */
export function selectByFisher<M extends AnyModel & HostModel>(
  model: M,
  data: Iterable<InputOf<M>> | AsyncIterable<InputOf<M>>,
  options: SelectByOptions,
): Promise<Manifest> {
  return byGradients("selectByFisher", model, data, options, (gradient) => square(gradient));
}

function all(
  caller: string,
  model: HostSource,
  options: SelectionConstraints,
  is: (candidate: Candidate) => boolean,
): Manifest {
  const where = parseConfig(caller, wherever, options);
  const candidates = candidatesFor(caller, model, where).filter(is);
  if (candidates.length === 0) throw new ConfigError({ message: `${caller}: the model has none` });
  const requested = candidates.reduce((sum, { size }) => sum + size, 0);
  return writeManifest(
    hostOf(model),
    { requested, picks: candidates.map((candidate) => ({ candidate, all: true, rows: none, scalars: none })) },
    0,
  );
}

/** Every bias that the model has, those of keys and norms included. */
export function selectBiases(model: HostSource, options: SelectionConstraints = {}): Manifest {
  const biases = new Set(
    hostOf(model)
      .sites()
      .map(({ bias }) => bias),
  );
  return all("selectBiases", model, options, ({ name }) => biases.has(name));
}

/** Gain and bias of every norm. */
export function selectNorms(model: HostSource, options: SelectionConstraints = {}): Manifest {
  const norms = hostOf(model)
    .sites()
    .filter(({ kind }) => kind === "norm");
  const names = new Set(norms.flatMap(({ weight, bias }) => [weight?.name, bias]));
  return all("selectNorms", model, options, ({ name }) => names.has(name));
}
