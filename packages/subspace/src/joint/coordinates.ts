/** Coordinates as they are given. */
import { ConfigError, ShapeError } from "@cambium/base";

/**
 * Coordinates as a new array.
 *
 * @throws {ShapeError} When there are more or fewer.
 * @throws {ConfigError} When one is no number.
 */
export function checkedCoordinates(caller: string, given: ArrayLike<number>, dimension: number): Float32Array {
  const list = Array.from(given);
  if (list.length !== dimension)
    throw new ShapeError({
      message: `${caller}: a point has ${dimension} coordinates, got ${list.length}`,
      size: list.length,
    });
  const at = list.findIndex((value) => !Number.isFinite(value));
  if (at >= 0)
    throw new ConfigError({ message: `${caller}: coordinate ${at} of the point is ${list[at]}`, coordinate: at });
  return Float32Array.from(list);
}
