/** Takes what depends on no input out of a graph: it is computed once, and becomes a constant. */
import { bytesOf, hostArrayOf, type Value } from "../graph.ts";
import type { General, GeneralGraph, GeneralNode, Source } from "./general.ts";
import { findPattern } from "./pattern.ts";
import { fixedValue, type Polynomial, type Sizes } from "./polynomial.ts";

/** A constant may be larger than what it is made of by so many bytes. */
const GROWTH = 1 << 16;

/** Recordings that are looked at to see whether a tensor has one element at every size. */
const LOOKS = 3;

const isFixed = (shape: readonly Polynomial[]): boolean =>
  shape.every((dimension) => fixedValue(dimension) !== undefined);

const bytesOfValue = ({ values: [value] }: General): number => bytesOf(value!.type, value!.shape);

/** Operators whose result has one element everywhere, where their operands have. */
const ELEMENTWISE = new Set("Add Sub Mul Div Neg Max Min Equal Not And Or Cast Where Less Greater".split(" "));

/** The same, for their first input: the others say a shape. */
const RESHAPING = new Set(["Expand", "Reshape", "Tile"]);

/** What the elements of an operation's result are made of; a value of many elements stands for what is not known. */
function operandsOf({ type, inputs }: GeneralNode): readonly (General | undefined)[] {
  if (RESHAPING.has(type)) return inputs.slice(0, 1);
  return ELEMENTWISE.has(type) ? inputs : [undefined];
}

/** What folding needs besides the graph. */
export interface FoldOptions {
  /** Makes values that depend on no input. */
  run(values: readonly Value[]): void;
  /** Whether a constant may have other elements later, so that nothing may be computed of it now. @default none may */
  mayVary?(value: Value): boolean;
}

/** Folds a graph. */
export function fold(
  graph: GeneralGraph,
  sizes: readonly Sizes[],
  { run, mayVary = () => false }: FoldOptions,
): GeneralGraph {
  /** Operations on constants only, and those on what is made from sizes as well. */
  const [fixed, known] = [new Set<GeneralNode>(), new Set<GeneralNode>()];
  const isAmong = (nodes: ReadonlySet<GeneralNode>, leaves: readonly Source["kind"][], { source }: General): boolean =>
    source.kind === "node"
      ? nodes.has(source.node)
      : leaves.includes(source.kind) && !(source.kind === "constant" && mayVary(source.value));
  for (const node of graph.nodes) {
    const inputs = node.inputs.filter((input) => input !== undefined);
    if (inputs.every((input) => isAmong(fixed, ["constant"], input))) fixed.add(node);
    if (inputs.every((input) => isAmong(known, ["constant", "numbers", "pattern"], input))) known.add(node);
  }

  const isRead = new Set<General | undefined>(graph.outputs.values());
  for (const node of graph.nodes) if (!known.has(node)) for (const input of node.inputs) isRead.add(input);
  const folded = new Set<GeneralNode>();
  for (const node of known) {
    const [output, ...others] = node.outputs as readonly [General, ...General[]];
    if (others.length > 0) continue;
    const [value] = output.values as readonly [Value];
    const room = GROWTH + node.inputs.reduce((sum, input) => sum + (input === undefined ? 0 : bytesOfValue(input)), 0);
    if (fixed.has(node) && isRead.has(output) && bytesOfValue(output) <= room) {
      makeAll([value], run);
      output.source = { kind: "constant", value };
      folded.add(node);
    } else if (!isFixed(output.shape) && operandsOf(node).every(isOneElement)) {
      const values = output.values.slice(0, LOOKS);
      makeAll(values, run);
      const samples = values.map((each) => ({ shape: each.shape, data: hostArrayOf(each)! }));
      const pattern = findPattern(samples, sizes, output.shape);
      if (pattern?.kind !== "uniform") continue;
      output.source = { kind: "pattern", pattern };
      folded.add(node);
    }
  }
  return { ...graph, nodes: graph.nodes.filter((node) => !folded.has(node)) };
}

function isOneElement(general: General | undefined): boolean {
  if (general === undefined) return false;
  const { source } = general;
  if (source.kind === "pattern") return source.pattern.kind === "uniform";
  return source.kind === "constant" && (source.value.uniform !== undefined || source.value.shape.length === 0);
}

function makeAll(values: readonly Value[], run: (values: readonly Value[]) => void): void {
  const missing = values.filter(({ data, uniform }) => data === undefined && uniform === undefined);
  if (missing.length > 0) run(missing);
}
