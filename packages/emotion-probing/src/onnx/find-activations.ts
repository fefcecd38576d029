/**
 * Where the activations of the feed-forward layers are in a graph: a single operator (Gelu and its relatives, Relu), or the pieces that
 * exporters write in its place. What tells a layer's activation from others (a pooler's, a head's) is that a product with a weight reads
 * it next.
 */
import type { Graph, Node } from "./graph.ts";

/** An activation: the value that is read after it. */
export interface FoundActivation {
  readonly value: string;
  /** Such as `Gelu`, `erf`, `tanh`, `silu`, and with a gate `silu, gated`. */
  readonly kind: string;
  /** Of the weight that reads it, where the file holds that. */
  readonly width?: number;
  readonly element?: number;
}

/** Operators that are an activation by themselves. */
const WHOLE = new Set(["Gelu", "FastGelu", "BiasGelu", "QuickGelu", "Relu", "LeakyRelu", "Elu", "Mish", "HardSwish"]);
const PRODUCTS = new Set(["MatMul", "Gemm", "FusedMatMul", "FusedGemm", "MatMulNBits", "DynamicQuantizeMatMul"]);
/** What may stand between an activation and the product. */
const THROUGH = new Set(["Reshape", "Identity", "Dropout", "Cast", "DynamicQuantizeLinear"]);
const INTEGER_PRODUCTS = new Set(["MatMulInteger", "MatMulIntegerToFloat"]);

/**
 * All activations, in the order of the graph's nodes. Where widths are known, one of another width than most, such as a classifier's, is
 * none of a layer.
 */
export function findActivations(graph: Graph): FoundActivation[] {
  const found = candidates(graph);
  const counts = new Map<number, number>();
  for (const { width } of found) if (width !== undefined) counts.set(width, (counts.get(width) ?? 0) + 1);
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  if (most === undefined || most[1] < 2) return found;
  return found.filter(({ width }) => width === undefined || width === most[0]);
}

function candidates(graph: Graph): FoundActivation[] {
  const seen = new Set<string>();
  return graph.nodes.flatMap((node) => {
    const found = activationAt(graph, node);
    if (found === undefined) return [];
    const gated = gateOf(graph, found.value);
    const value = gated ?? found.value;
    const reader = productAfter(graph, value, 3);
    if (reader === undefined || seen.has(value)) return [];
    seen.add(value);
    const weight = reader.inputs.map((name) => graph.weights.get(name)).find((one) => one?.dims.length === 2);
    const element = graph.elements.get(value) ?? weight?.element;
    return [
      {
        value,
        kind: gated === undefined ? found.kind : `${found.kind}, gated`,
        ...(weight !== undefined && PRODUCTS.has(reader.op) && { width: weight.dims[reader.turned ? 1 : 0]! }),
        ...(element !== undefined && { element }),
      },
    ];
  });
}

function activationAt(graph: Graph, node: Node): { readonly value: string; readonly kind: string } | undefined {
  const [value] = node.outputs;
  if (value === undefined) return undefined;
  if (WHOLE.has(node.op)) return { value, kind: node.op };
  if (node.op === "Erf" || node.op === "Tanh") {
    // x / √2 → Erf → + 1 → · x → · ½, in any order of the products; the same with Tanh and a cubic in front.
    const one = only(graph, value);
    if (one?.op !== "Add") return undefined;
    const end = lastProduct(graph, one.outputs[0]!);
    return end === undefined ? undefined : { value: end, kind: node.op.toLowerCase() };
  }
  if (node.op === "Sigmoid") {
    const product = only(graph, value);
    const isSwish = product?.op === "Mul" && product.inputs.includes(node.inputs[0]!);
    return isSwish ? { value: product.outputs[0]!, kind: "silu" } : undefined;
  }
  return undefined;
}

/** The only node that reads a value. */
function only(graph: Graph, value: string): Node | undefined {
  const readers = graph.readers.get(value) ?? [];
  return readers.length === 1 ? readers[0] : undefined;
}

/** The end of a chain of products, at least one and at most three. */
function lastProduct(graph: Graph, value: string): string | undefined {
  let end: string | undefined;
  let next = only(graph, value);
  for (let steps = 0; next?.op === "Mul" && steps < 3; steps++) {
    // A gate is a product with something that is neither a constant nor made of the same x; it is looked for afterwards.
    if (end !== undefined && !next.inputs.some((name) => isConstant(graph, name))) break;
    end = next.outputs[0]!;
    next = only(graph, end);
  }
  return end;
}

const isConstant = (graph: Graph, name: string): boolean =>
  graph.weights.has(name) || graph.maker.get(name)?.op === "Constant";

/** The product of an activation with its gate, which a weight reads next. */
function gateOf(graph: Graph, value: string): string | undefined {
  const product = only(graph, value);
  if (product?.op !== "Mul" || product.inputs.some((name) => isConstant(graph, name))) return undefined;
  const [gated] = product.outputs;
  return productAfter(graph, gated!, 3) === undefined ? undefined : gated;
}

/** The product with a weight that reads a value, perhaps behind a reshape. */
function productAfter(graph: Graph, value: string, steps: number): Node | undefined {
  for (const node of graph.readers.get(value) ?? []) {
    if (PRODUCTS.has(node.op) && node.inputs[0] === value) return node;
    if (INTEGER_PRODUCTS.has(node.op) && node.inputs[0] === value) return node;
    if (steps > 0 && THROUGH.has(node.op) && node.inputs[0] === value) {
      const found = productAfter(graph, node.outputs[0]!, steps - 1);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
