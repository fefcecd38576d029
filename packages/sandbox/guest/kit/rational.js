// Exact fractions: rational(3, 4), rational("0.75"), rational(0.1) is 1/10. Immutable; every method gives a new one.
globalThis.rational = (() => {
  const absolute = (value) => (value < 0n ? -value : value);

  function greatestDivisor(a, b) {
    let [x, y] = [absolute(a), absolute(b)];
    while (y !== 0n) [x, y] = [y, x % y];
    return x;
  }

  const bitLength = (value) => absolute(value).toString(16).length * 4;

  // Nearest double of n/d: the quotient has 64 bits at least, and its last one tells whether anything was cut off.
  function nearest(n, d) {
    if (n === 0n) return 0;
    const shift = Math.max(-2000, Math.min(2000, bitLength(d) - bitLength(n) + 70));
    const [top, bottom] = shift > 0 ? [absolute(n) << BigInt(shift), d] : [absolute(n), d << BigInt(-shift)];
    const quotient = (top / bottom) | (top % bottom === 0n ? 0n : 1n);
    const half = Math.trunc(shift / 2); // 2 ** shift may be out of range where the result is not
    const size = Number(quotient) * 2 ** -half * 2 ** -(shift - half);
    return n < 0n ? -size : size;
  }

  class Rational {
    constructor(numerator, denominator) {
      const divisor = greatestDivisor(numerator, denominator);
      const sign = denominator < 0n ? -1n : 1n;
      this.numerator = (sign * numerator) / divisor;
      this.denominator = (sign * denominator) / divisor;
      Object.freeze(this);
    }

    add(other) {
      const { numerator, denominator } = from(other);
      return new Rational(this.numerator * denominator + numerator * this.denominator, this.denominator * denominator);
    }
    subtract(other) {
      return this.add(from(other).negate());
    }
    multiply(other) {
      const { numerator, denominator } = from(other);
      return new Rational(this.numerator * numerator, this.denominator * denominator);
    }
    divide(other) {
      return this.multiply(from(other).inverse());
    }
    negate() {
      return new Rational(-this.numerator, this.denominator);
    }
    inverse() {
      if (this.numerator === 0n) throw new RangeError("rational: division by zero");
      return new Rational(this.denominator, this.numerator);
    }
    absolute() {
      return new Rational(absolute(this.numerator), this.denominator);
    }
    power(exponent) {
      if (!Number.isSafeInteger(exponent)) throw new TypeError(`rational: power takes an integer, got ${exponent}`);
      const base = exponent < 0 ? this.inverse() : this;
      const times = BigInt(Math.abs(exponent));
      return new Rational(base.numerator ** times, base.denominator ** times);
    }
    /** −1, 0 or 1. */
    compare(other) {
      const { numerator } = this.subtract(other);
      return numerator < 0n ? -1 : numerator > 0n ? 1 : 0;
    }
    equals(other) {
      return this.compare(other) === 0;
    }
    isInteger() {
      return this.denominator === 1n;
    }
    /** The largest integer not above, as a rational. */
    floor() {
      const rest = this.numerator % this.denominator;
      return new Rational((this.numerator - rest) / this.denominator - (rest < 0n ? 1n : 0n), 1n);
    }
    ceiling() {
      return this.negate().floor().negate();
    }
    /** Nearest integer; halves go away from zero. */
    round() {
      const size = this.absolute().add(new Rational(1n, 2n)).floor();
      return this.numerator < 0n ? size.negate() : size;
    }
    toNumber() {
      return nearest(this.numerator, this.denominator);
    }
    /** Decimal text with so many digits after the point, halves rounded away from zero. */
    toDecimal(digits) {
      const scaled = this.multiply(new Rational(10n ** BigInt(digits), 1n)).round().numerator;
      const text = absolute(scaled)
        .toString()
        .padStart(digits + 1, "0");
      const whole = text.slice(0, text.length - digits);
      return `${scaled < 0n ? "-" : ""}${whole}${digits === 0 ? "" : `.${text.slice(text.length - digits)}`}`;
    }
    /** "3/4", or "3" for an integer. */
    toString() {
      return this.denominator === 1n ? `${this.numerator}` : `${this.numerator}/${this.denominator}`;
    }
    toJSON() {
      return this.toString();
    }
    valueOf() {
      return this.toNumber();
    }
  }

  function parse(text) {
    const [, sign, whole, part = "", exponent = "0", below] =
      /^\s*([+-]?)(\d+)(?:\.(\d+))?(?:e([+-]?\d{1,4}))?(?:\s*\/\s*(\d+))?\s*$/i.exec(text) ?? [];
    if (whole === undefined) throw new TypeError(`rational: expected a number such as "3/4" or "0.75", got "${text}"`);
    const places = Number(exponent) - part.length;
    const size = BigInt(whole + part);
    const value = new Rational(
      (sign === "-" ? -size : size) * 10n ** BigInt(Math.max(0, places)),
      10n ** BigInt(Math.max(0, -places)),
    );
    return below === undefined ? value : value.divide(new Rational(BigInt(below), 1n));
  }

  function from(value) {
    if (value instanceof Rational) return value;
    if (typeof value === "bigint") return new Rational(value, 1n);
    if (typeof value === "number" && Number.isFinite(value)) return parse(String(value));
    if (typeof value === "string") return parse(value);
    throw new TypeError(`rational: expected a finite number, a BigInt, a string or a rational, got ${String(value)}`);
  }

  /** The fraction `value / over`. A number means its decimal text. */
  return (value, over = 1) => from(value).divide(over);
})();
