/** Soups: which of several points are worth averaging. */
import { ConfigError, checkOptions } from "@cambium/base";
import { cloneParameters, disposeParameters, type Objective, type Parameters } from "@cambium/core";
import type { Batches } from "@cambium/train";
import type { Tensor } from "@tensorflow/tfjs-core";
import { openEvaluator } from "../evaluate/evaluator.ts";
import type { Measure } from "../evaluate/measure.ts";
import { combine } from "../points/combination.ts";
import { alike, type PointSource, withPoint } from "../points/point.ts";

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
 * Numbers are averaged, a LoRA's factors as they are: of LoRAs that were tuned from one start that is near to the mean of their products,
 * which `mergeTuned` makes, of others it is not.
 *
 * Points may be functions that load one, such as `() => loadPoint(tuned, "runs/3")`: then one is held at a time beside the soup and what
 * the soup would be with it, however many there are. Each is loaded once, and by a greedy soup once more when its turn comes.
 *
 * @param objective - A tuned model, or any objective whose parameters are as the points'.
 * @param points - At least one. Not disposed of, but for what functions load.
 * @param data - Rows to choose by, which none of the points learned from.
 * @throws {ConfigError} For options out of range.
 * @throws {ShapeError} When a point is not of this objective's parameters; lists all.
 * @see Wortsman et al. 2022, Model Soups, arXiv:2203.05482, recipe 1.
 * @example
 * const { parameters, members } = await result(runSoup(tuned, [a, b, c], development));
 */
export async function* runSoup<Batch>(
  objective: Objective<Batch>,
  points: readonly PointSource[],
  data: Batches<Batch>,
  options: RunSoupOptions<Batch> = {},
): AsyncGenerator<SoupEvent, void, undefined> {
  checkOptions("runSoup", options, ["kind", "measure", "by"]);
  const { kind = "greedy", measure, by } = options;
  if (kind !== "greedy" && kind !== "uniform")
    throw new ConfigError({ message: `runSoup: kind must be "uniform" or "greedy", got "${String(kind)}"` });
  if (by !== undefined && by !== "accuracy" && by !== "loss")
    throw new ConfigError({ message: `runSoup: by must be "accuracy" or "loss", got "${String(by)}"` });
  const held = points.filter((point) => typeof point !== "function");
  if (held.length > 0 || points.length === 0) alike("runSoup", held); // before anything is loaded
  const evaluator = await openEvaluator(objective, data, measure === undefined ? {} : { measure });
  const visit = <Result>(point: number, body: (tree: Parameters) => Promise<Result>): Promise<Result> =>
    withPoint(`runSoup: point ${point} beside the objective`, objective, points[point]!, body);
  let soup: Parameters | undefined;
  try {
    const found: Tasted[] = [];
    for (const point of points.keys()) {
      const [taste, mean] = await visit(point, async (tree) => [
        tastes(await evaluator.measure(tree)),
        kind === "uniform" ? stir(soup, tree, point) : undefined,
      ]);
      found.push(taste);
      if (mean !== undefined) {
        if (soup !== undefined) disposeParameters(soup);
        soup = mean;
      }
      yield { type: "point", point, ...taste };
    }
    const decides = by ?? (found[0]!.accuracy === undefined ? "loss" : "accuracy");
    if (found.some((each) => each[decides] === undefined))
      throw new ConfigError({ message: `runSoup: "${decides}" is not measured of this objective` });
    const worth = (each: Tasted): number => (decides === "loss" ? -each.loss : each.accuracy!);
    // Of equal accuracies the lower loss, then the earlier point.
    const order = found
      .map((_, i) => i)
      .sort((a, b) => worth(found[b]!) - worth(found[a]!) || found[a]!.loss - found[b]!.loss || a - b);
    let members = kind === "uniform" ? found.map((_, i) => i) : [order[0]!];
    soup ??= await visit(order[0]!, async (tree) => stir(undefined, tree, 0));
    let taste = tastes(await evaluator.measure(soup));
    if (kind === "uniform") yield { type: "soup", members, isKept: true, ...taste };
    for (const next of kind === "uniform" ? [] : order.slice(1)) {
      const more = [...members, next];
      const mixed = await visit(next, async (tree) => stir(soup, tree, members.length));
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

/** The mean of `count` points with one more, as a tree of its own: points that are equal give that point to the bit. */
function stir(mean: Parameters | undefined, tree: Parameters, count: number): Map<string, Tensor> {
  return mean === undefined ? cloneParameters(tree) : combine([mean, tree], [count / (count + 1), 1 / (count + 1)], 1);
}
