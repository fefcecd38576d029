/**
 * Weights of which some entries are changed by trained values: the changed weight, products with it, and rows of it. What
 * is special is the gradient of the values: it is taken at the changed entries alone, where that is less work than the
 * whole matrix.
 */
import {
  add,
  concat,
  engine,
  floorDiv,
  gather,
  matMul,
  mul,
  reshape,
  scalar,
  scatterND,
  slice,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor2d,
  transpose,
  unsortedSegmentSum,
  zeros,
} from "@tensorflow/tfjs-core";
import { afterKernel } from "./after.ts";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";

/** What is changed: single entries, by their place in the flattened weight, or rows of the weight as it is stored. */
export type EditedBy = "scalars" | "rows";

/** Tensors of `EditWeight`: `weight` of any shape; `values` `[count]` or `[count, row]`; `index` int32 `[count]`, no place twice. */
export interface EditWeightInputs<T = Tensor> {
  readonly weight: T;
  readonly values: T;
  readonly index: T;
}

/** Attributes of `EditWeight`. */
export interface EditWeightAttributes {
  readonly by: EditedBy;
}

/**
 * The weight with the values added at their places. Not by tfjs's `tensorScatterUpdate`, which on its plain JavaScript
 * backend writes into the tensor that it is given.
 */
export const editWeightKernel: CustomKernel = defineKernel<EditWeightInputs, EditWeightAttributes>(
  "EditWeight",
  ({ weight, values, index }, { by }) => {
    const shape = by === "scalars" ? [weight.size] : weight.shape;
    return add(weight, reshape(scatterND(reshape(index, [-1, 1]), values, shape), weight.shape));
  },
);

/** Attributes of `EditedLinear` and its gradient. */
export interface EditedLinearAttributes extends EditWeightAttributes {
  /** Whether weights are stored as `[out, in]`. */
  readonly isTurned: boolean;
  /** Whether the gradient reads `columns`, and not `x`. */
  readonly hasColumns: boolean;
}

/** Tensors of `EditedColumns`: `x` `[rows, in]`, `index` as in `EditWeight`. */
export type EditedColumnsInputs<T = Tensor> = Pick<EditedLinearInputs<T>, "x" | "index">;

/** Attributes of `EditedColumns`. */
export interface EditedColumnsAttributes extends EditedLinearAttributes {
  /** Columns of the stored weight. */
  readonly width: number;
}

/** Of each edited entry its row of the stored weight, its column, or both. */
function sidesOf(index: Tensor, columns: number): { row(): Tensor1D; column(): Tensor1D } {
  const row = (): Tensor1D => floorDiv(index, scalar(columns, "int32")) as Tensor1D;
  return { row, column: () => sub(index, mul(row(), scalar(columns, "int32"))) as Tensor1D };
}

/**
 * Columns of x that the edited entries meet, as rows `[count, rows]`: what the gradient needs of x, and smaller where there are
 * fewer entries than columns. Whole rows of the transposed x are gathered several times as fast as columns.
 */
export const editedColumnsKernel: CustomKernel = defineKernel<EditedColumnsInputs, EditedColumnsAttributes>(
  "EditedColumns",
  ({ x, index }, { isTurned, width }) => {
    const { row, column } = sidesOf(index, width);
    return gather(transpose(x), isTurned ? column() : row());
  },
);

/**
 * Tensors of `EditedLinear`: `x` `[rows, in]`; `weight`, which may be trained as well, `values` and `index` as in `EditWeight`;
 * `columns` as `EditedColumns` gives them, or a scalar that nothing reads.
 */
export interface EditedLinearInputs<T = Tensor> extends EditWeightInputs<T> {
  readonly x: T;
  readonly columns: T;
}

/** `x editedᵀ`, `[rows, out]`, for the edited weight, which is made when x is there: not all of a model's at once. */
export const editedLinearKernel: CustomKernel = defineKernel<EditedLinearInputs, EditedLinearAttributes>(
  "EditedLinear",
  ({ x, weight, values, index, columns }, { by, isTurned, hasColumns }) => {
    const later = engine().runKernel(afterKernel.name, { x: values, after: hasColumns ? columns : x }) as Tensor;
    const edited = engine().runKernel(editWeightKernel.name, { weight, values: later, index }, { by }) as Tensor2D;
    return matMul(x as Tensor2D, edited, false, isTurned);
  },
);

/** Tensors of `EditedLinearGrad`: `dy` `[rows, out]`, and those of the forward kernel but the values. */
export interface EditedLinearGradInputs<T = Tensor> extends Omit<EditedLinearInputs<T>, "values"> {
  readonly dy: T;
}

/**
 * Share of a matrix up to which the products of single entries are less work than all of it, of whatever number of rows.
 * Measured in ONNX Runtime on two cores with AVX-512, 512 rows, processor time: 0.2 against 0.9 ms at a share of 0.1 % of
 * 384 x 384, 1.8 against 16.6 ms of 3072 x 768; as much at 1 to 1.5 %.
 */
export const SPARSE_SHARE = 0.01;

/**
 * Whether the products of single entries are less work than the gradient of the whole matrix, and what is gathered for them
 * no larger than what is there besides: x, dy and that gradient.
 *
 * @param batch - Rows of x.
 * @param shape - Of the weight.
 */
export function isSparseEdit(
  count: number,
  batch: number,
  [rows, columns]: readonly [rows: number, columns: number],
): boolean {
  return count <= SPARSE_SHARE * rows * columns && count * batch <= rows * columns + batch * (rows + columns);
}

/** Gradient of the values: the entries, or the rows, of `dyᵀ x`. */
export const editedLinearGradKernel: CustomKernel = defineKernel<EditedLinearGradInputs, EditedLinearAttributes>(
  "EditedLinearGrad",
  ({ dy, x, weight, index, columns }, { by, isTurned, hasColumns }) => {
    const places = index as Tensor1D;
    const [first, second] = (isTurned ? [dy, x] : [x, dy]) as [Tensor2D, Tensor2D]; // the weight's rows, its columns
    if (by === "rows") return matMul(gather(first, places, 1), second, true, false);
    const shape = weight.shape as [number, number];
    if (!isSparseEdit(places.size, dy.shape[0]!, shape))
      return gather(reshape(matMul(first, second, true, false), [-1]), places);
    const { row, column } = sidesOf(places, shape[1]);
    const ofDy = gather(transpose(dy), isTurned ? row() : column());
    const ofX = hasColumns ? columns : gather(transpose(x), isTurned ? column() : row());
    return sum(mul(ofDy, ofX), 1);
  },
);

/**
 * Tensors of `SparseRows`, which are the changes of the rows that `ids` ask for: `values` `[count]` or `[count, width]`;
 * `slots` int32 `[rows, most]`, for each row of the weight the places of its values, `count` where there are no more;
 * `columns` int32 `[rows, most]`, the columns of these, of no use for whole rows; `ids` int32 of any shape.
 */
export interface SparseRowsInputs<T = Tensor> {
  readonly values: T;
  readonly slots: T;
  readonly columns: T;
  readonly ids: T;
}

/** Attributes of `SparseRows` and of its gradient. */
export interface SparseRowsAttributes extends EditWeightAttributes {
  readonly width: number;
}

/** Slots of the rows that ids ask for, `[ids, most]`. */
const slotsOf = (slots: Tensor, ids: Tensor): Tensor2D => gather(slots, reshape(ids, [-1])) as Tensor2D;

/** Places of the values among all numbers of the rows, `[ids · most]`. */
function placesOf(columns: Tensor, ids: Tensor, width: number): Tensor1D {
  const found = slotsOf(columns, ids);
  const starts = Int32Array.from({ length: ids.size }, (_, row) => row * width);
  return reshape(add(found, tensor2d(starts, [ids.size, 1], "int32")), [-1]) as Tensor1D;
}

/** The changes `[...ids, width]`. */
export const sparseRowsKernel: CustomKernel = defineKernel<SparseRowsInputs, SparseRowsAttributes>(
  "SparseRows",
  ({ values, slots, columns, ids }, { by, width }) => {
    const padded = concat([values, zeros([1, ...values.shape.slice(1)])], 0);
    const found = gather(padded, reshape(slotsOf(slots, ids), [-1]) as Tensor1D); // [ids · most], or [ids, width]
    const rows = by === "rows" ? found : unsortedSegmentSum(found, placesOf(columns, ids, width), ids.size * width);
    return reshape(rows, [...ids.shape, width]);
  },
);

/** Tensors of `SparseRowsGrad`: `dy` `[...ids, width]`, the rest as in `SparseRows`, of which the values give their number. */
export interface SparseRowsGradInputs<T = Tensor> extends SparseRowsInputs<T> {
  readonly dy: T;
}

/** Gradient of the values. */
export const sparseRowsGradKernel: CustomKernel = defineKernel<SparseRowsGradInputs, SparseRowsAttributes>(
  "SparseRowsGrad",
  ({ dy, values, slots, columns, ids }, { by, width }) => {
    const count = values.shape[0]!;
    const found = reshape(slotsOf(slots, ids), [-1]) as Tensor1D;
    const gradients =
      by === "rows" ? reshape(dy, [-1, width]) : gather(reshape(dy, [-1]), placesOf(columns, ids, width));
    const summed = unsortedSegmentSum(gradients, found, count + 1);
    return slice(
      summed,
      summed.shape.map(() => 0),
      values.shape,
    );
  },
);
