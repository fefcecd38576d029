/**
 * From values that are asked for to a program: the operations they need, in an order in which they can run, and a code
 * that is equal for programs of equal structure. Numbers stand in the code by position only; whether they are part of the
 * graph is the cache's business.
 */
import { ELEMENT_TYPES, type ElementType, type Operation, type Value } from "./graph.ts";

/** A traced program, ready to be looked up or compiled. */
export interface Program {
  /** Values to be made, in order. */
  readonly roots: readonly Value[];
  /** Operations in an order in which they can run. */
  readonly operations: readonly Operation[];
  /** Values that come from outside: the data. */
  readonly feeds: readonly Value[];
  /** The numbers, in order of first use. */
  readonly numbers: readonly Value[];
  /** Signatures, topology, shapes and types of data and numbers, and elements of what decides shapes. */
  readonly code: Int32Array;
  /** Hash of the code. */
  readonly hash: number;
}

/** A growing list of 32-bit integers. */
class Code {
  private items = new Int32Array(4096);
  private length = 0;

  push(item: number): void {
    if (this.length === this.items.length) {
      const grown = new Int32Array(this.items.length * 2);
      grown.set(this.items);
      this.items = grown;
    }
    this.items[this.length++] = item;
  }

  finish(): Int32Array {
    return this.items.slice(0, this.length);
  }
}

function hashOf(code: Int32Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < code.length; i++) hash = Math.imul(hash ^ code[i]!, 0x01000193) ^ (hash >>> 15);
  return hash >>> 0;
}

/** Items of a code that say what follows. */
export const MARK = { data: -1, number: -2, structure: -3, operation: -4, roots: -5, absent: -6 } as const;

const isOffsets = (value: Value): boolean =>
  value.role === "number" && value.shape.length > 0 && value.uniform === undefined;

/** Traces the program that makes `roots`, all of them without data. */
export function traceProgram(roots: readonly Value[]): Program {
  const operations: Operation[] = [];
  const feeds: Value[] = [];
  const numbers: Value[] = [];
  const code = new Code();
  const positions = new Map<Value, number>();
  const visited = new Set<Operation>();

  function describe(mark: number, value: Value): void {
    code.push(mark);
    code.push(ELEMENT_TYPES[value.type as ElementType]);
    code.push(value.shape.length);
    for (const dimension of value.shape) code.push(dimension);
  }

  function enter(value: Value): void {
    if (positions.has(value)) return;
    positions.set(value, positions.size);
    describe(MARK[value.role], value);
    if (value.role === "data") feeds.push(value);
    else if (value.role === "number") numbers.push(value);
    else for (const element of value.data as BigInt64Array | Int32Array) code.push(Number(element));
  }

  function emit(operation: Operation): void {
    code.push(MARK.operation);
    code.push(operation.signature);
    for (const input of operation.inputs) code.push(input === undefined ? MARK.absent : positions.get(input)!);
    // Offsets that vary leave the output's shape as it is: so it is part of the structure.
    if (operation.inputs.some((input) => input !== undefined && isOffsets(input)))
      for (const dimension of operation.outputs[0]!.shape) code.push(dimension);
    for (const output of operation.outputs) positions.set(output, positions.size);
    operations.push(operation);
  }

  // Depth first without recursion: chains are thousands of operations long.
  const stack: { operation: Operation; next: number }[] = [];
  const visit = (value: Value | undefined): void => {
    if (value === undefined || positions.has(value)) return;
    if (value.producer === undefined || value.producer.evaluate !== undefined || value.data !== undefined) enter(value);
    else if (!visited.has(value.producer)) {
      visited.add(value.producer);
      stack.push({ operation: value.producer, next: 0 });
    }
  };
  for (const root of roots) {
    visit(root);
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (top.next < top.operation.inputs.length) visit(top.operation.inputs[top.next++]);
      else {
        stack.pop();
        emit(top.operation);
      }
    }
  }
  code.push(MARK.roots);
  for (const root of roots) code.push(positions.get(root)!);
  const finished = code.finish();
  return { roots, operations, feeds, numbers, code: finished, hash: hashOf(finished) };
}
