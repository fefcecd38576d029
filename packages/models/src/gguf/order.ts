/** Orders of a matrix's values: what files hold, and what the models here read. */

/** Values `[rows, columns]` as `[columns, rows]`, a square of both at a time. */
export function turned(values: Float32Array, rows: number, columns: number): Float32Array {
  const target = new Float32Array(values.length);
  const side = 32;
  for (let top = 0; top < rows; top += side) {
    for (let left = 0; left < columns; left += side) {
      for (let row = top; row < Math.min(rows, top + side); row++) {
        for (let column = left; column < Math.min(columns, left + side); column++) {
          target[column * rows + row] = values[row * columns + column]!;
        }
      }
    }
  }
  return target;
}

/** Rows 2i and 2i + 1 of every head as rows i and i + dHead / 2. */
export function inHalves<Values extends Float32Array | Uint8Array>(
  values: Values,
  rows: number,
  columns: number,
  heads: number,
): Values {
  return moveRows(values, rows, columns, heads, (half, i) => 2 * i + half);
}

/** Rows i and i + dHead / 2 of every head as rows 2i and 2i + 1. */
export function inPairs(values: Float32Array, rows: number, columns: number, heads: number): Float32Array {
  const dHead = rows / heads;
  return moveRows(values, rows, columns, heads, (half, i) => {
    const row = half * (dHead / 2) + i;
    return (row % 2) * (dHead / 2) + Math.floor(row / 2);
  });
}

/** Row `half · dHead / 2 + i` of every head of the target is the one that `from` says. */
function moveRows<Values extends Float32Array | Uint8Array>(
  values: Values,
  rows: number,
  columns: number,
  heads: number,
  from: (half: number, i: number) => number,
): Values {
  const target = values.slice() as Values;
  const dHead = rows / heads;
  for (let head = 0; head < heads; head++) {
    for (let half = 0; half < 2; half++) {
      for (let i = 0; i < dHead / 2; i++) {
        const source = (head * dHead + from(half, i)) * columns;
        target.set(values.subarray(source, source + columns), (head * dHead + half * (dHead / 2) + i) * columns);
      }
    }
  }
  return target;
}
