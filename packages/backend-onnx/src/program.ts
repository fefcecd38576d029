/**
 * From values that are asked for to a program: the operations they need, in an order in which they can run, and a code
 * that is equal for programs of equal structure. Literals (rank-0 tensors that the program's author wrote) stand in the
 * code by position only; whether their values are part of the graph is the cache's business.
 */
import { ELEMENT_TYPES, type ElementType, type Operation, type Value } from "./graph.ts";

/** A traced program, ready to be looked up or compiled. */
export interface Program {
  /** Values to be made, in order. */
  readonly roots: readonly Value[];
  /** Operations in an order in which they can run. */
  readonly operations: readonly Operation[];
  /** Values that come from outside, literals not included. */
  readonly feeds: readonly Value[];
  /** Rank-0 values in order of first use. */
  readonly literals: readonly Value[];
  /** Structure: signatures, topology, shapes and types of feeds, uniform values and operators' constants. */
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

const floatBits = new Float32Array(1);
const integerBits = new Int32Array(floatBits.buffer);

/** Bits of a number as a float32. */
function bitsOf(element: number): number {
  floatBits[0] = element;
  return integerBits[0]!;
}

/** Items of a code that say what follows. */
export const MARK = { feed: -1, literal: -2, uniform: -3, constant: -4, operation: -5, roots: -6, absent: -7 } as const;

/** Traces the program that makes `roots`, all of them without data. */
export function traceProgram(roots: readonly Value[]): Program {
  const operations: Operation[] = [];
  const feeds: Value[] = [];
  const literals: Value[] = [];
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
    if (value.literal && value.shape.length === 0) {
      literals.push(value);
      describe(MARK.literal, value);
    } else if (value.literal) {
      describe(MARK.constant, value);
      for (const element of value.data as BigInt64Array | Int32Array) code.push(Number(element));
    } else if (value.uniform !== undefined) {
      describe(MARK.uniform, value);
      code.push(bitsOf(value.uniform));
    } else {
      feeds.push(value);
      describe(MARK.feed, value);
    }
  }

  function emit(operation: Operation): void {
    code.push(MARK.operation);
    code.push(operation.signature);
    for (const input of operation.inputs) code.push(input === undefined ? MARK.absent : positions.get(input)!);
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
  return { roots, operations, feeds, literals, code: finished, hash: hashOf(finished) };
}
