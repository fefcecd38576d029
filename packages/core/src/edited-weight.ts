import {
  editedColumnsKernel,
  editedLinearKernel,
  editWeightKernel,
  isSparseEdit,
  sparseRowsKernel,
} from "@cambium/kernels";
import { add, gather, reshape, scalar, type Tensor, type Tensor1D, type Tensor2D } from "@tensorflow/tfjs-core";
import { blockRows } from "./block-linear.ts";
import "./gradients.ts";
import { runCustomKernel } from "./ops/run-kernel.ts";

/** Changes of some entries of a weight, or of some of its rows as they are stored. */
export interface WeightEdit {
  /** What is added: `[count]` for single entries, `[count, width]` for rows. */
  readonly values: Tensor;
  /** Where: places in the flattened weight, or rows. Int32 `[count]`, each place once. */
  readonly index: Tensor1D;
  readonly by: "scalars" | "rows";
  /**
   * For a table of rows that are looked up: which values each row has, int32 `[rows, most]`, `count` where there are no
   * more. Without it look-ups read the whole edited table.
   */
  readonly slots?: Tensor2D;
  /** Columns of the values in `slots`, int32 `[rows, most]`; of no use for whole rows. */
  readonly columns?: Tensor2D;
}

/**
 * The edits behind the weights that `editWeight` made: these very tensors. A copy is a tensor like any other, as a hook may
 * make one to change or stop its gradient.
 */
const edits = new WeakMap<Tensor, WeightEdit & { readonly weight: Tensor }>();

/**
 * A weight with trained values added at some of its entries. Gradients pass to the values and to the weight.
 *
 * Linear layers and `lookUp` take the gradient of the values at these entries alone, where that is less work than
 * that of the whole weight; what else is computed of the result has the gradient of the whole. They read the weight and the
 * values, so that these must live as long as the result; a clone of it is on its own. The caller owns it.
 *
 * @param weight - Float32, as it is stored.
 * @example
 * const sparse = onWeight((name) => name === "q.weight", (_, weight) => editWeight(weight, { values, index, by: "scalars" }));
 */
export function editWeight(weight: Tensor, edit: WeightEdit): Tensor {
  const { values, index, by } = edit;
  const edited = runCustomKernel<Tensor>(editWeightKernel, { weight, values, index }, { by });
  edits.set(edited, { ...edit, weight });
  return edited;
}

/** `x weightᵀ` for a weight that `editWeight` made; undefined for any other. `x` `[rows, in]`, the weight as it is stored. */
export function editedProduct(x: Tensor2D, weight: Tensor, isTurned: boolean): Tensor2D | undefined {
  const edit = edits.get(weight);
  if (edit === undefined || weight.rank !== 2) return undefined;
  const { weight: before, values, index, by } = edit;
  const shape = weight.shape as [number, number];
  const hasColumns = by === "scalars" && index.size < x.shape[1] && isSparseEdit(index.size, x.shape[0], shape);
  const attributes = { by, isTurned, hasColumns };
  const columns = hasColumns
    ? runCustomKernel<Tensor>(editedColumnsKernel, { x, index }, { ...attributes, width: shape[1] })
    : scalar(0);
  return runCustomKernel<Tensor2D>(editedLinearKernel, { x, weight: before, values, index, columns }, attributes);
}

/**
 * Rows of a table, `[...ids, width]`: of one that `editWeight` made, or that is in blocks, without making the whole of it.
 *
 * @param table - `[rows, width]`.
 * @param ids - Int32 of any shape.
 */
export function lookUp(table: Tensor, ids: Tensor): Tensor {
  const edit = edits.get(table);
  if (edit?.slots === undefined) return blockRows(table, ids) ?? gather(table, ids as Tensor1D);
  const { weight, values, by, slots, columns = slots } = edit;
  const width = table.shape[1]!;
  const changes = runCustomKernel<Tensor>(sparseRowsKernel, { values, slots, columns, ids }, { by, width });
  return add(lookUp(weight, ids), reshape(changes, [...ids.shape, width]));
}
