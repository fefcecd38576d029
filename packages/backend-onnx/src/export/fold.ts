/** Takes what depends on no input out of a graph: it is computed once, and becomes a constant. */
import { bytesOf, type Value } from "../graph.ts";
import type { General, GeneralGraph, GeneralNode } from "./general.ts";
import { findPattern } from "./pattern.ts";
import { fixedValue, type Polynomial, type Sizes } from "./polynomial.ts";

/** A constant may be larger than what it is made of by so many bytes. */
const GROWTH = 1 << 16;

/** Recordings that are looked at to see whether a tensor has one element at every size. */
const LOOKS = 3;

const isFixed = (shape: readonly Polynomial[]): boolean =>
  shape.every((dimension) => fixedValue(dimension) !== undefined);

const bytesOfValue = ({ type, shape }: Value): number => bytesOf(type, shape);

/** Operators whose result is what their operands are: of one element, where these are. */
const ELEMENTWISE = new Set(
  "Add Sub Mul Div Neg Max Min Equal Not And Or Cast Where Less Greater Expand Reshape".split(" "),
);

/**
 * Folds a graph.
 *
 * @param run - Makes values that depend on no input.
 */
export function fold(
  graph: GeneralGraph,
  sizes: readonly Sizes[],
  run: (values: readonly Value[]) => void,
): GeneralGraph {
  const constants = new Set<GeneralNode>();
  const isKnown = (input: General | undefined): boolean =>
    input === undefined ||
    (input.source.kind === "node" ? constants.has(input.source.node) : input.source.kind !== "input");
  for (const node of graph.nodes) if (node.inputs.every(isKnown)) constants.add(node);

  const isRead = new Set<General | undefined>(graph.outputs.values());
  for (const node of graph.nodes) if (!constants.has(node)) for (const input of node.inputs) isRead.add(input);
  const folded = new Set<GeneralNode>();
  for (const node of constants) {
    const isElementwise =
      ELEMENTWISE.has(node.type) && node.inputs.every((input) => input === undefined || isOneElement(input));
    for (const output of node.outputs) {
      const value = output.values[0]!;
      const isSmall =
        bytesOfValue(value) <=
        GROWTH +
          node.inputs.reduce((sum, input) => sum + (input === undefined ? 0 : bytesOfValue(input.values[0]!)), 0);
      if (isFixed(output.shape) && isSmall && isRead.has(output)) {
        makeAll([value], run);
        output.source = { kind: "constant", value };
        folded.add(node);
      } else if (isElementwise && node.outputs.length === 1 && !isFixed(output.shape)) {
        const values = output.values.slice(0, LOOKS);
        makeAll(values, run);
        const samples = values.map(({ shape, data }) => ({ shape, data: data! }));
        const pattern = findPattern(samples, sizes, output.shape);
        if (pattern?.kind !== "uniform") continue;
        output.source = { kind: "pattern", pattern };
        folded.add(node);
      }
    }
  }
  return { ...graph, nodes: graph.nodes.filter((node) => !folded.has(node)) };
}

function isOneElement({ source }: General): boolean {
  if (source.kind === "pattern") return source.pattern.kind === "uniform";
  return source.kind === "constant" && (source.value.uniform !== undefined || source.value.shape.length === 0);
}

function makeAll(values: readonly Value[], run: (values: readonly Value[]) => void): void {
  const missing = values.filter(({ data, uniform }) => data === undefined && uniform === undefined);
  if (missing.length > 0) run(missing);
}
