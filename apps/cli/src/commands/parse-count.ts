import { InvalidArgumentError } from "commander";

/** A flag that counts something, from 1. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError("It must be a whole number of 1 or more.");
}
