/**
 * Curves that are trained: the bends move so that the mean loss along the curve falls, the ends stay. A curve is an objective like
 * any other whose parameters are its bends, so `train` does the rest: checkpoints, schedules, replayed steps.
 */
import { ConfigError, checkOptions } from "@cambium/base";
import { fingerprint, type Objective, type Parameters } from "@cambium/core";
import { type Batches, type EndEvent, type TrainEvent, type TrainOptions, train } from "@cambium/train";
import { add, addN, div, type Scalar, scalar, type Tensor, type Tensor1D, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { combineTrees } from "../points/combination.ts";
import { coefficientTensors, type Path, pathThrough } from "../points/path.ts";
import { alike } from "../points/point.ts";

/** How t is drawn. */
export interface CurveOptions {
  /** Points of the curve in a step; the loss is their mean. @default 1 */
  readonly samples?: number;
  /** Whether each of them is drawn from its own part of [0, 1], all parts equal. @default true */
  readonly stratified?: boolean;
}

/** Settings of `trainCurve`: those of `train`, and how t is drawn. */
export interface TrainCurveOptions extends TrainOptions, CurveOptions {}

/** The last event of a curve's training. */
export interface CurveEndEvent extends EndEvent {
  /** The curve through the trained bends. The receiver owns these, which are also its `parameters`. */
  readonly path: Path;
}

/** What happens while a curve is trained. */
export type CurveEvent = Exclude<TrainEvent, EndEvent> | CurveEndEvent;

const nameOf = (bend: number, name: string): string => `bend.${bend}/${name}`;

/** The bends as one tree, `bend.<k>/<name>`, k from 0. */
function bendsOf({ nodes }: Path): Parameters {
  return new Map(
    nodes.slice(1, -1).flatMap((node, k) => [...node].map(([name, tensor]) => [nameOf(k, name), tensor] as const)),
  );
}

/** The curve with other bends, under the names of `curveObjective`. Nothing is copied. */
export function withBends(path: Path, bends: Parameters): Path {
  const [first, last] = [path.nodes[0]!, path.nodes.at(-1)!];
  return pathThrough(trainableKind(path), [first, ...treesOf(path, bends), last]);
}

function treesOf({ nodes }: Path, bends: Parameters): Parameters[] {
  return nodes
    .slice(1, -1)
    .map((node, k) => new Map([...node.keys()].map((name) => [name, bends.get(nameOf(k, name))!])));
}

function trainableKind({ kind, nodes }: Path): "bezier" | "polychain" {
  if ((kind === "bezier" || kind === "polychain") && nodes.length > 2) return kind;
  throw new ConfigError({
    message: `trainCurve: a ${kind} of ${nodes.length} nodes has no bends to train; take bezier(a, b, { bends: 1 }) or polychain`,
    kind,
  });
}

/**
 * The mean loss along a curve as an objective whose parameters are the bends: the expectation over uniform t, not over the length of
 * the curve (Garipov et al. 2018, arXiv:1802.10026, equation 2). While it is not training, t lies in the middle of its parts.
 *
 * Penalties in the loss are taken at the point of the curve.
 *
 * @param objective - Whose parameters are as the curve's.
 * @param path - `bezier` or `polychain` with bends.
 * @throws {ConfigError} For a path without bends.
 * @throws {ShapeError} When the path is not of this objective's parameters; lists all.
 */
export function curveObjective<Batch>(
  objective: Objective<Batch>,
  path: Path,
  options: CurveOptions = {},
): Objective<Batch> {
  checkOptions("curveObjective", options, ["samples", "stratified"]);
  const { samples = 1, stratified = true } = options;
  if (!Number.isInteger(samples) || samples < 1)
    throw new ConfigError({ message: `trainCurve: samples must be an integer from 1, got ${samples}`, samples });
  const kind = trainableKind(path);
  const [, first] = alike("trainCurve", [objective.parameters, path.nodes[0]!], 2);
  const last = path.nodes.at(-1)!;
  const { describe, weight, warnings, state } = objective;
  return {
    parameters: bendsOf(path),
    loss: (bends, batch, context) =>
      tidy(() => {
        const nodes = [first!, ...treesOf(path, bends), last];
        const losses = Array.from({ length: samples }, (_, i): Tensor => {
          const drawn: Tensor = context.training ? context.random.at("t").at(i).uniform([1]) : tensor1d([0.5]);
          const t = stratified || !context.training ? div(add(drawn, scalar(i)), scalar(samples)) : drawn;
          const [, ...weights] = coefficientTensors(kind, nodes.length, t as Tensor1D);
          const point = combineTrees(nodes, weights);
          return objective.loss(point, batch, { ...context, random: context.random.at("point").at(i) });
        });
        return div(addN(losses), scalar(samples)) as Scalar;
      }),
    ...(weight !== undefined && { weight: (batch: Batch) => weight(batch) }),
    ...(warnings !== undefined && { warnings }),
    ...(state !== undefined && { state }),
    ...(describe !== undefined && {
      describe: async () => ({
        curve: kind,
        samples,
        stratified,
        ends: [await fingerprint(first!), await fingerprint(last)],
        of: await describe(),
      }),
    }),
  };
}

/**
 * Finds a curve of low loss between two points: at each step draws t, and moves the bends against the gradient of the loss at that
 * point of the curve. The ends stay. Steps are replayed, not traced again; with `checkpoint` a run resumes as one of `train` does.
 *
 * @param objective - Whose parameters are as the curve's.
 * @param path - `bezier` or `polychain`; its bends are where they start. Not disposed of.
 * @param options - Those of `train`; `evaluate.run` gets the bends, which `withBends(path, bends)` makes a curve of.
 * @throws {ConfigError} For a path without bends, and as `train`.
 * @throws {ShapeError} When the path is not of this objective's parameters; lists all.
 * @throws {StateError} When the loss is not finite.
 * @see Garipov et al. 2018, Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs, arXiv:1802.10026, section 3.2.
 * @example
 * const run = trainCurve(tuned, bezier(a, b, { bends: 1 }), data, { optimiser: adamW({ learningRate: 1e-3 }), steps: 500 });
 * const { path } = await result(run);
 */
export async function* trainCurve<Batch>(
  objective: Objective<Batch>,
  path: Path,
  data: Batches<Batch>,
  options: TrainCurveOptions,
): AsyncGenerator<CurveEvent, void, undefined> {
  const { samples, stratified, ...training } = options;
  const curve = curveObjective(objective, path, {
    ...(samples !== undefined && { samples }),
    ...(stratified !== undefined && { stratified }),
  });
  for await (const event of train(curve, data, training))
    yield event.type === "end" ? { ...event, path: withBends(path, event.parameters) } : event;
}
