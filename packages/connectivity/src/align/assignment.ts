/** The linear assignment problem. */

/**
 * The assignment of columns to rows with the greatest sum, exactly, by shortest augmenting paths (Jonker and Volgenant 1987; the
 * short form of Crouse 2016). `O(size³)`. Equal sums keep a row's own column where they can.
 *
 * @param gains - `[size, size]`, row by row, finite.
 * @returns The column of each row.
 */
export function assignRows(gains: ArrayLike<number>, size: number): Uint32Array {
  const cost = (row: number, column: number): number => -gains[row * size + column]!;
  const columnOf = new Int32Array(size).fill(-1);
  const rowOf = new Int32Array(size).fill(-1);
  const u = new Float64Array(size);
  const v = new Float64Array(size);
  // Columns whose best row is their own are settled at once: most of them, where two models are nearly aligned.
  for (let column = 0; column < size; column++) {
    let best = column;
    for (let row = 0; row < size; row++) if (cost(row, column) < cost(best, column)) best = row;
    v[column] = cost(best, column);
    if (columnOf[best] === -1) {
      columnOf[best] = column;
      rowOf[column] = best;
    }
  }
  const shortest = new Float64Array(size);
  const before = new Int32Array(size);
  const isDone = new Uint8Array(size);
  for (let start = 0; start < size; start++) {
    if (columnOf[start] !== -1) continue;
    shortest.fill(Number.POSITIVE_INFINITY);
    isDone.fill(0);
    const seenRows: number[] = [];
    let row = start;
    let reached = 0;
    let sink = -1;
    while (sink === -1) {
      seenRows.push(row);
      let next = -1;
      let lowest = Number.POSITIVE_INFINITY;
      for (let column = 0; column < size; column++) {
        if (isDone[column] === 1) continue;
        const length = reached + cost(row, column) - u[row]! - v[column]!;
        if (length < shortest[column]!) {
          shortest[column] = length;
          before[column] = row;
        }
        // Free columns first among equals: the path ends there.
        if (shortest[column]! < lowest || (shortest[column] === lowest && rowOf[column] === -1)) {
          lowest = shortest[column]!;
          next = column;
        }
      }
      reached = lowest;
      isDone[next] = 1;
      if (rowOf[next] === -1) sink = next;
      else row = rowOf[next]!;
    }
    u[start]! += reached;
    for (const seen of seenRows) if (seen !== start) u[seen]! += reached - shortest[columnOf[seen]!]!;
    for (let column = 0; column < size; column++) if (isDone[column] === 1) v[column]! -= reached - shortest[column]!;
    for (let column = sink; ; ) {
      const from = before[column]!;
      rowOf[column] = from;
      const old = columnOf[from]!;
      columnOf[from] = column;
      if (from === start) break;
      column = old;
    }
  }
  return Uint32Array.from(columnOf);
}
