/** An ONNX graph as nodes and values, read for what is to be found in it. */
import { type Field, fieldsOf, integersOf, textsOf } from "./wire.ts";

/** Field numbers of onnx.proto3. */
export const PROTO = {
  model: { irVersion: 1, graph: 7, opset: 8 },
  graph: { node: 1, initializer: 5, input: 11, output: 12, valueInfo: 13 },
  node: { input: 1, output: 2, name: 3, op: 4, attribute: 5, domain: 7 },
  attribute: { name: 1, integer: 3 },
  tensor: { dims: 1, type: 2, floats: 4, name: 8, raw: 9 },
  value: { name: 1, type: 2 },
  type: { tensor: 1 },
  tensorType: { element: 1, shape: 2 },
} as const;

export interface Node {
  /** Where it stands among the graph's fields. */
  readonly at: number;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Of a Gemm: whether it reads its weight turned round. */
  readonly turned: boolean;
}

export interface Graph {
  readonly fields: readonly Field[];
  readonly nodes: readonly Node[];
  /** Shapes of the initialisers by name, and their element types. */
  readonly weights: ReadonlyMap<string, { readonly dims: readonly number[]; readonly element: number }>;
  /** Element types of the values that the file tells. */
  readonly elements: ReadonlyMap<string, number>;
  /** The node that makes a value, and those that read it. */
  readonly maker: ReadonlyMap<string, Node>;
  readonly readers: ReadonlyMap<string, readonly Node[]>;
}

export function graphOf(bytes: Uint8Array): Graph {
  const fields = fieldsOf(bytes);
  const nodes: Node[] = [];
  const weights = new Map<string, { dims: number[]; element: number }>();
  const elements = new Map<string, number>();
  fields.forEach(({ number, bytes: content }, at) => {
    if (number === PROTO.graph.node) {
      const own = fieldsOf(content);
      nodes.push({
        at,
        op: textsOf(own, PROTO.node.op)[0] ?? "",
        domain: textsOf(own, PROTO.node.domain)[0] ?? "",
        inputs: textsOf(own, PROTO.node.input),
        outputs: textsOf(own, PROTO.node.output),
        turned: own.some(({ number: field, bytes: attribute }) => {
          if (field !== PROTO.node.attribute) return false;
          const parts = fieldsOf(attribute);
          return (
            textsOf(parts, PROTO.attribute.name)[0] === "transB" && integersOf(parts, PROTO.attribute.integer)[0] === 1
          );
        }),
      });
    } else if (number === PROTO.graph.initializer) {
      // Weights may be large: only the fields in front of and behind the numbers are looked at.
      const own = fieldsOf(content);
      const [name, element] = [textsOf(own, PROTO.tensor.name)[0] ?? "", integersOf(own, PROTO.tensor.type)[0] ?? 0];
      weights.set(name, { dims: integersOf(own, PROTO.tensor.dims), element });
    } else if (number === PROTO.graph.valueInfo || number === PROTO.graph.input || number === PROTO.graph.output) {
      const own = fieldsOf(content);
      const element = elementOf(own);
      if (element !== undefined) elements.set(textsOf(own, PROTO.value.name)[0] ?? "", element);
    }
  });
  const maker = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const readers = new Map<string, Node[]>();
  for (const node of nodes) for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node]);
  return { fields, nodes, weights, elements, maker, readers };
}

function elementOf(value: readonly Field[]): number | undefined {
  const type = value.find(({ number }) => number === PROTO.value.type);
  const tensor = type && fieldsOf(type.bytes).find(({ number }) => number === PROTO.type.tensor);
  return tensor && integersOf(fieldsOf(tensor.bytes), PROTO.tensorType.element)[0];
}
