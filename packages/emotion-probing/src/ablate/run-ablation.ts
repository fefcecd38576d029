/**
 * Ablation studies: sets of neurons are changed, tasks measured, and the loss compared with that under random sets.
 *
 * All sets and controls of a batch run side by side (`masked-forward.ts`). What is compared is the task's mean score; a set is
 * specific to a task when few random sets, matched as the control says, hurt that much.
 */
import { CancelledError, ConfigError, checkOptions } from "@cambium/base";
import type { Hook, Random, Runnable } from "@cambium/core";
import type { LanguageOutput, TokenBatch, Unit } from "@cambium/models";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { studentTail } from "../inference/distributions.ts";
import type { NeuronScores } from "../neurons/scores.ts";
import { type ControlKind, drawControls } from "./controls.ts";
import { maskedForward, type UnitSet } from "./masked-forward.ts";
import { type AblationMode, changed, parseMode } from "./modes.ts";

/** What is measured. */
export interface AblationTask {
  readonly name: string;
  /** Run one after another. The caller disposes of them. */
  readonly batches: readonly TokenBatch[];
  /** One number for each example, `[batch]`, greater where the model does better: 1 for right and 0 for wrong, or a negative loss. */
  score(output: LanguageOutput, batch: TokenBatch): Tensor;
}

/** Settings of `runAblation`. */
export interface RunAblationOptions {
  /** Sets of neurons by name; several sizes of one are several sets. */
  readonly sets: Readonly<Record<string, readonly Unit[]>>;
  /** @default ["random", "layer"] */
  readonly controls?: readonly ControlKind[];
  /** Random sets for each set and control; p is no less than 1 over one more. @default 20 */
  readonly draws?: number;
  /** @default zero */
  readonly mode?: AblationMode;
  /** Role of the sites. @default "ff.act" */
  readonly role?: string;
  /** Mean activations, for the control `layer+activation`. */
  readonly levels?: NeuronScores;
  /** Most sets in one pass. @default 16 */
  readonly atOnce?: number;
  readonly hooks?: readonly Hook[];
  readonly random: Random;
  readonly signal?: AbortSignal;
}

/** One measurement: a row of the tidy table. */
export interface AblationRow {
  readonly task: string;
  /** `none` for the model as it is. */
  readonly set: string;
  readonly control: "none" | ControlKind;
  /** Which random set, from 0; 0 for the set itself. */
  readonly draw: number;
  /** Mean score of the examples. */
  readonly score: number;
}

/** A set against one kind of control, at one task. */
export interface AblationEffect {
  readonly task: string;
  readonly set: string;
  readonly control: ControlKind;
  /** Score of the intact model less that under the set. */
  readonly drop: number;
  /** The same, mean over the random sets. */
  readonly controlDrop: number;
  /** `drop − controlDrop`: what is due to these neurons. */
  readonly specific: number;
  /** In standard deviations of the random sets' drops; NaN where these are equal. */
  readonly effectSize: number;
  /** Share of random sets, this one among them, that hurt as much: `(1 + b) / (1 + draws)`. */
  readonly p: number;
  /**
   * One-sided paired t test over examples, of the mean over the random sets against the set. It tells the examples' spread only, not that
   * of random sets; reported because studies use it. NaN with a single example.
   */
  readonly pairedP: number;
}

/** What all sets did to all tasks. */
export interface AblationResult {
  readonly rows: readonly AblationRow[];
  readonly effects: readonly AblationEffect[];
  /** Specific drops, `[task][set]`, for each control. */
  readonly specificity: Readonly<
    Partial<Record<ControlKind, Readonly<Record<string, Readonly<Record<string, number>>>>>>
  >;
  /** Visits of blocks by examples, and how many there would be without sharing. */
  readonly work: { readonly blockVisits: number; readonly unshared: number };
}

/** How far it is, and at the end what was measured. */
export type AblationEvent =
  | { readonly type: "batch"; readonly task: string; readonly done: number; readonly total: number }
  | ({ readonly type: "end" } & AblationResult);

const keys = ["sets", "controls", "draws", "mode", "role", "levels", "atOnce", "hooks", "random", "signal"] as const;

/**
 * Measures tasks under the ablation of sets of neurons, and of random sets matched as asked.
 *
 * @throws {ConfigError} For options that do not exist or cannot be meant, or units that the model has not.
 * @throws {CancelledError} When the signal is aborted.
 * @example
 * const { effects } = await result(runAblation(model, [task], { sets: { joy: units }, random: random(1) }));
 * effects.filter(({ control }) => control === "layer"); // { drop, specific, p, … }
 */
export async function* runAblation(
  model: Runnable<TokenBatch, LanguageOutput>,
  tasks: readonly AblationTask[],
  options: RunAblationOptions,
): AsyncGenerator<AblationEvent> {
  checkOptions("runAblation", options, keys);
  const { sets, controls = ["random", "layer"], draws = 20, role = "ff.act" } = options;
  const { levels, atOnce = 16, hooks = [], random, signal } = options;
  const mode = parseMode("runAblation", options.mode ?? { kind: "zero" });
  checkSettings(tasks, sets, controls, draws, atOnce);
  if (levels !== undefined && !controls.includes("layer+activation"))
    throw new ConfigError({
      message: 'runAblation: levels are of the control "layer+activation", which is not asked for',
    });
  const sites = model.sites().filter((site) => site.role === role);
  const names = Object.keys(sets);
  const planned = names.flatMap((set) => [
    { set, control: "none" as const, draw: 0, units: sets[set]! },
    ...controls.flatMap((control) =>
      drawControls(sites, sets[set]!, control, draws, random.at(set).at(control), levels).map((units, draw) => ({
        set,
        control,
        draw,
        units,
      })),
    ),
  ]);
  const unitSets = (size: number): UnitSet[] => [
    { units: [] },
    ...planned.map(({ units }, i) => changed(units, mode, size, random.at("mode").at(i), sites)),
  ];
  const scores = new Map(tasks.map(({ name }) => [name, planned.map((): number[] => [])]));
  const intact = new Map(tasks.map(({ name }) => [name, [] as number[]]));
  const work = { blockVisits: 0, unshared: 0 };
  const blocks = model.sites().filter((site) => site.role === "block").length;
  const total = tasks.reduce((sum, { batches }) => sum + batches.length, 0);
  let done = 0;
  for (const { name, batches, score } of tasks) {
    for (const batch of batches) {
      if (signal?.aborted === true) throw new CancelledError({ message: "runAblation: stopped by its signal" });
      const size = batch.ids.shape[0];
      const forward = maskedForward("runAblation", model, unitSets(size), { role, most: atOnce, hooks });
      const found = forward.run(batch, score);
      try {
        const values = await Promise.all(found.map((one) => one.data()));
        checkScores(name, values, size);
        intact.get(name)!.push(...values[0]!);
        for (let i = 0; i < planned.length; i++) scores.get(name)![i]!.push(...values[i + 1]!);
      } finally {
        dispose(found);
      }
      work.blockVisits += forward.blockVisits(size);
      work.unshared += (planned.length + 1) * blocks * size;
      done++;
      yield { type: "batch", task: name, done, total };
    }
  }
  yield { type: "end", ...summarise(tasks, names, controls, planned, scores, intact), work };
}

function checkSettings(
  tasks: readonly AblationTask[],
  sets: RunAblationOptions["sets"],
  controls: readonly ControlKind[],
  draws: number,
  atOnce: number,
): void {
  const known = ["random", "layer", "layer+activation"];
  const unknown = Array.isArray(controls) ? controls.find((control) => !known.includes(control)) : controls;
  const empty = tasks.find(({ batches }) => batches.length === 0);
  const bare = Object.keys(sets).find((name) => sets[name]?.length === 0);
  const problem =
    tasks.length === 0 || new Set(tasks.map(({ name }) => name)).size < tasks.length
      ? "at least one task is needed, and names must differ"
      : empty !== undefined
        ? `task "${empty.name}" has no batch, so that there is nothing to measure`
        : !Object.values(sets).every(Array.isArray)
          ? "sets must be lists of neurons by name"
          : Object.keys(sets).length === 0 || Object.hasOwn(sets, "none")
            ? 'at least one set is needed, and none may be called "none"'
            : bare !== undefined
              ? `the set "${bare}" holds no neuron, so that nothing would be changed`
              : unknown !== undefined
                ? `controls must be a list of ${known.join(", ")}, got ${JSON.stringify(unknown)}`
                : !Number.isSafeInteger(draws) || draws < 1 || !Number.isSafeInteger(atOnce) || atOnce < 1
                  ? `draws and atOnce must be integers from 1, got ${draws} and ${atOnce}`
                  : undefined;
  if (problem !== undefined) throw new ConfigError({ message: `runAblation: ${problem}` });
}

function checkScores(task: string, values: readonly ArrayLike<number>[], size: number): void {
  for (const list of values) {
    if (list.length !== size) {
      throw new ConfigError({
        message: `runAblation: task "${task}" gives ${list.length} scores for ${size} examples`,
        task,
      });
    }
    for (let i = 0; i < size; i++) {
      if (Number.isFinite(list[i]!)) continue;
      throw new ConfigError({
        message: `runAblation: task "${task}" scores example ${i} of a batch as ${list[i]}`,
        task,
      });
    }
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function summarise(
  tasks: readonly AblationTask[],
  names: readonly string[],
  controls: readonly ControlKind[],
  planned: readonly { readonly set: string; readonly control: "none" | ControlKind; readonly draw: number }[],
  scores: ReadonlyMap<string, readonly number[][]>,
  intact: ReadonlyMap<string, readonly number[]>,
): Omit<AblationResult, "work"> {
  const rows: AblationRow[] = [];
  const effects: AblationEffect[] = [];
  for (const { name: task } of tasks) {
    const whole = mean(intact.get(task)!);
    rows.push({ task, set: "none", control: "none", draw: 0, score: whole });
    planned.forEach(({ set, control, draw }, i) => {
      rows.push({ task, set, control, draw, score: mean(scores.get(task)![i]!) });
    });
    for (const set of names) {
      const of = (control: "none" | ControlKind): readonly number[][] =>
        scores.get(task)!.filter((_, i) => planned[i]!.set === set && planned[i]!.control === control);
      const [own] = of("none") as [number[]];
      const drop = whole - mean(own);
      for (const control of controls) effects.push({ task, set, control, drop, ...against(own, of(control), whole) });
    }
  }
  const specificity = Object.fromEntries(
    controls.map((control) => [
      control,
      Object.fromEntries(
        tasks.map(({ name: task }) => [
          task,
          Object.fromEntries(
            effects.filter((e) => e.control === control && e.task === task).map((e) => [e.set, e.specific]),
          ),
        ]),
      ),
    ]),
  );
  return { rows, effects, specificity };
}

function against(own: readonly number[], others: readonly (readonly number[])[], whole: number) {
  const drops = others.map((list) => whole - mean(list));
  const drop = whole - mean(own);
  const controlDrop = mean(drops);
  const deviation = Math.sqrt(
    mean(drops.map((value) => (value - controlDrop) ** 2)) * (drops.length / (drops.length - 1)),
  );
  const reached = drops.filter((value) => value >= drop - 1e-9).length;
  // Of every example: its mean score under random sets less that under the set.
  const differences = own.map((value, i) => mean(others.map((list) => list[i]!)) - value);
  const middle = mean(differences);
  const spread = Math.sqrt(mean(differences.map((value) => (value - middle) ** 2)) / (differences.length - 1)); // NaN of one
  return {
    controlDrop,
    specific: drop - controlDrop,
    effectSize: deviation > 1e-12 ? (drop - controlDrop) / deviation : Number.NaN,
    p: (1 + reached) / (1 + drops.length),
    pairedP: pairedP(middle, spread, differences.length),
  };
}

/** Of the t test of a mean whose standard error is `spread`, over `count` examples: none of one, and by its side alone where all are equal. */
function pairedP(middle: number, spread: number, count: number): number {
  if (count < 2) return Number.NaN;
  if (spread > 1e-12) return studentTail(middle / spread, count - 1);
  return middle > 0 ? 0 : 1;
}
