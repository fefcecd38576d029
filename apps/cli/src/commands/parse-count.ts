import { InvalidArgumentError } from "commander";

/** A flag that counts something, from 1. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError("It must be a whole number of 1 or more.");
}

/** A number above 0, such as seconds. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number above 0.");
}

/** A number above 0 and below 1, such as a learning rate or a share. */
export function parseFraction(text: string): number {
  const value = Number(text);
  if (value > 0 && value < 1) return value;
  throw new InvalidArgumentError("It must be a number above 0 and below 1.");
}
