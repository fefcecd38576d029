/** A number of a row that is found out once, as long as the row lives. */
export function oncePerRow<Row extends object>(compute: (row: Row) => number): (row: Row) => number {
  const known = new WeakMap<Row, number>();
  return (row) => {
    let value = known.get(row);
    if (value === undefined) {
      value = compute(row);
      known.set(row, value);
    }
    return value;
  };
}
