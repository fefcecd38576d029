// Integer number theory. Arguments are safe integers or BigInts. Where the result is one integer it is a BigInt if an
// argument was, or if it is too large for a number.
globalThis.integers = (() => {
  function big(value) {
    if (typeof value === "bigint") return value;
    if (Number.isSafeInteger(value)) return BigInt(value);
    throw new TypeError(`integers: expected safe integers or BigInts, got ${String(value)}`);
  }

  function count(value) {
    const integer = big(value);
    if (integer < 0n) throw new RangeError(`integers: expected 0 or more, got ${integer}`);
    return integer;
  }

  function positive(value) {
    const integer = big(value);
    if (integer < 1n) throw new RangeError(`integers: expected 1 or more, got ${integer}`);
    return integer;
  }

  /** `result` in the kind of the arguments. */
  const like = (result, ...given) =>
    given.some((value) => typeof value === "bigint") || !Number.isSafeInteger(Number(result)) ? result : Number(result);

  const absolute = (value) => (value < 0n ? -value : value);
  const mod = (value, modulus) => ((value % modulus) + modulus) % modulus;

  function gcdOf(a, b) {
    let [x, y] = [absolute(a), absolute(b)];
    while (y !== 0n) [x, y] = [y, x % y];
    return x;
  }

  /** g, x and y with a·x + b·y = g ≥ 0. */
  function bezout(a, b) {
    let [r, x, y] = [a, 1n, 0n];
    let [nextR, nextX, nextY] = [b, 0n, 1n];
    while (nextR !== 0n) {
      const quotient = r / nextR;
      [r, nextR] = [nextR, r - quotient * nextR];
      [x, nextX] = [nextX, x - quotient * nextX];
      [y, nextY] = [nextY, y - quotient * nextY];
    }
    return r < 0n ? [-r, -x, -y] : [r, x, y];
  }

  function powerMod(base, exponent, modulus) {
    let [result, square, rest] = [1n % modulus, mod(base, modulus), exponent];
    while (rest > 0n) {
      if (rest & 1n) result = (result * square) % modulus;
      square = (square * square) % modulus;
      rest >>= 1n;
    }
    return result;
  }

  function inverseMod(value, modulus) {
    const [divisor, inverse] = bezout(mod(value, modulus), modulus);
    if (divisor !== 1n) throw new RangeError(`integers: ${value} has no inverse modulo ${modulus}`);
    return mod(inverse, modulus);
  }

  const SMALL_PRIMES = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n, 41n];

  // Miller and Rabin's test to the first 13 prime bases: proven below 3.3e24 (Sorenson and Webster 2015), a strong
  // probable prime above.
  function isPrimeBig(n) {
    if (n < 2n) return false;
    for (const prime of SMALL_PRIMES) if (n % prime === 0n) return n === prime;
    let [odd, twos] = [n - 1n, 0];
    while ((odd & 1n) === 0n) [odd, twos] = [odd >> 1n, twos + 1];
    return SMALL_PRIMES.every((base) => {
      let power = powerMod(base, odd, n);
      if (power === 1n || power === n - 1n) return true;
      for (let i = 1; i < twos; i++) {
        power = (power * power) % n;
        if (power === n - 1n) return true;
      }
      return false;
    });
  }

  /** A proper divisor of a composite n: Pollard's rho. */
  function divisorOf(n) {
    for (let step = 1n; ; step++) {
      let [slow, fast, divisor] = [2n, 2n, 1n];
      while (divisor === 1n) {
        slow = (slow * slow + step) % n;
        fast = (fast * fast + step) % n;
        fast = (fast * fast + step) % n;
        divisor = gcdOf(slow - fast, n);
      }
      if (divisor !== n) return divisor;
    }
  }

  /** Prime factors of n > 0 with repetition, ascending. */
  function primeFactors(n) {
    const found = [];
    let rest = n;
    for (let prime = 2n; prime < 1000n && prime * prime <= rest; prime++) {
      while (rest % prime === 0n) {
        found.push(prime);
        rest /= prime;
      }
    }
    const open = rest > 1n ? [rest] : [];
    while (open.length > 0) {
      const factor = open.pop();
      if (isPrimeBig(factor)) found.push(factor);
      else {
        const divisor = divisorOf(factor);
        open.push(divisor, factor / divisor);
      }
    }
    return found.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }

  function factorPairs(n) {
    const pairs = [];
    for (const prime of primeFactors(n)) {
      const last = pairs[pairs.length - 1];
      if (last !== undefined && last[0] === prime) last[1]++;
      else pairs.push([prime, 1]);
    }
    return pairs;
  }

  function root(n) {
    if (n < 2n) return n;
    let guess = 1n << BigInt((n.toString(2).length + 1) >> 1);
    for (;;) {
      const next = (guess + n / guess) >> 1n;
      if (next >= guess) return guess;
      guess = next;
    }
  }

  function product(from, to) {
    if (from > to) return 1n;
    if (to - from < 8n) {
      let result = from;
      for (let factor = from + 1n; factor <= to; factor++) result *= factor;
      return result;
    }
    const middle = (from + to) >> 1n;
    return product(from, middle) * product(middle + 1n, to);
  }

  return {
    gcd: (...values) => like(values.map(big).reduce(gcdOf, 0n), ...values),
    lcm: (...values) =>
      like(
        values.map(big).reduce((a, b) => (a === 0n || b === 0n ? 0n : absolute(a * b) / gcdOf(a, b)), 1n),
        ...values,
      ),
    /** [g, x, y] with a·x + b·y = g = gcd(a, b). */
    extendedGcd: (a, b) => bezout(big(a), big(b)).map((value) => like(value, a, b)),
    /** Remainder from 0 to modulus − 1, also of negative values. */
    modulo: (value, modulus) => like(mod(big(value), positive(modulus)), value, modulus),
    /** base ** exponent modulo modulus; a negative exponent takes the inverse. */
    powerModulo(base, exponent, modulus) {
      const [b, e, m] = [big(base), big(exponent), positive(modulus)];
      return like(e < 0n ? powerMod(inverseMod(b, m), -e, m) : powerMod(b, e, m), base, exponent, modulus);
    },
    inverseModulo: (value, modulus) => like(inverseMod(big(value), positive(modulus)), value, modulus),
    /** [x, m]: every solution of x ≡ residues[i] (mod moduli[i]) is x modulo m. */
    chineseRemainder(residues, moduli) {
      let [x, m] = [0n, 1n];
      residues.forEach((residue, i) => {
        const modulus = positive(moduli[i]);
        const [divisor, inverse] = bezout(m, modulus);
        const gap = big(residue) - x;
        if (gap % divisor !== 0n) throw new RangeError("integers: the congruences contradict each other");
        x += m * mod((gap / divisor) * inverse, modulus / divisor);
        m *= modulus / divisor;
        x = mod(x, m);
      });
      return [x, m].map((value) => like(value, ...residues, ...moduli));
    },
    isPrime: (n) => isPrimeBig(big(n)),
    /** The smallest prime above n. */
    nextPrime(n) {
      let next = big(n) + 1n;
      while (!isPrimeBig(next)) next++;
      return like(next, n);
    },
    /** Primes below n, at most 10 million, as numbers. */
    primesBelow(n) {
      const end = Number(count(n));
      if (end > 1e7) throw new RangeError(`integers: primesBelow goes to 10000000, got ${end}`);
      const composite = new Uint8Array(end);
      const primes = [];
      for (let i = 2; i < end; i++) {
        if (composite[i] === 1) continue;
        primes.push(i);
        for (let multiple = i * i; multiple < end; multiple += i) composite[multiple] = 1;
      }
      return primes;
    },
    /** [[prime, exponent], …] of n > 0, ascending. */
    factor: (n) => factorPairs(positive(n)).map(([prime, exponent]) => [like(prime, n), exponent]),
    /** All divisors of n > 0, ascending. */
    divisors(n) {
      let all = [1n];
      for (const [prime, exponent] of factorPairs(positive(n))) {
        const known = all;
        let power = 1n;
        for (let i = 0; i < exponent; i++) {
          power *= prime;
          all = all.concat(known.map((divisor) => divisor * power));
        }
      }
      return all.sort((a, b) => (a < b ? -1 : 1)).map((divisor) => like(divisor, n));
    },
    /** How many of 1 … n have no common divisor with n. */
    totient: (n) =>
      like(
        factorPairs(positive(n)).reduce((result, [prime]) => (result / prime) * (prime - 1n), big(n)),
        n,
      ),
    factorial: (n) => like(product(1n, count(n)), n),
    /** Ways to choose k of n things. */
    binomial(n, k) {
      const [all, chosen] = [count(n), big(k)];
      if (chosen < 0n || chosen > all) return like(0n, n, k);
      const few = 2n * chosen < all ? chosen : all - chosen;
      return like(product(all - few + 1n, all) / product(1n, few), n, k);
    },
    /** Ways to arrange k of n things in order. */
    arrangements(n, k) {
      const [all, chosen] = [count(n), big(k)];
      return like(chosen < 0n || chosen > all ? 0n : product(all - chosen + 1n, all), n, k);
    },
    fibonacci(n) {
      let [a, b] = [0n, 1n];
      for (const bit of count(n).toString(2)) {
        [a, b] = [a * (2n * b - a), a * a + b * b];
        if (bit === "1") [a, b] = [b, a + b];
      }
      return like(a, n);
    },
    /** The largest integer whose square is not above n. */
    squareRoot: (n) => like(root(count(n)), n),
    isSquare(n) {
      const value = big(n);
      return value >= 0n && root(value) ** 2n === value;
    },
    /** Digits of n ≥ 0 in a base from 2 to 36, the highest first, as numbers. */
    digits: (n, base = 10) => [...count(n).toString(base)].map((digit) => Number.parseInt(digit, base)),
  };
})();
