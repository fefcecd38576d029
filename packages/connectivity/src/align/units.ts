/** Units of a group as rows of a matrix, and the same units in another order. */
import type { Parameters } from "@cambium/core";
import {
  addN,
  concat,
  gather,
  matMul,
  reshape,
  slice,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tidy,
  transpose,
} from "@tensorflow/tfjs-core";
import type { Member, SymmetryGroup } from "./symmetries.ts";

/** The part of a tensor that units own, with their axis first: `[size · width, rest]`. */
function ownedBy(member: Member, size: number, tensor: Tensor): Tensor {
  const { axis, from, width, across } = member;
  const turned = tensor.rank === 2 && axis === 1 ? transpose(tensor) : tensor;
  const begin = turned.shape.map((_, i) => (i === 0 ? from : (across?.[0] ?? 0)));
  const extent = turned.shape.map((all, i) =>
    i === 0 ? size * width : across === undefined ? all : across[1] - across[0],
  );
  return slice(turned, begin, extent);
}

/** `Σ ⟨unit i of a, unit j of b⟩` over the members, `[size, size]`. The caller owns it. */
export function similarityOfUnits({ size, members }: SymmetryGroup, a: Parameters, b: Parameters): Tensor2D {
  return tidy(
    () =>
      addN(
        members.map((member) => {
          const rows = (tree: Parameters): Tensor2D =>
            reshape(ownedBy(member, size, tree.get(member.name)!), [size, -1]);
          return matMul(rows(a), rows(b), false, true);
        }),
      ) as Tensor2D,
  );
}

/**
 * A tree whose unit i is the old unit `order[i]`. Values are moved, not computed. Only tensors of the group are in it; the caller owns
 * them.
 */
export function permuteUnits(
  { size, members }: SymmetryGroup,
  order: Uint32Array,
  tree: Parameters,
): Map<string, Tensor> {
  const changed = new Map<string, Tensor>();
  for (const member of members) {
    const { name, axis, from, width, across } = member;
    const before = changed.get(name);
    const tensor = before ?? tree.get(name)!;
    changed.set(
      name,
      tidy(() => {
        const isTurned = tensor.rank === 2 && axis === 1;
        const turned = isTurned ? transpose(tensor) : tensor;
        const places = Int32Array.from(
          { length: size * width },
          (_, i) => order[Math.floor(i / width)]! * width + (i % width),
        );
        const index = tensor1d(places, "int32") as Tensor1D;
        const moved = gather(ownedBy(member, size, tensor), index, 0);
        const put = (middle: Tensor, start: number, end: number, along: number): Tensor => {
          const part = (at: number, length: number): Tensor => {
            const begin = turnedPart.shape.map((_, i) => (i === along ? at : 0));
            const extent = turnedPart.shape.map((all, i) => (i === along ? length : all));
            return slice(turnedPart, begin, extent);
          };
          return concat([part(0, start), middle, part(end, turnedPart.shape[along]! - end)], along);
        };
        let turnedPart = turned;
        let whole = moved;
        if (across !== undefined) {
          turnedPart = slice(turned, [from, 0], [size * width, turned.shape[1]!]);
          whole = put(moved, across[0], across[1], 1);
          turnedPart = turned;
        }
        const result = put(whole, from, from + size * width, 0);
        return isTurned ? transpose(result) : result;
      }),
    );
    before?.dispose();
  }
  return changed;
}
