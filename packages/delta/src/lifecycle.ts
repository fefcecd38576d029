/**
 * Which deltas of a tuned model act, in which order, and under which names. Each function gives another tuned model, which
 * shares base and tensors with the one it is given; nothing is copied, and nothing is disposed of.
 */
import { ConfigError, nearest } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import { type AnyModel, graft, type Tuned } from "./attach.ts";
import { type Delta, named, stack } from "./delta.ts";

const listOf = (names: string | readonly string[]): readonly string[] => (typeof names === "string" ? [names] : names);

/** Every delta of a tuned model, acting or not. */
const allOf = ({ deltas, inactive }: Tuned): readonly Delta[] => [...deltas, ...inactive];

/** Deltas by their names. */
function find(caller: string, tuned: Tuned, names: readonly string[]): readonly Delta[] {
  if (!Array.isArray(tuned.deltas))
    throw new ConfigError({ message: `${caller}: expected a tuned model, such as attach gives` });
  const all = allOf(tuned);
  return names.map((name) => {
    const found = all.find((delta) => delta.name === name);
    if (found !== undefined) return found;
    const known = all.map((delta) => delta.name);
    const near = nearest(name, known);
    throw new ConfigError({
      message: `${caller}: there is no delta "${name}"${near === undefined ? "" : `; is "${near}" meant?`} There are ${known.join(", ") || "none"}`,
      name,
    });
  });
}

/**
 * The same with exactly these deltas acting, in this order, the last outermost. The others wait beside them
 * (`tuned.inactive`): they do nothing, are not trained and not saved, and can be activated later.
 *
 * With none the output is the base's to the bit, and so is that of `detach(tuned)`, which leaves the choice as it is.
 *
 * @param names - One or several, each once.
 * @throws {ConfigError} For a name that there is not; names the nearest. For one that is given twice.
 * @example
 * const both = attach(base, named("style", a), named("facts", b));
 * const facts = activate(both, "facts");
 * const turned = activate(facts, ["facts", "style"]);
 */
export function activate<M extends AnyModel>(tuned: Tuned<M>, names: string | readonly string[]): Tuned<M> {
  const active = find("activate", tuned, listOf(names));
  const twice = active.find((delta, i) => active.indexOf(delta) !== i);
  if (twice !== undefined)
    throw new ConfigError({ message: `activate: "${twice.name}" is given twice`, name: twice.name });
  return graft(
    tuned.base,
    stack(...active),
    allOf(tuned).filter((delta) => !active.includes(delta)),
  );
}

/**
 * The same without these deltas acting; they wait beside the others.
 *
 * @param names - One or several. @default all
 * @throws {ConfigError} For a name that there is not; names the nearest.
 */
export function deactivate<M extends AnyModel>(
  tuned: Tuned<M>,
  names: string | readonly string[] = tuned.deltas.map((delta) => delta.name),
): Tuned<M> {
  const left = find("deactivate", tuned, listOf(names));
  return activate(
    tuned,
    tuned.deltas.filter((delta) => !left.includes(delta)).map((delta) => delta.name),
  );
}

/**
 * The same without these deltas, acting or not. Their tensors stay the caller's.
 *
 * @param names - One or several.
 * @throws {ConfigError} For a name that there is not; names the nearest.
 */
export function remove<M extends AnyModel>(tuned: Tuned<M>, names: string | readonly string[]): Tuned<M> {
  const gone = find("remove", tuned, listOf(names));
  const isLeft = (delta: Delta): boolean => !gone.includes(delta);
  return graft(tuned.base, stack(...tuned.deltas.filter(isLeft)), tuned.inactive.filter(isLeft));
}

/** The same with one delta in the place of another. */
function replace<M extends AnyModel>(tuned: Tuned<M>, old: Delta, delta: Delta): Tuned<M> {
  const put = (deltas: readonly Delta[]): readonly Delta[] => deltas.map((each) => (each === old ? delta : each));
  return graft(tuned.base, stack(...put(tuned.deltas)), put(tuned.inactive));
}

/**
 * The same with a delta under another name. Its parameters are called `<name>/…` from then on, so that a checkpoint of a run
 * from before does not fit.
 *
 * @throws {ConfigError} For a name that there is not, or one that is taken or empty.
 */
export function rename<M extends AnyModel>(tuned: Tuned<M>, from: string, to: string): Tuned<M> {
  const [delta] = find("rename", tuned, [from]);
  if (from !== to && allOf(tuned).some(({ name }) => name === to))
    throw new ConfigError({ message: `rename: there is a delta "${to}" already`, name: to });
  return replace(tuned, delta!, named(to, delta!));
}

/**
 * The same with another delta in the place of the one with this name, which it takes over: its place in the order, and whether it
 * acts. The two have tensors of equal names and shapes. Where their settings are equal as well, a program that was compiled for the first
 * serves the second, and nothing is traced again; numbers such as LoRA's `alpha` are part of a program.
 *
 * LoRAs of other ranks, layers and scales become alike by `padLora`, which folds their scale into their matrices.
 *
 * @throws {ConfigError} For a name that there is not, and for a delta of another method or shape: `remove` and `attach` take any.
 * @example
 * const [style, facts] = [a, b].map((delta) => padLora(delta, { rank: 16, targets: "all-linear" }));
 * const first = attach(base, named("slot", style));
 * const second = swap(first, "slot", facts);
 */
export function swap<M extends AnyModel>(tuned: Tuned<M>, name: string, delta: Delta): Tuned<M> {
  const [old] = find("swap", tuned, [name]);
  const problem = difference(old!, delta);
  if (problem !== undefined) {
    throw new ConfigError({
      message: `swap: the new delta does not have the form of "${name}": ${problem}. Make LoRAs alike by padLora, or remove "${name}" and attach the new one`,
      name,
    });
  }
  return replace(tuned, old!, named(name, delta));
}

/** In what two deltas differ that a compiled program knows. */
function difference(old: Delta, delta: Delta): string | undefined {
  if (old.kind !== delta.kind) return `it is of the method "${delta.kind}", not "${old.kind}"`;
  for (const tree of ["parameters", "buffers", "state"] as const) {
    const [before, after] = [formsOf(old[tree]), formsOf(delta[tree])];
    for (const [tensor, form] of before) {
      const other = after.get(tensor);
      if (other !== form) return `it has ${other === undefined ? "no" : `${other} as`} ${tensor}, not ${form}`;
    }
    const extra = [...after.keys()].find((tensor) => !before.has(tensor));
    if (extra !== undefined) return `it also has ${extra}`;
  }
  return undefined;
}

const formsOf = (tree: Parameters): ReadonlyMap<string, string> =>
  new Map([...tree].map(([name, { shape, dtype }]) => [name, `${dtype} [${shape}]`]));
