/** LoRAs merged in one basis of all of them: KnOTS. */
import { disposeParameters, type Parameters, type Random } from "@cambium/core";
import { combine, type Delta, type LoraConfig } from "@cambium/delta";
import { type Tensor, tensor2d } from "@tensorflow/tfjs-core";
import { eigen, type Matrix, ofSymmetric, product, sumOf, transposed } from "../align/small-matrices.ts";
import { mergePoints } from "./merge-points.ts";
import type { MergeRecipe } from "./recipe.ts";

/** `B A` of a layer, of one LoRA. */
interface Factors {
  /** `[rank, in]` */
  readonly a: Matrix;
  /** `[out, rank]` */
  readonly b: Matrix;
}

/** The name of B beside A. */
const besideA = (name: string): string => name.replace(/_A(\.weight)?$/, "_B$1");
const isA = (name: string): boolean => besideA(name) !== name;

/**
 * One LoRA out of several by KnOTS (Stoica et al. 2025, Model merging with SVD to tie the KnOTS, arXiv:2410.19735, section 4): at each
 * layer the changes side by side are `U Σ [V₁ … Vₙ]`, so that the same row of every Vᵢ says how much its LoRA does of one thing, and
 * the Vᵢ are merged by the recipe as points that start from zero. The merged change is `U Σ V`.
 *
 * Its rank is the sum of the ranks, and it is linear in linear merges: then it gives what the merge of the products gives.
 * `O(ranks² · width)` for each layer; no matrix of a layer's size is made.
 *
 * @param members - LoRAs of one model. At a layer that one does not touch it changes nothing.
 * @param recipe - Of changes, such as TIES.
 * @returns The caller owns its tensors.
 */
export async function tieKnots(
  members: readonly Delta[],
  recipe: MergeRecipe,
  random?: Random,
): Promise<Delta<LoraConfig>> {
  const joined = await combine(members.map((member) => [member, 1] as const));
  const made = new Map<string, Tensor>();
  try {
    const plain = await Promise.all(members.map((member) => factorsOf(member)));
    const rights = members.map(() => new Map<string, Tensor>());
    try {
      for (const name of [...joined.parameters.keys()].filter(isA)) {
        const [rows, columns] = joined.parameters.get(name)!.shape as [number, number];
        const own = plain.map((factors) => factors.get(name));
        const { left, right } = sharedBasis(own.filter((each) => each !== undefined));
        made.set(besideA(name), tensor2d(left.map((row) => [...row])));
        for (const [k, each] of own.entries()) {
          const v = each === undefined ? undefined : right(each);
          rights[k]!.set(name, tensor2d(v?.flat() ?? new Float32Array(rows * columns), [rows, columns]));
        }
      }
      const options = { ...recipe, base: "zero" as const, ...(random !== undefined && { random }) };
      for (const [name, value] of await mergePoints(rights, options)) made.set(name, value);
    } finally {
      for (const tree of rights) disposeParameters(tree);
    }
    const parameters = new Map([...joined.parameters.keys()].map((name) => [name, made.get(name)!]));
    return { ...joined, parameters };
  } catch (error) {
    disposeParameters(made);
    throw error;
  } finally {
    disposeParameters(joined.parameters);
  }
}

/** The factors of a LoRA at every layer, by the names of A, scales in A. */
async function factorsOf(member: Delta): Promise<ReadonlyMap<string, Factors>> {
  const { parameters } = await combine([[member, 1]]);
  try {
    const found = new Map<string, Factors>();
    for (const name of [...parameters.keys()].filter(isA))
      found.set(name, { a: await rowsOf(parameters, name), b: await rowsOf(parameters, besideA(name)) });
    return found;
  } finally {
    disposeParameters(parameters);
  }
}

async function rowsOf(tree: Parameters, name: string): Promise<Matrix> {
  const stored = tree.get(name)!;
  const [rows, columns] = stored.shape as [number, number];
  const values = await stored.data();
  return Array.from({ length: rows }, (_, i) => Array.from(values.subarray(i * columns, (i + 1) * columns)));
}

/**
 * `U Σ` `[out, ranks]` of the changes side by side, and for one of them its `V` `[ranks, in]`.
 *
 * With B of all factors in a row and K of `Aᵢ Aᵢᵀ` on the diagonal, the squares of Σ are the eigenvalues of `K^½ Bᵀ B K^½`, whose vectors Q give
 * `U Σ = B K^½ Q`: matrices of the ranks' size.
 */
function sharedBasis(members: readonly Factors[]): { readonly left: Matrix; right(of: Factors): Matrix } {
  const b = members[0]!.b.map((_, row) => members.flatMap((member) => member.b[row]!));
  const ranks = b[0]!.length;
  let from = 0;
  let k: Matrix = Array.from({ length: ranks }, () => new Array<number>(ranks).fill(0));
  for (const { a } of members) {
    const gram = product(a, transposed(a));
    const start = from;
    k = sumOf(
      k,
      k.map((row, i) => row.map((_, j) => gram[i - start]?.[j - start] ?? 0)),
    );
    from += a.length;
  }
  const root = ofSymmetric(k, (value) => Math.sqrt(Math.max(value, 0)));
  const columns = transposed(b);
  const { values, vectors } = eigen(product(product(root, product(columns, b)), root));
  const left = product(product(b, root), vectors);
  const least = 1e-14 * Math.max(values[0] ?? 0, 0);
  return {
    left,
    right({ a, b: own }) {
      const seen = product(product(transposed(left), own), a); // Σ Uᵀ B A
      return seen.map((row, i) => row.map((value) => (values[i]! > least ? value / values[i]! : 0)));
    },
  };
}
