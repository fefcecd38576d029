/**
 * What is left of a list when its part in the span of others, and its mean, is taken out: least squares by orthogonal
 * columns (modified Gram-Schmidt, twice). Columns that add nothing are passed over. A list that is nothing but that part
 * becomes zeros.
 */
export function residuals(values: Float64Array, covariates: readonly Float64Array[]): Float64Array {
  const basis: Float64Array[] = [];
  for (const column of [new Float64Array(values.length).fill(1), ...covariates]) {
    const rest = without(column, basis);
    const length = norm(rest);
    if (length > 1e-10 * norm(column)) basis.push(rest.map((value) => value / length));
  }
  const rest = without(values, basis);
  return norm(rest) > 1e-10 * norm(values) ? rest : new Float64Array(values.length);
}

const norm = (values: Float64Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

function without(column: Float64Array, basis: readonly Float64Array[]): Float64Array {
  const rest = column.slice();
  for (let round = 0; round < 2; round++) {
    for (const unit of basis) {
      let part = 0;
      for (let i = 0; i < rest.length; i++) part += rest[i]! * unit[i]!;
      for (let i = 0; i < rest.length; i++) rest[i]! -= part * unit[i]!;
    }
  }
  return rest;
}
