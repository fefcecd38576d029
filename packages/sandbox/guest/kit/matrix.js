// Matrices of exact fractions: matrix([[1, 2], [3, 4]]). Immutable; entries are in `rows`, as rationals.
globalThis.matrix = (() => {
  const { rational, polynomial } = globalThis;

  const dot = (a, b) => a.reduce((sum, value, i) => sum.add(value.multiply(b[i])), rational(0));

  class Matrix {
    constructor(rows) {
      this.rows = Object.freeze(rows.map((row) => Object.freeze(row)));
      Object.freeze(this);
    }

    get rowCount() {
      return this.rows.length;
    }
    get columnCount() {
      return this.rows[0].length;
    }
    map(change) {
      return new Matrix(this.rows.map((row, i) => row.map((value, j) => change(value, i, j))));
    }
    add(other) {
      const right = sameShape(this, from(other));
      return this.map((value, i, j) => value.add(right.rows[i][j]));
    }
    subtract(other) {
      return this.add(from(other).multiply(-1));
    }
    /** By a matrix, or by a number for each entry. */
    multiply(other) {
      if (!(other instanceof Matrix) && !Array.isArray(other)) return this.map((value) => value.multiply(other));
      const right = from(other);
      if (this.columnCount !== right.rowCount)
        throw new RangeError(`matrix: ${shape(this)} cannot be multiplied by ${shape(right)}`);
      const columns = right.transpose().rows;
      return new Matrix(this.rows.map((row) => columns.map((column) => dot(row, column))));
    }
    transpose() {
      return new Matrix(this.rows[0].map((_, j) => this.rows.map((row) => row[j])));
    }
    power(exponent) {
      square(this);
      if (!Number.isSafeInteger(exponent)) throw new TypeError(`matrix: power takes an integer, got ${exponent}`);
      let result = identity(this.rowCount);
      let factor = exponent < 0 ? this.inverse() : this;
      for (let rest = Math.abs(exponent); rest > 0; rest = Math.floor(rest / 2)) {
        if (rest % 2 === 1) result = result.multiply(factor);
        factor = factor.multiply(factor);
      }
      return result;
    }
    trace() {
      return square(this).rows.reduce((sum, row, i) => sum.add(row[i]), rational(0));
    }
    determinant() {
      return eliminate(square(this)).determinant;
    }
    rank() {
      return eliminate(this).pivots.length;
    }
    /** Reduced row echelon form. */
    reduced() {
      return new Matrix(eliminate(this).rows);
    }
    inverse() {
      const size = square(this).rowCount;
      const beside = new Matrix(this.rows.map((row, i) => [...row, ...identity(size).rows[i]]));
      const { rows, pivots } = eliminate(beside);
      if (pivots[size - 1] !== size - 1) throw new RangeError("matrix: it has no inverse");
      return new Matrix(rows.map((row) => row.slice(size)));
    }
    /** The only x with this · x = values, as an array of rationals. */
    solve(values) {
      if (values.length !== this.rowCount)
        throw new RangeError(`matrix: ${this.rowCount} values are needed, got ${values.length}`);
      const beside = new Matrix(this.rows.map((row, i) => [...row, rational(values[i])]));
      const { rows, pivots } = eliminate(beside);
      if (pivots.includes(this.columnCount)) throw new RangeError("matrix: the equations have no solution");
      if (pivots.length < this.columnCount) throw new RangeError("matrix: the equations have many solutions");
      return pivots.map((_, i) => rows[i][this.columnCount]);
    }
    /** det(x·I − this), by Faddeev and LeVerrier. */
    characteristicPolynomial() {
      const size = square(this).rowCount;
      const coefficients = Array.from({ length: size + 1 }, () => rational(0));
      coefficients[size] = rational(1);
      let product = identity(size).multiply(0);
      for (let k = 1; k <= size; k++) {
        product = this.multiply(product).add(identity(size).multiply(coefficients[size - k + 1]));
        coefficients[size - k] = this.multiply(product).trace().divide(-k);
      }
      return polynomial(coefficients);
    }
    equals(other) {
      const right = from(other);
      return (
        shape(this) === shape(right) && this.rows.every((row, i) => row.every((v, j) => v.equals(right.rows[i][j])))
      );
    }
    toString() {
      return JSON.stringify(this);
    }
    toJSON() {
      return this.rows;
    }
  }

  const shape = ({ rowCount, columnCount }) => `${rowCount}×${columnCount}`;

  function sameShape(left, right) {
    if (shape(left) !== shape(right)) throw new RangeError(`matrix: shapes ${shape(left)} and ${shape(right)} differ`);
    return right;
  }

  function square(value) {
    if (value.rowCount !== value.columnCount)
      throw new RangeError(`matrix: expected a square one, got ${shape(value)}`);
    return value;
  }

  /** Gauss and Jordan: reduced rows, the columns of the pivots, and the determinant if it is square. */
  function eliminate({ rows: given, columnCount }) {
    const rows = given.map((row) => [...row]);
    const pivots = [];
    let determinant = rational(1);
    for (let column = 0; column < columnCount && pivots.length < rows.length; column++) {
      const at = pivots.length;
      const found = rows.findIndex((row, i) => i >= at && row[column].numerator !== 0n);
      if (found < 0) {
        determinant = rational(0);
        continue;
      }
      if (found !== at) {
        [rows[at], rows[found]] = [rows[found], rows[at]];
        determinant = determinant.negate();
      }
      const pivot = rows[at][column];
      determinant = determinant.multiply(pivot);
      rows[at] = rows[at].map((value) => value.divide(pivot));
      rows.forEach((row, i) => {
        const factor = row[column];
        if (i === at || factor.numerator === 0n) return;
        rows[i] = row.map((value, j) => value.subtract(factor.multiply(rows[at][j])));
      });
      pivots.push(column);
    }
    return { rows, pivots, determinant };
  }

  function identity(size) {
    const rows = Array.from({ length: size }, (_, i) =>
      Array.from({ length: size }, (_, j) => rational(i === j ? 1 : 0)),
    );
    return new Matrix(rows);
  }

  function from(value) {
    if (value instanceof Matrix) return value;
    const isGrid = Array.isArray(value) && value.length > 0 && value.every(Array.isArray) && value[0].length > 0;
    if (!isGrid || value.some((row) => row.length !== value[0].length))
      throw new TypeError("matrix: expected an array of rows of equal length");
    return new Matrix(value.map((row) => row.map((entry) => rational(entry))));
  }

  return Object.assign((rows) => from(rows), { identity });
})();
