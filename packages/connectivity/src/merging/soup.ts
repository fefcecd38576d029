/** Soups: which of several points are worth averaging. */
import { ConfigError, checkOptions } from "@cambium/base";
import { disposeParameters, type Objective, type Parameters } from "@cambium/core";
import type { Batches } from "@cambium/train";
import { openEvaluator } from "../evaluate/evaluator.ts";
import type { Measure } from "../evaluate/measure.ts";
import { alike, type PointLike } from "../points/point.ts";
import { mergePoints } from "./merge-points.ts";

/** Settings of `runSoup`. */
export interface RunSoupOptions<Batch> {
  /** All points alike, or those that do not make it worse, the best first. @default "greedy" */
  readonly kind?: "uniform" | "greedy";
  /** What is measured of a batch. @default that of `createEvaluator` */
  readonly measure?: Measure<Batch>;
  /** What decides: the accuracy where it is measured, or the loss. @default "accuracy" where it is measured */
  readonly by?: "accuracy" | "loss";
}

/** A point, or a soup, measured. */
export interface Tasted {
  readonly loss: number;
  readonly accuracy?: number;
}

/** What happens while a soup is made. */
export type SoupEvent =
  | ({ readonly type: "point"; readonly point: number } & Tasted)
  | ({ readonly type: "soup"; readonly members: readonly number[]; readonly isKept: boolean } & Tasted)
  | ({
      readonly type: "end";
      /** The soup. The receiver owns it. */
      readonly parameters: Parameters;
      /** Which points are in it. */
      readonly members: readonly number[];
      /** Every point by itself. */
      readonly points: readonly Tasted[];
    } & Tasted);

const tastes = ({ loss, accuracy }: Tasted): Tasted => ({ loss, ...(accuracy !== undefined && { accuracy }) });

/**
 * Averages points that were tuned from one backbone: all of them, or greedily, from the best on, each that does not make the soup
 * worse. The soup is never worse than the best point on these rows; measure it on others.
 *
 * @param objective - A tuned model, or any objective whose parameters are as the points'.
 * @param points - At least one. Not disposed of.
 * @param data - Rows to choose by, which none of the points learned from.
 * @throws {ConfigError} For options out of range.
 * @throws {ShapeError} When the points are not of this objective's parameters; lists all.
 * @see Wortsman et al. 2022, Model Soups, arXiv:2203.05482, recipe 1.
 * @example
 * const { parameters, members } = await result(runSoup(tuned, [a, b, c], development));
 */
export async function* runSoup<Batch>(
  objective: Objective<Batch>,
  points: readonly PointLike[],
  data: Batches<Batch>,
  options: RunSoupOptions<Batch> = {},
): AsyncGenerator<SoupEvent, void, undefined> {
  checkOptions("runSoup", options, ["kind", "measure", "by"]);
  const { kind = "greedy", measure, by } = options;
  if (kind !== "greedy" && kind !== "uniform")
    throw new ConfigError({ message: `runSoup: kind must be "uniform" or "greedy", got "${String(kind)}"` });
  if (by !== undefined && by !== "accuracy" && by !== "loss")
    throw new ConfigError({ message: `runSoup: by must be "accuracy" or "loss", got "${String(by)}"` });
  const trees = alike("runSoup", points, 1);
  const evaluator = await openEvaluator(objective, data, measure === undefined ? {} : { measure });
  let soup: Parameters | undefined;
  try {
    const found: Tasted[] = [];
    for (const [point, tree] of trees.entries()) {
      found.push(tastes(await evaluator.measure(tree)));
      yield { type: "point", point, ...found.at(-1)! };
    }
    const decides = by ?? (found[0]!.accuracy === undefined ? "loss" : "accuracy");
    if (found.some((each) => each[decides] === undefined))
      throw new ConfigError({ message: `runSoup: "${decides}" is not measured of this objective` });
    const worth = (each: Tasted): number => (decides === "loss" ? -each.loss : each.accuracy!);
    // Of equal accuracies the lower loss, then the earlier point.
    const order = found
      .map((_, i) => i)
      .sort((a, b) => worth(found[b]!) - worth(found[a]!) || found[a]!.loss - found[b]!.loss || a - b);
    let members = kind === "uniform" ? trees.map((_, i) => i) : [order[0]!];
    soup = await mergePoints(members.map((i) => trees[i]!));
    let taste = tastes(await evaluator.measure(soup));
    if (kind === "uniform") yield { type: "soup", members, isKept: true, ...taste };
    for (const next of kind === "uniform" ? [] : order.slice(1)) {
      const more = [...members, next];
      const mixed = await mergePoints(more.map((i) => trees[i]!));
      const mixedTaste = tastes(await evaluator.measure(mixed));
      const isKept = worth(mixedTaste) >= worth(taste);
      disposeParameters(isKept ? soup : mixed);
      if (isKept) [soup, taste, members] = [mixed, mixedTaste, more];
      yield { type: "soup", members: more, isKept, ...mixedTaste };
    }
    const parameters = soup;
    soup = undefined;
    yield { type: "end", parameters, members, points: found, ...taste };
  } finally {
    if (soup !== undefined) disposeParameters(soup);
    evaluator.dispose();
  }
}
