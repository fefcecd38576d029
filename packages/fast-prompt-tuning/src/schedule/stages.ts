/** Stages of a schedule: how much of the model trains for how long. */
import { ConfigError, parseConfig } from "@cambium/base";
import * as z from "zod";

/** A stage of depth and width together. */
export interface Stage {
  /** Part of the run's steps. Either this or `steps`. */
  readonly share?: number;
  readonly steps?: number;
  /** As for `partial`. @default 1 */
  readonly depth?: number;
  /** As for `partial`. @default 1 */
  readonly width?: number;
  /** Most tokens of a row, as `shortened` cuts them. @default as the data has them */
  readonly length?: number;
}

/** Stages of depth and of width that begin and end apart. */
export interface SeparateStages {
  readonly depth?: readonly Omit<Stage, "width" | "length">[];
  readonly width?: readonly Omit<Stage, "depth" | "length">[];
}

/**
 * The paper's schedules by name: a quarter, a half and three quarters of the layers, of the feed-forward neurons, or of both, for a fifth of the
 * steps each, then all of the model for two fifths. `"paper"` is that of both.
 */
export type NamedStages = "paper" | "paper-depth" | "paper-width";

/** Whatever says the stages of a run. */
export type Stages = NamedStages | readonly Stage[] | SeparateStages;

/** A stage of a run of so many steps. */
export interface PlannedStage {
  /** From 1. */
  readonly number: number;
  /** Steps taken before it. */
  readonly from: number;
  /** Steps taken after it. */
  readonly to: number;
  readonly depth: number;
  readonly width: number;
  readonly length?: number;
}

const SHARES = [0.2, 0.2, 0.2, 0.4];
const SIZES = [0.25, 0.5, 0.75, 1];
const named: Readonly<Record<NamedStages, readonly Stage[]>> = {
  paper: SHARES.map((share, i) => ({ share, depth: SIZES[i]!, width: SIZES[i]! })),
  "paper-depth": SHARES.map((share, i) => ({ share, depth: SIZES[i]! })),
  "paper-width": SHARES.map((share, i) => ({ share, width: SIZES[i]! })),
};

const amount = z.number().positive();
const timed = { share: z.number().min(0).max(1).exactOptional(), steps: z.int().nonnegative().exactOptional() };
const stage = z.strictObject({
  ...timed,
  depth: amount.exactOptional(),
  width: amount.exactOptional(),
  length: z.int().positive().exactOptional(),
});
const ofDepth = z.strictObject({ ...timed, depth: amount.exactOptional() });
const ofWidth = z.strictObject({ ...timed, width: amount.exactOptional() });
const separate = z.strictObject({
  depth: z.array(ofDepth).min(1).exactOptional(),
  width: z.array(ofWidth).min(1).exactOptional(),
});

const isNamed = (stages: unknown): stages is NamedStages => typeof stages === "string" && Object.hasOwn(named, stages);

/**
 * The stages of a run of `steps` steps, those of no steps left out. Boundaries are rounded to whole steps.
 *
 * @throws {ConfigError} For shares that do not sum to 1, steps that do not sum to the run's, and stages that say both or neither.
 */
export function stagesOf(stages: Stages, steps: number): readonly PlannedStage[] {
  if (typeof stages === "string" && !isNamed(stages))
    throw new ConfigError({
      message: `stages: there is no schedule "${stages as string}"; there are ${Object.keys(named).join(", ")}`,
    });
  if (!Number.isInteger(steps) || steps < 1)
    throw new ConfigError({ message: `stages: steps must be a whole number of at least 1, got ${steps}` });
  const given = isNamed(stages) ? named[stages] : stages;
  if (Array.isArray(given)) {
    const list = (given as readonly Stage[]).map((each, i) => parseConfig(`stages[${i}]`, stage, each));
    return numbered(
      boundaries(list, steps, "stages").map(({ from, to, index }) => {
        const { depth = 1, width = 1, length } = list[index]!;
        return { from, to, depth, width, ...(length !== undefined && { length }) };
      }),
    );
  }
  const { depth, width } = parseConfig("stages", separate, given);
  const deep = boundaries(depth ?? [{ share: 1 }], steps, "stages.depth");
  const wide = boundaries(width ?? [{ share: 1 }], steps, "stages.width");
  const ends = [...new Set([...deep, ...wide].map(({ to }) => to))].sort((a, b) => a - b);
  const at = (list: readonly { from: number; to: number; index: number }[], step: number): number =>
    list.find(({ from, to }) => from < step && step <= to)!.index;
  return numbered(
    ends.map((to, i) => ({
      from: ends[i - 1] ?? 0,
      to,
      depth: depth?.[at(deep, to)]?.depth ?? 1,
      width: width?.[at(wide, to)]?.width ?? 1,
    })),
  );
}

const numbered = (list: readonly Omit<PlannedStage, "number">[]): readonly PlannedStage[] =>
  list.map((each, i) => ({ number: i + 1, ...each }));

/** Whether a stage runs the model itself. */
export const isWhole = ({ depth, width }: Pick<PlannedStage, "depth" | "width">): boolean => depth === 1 && width === 1;

function boundaries(
  list: readonly { readonly share?: number; readonly steps?: number }[],
  steps: number,
  name: string,
): readonly { readonly from: number; readonly to: number; readonly index: number }[] {
  if (list.length === 0) throw new ConfigError({ message: `${name}: give at least one stage` });
  const mixed = list.find(({ share, steps: own }) => (share === undefined) === (own === undefined));
  if (mixed !== undefined)
    throw new ConfigError({
      message: `${name}: each stage has either "share" or "steps", got ${JSON.stringify(mixed)}`,
    });
  const shares = list.map(({ share, steps: own }) => share ?? own! / steps);
  const total = shares.reduce((a, b) => a + b, 0);
  if (Math.abs(total - 1) > 1e-9)
    throw new ConfigError({
      message: `${name}: shares and steps must sum to the run's ${steps} steps, and they sum to ${total * steps}`,
      total,
    });
  const ends = shares.map((_, i) => Math.round(shares.slice(0, i + 1).reduce((a, b) => a + b, 0) * steps));
  return ends.map((to, index) => ({ from: ends[index - 1] ?? 0, to, index })).filter(({ from, to }) => to > from);
}
