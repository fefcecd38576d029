/** Elements of values that exist: when two are equal, and how messages name numbers. */
import { hostArrayOf, type Operation, type Value } from "./graph.ts";

/** What a number is, in a form that `Object.is` compares: its one element, or several as text. */
export function numberIn(value: Value): number | string {
  if (value.uniform !== undefined) return value.uniform;
  const data = value.data!;
  return data.length === 1 ? Number(data[0]) : data.join();
}

/** Whether two numbers at one place of two programs are equal. */
export const sameNumber = (a: Value, b: Value): boolean => a === b || Object.is(numberIn(a), numberIn(b));

/** Whether two values that need no run have equal elements. */
export function sameContent(a: Value, b: Value): boolean {
  if (a === b) return true;
  const [left, right] = [hostArrayOf(a), hostArrayOf(b)];
  return (
    left !== undefined &&
    right !== undefined &&
    left.length === right.length &&
    left.every((element, i) => Object.is(element, right[i]))
  );
}

/** A number in a message. */
export const describeNumber = (value: Value): string => String(numberIn(value));

/** The kernel that reads a value, for messages. */
export function readerOf(operations: readonly Operation[], value: Value): string {
  return operations.find((operation) => operation.inputs.includes(value))?.kernel ?? "the result";
}
