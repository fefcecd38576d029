/**
 * A point between two others whose place is learned, for each group of tensors by itself: the share that a group takes of the second
 * point is a parameter like any other, so `train` does the rest.
 */
import { ConfigError, checkOptions } from "@cambium/base";
import { fingerprint, type Objective, type Parameters, type Random } from "@cambium/core";
import { type Batches, type EndEvent, type TrainEvent, type TrainOptions, train } from "@cambium/train";
import { add, mul, reshape, sigmoid, sub, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { alike, type PointLike } from "../points/point.ts";
import { type Grouping, groupsOf } from "./groups.ts";

/** What shares a blend has, and where they start. */
export interface BlendOptions {
  /**
   * Which tensors share a place: each `"tensor"` has its own, those of a `"block"` (a layer), those of a `"sublayer"` (attention or
   * feed-forward part), or those that a function of the name gives one label. Sub-layers are those of the objective's sites.
   *
   * @default "tensor"
   */
  readonly by?: Grouping;
  /** Where shares start: in the middle, or `"hard"`: drawn so that nearly every group is at one of the ends, as the authors have it. @default "middle" */
  readonly init?: "middle" | "hard";
  /** Where a hard start comes from. */
  readonly random?: Random;
}

/** Settings of `trainBlend`: those of `train`, and how tensors are grouped. */
export interface TrainBlendOptions extends Omit<TrainOptions, "random">, BlendOptions {
  /** Of the training, and of a hard start. */
  readonly random?: Random;
}

/** The last event of a blend's training. */
export interface BlendEndEvent extends EndEvent {
  /** How much of the second point each group takes, 0 to 1. */
  readonly shares: Readonly<Record<string, number>>;
  /** The blended point. The receiver owns it, and the `parameters`. */
  readonly point: Parameters;
}

/** What happens while a blend is trained. */
export type BlendEvent = Exclude<TrainEvent, EndEvent> | BlendEndEvent;

/** `from + σ(s_g) (to − from)`, with the s of each tensor's group. Whole numbers are those of `from`. The caller owns it. */
function blend(from: Parameters, to: Parameters, groups: ReadonlyMap<string, string>, at: Parameters): Parameters {
  return new Map(
    [...from].map(([name, tensor]): [string, Tensor] => [
      name,
      tidy(() => {
        const place = at.get(groups.get(name) ?? "");
        if (place === undefined) return tensor.clone();
        return reshape(add(tensor, mul(sub(to.get(name)!, tensor), sigmoid(place))), tensor.shape);
      }),
    ]),
  );
}

/**
 * The loss at a point between two others, as an objective whose parameters are one number for each group of tensors, s: the group
 * takes σ(s) of the second point. It is a supervised layer-wise merge (Qin et al. 2022, Exploring Mode Connectivity for Pre-trained
 * Language Models, arXiv:2210.14102; their program has it).
 *
 * @param objective - Whose parameters are as the points'.
 * @throws {ShapeError} When the points have other names or shapes; lists all.
 * @throws {ConfigError} For options that do not go together, and sub-layers of an objective without sites.
 */
export function blendObjective<Batch>(
  objective: Objective<Batch>,
  from: PointLike,
  to: PointLike,
  options: BlendOptions = {},
): Objective<Batch> {
  return blendOf(objective, from, to, options).objective;
}

function blendOf<Batch>(objective: Objective<Batch>, from: PointLike, to: PointLike, options: BlendOptions) {
  checkOptions("blendObjective", options, ["by", "init", "random"]);
  const { by = "tensor", init = "middle", random } = options;
  if (init !== "middle" && init !== "hard")
    throw new ConfigError({ message: `trainBlend: init must be "middle" or "hard", got ${JSON.stringify(init)}` });
  if (init === "hard" && random === undefined)
    throw new ConfigError({ message: "trainBlend: a hard start is drawn; give random: random(seed)" });
  const [, a, b] = alike("trainBlend", [objective, from, to], 3) as readonly [unknown, Parameters, Parameters];
  const groups = groupsOf(objective, a, by);
  const labels = [...new Set(groups.values())];
  const { describe, weight, warnings, state } = objective;
  const made: Objective<Batch> = {
    parameters: new Map(
      labels.map((label) => [
        label,
        init === "hard" ? random!.at("blend").at(label).normal([1], 0, 10) : tensor1d([0]),
      ]),
    ),
    loss: (at, batch, context) => tidy(() => objective.loss(blend(a, b, groups, at), batch, context)),
    ...(weight !== undefined && { weight: (batch: Batch) => weight(batch) }),
    ...(warnings !== undefined && { warnings }),
    ...(state !== undefined && { state }),
    ...(describe !== undefined && {
      describe: async () => ({
        blend: Object.fromEntries(groups),
        ends: [await fingerprint(a), await fingerprint(b)],
        of: await describe(),
      }),
    }),
  };
  return { objective: made, at: (shares: Parameters): Parameters => blend(a, b, groups, shares) };
}

/**
 * Learns where between two points each group of tensors does best: from the middle of the line, or from one end or the other.
 * Along a line that has a barrier a blend may pass it, since groups need not move together.
 *
 * @param objective - Whose parameters are as the points'.
 * @param options - Those of `train`, and how tensors are grouped. Its rates are large: 0.01 to 0.1, and no weight decay.
 * @throws {ShapeError} When the points are not of this objective's parameters; lists all.
 * @throws {ConfigError} As `blendObjective` and `train`.
 * @example
 * const { point, shares } = await result(trainBlend(tuned, a, b, data, { optimiser: adamW({ learningRate: 0.05 }), steps: 200, by: "block" }));
 */
export async function* trainBlend<Batch>(
  objective: Objective<Batch>,
  from: PointLike,
  to: PointLike,
  data: Batches<Batch>,
  options: TrainBlendOptions,
): AsyncGenerator<BlendEvent, void, undefined> {
  const { by, init, ...training } = options;
  const { objective: blended, at } = blendOf(objective, from, to, {
    ...(by !== undefined && { by }),
    ...(init !== undefined && { init }),
    ...(options.random !== undefined && { random: options.random }),
  });
  try {
    for await (const event of train(blended, data, training)) {
      if (event.type !== "end") {
        yield event;
        continue;
      }
      const shares: [string, number][] = [];
      for (const [label, place] of event.parameters) {
        const share = tidy(() => sigmoid(place));
        shares.push([label, (await share.data())[0]!]);
        share.dispose();
      }
      yield { ...event, shares: Object.fromEntries(shares), point: at(event.parameters) };
    }
  } finally {
    for (const tensor of blended.parameters.values()) tensor.dispose();
  }
}
