/** Settings of every method that come near to a number of trained scalars. */
import { CambiumError, ConfigError, parseConfig } from "@cambium/base";
import { random, sizeOfShape } from "@cambium/core";
import * as z from "zod";
import { type Host, type HostSource, hostOf } from "../host.ts";
import type { Method, MethodDefinition } from "../method.ts";
import * as builtIn from "../methods/index.ts";
import { countText, textTable } from "../text-table.ts";

/** Settings of `plan`. */
export interface PlanOptions {
  /** Trained scalars to come near to. */
  readonly count: number;
  /** Methods by the kinds of their deltas. @default all of this package */
  readonly methods?: Readonly<Record<string, Method>>;
}

/** What one method can do. */
export interface PlannedMethod {
  readonly method: string;
  /** Settings for it, plain JSON; absent where it cannot be used on this model. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Scalars that it trains with them. */
  readonly trained?: number;
  /** `trained` minus the budget: 0 meets it. */
  readonly difference?: number;
  /** Why it does not meet the budget, where it does not. */
  readonly note?: string;
}

const schema = z.strictObject({
  count: z.int().positive(),
  methods: z
    .record(
      z.string(),
      z.custom<Method>((value) => typeof value === "function", "must be a method"),
    )
    .exactOptional(),
});

/** Settings that size a method, the first that it has. */
const SIZES = ["count", "rank", "initialRank", "bottleneck", "reduction", "length", "blocks"];
const LARGEST = 2 ** 24;

/**
 * Settings of every method that meet a budget exactly, or as nearly as its sizes and layers allow: the size (`rank`, `length`,
 * `bottleneck`, …) by which all layers come nearest, or fewer layers, the last ones, where these come nearer. What else there is to
 * set keeps its default. No tensor is made: a layout is enough.
 *
 * @param model - A model, or what `modelLayout` gives.
 * @returns The nearest first; methods that do not fit this model last, with the reason.
 * @throws {ConfigError} For a count that is no whole number above 0.
 * @example
 * console.log(formatPlan(plan(base, { count: 50_000 })));
 */
export function plan(model: HostSource, options: PlanOptions): readonly PlannedMethod[] {
  const { count, methods = builtIn as unknown as Readonly<Record<string, Method>> } = parseConfig(
    "plan",
    schema,
    options,
  );
  const shape = hostOf(model);
  const planned = Object.entries(methods).map(([name, method]) => planMethod(name, method, shape, count));
  const distance = ({ difference }: PlannedMethod): number =>
    difference === undefined ? Number.POSITIVE_INFINITY : Math.abs(difference);
  return planned.sort((a, b) => (distance(a) === distance(b) ? 0 : distance(a) - distance(b)));
}

type Settings = Readonly<Record<string, unknown>>;
interface Tried {
  readonly options: Settings;
  readonly trained: number;
}

function planMethod(
  name: string,
  method: MethodDefinition<never, unknown>,
  shape: Host,
  budget: number,
): PlannedMethod {
  let problem: string | undefined;
  const tryOptions = (options: Settings): Tried | undefined => {
    try {
      const { trained } = method.tensors(shape, method.parse(options as never, shape, random(0)));
      const sum = [...trained.values()].reduce((total, spec) => total + sizeOfShape(spec.shape), 0);
      return { options, trained: sum };
    } catch (error) {
      if (!(error instanceof CambiumError) || (error.code !== "CONFIG" && error.code !== "SHAPE")) throw error;
      problem ??= error.message;
      return undefined;
    }
  };
  const size = SIZES.find((key) => hasKey(method, shape, key));
  const best =
    size === undefined ? tryOptions({}) : nearestSize(size, budget, (value) => tryOptions({ [size]: value }));
  if (best === undefined) return { method: name, note: problem ?? "no size of it fits this model" };
  const nearer = best.trained === budget ? undefined : fewerLayers(method, shape, best, size, budget, tryOptions);
  const { options, trained } = nearer ?? best;
  const difference = trained - budget;
  return {
    method: name,
    options,
    trained,
    difference,
    ...(difference !== 0 && { note: noteOf(size, best, nearer) }),
  };
}

function noteOf(size: string | undefined, best: Tried, nearer: Tried | undefined): string {
  const layers = nearer === undefined ? "" : `; all layers would train ${countText(best.trained)}`;
  return size === undefined
    ? `it has no size: what it trains follows from the model${layers}`
    : `steps of "${size}" do not meet it${layers}`;
}

/** Whether a method has a setting of this name: an unknown one is refused by name. */
function hasKey(method: MethodDefinition<never, unknown>, shape: Host, key: string): boolean {
  try {
    method.parse({ [key]: 1 } as never, shape, random(0));
    return true;
  } catch (error) {
    return !(error as Error).message.includes(`unknown key "${key}"`);
  }
}

/** The size that comes nearest, whether counts rise or fall with it. Sizes that a method refuses are passed over. */
function nearestSize(size: string, budget: number, countAt: (value: number) => Tried | undefined): Tried | undefined {
  const known = new Map<number, Tried | undefined>();
  const at = (value: number): Tried | undefined => {
    if (!known.has(value)) known.set(value, countAt(value));
    return known.get(value);
  };
  if (size === "count") return at(budget);
  for (let value = 1; value <= LARGEST; value *= 2) {
    const tried = at(value);
    if (tried !== undefined && value > 1 && tried.trained > 4 * budget) break;
    if (tried === undefined && value > 64) break;
  }
  const distance = ({ trained }: Tried): number => Math.abs(trained - budget);
  const tried = (): [number, Tried][] =>
    [...known].flatMap(([value, each]) => (each === undefined ? [] : [[value, each] as [number, Tried]]));
  for (let step = 0; step < 64; step++) {
    const all = tried().sort(([a], [b]) => a - b);
    if (all.length === 0) return undefined;
    const nearest = all.reduce((best, each) => (distance(each[1]) < distance(best[1]) ? each : best));
    const i = all.indexOf(nearest);
    const gaps = [all[i - 1]?.[0], all[i + 1]?.[0]].flatMap((other) =>
      other === undefined || Math.abs(other - nearest[0]) < 2 ? [] : [Math.round((other + nearest[0]) / 2)],
    );
    const next = gaps.find((value) => !known.has(value));
    if (distance(nearest[1]) === 0 || next === undefined) return nearest[1];
    at(next);
  }
  return tried().reduce((best, [, each]) => (distance(each) < distance(best) ? each : best), tried()[0]![1]);
}

/** Settings for the last layers alone that come nearer than all of them. */
function fewerLayers(
  method: MethodDefinition<never, unknown>,
  shape: Host,
  best: Tried,
  size: string | undefined,
  budget: number,
  tryOptions: (options: Settings) => Tried | undefined,
): Tried | undefined {
  if (size === "count" || !hasKey(method, shape, "layers")) return undefined;
  const depth = 1 + Math.max(-1, ...shape.sites().map(({ layer = -1 }) => layer));
  let nearest: Tried | undefined;
  const distance = (tried: Tried): number => Math.abs(tried.trained - budget);
  for (let count = depth - 1; count > 0; count--) {
    const layers = Array.from({ length: count }, (_, i) => depth - count + i);
    const usual = size === undefined ? undefined : (best.options[size] as number);
    const scaled = usual === undefined ? undefined : (usual * (budget / best.trained) * depth) / count;
    const values = scaled === undefined ? [undefined] : [Math.max(1, Math.floor(scaled)), Math.ceil(scaled)];
    for (const value of values) {
      const tried = tryOptions({ ...(value !== undefined && { [size!]: value }), layers });
      if (tried !== undefined && distance(tried) < distance(nearest ?? best)) nearest = tried;
    }
    if (nearest !== undefined && distance(nearest) === 0) break;
  }
  return nearest;
}

/** A plan as a table for printing. */
export function formatPlan(planned: readonly PlannedMethod[]): string {
  return textTable(
    ["method", "settings", "trains", "off by", ""],
    planned.map(({ method, options, trained, difference, note }) => [
      method,
      options === undefined ? "" : JSON.stringify(options),
      trained === undefined ? "" : countText(trained),
      difference === undefined ? "" : `${difference > 0 ? "+" : ""}${countText(difference)}`,
      note ?? "",
    ]),
    [2, 3],
  );
}

/**
 * The settings of one method out of a plan.
 *
 * @throws {ConfigError} Where it has none on this model, with the reason.
 */
export function plannedOptions(planned: readonly PlannedMethod[], method: string): Readonly<Record<string, unknown>> {
  const found = planned.find((each) => each.method === method);
  if (found?.options !== undefined) return found.options;
  throw new ConfigError({
    message: `plan: "${method}" does not fit this model: ${found?.note ?? "there is no such method"}`,
  });
}
