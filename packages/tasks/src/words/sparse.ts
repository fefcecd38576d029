/** Rows of a wide matrix that is mostly zero, one after another (compressed sparse rows). */
export interface SparseRows {
  readonly rowCount: number;
  readonly columnCount: number;
  /** Row `i` holds the entries `starts[i]` … `starts[i + 1]` − 1. */
  readonly starts: Uint32Array;
  readonly columns: Uint32Array;
  readonly values: Float64Array;
}

/** Rows given as pairs of column and value. */
export function sparseRows(
  rows: readonly (readonly (readonly [column: number, value: number])[])[],
  columnCount: number,
): SparseRows {
  const entryCount = rows.reduce((sum, row) => sum + row.length, 0);
  const starts = new Uint32Array(rows.length + 1);
  const columns = new Uint32Array(entryCount);
  const values = new Float64Array(entryCount);
  let at = 0;
  rows.forEach((row, index) => {
    for (const [column, value] of row) {
      columns[at] = column;
      values[at++] = value;
    }
    starts[index + 1] = at;
  });
  return { rowCount: rows.length, columnCount, starts, columns, values };
}

/** `X w + b`, one value a row. */
export function multiply(
  { rowCount, starts, columns, values }: SparseRows,
  weights: Float64Array,
  bias: number,
): Float64Array {
  const result = new Float64Array(rowCount).fill(bias);
  for (let row = 0; row < rowCount; row++) {
    let sum = 0;
    for (let at = starts[row]!; at < starts[row + 1]!; at++) sum += values[at]! * weights[columns[at]!]!;
    result[row]! += sum;
  }
  return result;
}

/** `Xᵀ v`, one value a column. */
export function multiplyTransposed(
  { rowCount, columnCount, starts, columns, values }: SparseRows,
  vector: Float64Array,
): Float64Array {
  const result = new Float64Array(columnCount);
  for (let row = 0; row < rowCount; row++) {
    const factor = vector[row]!;
    if (factor === 0) continue;
    for (let at = starts[row]!; at < starts[row + 1]!; at++) result[columns[at]!]! += values[at]! * factor;
  }
  return result;
}
