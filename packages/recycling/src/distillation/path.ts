/** Distillation along the line between student and teacher: it keeps the student linearly connected to what it learns from. */
import { ConfigError, checkOptions, type Json, type JsonObject } from "@cambium/base";
import { type ForwardOptions, isQuantised, type LossContext, type Objective, type Parameters } from "@cambium/core";
import { attach, merge, type Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { add, mul, type Scalar, scalar, sub, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { labelLoss, type StudentOutput, studentForward, teacherLoss } from "./objective.ts";
import { type DistillationOptions, parseDistillation } from "./options.ts";
import { stateRowOf } from "./states.ts";
import { describeTeacher, type TaughtBatch } from "./teacher.ts";

/** Where on the line, and what is asked for there. */
export interface PathOptions {
  /**
   * Places x between 0 and 1, of which 0 is the teacher and 1 the student; or how many are drawn for each step, uniform between
   * `margin` and 1 − `margin`. @default one, drawn between 0 and 1
   */
  readonly positions?: readonly number[] | { readonly count: number; readonly margin?: number };
  /** s: what the loss against labels counts at the student itself; everything else counts 1 − s. From 0 to 1. @default 0.5 */
  readonly labels?: number;
  /** What is asked for at each place, and at the student: the teacher's answers, or the labels once more. @default "teacher" */
  readonly term?: "teacher" | "labels";
}

/** Settings of `pathRegulariser`. */
export interface PathRegulariserOptions extends PathOptions {
  /** What the teacher's answers count, and how; not with the term `"labels"`. @default as in `runRecycling` */
  readonly distillation?: DistillationOptions;
}

/** A student, its teacher and the models between them, as one objective. */
export interface PathObjective extends Objective<TaughtBatch> {
  /** Frees the fixed models' weights with their deltas in them. */
  dispose(): void;
}

interface Plan {
  readonly draws: readonly number[] | { readonly count: number; readonly margin: number };
  readonly share: number;
  readonly term: "teacher" | "labels";
}

/**
 * Checks the settings of a path.
 *
 * @throws {ConfigError} For places that are none.
 */
function planPath(caller: string, options: PathOptions): Plan {
  const { positions = { count: 1 }, labels: share = 0.5, term = "teacher" } = options;
  const fail = (message: string): ConfigError => new ConfigError({ message: `${caller}: ${message}` });
  if (!(typeof share === "number" && share >= 0 && share <= 1)) throw fail(`labels must be from 0 to 1, got ${share}`);
  if (term !== "teacher" && term !== "labels")
    throw fail(`term must be "teacher" or "labels", got ${JSON.stringify(term)}`);
  if (Array.isArray(positions)) {
    if (positions.length > 0 && positions.every((x) => typeof x === "number" && x >= 0 && x <= 1))
      return { draws: positions, share, term };
    throw fail(`positions must be places from 0 to 1, got ${JSON.stringify(positions)}`);
  }
  const drawn = positions as { readonly count: number; readonly margin?: number };
  checkOptions(caller, drawn, ["count", "margin"]);
  const { count, margin = 0 } = drawn;
  if (!Number.isInteger(count) || count < 1) throw fail(`positions.count must be an integer from 1, got ${count}`);
  if (!(margin >= 0 && margin < 0.5)) throw fail(`positions.margin must be from 0 to below 0.5, got ${margin}`);
  return { draws: { count, margin }, share, term };
}

/** Throws for settings of answers that nothing asks for. */
export function checkAsked(caller: string, { term, distillation }: PathRegulariserOptions): void {
  if (term === "labels" && distillation !== undefined)
    throw new ConfigError({
      message: `${caller}: the path asks for labels alone, so distillation would do nothing; leave it out, or take term "teacher"`,
    });
}

/** A model at a place between the student and a fixed one. */
type Between = (x: Tensor, parameters: Parameters) => Pick<LanguageModel, "sites" | "forward">;

/**
 * An objective that asks for the teacher's answers not of the student alone, but of every model on the straight line from the teacher to
 * it, through all weights: `s · L(labels; x = 1) + (1 − s) · Σₓ [a T² KL + b ½ MSE](x)` over places x and x = 1, where
 * `θ(x) = x · θ_student + (1 − x) · θ_teacher`. Gradients reach the student's parameters only.
 *
 * Where all deltas can be merged, the weights that are mixed are those with the deltas in them; else the numbers of the deltas are mixed,
 * and those of the backbones. Several fixed models get a line each.
 *
 * @param student - What is trained.
 * @param ends - The teacher, or fixed models. Not changed; their weights are read while it trains.
 * @returns An objective for `train`, whose batches have the teacher's answers unless `term` is `"labels"`.
 * @throws {ConfigError} For models of other forms, in few bits, or whose deltas have penalties or a state; for settings that there are not.
 */
export function pathRegulariser(
  student: Tuned<LanguageModel>,
  ends: Tuned<LanguageModel> | readonly Tuned<LanguageModel>[],
  options: PathRegulariserOptions = {},
): PathObjective {
  checkOptions("pathRegulariser", options, ["positions", "labels", "term", "distillation"]);
  const { distillation = {}, ...path } = options;
  const plan = planPath("pathRegulariser", path);
  checkAsked("pathRegulariser", options);
  const { base } = student;
  const settings = parseDistillation("pathRegulariser", distillation, student.head ?? base.head, stateRowOf(base));
  const fixed = (Array.isArray(ends) ? ends : [ends]) as readonly Tuned<LanguageModel>[];
  if (fixed.length === 0) throw new ConfigError({ message: "pathRegulariser: there is no model to draw a line to" });
  for (const model of [student, ...fixed]) checkFrozen(model);
  const other = fixed.find(({ head }) => JSON.stringify(head) !== JSON.stringify(student.head));
  if (other !== undefined)
    throw new ConfigError({
      message: `pathRegulariser: the heads are ${JSON.stringify(student.head)} and ${JSON.stringify(other.head)}, between which there is no line`,
    });
  const owned: Parameters[] = [];
  const lines = fixed.map((end) => lineTo(student, end, owned));

  function loss(parameters: Parameters, batch: TaughtBatch, context: LossContext): Scalar {
    return tidy(() => {
      const run = (model: Pick<LanguageModel, "sites" | "forward">, key: string): StudentOutput => {
        const { training, random } = context;
        const options: ForwardOptions = { training, random: random.at(key) };
        return studentForward(model, batch, options, settings);
      };
      const atStudent = run(
        { sites: base.sites, forward: (input, more) => student.forward(input, { ...more, parameters }) },
        "student",
      );
      const asked = (output: StudentOutput): Tensor =>
        plan.term === "labels" ? labelLoss(base, output.logits, batch) : teacherLoss(base, output, batch, settings);
      let along: Tensor = asked(atStudent);
      for (const [k, line] of lines.entries())
        for (const [i, x] of placesOf(plan, context, k).entries())
          along = add(along, asked(run(line(x, parameters), `place ${k} ${i}`)));
      const own = plan.share === 0 ? scalar(0) : labelLoss(base, atStudent.logits, batch);
      return add(mul(own, plan.share), mul(along, 1 - plan.share)) as Scalar;
    });
  }

  return {
    parameters: student.parameters,
    loss,
    describe: async (): Promise<Json> => ({
      student: await student.describe(),
      ends: await Promise.all(fixed.map(describeTeacher)),
      path: JSON.parse(JSON.stringify(plan)) as JsonObject,
      distillation: JSON.parse(JSON.stringify(settings)) as JsonObject,
    }),
    ...(student.warnings !== undefined && { warnings: student.warnings }),
    dispose() {
      for (const tree of owned.splice(0)) for (const tensor of tree.values()) tensor.dispose();
    },
  };
}

function checkFrozen({ base, deltas }: Tuned<LanguageModel>): void {
  const rounded = [...base.parameters].filter(([, tensor]) => isQuantised(tensor)).map(([name]) => name);
  if (rounded.length > 0)
    throw new ConfigError({
      message: `pathRegulariser: between weights in 8 or 4 bits there is nothing: ${rounded.slice(0, 3).join(", ")}; load the models in float32`,
      rounded,
    });
  const moving = deltas.find((delta) => delta.penalty !== undefined || delta.afterStep !== undefined);
  if (moving !== undefined)
    throw new ConfigError({
      message: `pathRegulariser: delta "${moving.name}" (${moving.kind}) has a penalty or a state, which no line keeps; take another method`,
      delta: moving.name,
    });
}

/** Places on the k-th line, `[1]` each. */
function placesOf({ draws }: Plan, { random, training }: LossContext, k: number): Tensor[] {
  if (Array.isArray(draws)) return draws.map((x) => scalar(x as number));
  const { count, margin } = draws as { readonly count: number; readonly margin: number };
  return Array.from({ length: count }, (_, i) => {
    if (!training) return scalar(margin + ((1 - 2 * margin) * (i + 0.5)) / count);
    return add(mul(random.at("x").at(k).at(i).uniform([1]), 1 - 2 * margin), margin);
  });
}

const mix = (x: Tensor, student: Tensor, end: Tensor): Tensor => add(mul(x, student), mul(sub(scalar(1), x), end));

function mixed(x: Tensor, student: Parameters, end: Parameters): Map<string, Tensor> {
  return new Map(
    [...student].map(([name, tensor]) => {
      const other = end.get(name)!;
      return [name, tensor === other || tensor.dtype !== "float32" ? tensor : mix(x, tensor, other)];
    }),
  );
}

function lineTo(student: Tuned<LanguageModel>, end: Tuned<LanguageModel>, owned: Parameters[]): Between {
  const { base } = student;
  checkAlike("weights", base.parameters, end.base.parameters);
  const canMerge = [student, end].every(({ deltas }) => deltas.every((delta) => delta.merge !== undefined));
  if (canMerge) {
    const other = end.deltas.length === 0 ? end.base : merge(end);
    if (other !== end.base) owned.push(other.parameters);
    return (x, parameters) => {
      const own = student.deltas.length === 0 ? base.parameters : merge(student.with(parameters)).parameters;
      const between = mixed(x, own, other.parameters);
      return { sites: base.sites, forward: (input, more) => base.forward(input, { ...more, parameters: between }) };
    };
  }
  checkAlike("numbers of the deltas", student.parameters, end.parameters);
  return (x, parameters) => {
    const between = mixed(x, base.parameters, end.base.parameters);
    const model: LanguageModel = {
      ...base,
      forward: (input, more) => base.forward(input, { ...more, parameters: between }),
    };
    const at = attach(model, ...student.deltas);
    const numbers = mixed(x, parameters, end.parameters);
    return { sites: base.sites, forward: (input, more) => at.forward(input, { ...more, parameters: numbers }) };
  };
}

function checkAlike(what: string, student: Parameters, end: Parameters): void {
  const wrong = [...new Set([...student.keys(), ...end.keys()])].filter(
    (name) => `${student.get(name)?.shape}` !== `${end.get(name)?.shape}`,
  );
  if (wrong.length === 0) return;
  throw new ConfigError({
    message: `pathRegulariser: the ${what} differ in form, so that there is no line between them: ${wrong.slice(0, 5).join(", ")}`,
    wrong,
  });
}
