/** Rewrites a program's operations into fewer passes over memory, where the result is the same. */
import { type Operation, sameShape, type Value } from "./graph.ts";
import type { Program } from "./program.ts";

/** How often each value is read, outputs of the program included. */
function countReaders(program: Program): Map<Value, number> {
  const readers = new Map<Value, number>();
  const read = (value: Value): void => void readers.set(value, (readers.get(value) ?? 0) + 1);
  for (const operation of program.operations)
    for (const input of operation.inputs) if (input !== undefined) read(input);
  for (const root of program.roots) read(root);
  return readers;
}

/** Whether `Gemm` can add a value to its result of shape `[rows, columns]`. */
function isAddend(value: Value, [rows, columns]: readonly number[]): boolean {
  return value.type === "float32" && (sameShape(value.shape, [columns!]) || sameShape(value.shape, [rows!, columns!]));
}

/** The product that makes `value`, if nothing else reads it and nothing is added to it yet. */
function plainProduct(value: Value, readers: ReadonlyMap<Value, number>): Operation | undefined {
  const { producer } = value;
  return producer?.type === "Gemm" && producer.inputs.length === 2 && readers.get(value) === 1 ? producer : undefined;
}

/**
 * `Add(Gemm(a, b), c)` becomes `Gemm(a, b, c)`: biases, residuals, low-rank updates and sums of gradients are added by the
 * product itself.
 */
export function fuse(program: Program): readonly Operation[] {
  const readers = countReaders(program);
  const absorbed = new Set<Operation>();
  const rewritten = program.operations.map((operation): Operation => {
    if (operation.type !== "Add") return operation;
    const [made] = operation.outputs as readonly [Value];
    const [left, right] = operation.inputs as readonly [Value, Value];
    for (const [term, addend] of [
      [right, left],
      [left, right],
    ] as const) {
      const product = plainProduct(term, readers);
      if (
        product === undefined ||
        absorbed.has(product) ||
        !sameShape(term.shape, made.shape) ||
        !isAddend(addend, made.shape)
      )
        continue;
      absorbed.add(product);
      return {
        ...product,
        inputs: [...product.inputs, addend],
        outputs: operation.outputs,
        kernel: `${product.kernel}+${operation.kernel}`,
      };
    }
    return operation;
  });
  return rewritten.filter((operation, i) => operation !== program.operations[i] || !absorbed.has(operation));
}
