/** Solutions of several tasks by several methods, and what of them lies in a subspace. */
import { ConfigError, canonicalJson, type Json, ShapeError, StateError } from "@cambium/base";
import { fingerprint, type Objective, type Parameters } from "@cambium/core";
import {
  concat,
  reshape,
  type Scalar,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  zerosLike,
} from "@tensorflow/tfjs-core";
import { sizeOf } from "../projection/projection.ts";
import { backboneOf, deltasOf, fingerprintBody } from "./same-model.ts";

/** One task, solved by one method by itself. */
export interface Solution<Batch = never> {
  readonly task: string;
  /** A name of the method, such as `"lora"`. Solutions of one method have equal shapes and the same start. */
  readonly method: string;
  /** The trained model, or any objective at its solution. */
  readonly tuned: Objective<Batch>;
  /**
   * Where its training started, `θ⁰`; `"zero"` where that is not known, so that the subspace is one of the parameters themselves.
   * @default the starts that the deltas of a tuned model were made with
   */
  readonly start?: Parameters | "zero";
}

/** What is common to the solutions of one method. */
export interface MethodSolutions<Batch = never> {
  readonly name: string;
  /** The objective at the first task's solution: its loss at another point is any task's, given that task's batches. */
  readonly objective: Objective<Batch>;
  /** What lies in the subspace. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** θ⁰ of that. */
  readonly start: Parameters;
  /** Solutions by task: what lies in the subspace, and the rest, such as a head. */
  readonly points: ReadonlyMap<string, Parameters>;
}

/** The tasks and methods of solutions, each task solved by every method. */
export interface SolutionTable<Batch = never> {
  readonly tasks: readonly string[];
  readonly methods: readonly MethodSolutions<Batch>[];
  /** Frees the starts that were made here. */
  dispose(): void;
}

/** What takes the place of the base's head, by `head` or as a part of the whole model: it is each task's own. */
export function ownParameters(tuned: Objective<never>): ReadonlySet<string> {
  const { base } = tuned as { readonly base?: { readonly headParameters?: readonly string[] } };
  const ofHead = new Set(base?.headParameters ?? []);
  return new Set(
    deltasOf(tuned)
      .filter(({ method }) => method.replaces === true)
      .flatMap(({ name, parameters }) =>
        [...parameters.keys()].flatMap((key) => (ofHead.has(key) ? [`${name}/${key}`] : [])),
      ),
  );
}

function startOf(
  { task, method, tuned, start }: Solution<never>,
  names: readonly string[],
  made: Tensor[],
): Parameters {
  if (start instanceof Map) return start as Parameters;
  if (start === "zero")
    return new Map(
      names.map((name) => {
        const zero = zerosLike(tuned.parameters.get(name)!);
        made.push(zero);
        return [name, zero];
      }),
    );
  if (start !== undefined)
    throw new ConfigError({ message: `fitSubspace: start of ${task} by ${method} must be a map of tensors or "zero"` });
  const starts = new Map<string, Tensor>(
    deltasOf(tuned).flatMap((delta) =>
      [...(delta.start ?? [])].map(([key, tensor]) => [`${delta.name}/${key}`, tensor] as const),
    ),
  );
  const missing = names.filter((name) => !starts.has(name));
  if (missing.length > 0)
    throw new ConfigError({
      message: `fitSubspace: where training of ${task} by ${method} started is not known (${missing[0]}); give "start", or "zero" for a subspace of the parameters themselves`,
      missing,
    });
  return starts;
}

/**
 * Solutions as a table of tasks and methods.
 *
 * @param only - Names that lie in the subspace.
 * @throws {ConfigError} When a task lacks a method, is given twice by one, or solutions of one method started at different points.
 * @throws {ShapeError} When solutions of one method have other names or shapes; lists all.
 * @throws {StateError} When a solution is where it started: there is nothing to learn from it.
 */
export async function tabulate<Batch>(
  caller: string,
  solutions: readonly Solution<Batch>[],
  only?: (name: string) => boolean,
): Promise<SolutionTable<Batch>> {
  if (solutions.length === 0) throw new ConfigError({ message: `${caller}: there are no solutions` });
  const tasks = [...new Set(solutions.map(({ task }) => task))];
  const names = [...new Set(solutions.map(({ method }) => method))];
  const wrong = tasks.flatMap((task) =>
    names.flatMap((method) => {
      const { length } = solutions.filter((one) => one.task === task && one.method === method);
      return length === 1
        ? []
        : [length === 0 ? `${task} is not solved by ${method}` : `${task} is solved by ${method} ${length} times`];
    }),
  );
  if (wrong.length > 0)
    throw new ConfigError({
      message: `${caller}: every task needs one solution by every method: ${wrong.join("; ")}`,
      wrong,
    });
  const made: Tensor[] = [];
  const dispose = (): void => {
    for (const tensor of made.splice(0)) tensor.dispose();
  };
  try {
    const methods: MethodSolutions<Batch>[] = [];
    for (const name of names) methods.push(await tabulateMethod(caller, name, solutions, tasks, only, made));
    return { tasks, methods, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

async function tabulateMethod<Batch>(
  caller: string,
  name: string,
  solutions: readonly Solution<Batch>[],
  tasks: readonly string[],
  only: ((name: string) => boolean) | undefined,
  made: Tensor[],
): Promise<MethodSolutions<Batch>> {
  const mine = tasks.map((task) => solutions.find((one) => one.method === name && one.task === task)!);
  const first = mine[0]!.tuned;
  const own = ownParameters(first as Objective<never>);
  const moved = [...first.parameters.keys()].filter((each) => (only === undefined ? !own.has(each) : only(each)));
  if (moved.length === 0)
    throw new ConfigError({
      message: `${caller}: of ${name} nothing lies in the subspace; it has ${[...first.parameters.keys()].join(", ")}`,
    });
  const differing = mine.flatMap(({ task, tuned }) =>
    [...new Set([...first.parameters.keys(), ...tuned.parameters.keys()])].flatMap((key) => {
      const [a, b] = [first.parameters.get(key)?.shape, tuned.parameters.get(key)?.shape];
      // What is each task's own may have another shape, as heads of other labels have.
      return !moved.includes(key) || `${a}` === `${b}`
        ? []
        : [`"${key}" is [${b ?? "absent"}] of ${task} and [${a ?? "absent"}] of ${mine[0]!.task}`];
    }),
  );
  if (differing.length > 0)
    throw new ShapeError({
      message: `${caller}: the solutions by ${name} differ in shape: ${differing.join("; ")}`,
      differing,
    });
  await checkSettings(caller, name, mine as readonly Solution<never>[], moved);
  const starts = mine.map((one) => startOf(one as Solution<never>, moved, made));
  const pick = (tree: Parameters, what: string): Parameters =>
    new Map(
      moved.map((key) => {
        const tensor = tree.get(key);
        if (`${tensor?.shape}` !== `${first.parameters.get(key)!.shape}`)
          throw new ShapeError({
            message: `${caller}: the start of ${what} by ${name} lacks "${key}" of [${first.parameters.get(key)!.shape}]`,
          });
        return [key, tensor!];
      }),
    );
  const picked = starts.map((tree, i) => pick(tree, mine[i]!.task));
  const prints = await Promise.all(picked.map(fingerprint));
  const other = prints.findIndex((print) => print !== prints[0]);
  if (other > 0)
    throw new ConfigError({
      message: `${caller}: ${mine[other]!.task} and ${mine[0]!.task} by ${name} started at different points; train all tasks of a method from one start, with the same random`,
      task: mine[other]!.task,
      method: name,
    });
  const shapes = new Map(moved.map((key) => [key, first.parameters.get(key)!.shape] as const));
  for (const [i, { task, tuned }] of mine.entries()) {
    const length = tidy(() => sum(square(rowOf(tuned.parameters, picked[i]!, shapes))) as Scalar);
    const [value] = await length.data();
    length.dispose();
    if (value === 0)
      throw new StateError({
        message: `${caller}: ${task} by ${name} is where it started; train it first`,
        task,
        method: name,
      });
    if (!Number.isFinite(value))
      throw new StateError({ message: `${caller}: ${task} by ${name} is not finite`, task, method: name });
  }
  return {
    name,
    objective: first,
    shapes,
    start: picked[0]!,
    points: new Map(mine.map(({ task, tuned }) => [task, tuned.parameters])),
  };
}

/** Of the deltas that lie in the subspace: what their parameters mean, by name. */
async function settingsOf(
  tuned: Objective<never>,
  moved: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const own = deltasOf(tuned).filter(({ name, parameters }) =>
    [...parameters.keys()].some((key) => moved.includes(`${name}/${key}`)),
  );
  const found: [string, string][] = [];
  for (const { name, kind, config, buffers } of own) {
    found.push([`${name}'s settings`, canonicalJson({ kind, config: config as Json })]);
    if (buffers.size > 0) found.push([`${name}'s frozen tensors`, await fingerprint(buffers)]);
  }
  const base = backboneOf(tuned);
  if (base !== undefined && own.length > 0) {
    found.push(["the backbone", await fingerprintBody(base)]);
  }
  return Object.fromEntries(found);
}

/** Solutions of one method must mean the same by equal numbers: a LoRA of another `alpha`, or of other frozen matrices, does not. */
async function checkSettings(
  caller: string,
  name: string,
  solutions: readonly Solution<never>[],
  moved: readonly string[],
): Promise<void> {
  const [first, ...others] = solutions;
  const wanted = await settingsOf(first!.tuned, moved);
  for (const { task, tuned } of others) {
    const found = sameModel(tuned, first!.tuned) ? wanted : await settingsOf(tuned, moved);
    const differing = Object.keys({ ...wanted, ...found }).filter((key) => wanted[key] !== found[key]);
    if (differing.length > 0)
      throw new ConfigError({
        message: `${caller}: ${task} and ${first!.task} by ${name} differ in ${differing.join(", ")}, so that equal numbers mean different things; give them names of their own`,
        task,
        method: name,
        differing,
      });
  }
}

/** Whether two are one model at two points. */
const sameModel = (a: object, b: object): boolean => {
  const [left, right] = [deltasOf(a), deltasOf(b)];
  const bases = [a, b].map((each) => (each as { readonly base?: unknown }).base);
  return (
    bases[0] === bases[1] &&
    left.length === right.length &&
    left.every(({ buffers, config }, i) => buffers === right[i]!.buffers && config === right[i]!.config)
  );
};

/** What lies in the subspace as one vector. The caller owns it. */
export const flatOf = (point: Parameters, shapes: ReadonlyMap<string, readonly number[]>): Tensor1D =>
  tidy(() => concat([...shapes.keys()].map((name) => reshape(point.get(name)!, [-1]) as Tensor1D)));

/** `θ − θ⁰` of what lies in the subspace as a row, `[1, params]`. The caller owns it. */
export function rowOf(point: Parameters, start: Parameters, shapes: ReadonlyMap<string, readonly number[]>): Tensor2D {
  return tidy(() => {
    const parts = [...shapes.keys()].map((name) => reshape(sub(point.get(name)!, start.get(name)!), [-1]) as Tensor1D);
    return reshape(concat(parts), [1, sizeOf(shapes)]);
  });
}
