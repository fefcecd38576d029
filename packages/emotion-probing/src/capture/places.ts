import { ConfigError } from "@cambium/base";
import type { Random } from "@cambium/core";
import { argMax, cast, max, mul, range, sub, type Tensor, type Tensor1D, type Tensor2D } from "@tensorflow/tfjs-core";

/** The column of each row's last real token, int32 `[batch]`, on whichever side the padding is. */
export function lastPlace(mask: Tensor2D): Tensor1D {
  return cast(max(mul(mask, range(0, mask.shape[1], 1, "float32")), 1), "int32") as Tensor1D;
}

/** The column of each row's first real token, int32 `[batch]`. */
export function firstPlace(mask: Tensor2D): Tensor1D {
  const seq = mask.shape[1];
  const fromEnd = mul(mask, sub(seq, range(0, seq, 1, "float32")));
  return argMax(fromEnd, 1) as Tensor1D;
}

/** The column of the first token in each row that has an id, int32 `[batch]`; 0 where there is none. */
export function placeOf(isThere: Tensor): Tensor1D {
  const seq = isThere.shape[1]!;
  return argMax(mul(cast(isThere, "float32"), sub(seq, range(0, seq, 1, "float32"))), 1) as Tensor1D;
}

/** A random order of the examples of a batch in which none stays where it is: one cycle through all of them. */
export function orderOfOthers(caller: string, random: Random, count: number): Uint32Array {
  if (count < 2)
    throw new ConfigError({
      message: `${caller}: to resample is to take the values of another example, and a batch has ${count} only; choose another size of batches`,
    });
  const cycle = random.permutation(count);
  const order = new Uint32Array(count);
  cycle.forEach((example, i) => {
    order[example] = cycle[(i + 1) % count]!;
  });
  return order;
}
