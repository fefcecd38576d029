import { type ProgramShape, shapeOf } from "./shape.ts";

/**
 * How a created tool relates to other tools:
 * 1 enhancement, it wraps one other tool; 2 concatenation, it joins several; 3 hierarchy, its own functions call each other;
 * 0 none of these, one function by itself.
 *
 * @see Qian et al. 2023, CREATOR, arXiv:2305.14318, §5.3.
 */
export type CreationLevel = 0 | 1 | 2 | 3;

/** Levels of creation in words, by their number. */
export const CREATION_LEVELS = ["by itself", "enhancement", "concatenation", "hierarchy"] as const;

/** What can be read off the source of a tool. */
export interface ToolShape {
  /** The function to call: one that no other calls, the last of several. */
  readonly name: string;
  readonly parameters: readonly string[];
  /** The documentation block of the function. */
  readonly documentation: string;
  /** Every function of the source. */
  readonly functions: readonly string[];
  /** Other tools that it calls. */
  readonly dependencies: readonly string[];
  readonly level: CreationLevel;
}

/** Pairs of functions of the program where one refers to the other; calls of itself are left out. */
function internalEdges(shape: ProgramShape): readonly { from: string; to: string }[] {
  const callables = shape.filter(({ callable }) => callable !== undefined);
  const names = new Set(callables.map(({ declares: [name] }) => name!));
  return callables.flatMap(({ declares: [from], uses }) =>
    [...uses].flatMap((to) => (from !== to && names.has(to) ? [{ from: from!, to }] : [])),
  );
}

/**
 * Reads name, documentation and level of creation off a tool's source, the level from the graph of its calls: own functions
 * that call each other make 3, else two or more foreign tools 2, one foreign tool 1, none 0.
 *
 * @param foreign - Names of tools that exist already; members of objects as `object.member`, whole objects as `object.*`.
 * @returns `undefined` when the source cannot be read or has no function.
 */
export function toolShape(
  source: string,
  language: "javascript" | "python",
  foreign: readonly string[] = [],
): ToolShape | undefined {
  const shape = shapeOf(source, language);
  const callables = shape?.filter(({ callable }) => callable !== undefined) ?? [];
  if (shape === undefined || callables.length === 0) return undefined;
  const edges = internalEdges(shape);
  const own = new Set(shape.flatMap(({ declares }) => declares));
  const uses = new Set(callables.flatMap(({ uses }) => [...uses]));
  const dependencies = [...uses].filter(
    (name) =>
      !own.has(name) && (foreign.includes(name) || (foreign.includes(`${name.split(".")[0]}.*`) && name.includes("."))),
  );
  const called = new Set(edges.map(({ to }) => to));
  const main = callables.findLast(({ declares: [name] }) => !called.has(name!)) ?? callables.at(-1)!;
  return {
    name: main.declares[0]!,
    parameters: main.callable!.parameters,
    documentation: main.callable!.documentation,
    functions: callables.map(({ declares: [name] }) => name!),
    dependencies,
    level: edges.length > 0 ? 3 : dependencies.length >= 2 ? 2 : dependencies.length === 1 ? 1 : 0,
  };
}
