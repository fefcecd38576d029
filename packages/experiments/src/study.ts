/**
 * What a study says before any of its runs starts. `defineStudy` checks all of it at once, so that a typo in a claim is
 * found before hours are spent; `Study.plan` is what of it binds: the part that a folder holds a later call to.
 */
import { ConfigError, canonicalJson, type Json, type JsonObject, parseConfig, sha256 } from "@cambium/base";
import { checkClaims } from "./check-claims.ts";
import { checkFigures } from "./check-figures.ts";
import { checkGroups, checkTuning } from "./check-tuning.ts";
import type { Claim, ClaimOptions } from "./claim-options.ts";
import { type Cell, cellsOf, type Filter, type Level, projection } from "./grid.ts";
import { checkWord } from "./known-words.ts";
import { studySchema } from "./study-schema.ts";

/** The code of one run, as worker processes find it. */
export interface RunCode {
  /** What to import: a `file:` URL such as `import.meta.url`, or an absolute path. */
  readonly module: string;
  /** Name of the exported {@link RunCell}. @default "run" */
  readonly name?: string;
  /** Changed by the author whenever results would change; runs of another version are not taken from the cache. */
  readonly version: string;
  /** What else results depend on: fingerprints of data and models, settings that all cells share. @default none */
  readonly inputs?: Json;
  /** How the plan measures what runs cost. @default none: hours are known from finished runs only */
  readonly step?: StepCode;
}

/** Where a study measures one step of each kind of run. */
export interface StepCode {
  /** Name of the exported {@link MeasureStep}, in the same module. */
  readonly name: string;
  /** Factors on which the cost of a run depends: one step is measured for each combination of their levels. */
  readonly per: readonly string[];
}

/** What a run is given beside its cell. */
export interface RunContext {
  /** Steps to take in a run of {@link Tuning}; absent in a run of the grid, which takes all that it needs. */
  readonly budget?: number;
  /** Aborted when the study is stopped or the run has taken too long; what is returned afterwards is not recorded. */
  readonly signal: AbortSignal;
  /** A folder for checkpoints: it is still there when a killed run starts again, and removed once the run has a result. */
  readonly scratch: string;
  /** Reports how much of the run is done, from 0 to 1. */
  progress(fraction: number): void;
}

/** One run: must be a function of its cell, its budget and what `version` and `inputs` stand for. */
export type RunCell = (cell: never, context: RunContext) => Promise<JsonObject> | JsonObject;

/** What one step of a run costs. */
export interface StepCost {
  /** One step, in ms. */
  readonly stepMs: number;
  /** Steps of a run of the grid. */
  readonly steps: number;
  /** What comes before and after the steps, in ms. @default 0 */
  readonly setupMs?: number;
}

/** Measures one step of the kind of run that `cell` is one of. */
export type MeasureStep = (cell: never, context: RunContext) => Promise<StepCost> | StepCost;

/** A number that every run returns. */
export interface Metric {
  /** Such as `"%"`, for tables and axes. */
  readonly unit?: string;
  /** Digits behind the point in tables. @default 4 at most */
  readonly digits?: number;
}

/** Successive halving over the levels of a factor, such as a learning rate, with one budget for every group. */
export interface Tuning {
  /** The factor that is tuned; not one of `factors`. */
  readonly factor: string;
  /** Levels to try; a function may give each group other levels, but as many as every other group. */
  readonly values: readonly Level[] | ((group: Cell) => readonly Level[]);
  /** Factors that tell groups apart: each combination of their levels gets its own level of `factor`. */
  readonly per: readonly string[];
  /** Levels of all other factors in runs of the tuning; the mean over their combinations decides. */
  readonly at: Readonly<Record<string, readonly Level[]>>;
  /** Steps of a run in the first round. */
  readonly from: number;
  /** Steps of a run in the last round, which there must be levels enough to come to. */
  readonly to: number;
  /** Each round keeps one in so many levels and multiplies the steps by as many. @default 3 */
  readonly eta?: number;
  readonly metric: string;
  readonly goal: "max" | "min";
}

/** A figure of the report: a curve over a factor of numbers, or a point for each level. Means with 95 % t intervals. */
export interface StudyFigure {
  readonly title: string;
  readonly metric: string;
  /** Which runs are shown. @default all */
  readonly where?: Filter;
  /** A factor of numbers for the horizontal axis. @default none: one point for each level of `series` */
  readonly x?: string;
  /** @default "linear" */
  readonly scale?: "linear" | "log";
  /** Factors whose combinations are drawn apart. */
  readonly series: readonly string[];
}

/** A study: a grid, what one run does, and what is claimed. */
export interface StudyOptions {
  /** Letters, digits, `-`, `_` and `.`. */
  readonly name: string;
  readonly run: RunCode;
  /** Levels by factor; the cells are all combinations. */
  readonly factors: Readonly<Record<string, readonly Level[]>>;
  /** Which combinations are cells. @default all */
  readonly where?: (cell: Cell) => boolean;
  /** Numbers that every run returns, by name. A run that returns no finite number for one of them has failed. */
  readonly metrics: Readonly<Record<string, Metric>>;
  /** The factor whose levels repeat a measurement. @default "seed" */
  readonly replicate?: string;
  /** @default none */
  readonly tuning?: Tuning;
  /** @default none */
  readonly claims?: readonly ClaimOptions[];
  /** @default a figure for each metric that a claim is about */
  readonly figures?: readonly StudyFigure[];
}

/** Tuning with its defaults, and the levels of each group. */
export interface TuningPlan extends Required<Omit<Tuning, "values">> {
  readonly groups: readonly { readonly group: Cell; readonly values: readonly Level[] }[];
}

/** A checked study. */
export interface Study {
  readonly name: string;
  readonly run: Required<Pick<RunCode, "module" | "name" | "version">> & Pick<RunCode, "inputs" | "step">;
  readonly factors: Readonly<Record<string, readonly Level[]>>;
  readonly cells: readonly Cell[];
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly replicate: string;
  readonly tuning: TuningPlan | undefined;
  readonly claims: readonly Claim[];
  readonly figures: readonly StudyFigure[];
  /** All that binds, as JSON: what results depend on, which runs there are, what is claimed of them. */
  readonly plan: JsonObject;
}

/** Groups of the tuning: those combinations of its factors that occur in the grid, in the grid's order. */
function planTuning(tuning: Tuning, cells: readonly Cell[]): TuningPlan {
  const groups = new Map<string, Cell>();
  for (const cell of cells) {
    const group = projection(cell, tuning.per);
    groups.set(canonicalJson(group), group);
  }
  const { values, eta = 3, ...rest } = tuning;
  const planned = [...groups.values()].map((group) => ({
    group,
    values: typeof values === "function" ? values(group) : values,
  }));
  checkGroups(planned, tuning);
  return { ...rest, eta, groups: planned };
}

function bindingOf(study: Omit<Study, "plan">): JsonObject {
  const { name, run, factors, cells, metrics, replicate, tuning, claims } = study;
  const { version, inputs } = run;
  return {
    name,
    run: { name: run.name, version, inputs },
    factors,
    cells: { count: cells.length, sha256: sha256(canonicalJson(cells)) },
    metrics: Object.keys(metrics),
    replicate,
    tuning: tuning as JsonObject | undefined,
    claims: claims.map(({ statistic, ...claim }) => ({ ...claim, statistic: statistic?.version })) as readonly Json[],
  };
}

/**
 * A study, checked: a grid of runs, the code of one run, and the claims with their criteria, stated before any run starts.
 *
 * @throws {ConfigError} Listing what is wrong; an unknown key, factor, level or metric comes with the nearest known one.
 * @example
 * export default defineStudy({
 *   name: "warm-up",
 *   run: { module: import.meta.url, version: "1" },
 *   factors: { warmup: [0, 100], seed: [1, 2, 3, 4, 5] },
 *   metrics: { loss: { unit: "nats" } },
 *   claims: [{ claim: "Warm-up lowers the loss", metric: "loss", where: { warmup: 100 }, minus: { warmup: 0 }, atMost: -0.01 }],
 * });
 */
export function defineStudy(options: StudyOptions): Study {
  const checked = parseConfig("defineStudy", studySchema, options);
  const { name, run, factors, where, metrics, replicate, tuning } = checked;
  const cells = cellsOf(factors).filter((cell) => where(cell));
  if (cells.length === 0) {
    throw new ConfigError({
      message: "defineStudy: the grid has no cell; every factor needs a level, and `where` must keep some",
    });
  }
  const about = { factors, metrics, replicate };
  for (const factor of run.step?.per ?? []) checkWord("`run.step`", "factor", factor, Object.keys(factors));
  if (tuning !== undefined) checkTuning(tuning, about);
  const tuned = tuning === undefined ? undefined : planTuning(tuning, cells);
  const claims = checkClaims(checked.claims, { ...about, cells });
  const figures = checkFigures(checked.figures, claims, about);
  const { inputs, step } = run;
  const code = {
    module: run.module,
    name: run.name,
    version: run.version,
    ...(inputs === undefined ? {} : { inputs }),
    ...(step === undefined ? {} : { step }),
  };
  const study = { name, run: code, factors, cells, metrics, replicate, tuning: tuned, claims, figures };
  return { ...study, plan: bindingOf(study) };
}
