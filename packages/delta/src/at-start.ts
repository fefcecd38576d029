import type { Tensor } from "@tensorflow/tfjs-core";
import type { Delta } from "./delta.ts";

/** Whether a delta's parameters are those that it was made with, or have their values. One that was read is not. */
export async function isAtStart({ parameters, start }: Delta): Promise<boolean> {
  if (start === undefined) return false;
  for (const [name, tensor] of parameters) {
    if (!(await isEqual(tensor, start.get(name)!))) return false;
  }
  return true;
}

async function isEqual(a: Tensor, b: Tensor): Promise<boolean> {
  if (a === b || a.dataId === b.dataId) return true;
  if (b.isDisposed) return false;
  const [left, right] = [await a.data(), await b.data()];
  return left.every((value, i) => Object.is(value, right[i]));
}
