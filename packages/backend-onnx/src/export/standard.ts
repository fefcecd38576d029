/** Operators of ONNX Runtime's own, spelled out with those of the ONNX standard. */
import { hostArrayOf, constant as numberOf } from "../graph.ts";
import type { GeneralNode } from "./general.ts";
import { fixed, fixedValue, type Polynomial, textOf } from "./polynomial.ts";
import type { Writer } from "./writer.ts";

const number = (writer: Writer, element: number): string =>
  writer.constant(hostArrayOf(numberOf(element))!, [], "float32");

/** `x / √(mean(x²) + ε) · gain`. */
function rmsNorm(writer: Writer, { attributes }: GeneralNode, [x, gain]: readonly string[]): string {
  const { float: epsilon } = attributes["epsilon"] as { readonly float: number };
  const squares = writer.node("ReduceMean", [writer.node("Mul", [x!, x!]), writer.integers([-1])], { keepdims: 1 });
  const root = writer.node("Sqrt", [writer.node("Add", [squares, number(writer, epsilon)])]);
  return writer.node("Mul", [writer.node("Div", [x!, root]), gain!]);
}

/** Halves of the columns, turned by the angles of their rows. */
function rotation(writer: Writer, { inputs }: GeneralNode, [x, , cosine, sine]: readonly string[]): string {
  const [batch, , rows, dHead] = inputs[0]!.shape as readonly [Polynomial, Polynomial, Polynomial, Polynomial];
  const half = fixedValue(dHead)! / 2;
  const part = (from: number, to: number): string =>
    writer.node("Slice", [x!, writer.integers([from]), writer.integers([to]), writer.integers([3])]);
  const isShared = textOf(inputs[2]!.shape[0]!) === textOf(rows); // by all sequences
  const shape: Polynomial[] = [isShared ? fixed(1) : batch, fixed(1), rows, fixed(half)];
  const [cos, sin] = [cosine!, sine!].map((table) => writer.node("Reshape", [table, writer.list(shape)])) as [
    string,
    string,
  ];
  const [first, second] = [part(0, half), part(half, 2 * half)];
  const times = (a: string, b: string): string => writer.node("Mul", [a, b]);
  const turned = [
    writer.node("Sub", [times(first, cos), times(second, sin)]),
    writer.node("Add", [times(second, cos), times(first, sin)]),
  ];
  return writer.node("Concat", turned, { axis: 3 });
}

/** How each is spelled: the writer, the node, and the names of its inputs. */
export const spelled: Readonly<
  Record<string, (writer: Writer, node: GeneralNode, names: readonly string[]) => string>
> = {
  SimplifiedLayerNormalization: rmsNorm,
  RotaryEmbedding: rotation,
};
