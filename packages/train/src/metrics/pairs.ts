import { ShapeError } from "@cambium/base";

/**
 * Throws unless two lists have the same number of values, at least one.
 *
 * @param caller - Function to name in the message.
 */
export function checkPairs(caller: string, a: ArrayLike<unknown>, b: ArrayLike<unknown>): void {
  if (a.length === b.length && a.length > 0) return;
  const what = a.length === b.length ? "there are no values" : `the lists have ${a.length} and ${b.length} values`;
  throw new ShapeError({
    message: `${caller}: ${what}; give two lists of equal length, one value per row`,
    lengths: [a.length, b.length],
  });
}
