/**
 * What the maths kit offers, in words for a model that writes programs for a sandbox with `kit: true`. English; write
 * your own for other languages.
 */
export const mathsKitGuide = `These exact helpers are globals (nothing has to be imported):
- rational(3, 4), rational("0.75"): a fraction with add, subtract, multiply, divide, negate, inverse, absolute, power, compare, equals, isInteger, floor, ceiling, round, toNumber, toDecimal(digits), toString, and BigInts numerator and denominator.
- integers: gcd, lcm, extendedGcd, modulo, powerModulo, inverseModulo, chineseRemainder(residues, moduli), isPrime, nextPrime, primesBelow, factor, divisors, totient, factorial, binomial, arrangements, fibonacci, squareRoot (floor), isSquare, digits(n, base). Numbers or BigInts; a result too large for a number is a BigInt.
- polynomial([c0, c1, ...]), the constant first: degree, coefficients, add, subtract, multiply, power, divide -> { quotient, remainder }, gcd, evaluate, derivative, compose, rationalRoots, realRoots, equals, toString.
- matrix([[1, 2], [3, 4]]): rows, add, subtract, multiply, transpose, power, trace, determinant, rank, reduced, inverse, solve(values), characteristicPolynomial, equals; matrix.identity(n). Entries are rationals.
- statistics: sum, mean, median, modes, quantile(values, fraction), range, populationVariance, sampleVariance, populationDeviation, sampleDeviation, sampleCovariance, correlation, regression(xs, ys) -> { slope, intercept }.`;
