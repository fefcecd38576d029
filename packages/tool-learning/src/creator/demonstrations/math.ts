/** Seven worked examples of mathematics, one for each branch of the MATH set. */
import { creationDemonstrations } from "./creation.ts";
import type { DemonstrationSet } from "./demonstration.ts";

/** @see Qian et al. 2023, CREATOR, arXiv:2305.14318: seven examples for MATH. These are our own. */
export const mathDemonstrations: DemonstrationSet = {
  name: "math",
  language: "javascript",
  examples: [
    {
      question: "What is the sum of all integers $n$ between 1 and 200 for which $n^2 + n$ is divisible by 12?",
      toolThought:
        "A function that sums the integers of a range which pass a test covers this; the test is an argument.",
      tool: `/**
 * Sum of the integers of a range that pass a test.
 * @param {number} from - First integer.
 * @param {number} to - Last integer, included.
 * @param {(n: number) => boolean} test - Which integers count.
 * @returns {number} Their sum.
 */
function sumWhere(from, to, test) {
  let sum = 0;
  for (let n = from; n <= to; n++) if (test(n)) sum += n;
  return sum;
}`,
      callThought: "The range is 1 to 200; the test is that n² + n leaves no remainder at 12.",
      call: `console.log("Final Answer:", sumWhere(1, 200, (n) => (n * n + n) % 12 === 0));`,
      program: `let sum = 0;
for (let n = 1; n <= 200; n++) if ((n * n + n) % 12 === 0) sum += n;
console.log("Final Answer:", sum);`,
      worked:
        "n(n + 1) is divisible by 12 when n leaves 0, 3, 8 or 11 at 12. Up to 200 the remainder 0 gives 12 + … + 192 = 1632, 3 gives 3 + … + 195 = 1683, 8 gives 8 + … + 200 = 1768, and 11 gives 11 + … + 191 = 1616. Together that is 6699.",
      answer: "6699",
    },
    {
      question:
        "A line passes through $(2, 7)$ and $(6, -5)$. At which value of $x$ does it cross the $x$-axis? Answer as a common fraction.",
      toolThought:
        "With exact integers the crossing is x1 - y1 (x2 - x1) / (y2 - y1), which is to be reduced by the greatest common divisor.",
      tool: `/** Greatest common divisor of two integers. */
function gcd(a, b) {
  return b === 0 ? Math.abs(a) : gcd(b, a % b);
}

/**
 * Where the line through two points with integer coordinates crosses the x-axis.
 * @param {[number, number]} p - First point.
 * @param {[number, number]} q - Second point, at another height.
 * @returns {string} The x value as an integer or a fraction in lowest terms.
 */
function crossingOfAxis([x1, y1], [x2, y2]) {
  const bottom = y2 - y1;
  const top = x1 * bottom - y1 * (x2 - x1);
  const divisor = gcd(top, bottom) * Math.sign(bottom);
  return bottom === divisor ? String(top / divisor) : \`\${top / divisor}/\${bottom / divisor}\`;
}`,
      callThought: "The points are (2, 7) and (6, -5); the tool returns the fraction as text.",
      call: `console.log("Final Answer:", crossingOfAxis([2, 7], [6, -5]));`,
      program: `const top = 2 * (-5 - 7) - 7 * (6 - 2);
const bottom = -5 - 7;
// -52 / -12, reduced by 4
console.log("Final Answer:", \`\${top / -4}/\${bottom / -4}\`);`,
      worked:
        "The slope is (−5 − 7)/(6 − 2) = −3. From height 7 it takes 7/3 to the right until height 0, so x = 2 + 7/3 = 13/3.",
      answer: "13/3",
    },
    {
      question: "How many four-digit numbers have strictly increasing digits from left to right?",
      toolThought:
        "Such a number is a choice of different digits without 0, so a binomial coefficient; counting it by a function of the number of items and the number chosen is general.",
      tool: `/**
 * Number of ways to choose k of n different items, without order.
 * @param {number} n - Items. A whole number.
 * @param {number} k - Chosen. A whole number from 0 to n.
 * @returns {number} The binomial coefficient.
 */
function choose(n, k) {
  let ways = 1;
  for (let i = 1; i <= k; i++) ways = (ways * (n - k + i)) / i;
  return ways;
}`,
      callThought: "Four of the nine digits 1 to 9: 0 cannot stand first, so it cannot stand anywhere.",
      call: `console.log("Final Answer:", choose(9, 4));`,
      program: `let count = 0;
for (let n = 1000; n < 10000; n++) {
  const [a, b, c, d] = String(n);
  if (a < b && b < c && c < d) count++;
}
console.log("Final Answer:", count);`,
      worked:
        "A choice of four different digits can be ordered in one way only, and 0 cannot be among them, as it would stand first. Four of nine digits can be chosen in 126 ways.",
      answer: "126",
    },
    {
      question: "What is the largest prime factor of $2^{12} - 1$?",
      toolThought: "Trial division finds the factors in rising order; what is left at the end is the largest.",
      tool: `/**
 * Prime factors of an integer, in rising order, repeated ones repeated.
 * @param {number} n - An integer above 1.
 * @returns {number[]} The factors.
 */
function primeFactors(n) {
  const factors = [];
  for (let p = 2; p * p <= n; p++) {
    while (n % p === 0) {
      factors.push(p);
      n /= p;
    }
  }
  if (n > 1) factors.push(n);
  return factors;
}`,
      callThought: "The integer is 2^12 - 1, and the last factor is the largest.",
      call: `console.log("Final Answer:", primeFactors(2 ** 12 - 1).at(-1));`,
      program: `let n = 2 ** 12 - 1;
let largest = 1;
for (let p = 2; n > 1; p++) {
  while (n % p === 0) {
    n /= p;
    largest = p;
  }
}
console.log("Final Answer:", largest);`,
      worked: "2^12 − 1 = (2^6 − 1)(2^6 + 1) = 63 · 65 = 3² · 7 · 5 · 13. The largest prime among them is 13.",
      answer: "13",
    },
    {
      question: "A triangle has sides of 13, 14 and 15. What is the radius of the circle inscribed in it?",
      toolThought:
        "The radius is the area divided by half the perimeter, and Heron's formula gives the area from the sides.",
      tool: `/**
 * Radius of the circle inscribed in a triangle.
 * @param {number} a - Length of the first side.
 * @param {number} b - Length of the second side.
 * @param {number} c - Length of the third side.
 * @returns {number} The radius, in the unit of the sides.
 */
function inscribedRadius(a, b, c) {
  const half = (a + b + c) / 2;
  return Math.sqrt(half * (half - a) * (half - b) * (half - c)) / half;
}`,
      callThought: "The sides are given; the radius is asked for as it is.",
      call: `console.log("Final Answer:", inscribedRadius(13, 14, 15));`,
      program: `const half = (13 + 14 + 15) / 2;
const area = Math.sqrt(half * (half - 13) * (half - 14) * (half - 15));
console.log("Final Answer:", area / half);`,
      worked: "Half of the perimeter is 21. By Heron the area is √(21 · 8 · 7 · 6) = 84, so the radius is 84/21 = 4.",
      answer: "4",
    },
    {
      question: "The polynomial $x^3 - 6x^2 + 11x - 6$ has roots $a$, $b$ and $c$. Compute $a^4 + b^4 + c^4$.",
      toolThought:
        "Newton's identities give the sums of powers of the roots from the coefficients, without the roots themselves.",
      tool: `/**
 * Sum of the k-th powers of the roots of a polynomial with leading coefficient 1, by Newton's identities.
 * @param {number[]} coefficients - Those after the leading one, from the highest power down.
 * @param {number} k - Exponent, a whole number from 1.
 * @returns {number} The sum.
 */
function powerSum(coefficients, k) {
  const degree = coefficients.length;
  const sums = [degree];
  for (let m = 1; m <= k; m++) {
    let sum = m <= degree ? -m * coefficients[m - 1] : 0;
    for (let i = 1; i < m && i <= degree; i++) sum -= coefficients[i - 1] * sums[m - i];
    sums.push(sum);
  }
  return sums[k];
}`,
      callThought: "The coefficients after x³ are -6, 11 and -6, and the exponent is 4.",
      call: `console.log("Final Answer:", powerSum([-6, 11, -6], 4));`,
      program: `const roots = [1, 2, 3]; // 1 - 6 + 11 - 6 = 0, 8 - 24 + 22 - 6 = 0, 27 - 54 + 33 - 6 = 0
console.log("Final Answer:", roots.reduce((sum, root) => sum + root ** 4, 0));`,
      worked: "The polynomial is (x − 1)(x − 2)(x − 3). The fourth powers of its roots are 1, 16 and 81, together 98.",
      answer: "98",
    },
    {
      question:
        "Vectors $u$ and $v$ have lengths 3 and 5, and the angle between them is $120^\\circ$. What is $|2u + v|^2$?",
      toolThought:
        "The square of a combination's length is a²|u|² + b²|v|² + 2ab|u||v|cos of the angle. Rounding to many digits removes the error of the cosine.",
      tool: `/**
 * Squared length of a combination a u + b v of two vectors.
 * @param {number} a - Factor of u.
 * @param {number} b - Factor of v.
 * @param {number} lengthU - Length of u.
 * @param {number} lengthV - Length of v.
 * @param {number} degrees - Angle between u and v, in degrees.
 * @returns {number} The squared length.
 */
function squaredLength(a, b, lengthU, lengthV, degrees) {
  const product = lengthU * lengthV * Math.cos((degrees * Math.PI) / 180);
  return (a * lengthU) ** 2 + (b * lengthV) ** 2 + 2 * a * b * product;
}`,
      callThought:
        "The factors are 2 and 1, the lengths 3 and 5, the angle 120 degrees. A cosine carries a tiny error, so the result is cleaned.",
      call: `console.log("Final Answer:", Number(squaredLength(2, 1, 3, 5, 120).toPrecision(12)));`,
      program: `const product = 3 * 5 * Math.cos((120 * Math.PI) / 180);
const square = 4 * 9 + 4 * product + 25;
console.log("Final Answer:", Number(square.toPrecision(12)));`,
      worked: "u · v = 3 · 5 · cos 120° = −7.5. So |2u + v|² = 4 · 9 + 4 · (−7.5) + 25 = 31.",
      answer: "31",
    },
  ],
  ...(creationDemonstrations.repair === undefined ? {} : { repair: creationDemonstrations.repair }),
};
