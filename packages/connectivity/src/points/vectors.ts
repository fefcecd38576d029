/** Trees as vectors: what is asked of them as numbers. Trees that lack a name count as zero there. */
import { mapParameters, type Parameters } from "@cambium/core";
import { addN, mul, scalar, sub, sum, type Tensor, tidy } from "@tensorflow/tfjs-core";

const isFloat = (tensor: Tensor): boolean => tensor.dtype === "float32";

/** `to − from` where both are floats; whole numbers are left out. The caller owns it. */
export function offset(from: Parameters, to: Parameters): Map<string, Tensor> {
  const floats = new Map([...from].filter(([, tensor]) => isFloat(tensor)));
  return mapParameters(floats, (tensor, name) => sub(to.get(name)!, tensor));
}

/** A tree times a number. The caller owns it. */
export function scaled(tree: Parameters, factor: number): Map<string, Tensor> {
  return mapParameters(tree, (tensor) => tidy(() => mul(tensor, scalar(factor))));
}

/** Inner products of pairs of trees, read at once. */
export async function dotsOf(pairs: readonly (readonly [Parameters, Parameters])[]): Promise<number[]> {
  const tensors = tidy(() =>
    pairs.map(([a, b]) => {
      const parts = [...a].flatMap(([name, tensor]) => {
        const other = b.get(name);
        return other === undefined || !isFloat(tensor) ? [] : [sum(mul(tensor, other))];
      });
      return parts.length === 0 ? scalar(0) : addN(parts);
    }),
  );
  try {
    return (await Promise.all(tensors.map((tensor) => tensor.data()))).map(([value]) => value!);
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}

/** Inner product of two trees. */
export async function dotOf(a: Parameters, b: Parameters): Promise<number> {
  return (await dotsOf([[a, b]]))[0]!;
}
