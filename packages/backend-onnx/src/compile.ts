/** From a program to an ONNX model: names for its values, constants as initialisers, fusions where they are exact. */
import { fuse } from "./fuse.ts";
import { bytesOf, constant, type HostArray, hostArrayOf, type Operation, sizeOf, type Value } from "./graph.ts";
import { isBlockOperation, lowerFed } from "./lower-blocks.ts";
import { encodeModel, type Initializer, type Node, type Slot } from "./onnx-model.ts";
import type { Program } from "./program.ts";

/** A model and the names under which its program's values go in and out. */
export interface CompiledModel {
  readonly model: Uint8Array;
  /** Names of the program's feeds, then of the numbers that are fed. */
  readonly inputNames: readonly string[];
  /** Names of the program's roots; equal roots have equal names. */
  readonly outputNames: readonly string[];
  /** Rough work in element operations, for choosing threads. */
  readonly work: number;
  /** Most bytes of intermediate values alive at one time, in the order of the nodes. */
  readonly peakBytes: number;
  readonly nodeCount: number;
}

/** The bytes of an array as text, which tell −0 from 0. */
const bytesIn = (data: HostArray): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("latin1");

const PRODUCTS = new Set(["Gemm", "FusedMatMul", "MatMul", "MatMulIntegerToFloat"]);

/** Work of an operation, in multiply-adds or element visits. */
function workOf(operation: Operation): number {
  const made = operation.outputs.reduce((sum, output) => sum + sizeOf(output.shape), 0);
  if (!PRODUCTS.has(operation.type)) return made;
  const left = operation.inputs[0]!;
  const inner = operation.attributes["transA"] === 1 ? left.shape.at(-2)! : left.shape.at(-1)!;
  return made * inner;
}

/** The value whose memory a value is: reshaping moves nothing. */
function memoryOf(value: Value): Value {
  return value.producer?.type === "Reshape" ? memoryOf(value.producer.inputs[0]!) : value;
}

/** The most bytes alive at one time when operations run in order and values are freed after their last reader. */
function peakOf(operations: readonly Operation[], roots: readonly Value[]): number {
  const lastReader = new Map<Value, number>();
  operations.forEach(({ inputs }, i) => {
    for (const input of inputs) if (input !== undefined) lastReader.set(memoryOf(input), i);
  });
  for (const root of roots) lastReader.set(memoryOf(root), operations.length);
  const alive = new Set<Value>();
  let bytes = 0;
  let peak = 0;
  operations.forEach(({ type, inputs, outputs }, i) => {
    for (const output of outputs) {
      if (type === "Reshape" || !lastReader.has(output)) continue;
      alive.add(output);
      bytes += bytesOf(output.type, output.shape);
    }
    peak = Math.max(peak, bytes);
    for (const input of inputs) {
      const read = input && memoryOf(input);
      if (read !== undefined && lastReader.get(read) === i && alive.delete(read))
        bytes -= bytesOf(read.type, read.shape);
    }
  });
  return peak;
}

/**
 * Compiles a program.
 *
 * @param fed - For each number, whether it is an input of the graph rather than a constant in it.
 */
export function compileProgram(program: Program, fed: readonly boolean[]): CompiledModel {
  const names = new Map<Value, string>();
  const inputs: Slot[] = [];
  const initializers = new Map<string, Initializer>();
  const nodes: Node[] = [];

  const addInput = (value: Value): void => {
    const name = `i${inputs.length}`;
    names.set(value, name);
    inputs.push({ name, shape: value.shape, type: value.type });
  };
  program.feeds.forEach(addInput);
  program.numbers.forEach((number, i) => {
    if (fed[i]) addInput(number);
  });

  function constantName(value: Value): string {
    if (value.uniform !== undefined && sizeOf(value.shape) > 1) {
      const name = `u${names.size}`;
      const shapeName = addInitializer(BigInt64Array.from(value.shape, BigInt), [value.shape.length], "int64");
      const element = hostArrayOf(constant(value.uniform, value.type))!;
      const elementName = addInitializer(element, [], value.type);
      nodes.push({
        name,
        type: "Expand",
        domain: "",
        inputs: [elementName, shapeName],
        outputs: [name],
        attributes: {},
      });
      return name;
    }
    return addInitializer(hostArrayOf(value)!, value.shape, value.type);
  }

  function addInitializer(data: HostArray, shape: readonly number[], type: Value["type"]): string {
    const key = `${type} ${shape} ${bytesIn(data)}`;
    let initializer = initializers.get(key);
    if (initializer === undefined) {
      initializer = { name: `c${initializers.size}`, shape, type, data };
      initializers.set(key, initializer);
    }
    return initializer.name;
  }

  function nameOf(value: Value | undefined): string {
    if (value === undefined) return "";
    let name = names.get(value);
    if (name === undefined) {
      name = constantName(value);
      names.set(value, name);
    }
    return name;
  }

  const lowered = program.operations.flatMap((each) => (isBlockOperation(each) ? lowerFed(each) : [each]));
  const operations = fuse({ ...program, operations: lowered });
  let work = 0;
  operations.forEach((operation, i) => {
    work += workOf(operation);
    const inputNames = operation.inputs.map(nameOf);
    const outputs = operation.outputs.map((output, j) => {
      const name = `n${i}_${j}`;
      names.set(output, name);
      return name;
    });
    const { type, domain, attributes } = operation;
    nodes.push({
      name: `${operation.kernel} [${operation.outputs[0]!.shape}] #${i}`,
      type,
      domain,
      inputs: inputNames,
      outputs,
      attributes,
    });
  });

  const outputNames = program.roots.map(nameOf);
  const outputs = new Map(
    program.roots.map((root, i) => [outputNames[i]!, { name: outputNames[i]!, shape: root.shape, type: root.type }]),
  );
  const model = encodeModel(nodes, [...initializers.values()], inputs, [...outputs.values()]);
  return {
    model,
    inputNames: inputs.map((input) => input.name),
    outputNames,
    work,
    peakBytes: peakOf(operations, program.roots),
    nodeCount: nodes.length,
  };
}
