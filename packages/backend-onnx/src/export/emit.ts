/**
 * From a graph for any sizes to nodes of standard ONNX operators: shapes are computed where they have to be, what ONNX Runtime
 * adds to the standard is spelled out, and what does nothing is left out.
 */
import { StateError } from "@cambium/base";
import { constant, hostArrayOf, sizeOf, type Value } from "../graph.ts";
import type { General, GeneralGraph, GeneralNode } from "./general.ts";
import { fixedValue, type Polynomial, type Sizes, textOf, valueAt } from "./polynomial.ts";
import { spelled } from "./standard.ts";
import { sameShapes, type Writer } from "./writer.ts";

/** What writing needs to know besides the graph. */
export interface EmitOptions {
  /** Inputs that are int64 in the graph and int32 in the function. */
  readonly int64: ReadonlySet<string>;
  /** Names for constants, by the memory of their elements. */
  readonly nameOf: (value: Value) => string | undefined;
  /** Sizes at which a dimension that may be 0 is 0. */
  readonly least: Sizes;
  /** For graphs that run here and nowhere else. @default operators of the standard, and constants in the file */
  readonly here?: {
    /** Whether a constant is fed, and so no part of the graph. */
    isFed(value: Value): boolean;
    /** The name of the input by which it is fed. */
    fedAs(value: Value): string;
  };
}

/** Uniform constants of more elements are made by the graph. */
const STORED = 1024;

/** Operators for which a value of no rank is as good as one of the result's shape. */
const BROADCASTING = new Set(
  "Add Sub Mul Div Max Min Pow Where Equal Less LessOrEqual Greater GreaterOrEqual And Or Xor Mod".split(" "),
);

/** Norms over the last axis. */
const ROW_NORMS = new Set(["LayerNormalization", "SimplifiedLayerNormalization"]);

const TWO_TO_32 = 2 ** 32;

/** The one element of a value at every size, or undefined. */
function elementIn({ source, values }: General): number | undefined {
  if (source.kind === "pattern") return source.pattern.kind === "uniform" ? source.pattern.element : undefined;
  if (source.kind !== "constant") return undefined;
  const { uniform, shape } = source.value;
  if (uniform !== undefined) return uniform;
  return sizeOf(shape) === 1 ? Number(hostArrayOf(values[0]!)![0]) : undefined;
}

const producerOf = (general: General | undefined, type: string): GeneralNode | undefined =>
  general?.source.kind === "node" && general.source.node.type === type ? general.source.node : undefined;

/**
 * The floats behind a conversion to int32 that goes round as JavaScript's does: a remainder, int64, and its low bits. Whoever
 * gives int32 to a graph has no numbers that need it.
 */
function plainlyCast({ type, inputs }: GeneralNode): General | undefined {
  const low = type === "Cast" ? producerOf(inputs[0], "BitwiseAnd") : undefined;
  const long = low && producerOf(low.inputs[0], "Cast");
  const rest = long && producerOf(long.inputs[0], "Mod");
  return rest !== undefined && elementIn(rest.inputs[1]!) === TWO_TO_32 ? rest.inputs[0] : undefined;
}

/** Writes a graph, and gives the names of its outputs. */
export function emit(graph: GeneralGraph, writer: Writer, options: EmitOptions): ReadonlyMap<string, string> {
  const names = new Map<General, string>();
  /** The matrices that values are reshaped from. */
  const matrices = new Map<General, { readonly name: string; readonly shape: readonly Polynomial[] }>();
  const isRead = new Set<General | undefined>([
    ...graph.nodes.flatMap(({ inputs }) => inputs),
    ...graph.outputs.values(),
  ]);

  /** The one element of a value at every size, or undefined, also where it may be another one later. */
  function elementOf(general: General): number | undefined {
    const isFed = general.source.kind === "constant" && options.here?.isFed(general.source.value) === true;
    return isFed ? undefined : elementIn(general);
  }

  function nameOf(general: General): string {
    let name = names.get(general);
    if (name === undefined) {
      name = written(general);
      names.set(general, name);
    }
    return name;
  }

  /** A value that no node makes. */
  function written(general: General): string {
    const { source, shape, type } = general;
    switch (source.kind) {
      case "input":
        return writer.cast(source.name, options.int64.has(source.name) ? "int64" : type, type);
      case "constant": {
        const { value } = source;
        if (options.here?.isFed(value) === true) return options.here.fedAs(value);
        if (value.uniform !== undefined && sizeOf(value.shape) > STORED)
          return writer.expand(scalarOf(value.uniform, type), shape);
        return writer.constant(hostArrayOf(value)!, value.shape, type, options.nameOf(value));
      }
      case "numbers": {
        const list = shape.length === 0 ? writer.scalar(source.elements[0]!) : writer.list(source.elements);
        const cast = writer.cast(list, "int64", type);
        return source.isInverse === true ? writer.node("Reciprocal", [cast]) : cast;
      }
      case "pattern":
        return pattern(general, source);
      case "node":
        throw new StateError({ message: "internal: a node is read before it is written" });
    }
  }

  const scalarOf = (element: number, type: Value["type"]): string =>
    writer.constant(hostArrayOf(constant(element, type))!, [], type);

  function pattern(
    { shape, type }: General,
    { pattern: found, rows }: General["source"] & { kind: "pattern" },
  ): string {
    switch (found.kind) {
      case "uniform":
        return writer.expand(scalarOf(found.element, type), shape);
      case "sum":
        return writer.cast(writer.indexSum(found.sum, shape), "int64", type);
      case "table": {
        const { sum, first, table } = found;
        const start = [...sum.start, ...(first === 0 ? [] : [{ coefficient: -first, factors: [] }])];
        const place = writer.indexSum({ ...sum, start: merged(start) }, shape);
        const limits = [0, table.length - 1].map((limit) => scalarOf(limit, "int64"));
        const data = type === "int32" ? Int32Array.from(table) : Float32Array.from(table);
        const stored = writer.constant(data, [table.length], type);
        return writer.node("Gather", [stored, writer.node("Clip", [place, ...limits])], { axis: 0 });
      }
      case "rows": {
        const stored = writer.constant(hostArrayOf(rows!)!, rows!.shape, type, options.nameOf(rows!));
        return writer.node("Slice", [stored, writer.integers([0]), writer.number(shape[0]!), writer.integers([0])]);
      }
    }
  }

  /** An input of an operator; of no rank where that is enough. */
  function operand(node: GeneralNode, input: General | undefined): string {
    if (input === undefined) return "";
    const element = elementOf(input);
    const isEnough = (): boolean =>
      BROADCASTING.has(node.type) &&
      node.inputs.some(
        (other) =>
          other !== undefined && elementOf(other) === undefined && sameShapes(other.shape, node.outputs[0]!.shape),
      );
    if (element !== undefined && input.shape.length > 0 && isEnough()) return scalarOf(element, input.type);
    return nameOf(input);
  }

  /** A value in another shape, from the matrix behind it where there is one. */
  function reshape(value: General, output: General): string {
    const input = matrices.get(value) ?? { name: nameOf(value), shape: value.shape };
    if (input.shape.length === 2) matrices.set(output, input);
    return sameShapes(input.shape, output.shape) ? input.name : reshaped(input, output);
  }

  /** A norm over rows, taken of the matrix behind a value: so that products before and after it meet without a reshape. */
  function rowNorm({ type, attributes, inputs, outputs }: GeneralNode): readonly string[] | undefined {
    const matrix = matrices.get(inputs[0]!);
    const [output, ...statistics] = outputs as readonly [General, ...General[]];
    const isByRow = matrix !== undefined && textOf(matrix.shape[1]!) === textOf(output.shape.at(-1)!);
    if (!ROW_NORMS.has(type) || !isByRow || statistics.some((each) => isRead.has(each))) return undefined;
    const names = [matrix.name, ...inputs.slice(1).map((input) => nameOf(input!))];
    const name =
      spell({ type, attributes, inputs, outputs } as GeneralNode, names) ?? writer.node(type, names, attributes);
    const made = { name, shape: matrix.shape };
    matrices.set(output, made);
    return [reshaped(made, output)];
  }

  /** The shape that `Reshape` is given: 0 copies a dimension, −1 is what is left. */
  function reshaped(
    input: { readonly name: string; readonly shape: readonly Polynomial[] },
    { shape }: General,
  ): string {
    const texts = shape.map(textOf);
    const isOpen = shape.map((dimension) => fixedValue(dimension) === undefined);
    const mayBeZero = shape.map((dimension, axis) => isOpen[axis] === true && valueAt(dimension, options.least) === 0);
    const isCopied = shape.map(
      (_, axis) =>
        isOpen[axis] === true && input.shape[axis] !== undefined && textOf(input.shape[axis]) === texts[axis],
    );
    const rest = shape.flatMap((_, axis) => (isOpen[axis] === true && !isCopied[axis] ? [axis] : []));
    // What is left cannot be told from nothing, unless the one axis that may be nothing is it.
    const zeros = mayBeZero.flatMap((may, axis) => (may ? [axis] : []));
    const left =
      zeros.length === 0 ? rest.at(-1) : zeros.length === 1 && rest.includes(zeros[0]!) ? zeros[0] : undefined;
    if (rest.some((axis) => mayBeZero[axis] === true && axis !== left)) {
      return writer.node("Reshape", [input.name, writer.list(shape)], { allowzero: 1 });
    }
    const target = shape.map((dimension, axis): Polynomial => {
      if (axis === left) return [{ coefficient: -1, factors: [] }];
      return isCopied[axis] === true ? [] : dimension;
    });
    return writer.node("Reshape", [input.name, writer.list(target)]);
  }

  /** `alpha · a b`, each possibly transposed, of ONNX Runtime's own operator. */
  function product({ inputs, attributes }: GeneralNode): string {
    const [a, b] = inputs as readonly [General, General];
    const { float: alpha } = attributes["alpha"] as { readonly float: number };
    const left =
      alpha === 1
        ? turned(a, attributes["transA"] === 1)
        : writer.node("Mul", [turned(a, attributes["transA"] === 1), scalarOf(alpha, "float32")]);
    return writer.node("MatMul", [left, turned(b, attributes["transB"] === 1)]);
  }

  /** A value with its last two axes exchanged, or as it is. */
  function turned(value: General, isTurned: boolean): string {
    if (!isTurned) return nameOf(value);
    const rank = value.shape.length;
    const order = [...value.shape.keys()].slice(0, -2).concat(rank - 1, rank - 2);
    const before = producerOf(value, "Transpose");
    if (before === undefined) return writer.node("Transpose", [nameOf(value)], { perm: order });
    const permutation = before.attributes["perm"] as readonly number[];
    return writer.node("Transpose", [nameOf(before.inputs[0]!)], { perm: order.map((axis) => permutation[axis]!) });
  }

  /** What an operation that does nothing gives back. */
  function passed({ type, inputs, outputs }: GeneralNode): General | undefined {
    const neutral = type === "Add" || type === "Sub" ? 0 : type === "Mul" || type === "Div" ? 1 : undefined;
    if (neutral === undefined) return undefined;
    const [a, b] = inputs as readonly [General, General];
    const isCommutative = type === "Add" || type === "Mul";
    if (elementOf(b) === neutral && sameShapes(a.shape, outputs[0]!.shape)) return a;
    return isCommutative && elementOf(a) === neutral && sameShapes(b.shape, outputs[0]!.shape) ? b : undefined;
  }

  function write(node: GeneralNode): readonly string[] {
    const { type, domain, attributes, inputs, outputs, kernel } = node;
    if (type === "FusedMatMul" && options.here === undefined) return [product(node)];
    if (domain !== "" && options.here === undefined && spelled[type] === undefined) {
      throw new StateError({
        message: `traceOnnx: ${kernel} runs as ${type}, which is no operator of the ONNX standard; weights in 8 bits, for example, are not exported`,
        kernel,
      });
    }
    if (type === "Reshape") return [reshape(inputs[0]!, outputs[0]!)];
    const normed = rowNorm(node);
    if (normed !== undefined) return normed;
    const behind = plainlyCast(node);
    if (behind !== undefined) return [writer.cast(nameOf(behind), behind.type, "int32")];
    const same = passed(node);
    if (same !== undefined) return [nameOf(same)];
    const raw = (input: General | undefined): string | undefined =>
      input?.source.kind === "input" && options.int64.has(input.source.name) ? input.source.name : undefined;
    // From the integers that come in there is one conversion, and indices need none.
    if (type === "Cast" && raw(inputs[0]) !== undefined) return [writer.node("Cast", [raw(inputs[0])!], attributes)];
    const names = inputs.map((input, i) =>
      type === "Gather" && i === 1 ? (raw(input) ?? operand(node, input)) : operand(node, input),
    );
    const plain = spell(node, names);
    return plain === undefined ? writer.nodeOf(type, names, outputs.length, attributes, domain) : [plain];
  }

  /** An operator of ONNX Runtime's own in operators of the standard, where the graph is for others too. */
  function spell(node: GeneralNode, names: readonly string[]): string | undefined {
    return options.here === undefined ? spelled[node.type]?.(writer, node, names) : undefined;
  }

  for (const node of graph.nodes) {
    const made = write(node);
    for (const [i, output] of node.outputs.entries()) names.set(output, made[i]!);
  }
  return new Map([...graph.outputs].map(([name, general]) => [name, nameOf(general)]));
}

/** A sum whose whole numbers are one. */
function merged(polynomial: Polynomial): Polynomial {
  const number = polynomial.reduce(
    (sum, { coefficient, factors }) => (factors.length === 0 ? sum + coefficient : sum),
    0,
  );
  const rest = polynomial.filter(({ factors }) => factors.length > 0);
  return number === 0 ? rest : [...rest, { coefficient: number, factors: [] }];
}
