/**
 * Maps from deltas of one model to deltas of its next version, fitted on tasks that were tuned on both.
 *
 * What is mapped is a change: the numbers of a delta that start at zero or stand for themselves, and of replaced weights what training
 * added to the base's. Heads are left out unless all tasks have the same labels.
 */
import { ConfigError, ShapeError } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import { type LanguageModel, labelsOf } from "@cambium/models";
import { add, sub, type Tensor, tidy } from "@tensorflow/tfjs-core";

/** Kinds of maps. */
export type ProjectionKind = "identity" | "mean-shift" | "scale-shift" | "ridge" | "low-rank";

/** A map from deltas to deltas. */
export interface DeltaProjection {
  readonly kind: ProjectionKind;
  /** Shapes of what is mapped, by `<delta>/<name>`; all else stays as it is. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** The labels of the tasks, where the head is mapped. */
  readonly labels?: readonly string[];
  /** The image of a change, under the same names. The caller owns it. */
  apply(change: Parameters): Map<string, Tensor>;
  /** Frees what it holds. */
  dispose(): void;
}

/** A task that was tuned on both models. */
export interface TunedPair {
  readonly old: Tuned<LanguageModel>;
  readonly current: Tuned<LanguageModel>;
}

/** Names of parameters by the base's weight that they take the place of; `head` for those of a head. */
export interface Places {
  readonly heads: ReadonlySet<string>;
  /** Name of the base's weight, by `<delta>/<name>`. */
  readonly weights: ReadonlyMap<string, string>;
}

/** Which parameters are heads', and which replace weights. */
export function placesOf({ base, deltas }: Tuned<LanguageModel>): Places {
  const inHead = new Set(base.headParameters);
  const heads = new Set<string>();
  const weights = new Map<string, string>();
  for (const { name, method, parameters, shape, config } of deltas) {
    const replaced = new Set(
      method.replaces === true ? parameters.keys() : (method.replaced?.(shape, config as never) ?? []),
    );
    for (const key of parameters.keys()) {
      if (!replaced.has(key)) continue;
      if (inHead.has(key)) heads.add(`${name}/${key}`);
      else weights.set(`${name}/${key}`, key);
    }
  }
  return { heads, weights };
}

/** What was changed, by `<delta>/<name>`. The caller owns it. */
export function changeOf(tuned: Tuned<LanguageModel>, names: Iterable<string>): Map<string, Tensor> {
  const { weights } = placesOf(tuned);
  return new Map(
    [...names].map((name) => {
      const value = tuned.parameters.get(name)!;
      const weight = weights.get(name);
      return [name, weight === undefined ? value.clone() : sub(value, tuned.base.parameters.get(weight)!)];
    }),
  );
}

/**
 * The parameters of a tuned model with its change mapped, still on the old base. The caller owns them.
 *
 * @throws {ShapeError} When the projection is of other deltas; lists all that differs.
 * @throws {ConfigError} When it maps heads of other labels.
 */
export function projectTree(
  projection: DeltaProjection,
  tuned: Tuned<LanguageModel>,
  newBase: LanguageModel,
): Map<string, Tensor> {
  const { heads, weights } = placesOf(tuned);
  const wrong = [...projection.shapes].flatMap(([name, shape]) => {
    const tensor = tuned.parameters.get(name);
    return `${tensor?.shape}` === `${shape}`
      ? []
      : [`"${name}" is [${tensor?.shape ?? "absent"}], and [${shape}] is mapped`];
  });
  const left = [...tuned.parameters.keys()].filter((name) => !projection.shapes.has(name) && !heads.has(name));
  for (const name of left) wrong.push(`"${name}" is not mapped`);
  if (wrong.length > 0)
    throw new ShapeError({
      message: `recycle: the projection is of other deltas: ${wrong.slice(0, 10).join("; ")}`,
      wrong,
    });
  const mapsHead = [...projection.shapes.keys()].some((name) => heads.has(name));
  for (const { head } of [tuned, newBase])
    if (mapsHead && JSON.stringify(labelsOf(head)) !== JSON.stringify(projection.labels))
      throw new ConfigError({
        message: `recycle: the projection maps heads of the labels ${projection.labels?.join(", ")}, and here they are ${labelsOf(head)?.join(", ") ?? "none"}; fit it with classifier: "exclude"`,
      });
  const change = changeOf(tuned, projection.shapes.keys());
  try {
    const mapped = projection.apply(change);
    return new Map(
      [...tuned.parameters].map(([name, value]) => {
        const image = mapped.get(name);
        if (image === undefined) return [name, value.clone()];
        const weight = weights.get(name);
        if (weight === undefined) return [name, image];
        const whole = tidy(() => add(image, tuned.base.parameters.get(weight)!));
        image.dispose();
        return [name, whole];
      }),
    );
  } finally {
    for (const tensor of change.values()) tensor.dispose();
  }
}
