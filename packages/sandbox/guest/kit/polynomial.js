// Polynomials with exact coefficients, the constant first: polynomial([2, -3, 1]) is x^2 - 3x + 2.
globalThis.polynomial = (() => {
  const { rational } = globalThis;
  const zero = rational(0);

  /** The polynomial times a number that makes its coefficients integers, as BigInts. */
  function integral({ coefficients }) {
    const scale = globalThis.integers.lcm(1n, ...coefficients.map(({ denominator }) => denominator));
    return coefficients.map(({ numerator, denominator }) => (numerator * scale) / denominator);
  }

  /** The sign of a polynomial at a double, exactly: at n / 2^k it is the sign of Σ c_i · n^i · 2^(k·(degree − i)). */
  function signAt(coefficients, x) {
    let [scaled, shift] = [x, 0n];
    while (!Number.isInteger(scaled)) [scaled, shift] = [scaled * 2, shift + 1n];
    const n = BigInt(scaled);
    let [sum, power] = [0n, 0n];
    for (let i = coefficients.length - 1; i >= 0; i--) {
      sum = sum * n + (coefficients[i] << power);
      power += shift;
    }
    return sum < 0n ? -1 : sum > 0n ? 1 : 0;
  }

  /** The root between two points where the signs differ, to the last bit. */
  function bisect(coefficients, from, to) {
    let [low, high] = [from, to];
    const rising = signAt(coefficients, high) > 0;
    for (;;) {
      const middle = low / 2 + high / 2;
      if (middle <= low || middle >= high) return low;
      const sign = signAt(coefficients, middle);
      if (sign === 0) return middle;
      if (sign > 0 === rising) high = middle;
      else low = middle;
    }
  }

  /** Real roots of a polynomial without multiple ones: between two neighbours its derivative has a root. */
  function simpleRoots(p) {
    if (p.degree < 1) return [];
    const [constant, next] = p.coefficients;
    if (p.degree === 1) return [constant.divide(next).negate().toNumber()];
    if (constant.numerator === 0n) {
      // No interval closes in on zero in reasonable time.
      return [...simpleRoots(new Polynomial(p.coefficients.slice(1))), 0].sort((a, b) => a - b);
    }
    const leading = p.coefficients[p.degree];
    const bound = p.coefficients.reduce(
      (most, value) => Math.max(most, value.divide(leading).absolute().toNumber()),
      0,
    );
    const points = [-(bound + 1), ...simpleRoots(squareFree(p.derivative())), bound + 1];
    const coefficients = integral(p);
    const roots = [];
    for (let i = 0; i + 1 < points.length; i++) {
      const [from, to] = [points[i], points[i + 1]];
      if (signAt(coefficients, from) * signAt(coefficients, to) < 0) roots.push(bisect(coefficients, from, to));
    }
    return roots;
  }

  const squareFree = (p) => (p.degree < 1 ? p : p.divide(p.gcd(p.derivative())).quotient);

  function divisorsOf(value) {
    return globalThis.integers.divisors(value < 0n ? -value : value);
  }

  class Polynomial {
    constructor(coefficients) {
      let length = coefficients.length;
      while (length > 0 && coefficients[length - 1].numerator === 0n) length--;
      this.coefficients = Object.freeze(coefficients.slice(0, length));
      Object.freeze(this);
    }

    /** −1 for the polynomial 0. */
    get degree() {
      return this.coefficients.length - 1;
    }
    add(other) {
      const [a, b] = [this.coefficients, from(other).coefficients];
      const sums = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => (a[i] ?? zero).add(b[i] ?? zero));
      return new Polynomial(sums);
    }
    negate() {
      return new Polynomial(this.coefficients.map((value) => value.negate()));
    }
    subtract(other) {
      return this.add(from(other).negate());
    }
    multiply(other) {
      const [a, b] = [this.coefficients, from(other).coefficients];
      const sums = Array.from({ length: Math.max(0, a.length + b.length - 1) }, () => zero);
      a.forEach((left, i) => {
        b.forEach((right, j) => {
          sums[i + j] = sums[i + j].add(left.multiply(right));
        });
      });
      return new Polynomial(sums);
    }
    power(exponent) {
      if (!Number.isSafeInteger(exponent) || exponent < 0)
        throw new RangeError(`polynomial: power takes an integer of 0 or more, got ${exponent}`);
      let result = from(1);
      for (let i = 0; i < exponent; i++) result = result.multiply(this);
      return result;
    }
    /** { quotient, remainder }, the remainder of lower degree than `other`. */
    divide(other) {
      const divisor = from(other);
      if (divisor.degree < 0) throw new RangeError("polynomial: division by zero");
      const rest = [...this.coefficients];
      const quotient = Array.from({ length: Math.max(0, this.degree - divisor.degree + 1) }, () => zero);
      for (let i = quotient.length - 1; i >= 0; i--) {
        const factor = rest[i + divisor.degree].divide(divisor.coefficients[divisor.degree]);
        quotient[i] = factor;
        divisor.coefficients.forEach((value, j) => {
          rest[i + j] = rest[i + j].subtract(factor.multiply(value));
        });
      }
      return { quotient: new Polynomial(quotient), remainder: new Polynomial(rest) };
    }
    /** Greatest common divisor, with leading coefficient 1. */
    gcd(other) {
      let [a, b] = [this, from(other)];
      while (b.degree >= 0) [a, b] = [b, a.divide(b).remainder];
      return a.degree < 0 ? a : new Polynomial(a.coefficients.map((value) => value.divide(a.coefficients[a.degree])));
    }
    /** The exact value at x, as a rational. */
    evaluate(x) {
      const at = rational(x);
      return this.coefficients.reduceRight((sum, value) => sum.multiply(at).add(value), zero);
    }
    derivative() {
      return new Polynomial(this.coefficients.slice(1).map((value, i) => value.multiply(i + 1)));
    }
    /** this(other(x)). */
    compose(other) {
      const inner = from(other);
      return this.coefficients.reduceRight((sum, value) => sum.multiply(inner).add(new Polynomial([value])), from(0));
    }
    /** Rational roots, ascending, a multiple root as often as it counts. */
    rationalRoots() {
      if (this.degree < 1) return [];
      let rest = from(integral(this));
      const roots = [];
      while (rest.degree > 0 && rest.coefficients[0].numerator === 0n) {
        roots.push(zero);
        rest = rest.divide(from([0, 1])).quotient;
      }
      const tops = divisorsOf(rest.coefficients[0].numerator);
      const bottoms = divisorsOf(rest.coefficients[rest.degree].numerator);
      const candidates = new Map();
      for (const top of tops)
        for (const bottom of bottoms)
          for (const sign of [1n, -1n]) candidates.set(`${rational(sign * top, bottom)}`, rational(sign * top, bottom));
      for (const candidate of candidates.values()) {
        while (rest.degree > 0 && rest.evaluate(candidate).numerator === 0n) {
          roots.push(candidate);
          rest = rest.divide(new Polynomial([candidate.negate(), rational(1)])).quotient;
        }
      }
      return roots.sort((a, b) => a.compare(b));
    }
    /** Real roots as numbers, ascending, each once. */
    realRoots() {
      return simpleRoots(squareFree(this));
    }
    equals(other) {
      return this.subtract(other).degree < 0;
    }
    /** "x^2 - 3x + 2" */
    toString() {
      const terms = this.coefficients
        .map((value, i) => ({ value, power: i === 0 ? "" : i === 1 ? "x" : `x^${i}` }))
        .filter(({ value }) => value.numerator !== 0n)
        .reverse()
        .map(({ value, power }, i) => {
          const size = value.absolute();
          const factor =
            size.equals(1) && power !== "" ? "" : size.isInteger() || power === "" ? `${size}` : `(${size})`;
          const isNegative = value.numerator < 0n;
          const sign = i === 0 ? (isNegative ? "-" : "") : isNegative ? " - " : " + ";
          return `${sign}${factor}${power}`;
        });
      return terms.length === 0 ? "0" : terms.join("");
    }
    toJSON() {
      return this.toString();
    }
  }

  function from(value) {
    if (value instanceof Polynomial) return value;
    return new Polynomial((Array.isArray(value) ? value : [value]).map((coefficient) => rational(coefficient)));
  }

  /** A polynomial from its coefficients, the constant first; a single number is a constant. */
  return (coefficients) => from(coefficients);
})();
