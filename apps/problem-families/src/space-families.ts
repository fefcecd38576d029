/** Families of geometry and precalculus, one for each level. */
import { code, FRACTION_TOOL, fraction, type MathFamily, print } from "./family.ts";

const GEOMETRY = "geometry";
const PRECALCULUS = "precalculus";

/** Points and vectors such as `(2, -3)` of a text. */
const tuplesIn = (text: string): readonly (readonly number[])[] =>
  [...text.matchAll(/\((-?\d+(?:, ?-?\d+)+)\)/g)].map(([, inside]) => inside!.split(",").map(Number));

const tuple = (values: readonly number[]): string => `(${values.join(", ")})`;

const perimeter: MathFamily = {
  subject: GEOMETRY,
  level: 1,
  name: "rectanglePerimeter",
  hints: { utility: "Perimeter of a rectangle.", args: "a, b (side lengths)", returns: "the perimeter" },
  tool: `/**
 * Perimeter of a rectangle.
 * @param {number} a - One side.
 * @param {number} b - The other side.
 * @returns {number} The perimeter, in the unit of the sides.
 */
function rectanglePerimeter(a, b) {
  return 2 * (a + b);
}`,
  scenarios: [
    {
      draw(draw) {
        const [a, b] = [draw.integer(4, 30), draw.integer(4, 30)];
        return {
          question: `What is the perimeter of a rectangle that has side lengths ${a} and ${b}?`,
          answer: 2 * a + 2 * b,
        };
      },
      read(question) {
        const [, a, b] = /has side lengths (\d+) and (\d+)/.exec(question) ?? [];
        return b !== undefined && /perimeter/.test(question) ? print(`rectanglePerimeter(${a}, ${b})`) : undefined;
      },
    },
  ],
};

const hypotenuse: MathFamily = {
  subject: GEOMETRY,
  level: 2,
  name: "hypotenuse",
  hints: { utility: "Hypotenuse of a right triangle.", args: "a, b (legs)", returns: "the length" },
  tool: `/**
 * Hypotenuse of a right triangle.
 * @param {number} a - One leg.
 * @param {number} b - The other leg.
 * @returns {number} The hypotenuse, in the unit of the legs.
 */
function hypotenuse(a, b) {
  return Math.sqrt(a * a + b * b);
}`,
  scenarios: [
    {
      draw(draw) {
        const [a, b, c] = draw.pick([
          [3, 4, 5],
          [5, 12, 13],
          [8, 15, 17],
          [7, 24, 25],
          [20, 21, 29],
        ] as const);
        const scale = draw.integer(2, 9);
        return {
          question: `The legs of a right triangle are ${a * scale} and ${b * scale}. How long is its hypotenuse?`,
          answer: c * scale,
        };
      },
      read(question) {
        const [, a, b] = /legs (?:of a right triangle are )?(\d+) and (\d+)/.exec(question) ?? [];
        return b !== undefined && /hypotenuse/.test(question) ? print(`hypotenuse(${a}, ${b})`) : undefined;
      },
    },
  ],
};

const shoelace = ([x1, y1]: readonly number[], [x2, y2]: readonly number[], [x3, y3]: readonly number[]): number =>
  Math.abs((x2! - x1!) * (y3! - y1!) - (x3! - x1!) * (y2! - y1!));

const triangle: MathFamily = {
  subject: GEOMETRY,
  level: 3,
  name: "triangleArea",
  hints: {
    utility: "Area of a triangle from its vertices.",
    args: "a, b, c ([x, y] each)",
    returns: "the area as a fraction (text)",
  },
  tool: `${FRACTION_TOOL}

/**
 * Area of a triangle with integer vertices.
 * @param {[number, number]} a - First vertex.
 * @param {[number, number]} b - Second vertex.
 * @param {[number, number]} c - Third vertex.
 * @returns {string} The area, as an integer or a fraction in lowest terms.
 */
function triangleArea(a, b, c) {
  const twice = Math.abs(a[0] * (b[1] - c[1]) + b[0] * (c[1] - a[1]) + c[0] * (a[1] - b[1]));
  return fraction(twice, 2);
}`,
  scenarios: [
    {
      draw(draw) {
        const point = (): readonly number[] => [draw.integer(-8, 8), draw.integer(-8, 8)];
        const [a, b] = [point(), point()];
        let c = point();
        while (shoelace(a, b, c) === 0) c = point();
        return {
          question: `A triangle has the vertices ${tuple(a)}, ${tuple(b)} and ${tuple(c)}. What is its area?`,
          answer: fraction(shoelace(a, b, c), 2),
        };
      },
      read(question) {
        const points = tuplesIn(question);
        const isTriangle = points.length === 3 && /vertices/.test(question) && /area/.test(question);
        return isTriangle ? print(`triangleArea(${points.map(code).join(", ")})`) : undefined;
      },
    },
  ],
};

const polygon: MathFamily = {
  subject: GEOMETRY,
  level: 4,
  name: "diagonalsAndTriangles",
  hints: {
    utility: "Diagonals and triangles of a convex polygon.",
    args: "sides",
    returns: "{ diagonals, triangles }",
  },
  tool: `/**
 * Diagonals of a convex polygon, and triangles between three of its vertices.
 * @param {number} sides - Sides, at least 3.
 * @returns {{ diagonals: number, triangles: number }} Both counts.
 */
function diagonalsAndTriangles(sides) {
  return { diagonals: (sides * (sides - 3)) / 2, triangles: (sides * (sides - 1) * (sides - 2)) / 6 };
}`,
  scenarios: [
    {
      draw(draw) {
        const n = draw.integer(7, 20);
        return {
          question: `A convex polygon has ${n} sides. How many diagonals does it have, plus the number of triangles formed by three of its vertices?`,
          answer: (n * (n - 3)) / 2 + (n * (n - 1) * (n - 2)) / 6,
        };
      },
      read(question) {
        const n = /polygon (?:with|has) (\d+) sides/.exec(question)?.[1];
        if (n === undefined || !/diagonals .* plus the number of triangles/.test(question)) return undefined;
        return `const { diagonals, triangles } = diagonalsAndTriangles(${n});\n${print("diagonals + triangles")}`;
      },
    },
  ],
};

const cone: MathFamily = {
  subject: GEOMETRY,
  level: 5,
  name: "shareOfCone",
  hints: {
    utility: "Share of a cone in the volume of a cone and a cylinder on one base.",
    args: "cone, cylinder (heights)",
    returns: "the share as a fraction (text)",
  },
  tool: `${FRACTION_TOOL}

/**
 * Share of a cone in the volume of a cone and a cylinder with the same base; the base cancels.
 * @param {number} cone - Height of the cone.
 * @param {number} cylinder - Height of the cylinder.
 * @returns {string} The share as a fraction in lowest terms.
 */
function shareOfCone(cone, cylinder) {
  return fraction(cone, cone + 3 * cylinder);
}`,
  scenarios: [
    {
      draw(draw) {
        const [radius, cylinder, conical] = [draw.integer(2, 9), draw.integer(2, 12), draw.integer(5, 50)];
        return {
          question: `A cone and a cylinder stand on one circular base of radius ${radius}. The cylinder has height ${cylinder} and the cone has height ${conical}. What is the ratio of the cone's volume to the sum of both volumes? Answer with a reduced fraction.`,
          answer: fraction(conical, conical + 3 * cylinder),
        };
      },
      read(question) {
        const [, cylinder, conical] = /cylinder has height (\d+) and the cone has height (\d+)/.exec(question) ?? [];
        return conical !== undefined && /ratio of the cone/.test(question)
          ? print(`shareOfCone(${conical}, ${cylinder})`)
          : undefined;
      },
    },
  ],
};

const dot: MathFamily = {
  subject: PRECALCULUS,
  level: 1,
  name: "dotProduct",
  hints: { utility: "Dot product.", args: "u, v (lists)", returns: "the product" },
  tool: `/**
 * Dot product of two vectors.
 * @param {number[]} u - First vector.
 * @param {number[]} v - Second vector, of the same length.
 * @returns {number} The product.
 */
function dotProduct(u, v) {
  return u.reduce((sum, value, i) => sum + value * v[i], 0);
}`,
  scenarios: [
    {
      draw(draw) {
        const [a, b, c, d] = [draw.integer(-6, 6), draw.integer(-6, 6), draw.integer(-6, 6), draw.integer(-6, 6)];
        return {
          question: `What is the dot product of the vectors (${a}, ${b}) and (${c}, ${d})?`,
          answer: a * c + b * d,
        };
      },
      read(question) {
        const [u, v] = tuplesIn(question);
        return v !== undefined && /dot product/.test(question)
          ? print(`dotProduct(${code(u)}, ${code(v)})`)
          : undefined;
      },
    },
  ],
};

const DETERMINANT_TOOL = `/**
 * Determinant of a square matrix, by expansion along the first row.
 * @param {number[][]} rows - The rows.
 * @returns {number} The determinant.
 */
function determinant(rows) {
  if (rows.length === 1) return rows[0][0];
  return rows[0].reduce((sum, value, column) => {
    const minor = rows.slice(1).map((row) => row.filter((_, i) => i !== column));
    return sum + (column % 2 === 0 ? 1 : -1) * value * determinant(minor);
  }, 0);
}`;

/** Determinants come at two levels: of two rows and of three. */
const determinant = (size: 2 | 3): MathFamily => ({
  subject: PRECALCULUS,
  level: size === 2 ? 2 : 4,
  name: "determinant",
  hints: { utility: "Determinant of a square matrix.", args: "rows (list of lists)", returns: "the determinant" },
  tool: DETERMINANT_TOOL,
  scenarios: [
    {
      draw(draw) {
        const rows = Array.from({ length: size }, () => Array.from({ length: size }, () => draw.integer(-4, 7)));
        const [[a, b, c], [d, e, f], [g, h, i] = []] = rows as [number[], number[], number[]?];
        const answer =
          size === 2
            ? a! * e! - b! * d!
            : a! * e! * i! + b! * f! * g! + c! * d! * h! - c! * e! * g! - b! * d! * i! - a! * f! * h!;
        return {
          question: `What is the determinant of the ${size} by ${size} matrix with rows ${rows.map(tuple).join(", ")}?`,
          answer,
        };
      },
      read(question) {
        const rows = tuplesIn(question);
        const isSquare = rows.length === size && rows.every((row) => row.length === size);
        return isSquare && /determinant of the .*matrix with rows/.test(question)
          ? print(`determinant(${code(rows)})`)
          : undefined;
      },
    },
  ],
});

const cross: MathFamily = {
  subject: PRECALCULUS,
  level: 3,
  name: "crossProduct",
  hints: {
    utility: "Cross product of two vectors in space.",
    args: "u, v (lists of three)",
    returns: "the product (list of three)",
  },
  tool: `/**
 * Cross product of two vectors in space.
 * @param {number[]} u - First vector, three numbers.
 * @param {number[]} v - Second vector, three numbers.
 * @returns {number[]} The product, three numbers.
 */
function crossProduct([a, b, c], [d, e, f]) {
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}`,
  scenarios: [
    {
      draw(draw) {
        const vector = (): readonly [number, number, number] => [
          draw.integer(-5, 5),
          draw.integer(-5, 5),
          draw.integer(-5, 5),
        ];
        const [u, v] = [vector(), vector()];
        const dotted = (p: readonly number[], q: readonly number[]): number =>
          p.reduce((sum, value, i) => sum + value * q[i]!, 0);
        return {
          question: `What is the squared length of the cross product u x v for u = ${tuple(u)} and v = ${tuple(v)}?`,
          answer: dotted(u, u) * dotted(v, v) - dotted(u, v) ** 2, // Lagrange's identity
        };
      },
      read(question) {
        const [u, v] = tuplesIn(question);
        if (v?.length !== 3 || !/squared length of the cross product/.test(question)) return undefined;
        return `const product = crossProduct(${code(u)}, ${code(v)});\n${print("product.reduce((sum, value) => sum + value * value, 0)")}`;
      },
    },
  ],
};

const trace: MathFamily = {
  subject: PRECALCULUS,
  level: 5,
  name: "matrixPower",
  hints: {
    utility: "Power of a matrix of two rows.",
    args: "rows (list of lists), exponent",
    returns: "the power (list of lists)",
  },
  tool: `/** Product of two matrices of two rows. */
function multiply([[a, b], [c, d]], [[e, f], [g, h]]) {
  return [[a * e + b * g, a * f + b * h], [c * e + d * g, c * f + d * h]];
}

/**
 * Power of a matrix of two rows.
 * @param {number[][]} rows - The matrix.
 * @param {number} exponent - A whole number from 1.
 * @returns {number[][]} The power.
 */
function matrixPower(rows, exponent) {
  let power = rows;
  for (let i = 1; i < exponent; i += 1) power = multiply(power, rows);
  return power;
}`,
  scenarios: [
    {
      draw(draw) {
        const [a, b, c, d] = [draw.integer(0, 2), draw.integer(1, 2), draw.integer(1, 2), draw.integer(0, 2)];
        const n = draw.integer(5, 9);
        const traces = [2, a + d]; // by Cayley and Hamilton
        while (traces.length <= n) traces.push((a + d) * traces.at(-1)! - (a * d - b * c) * traces.at(-2)!);
        return {
          question: `A is the matrix with rows (${a}, ${b}) and (${c}, ${d}). What is the trace of A^${n}?`,
          answer: traces[n]!,
        };
      },
      read(question) {
        const rows = tuplesIn(question);
        const n = /trace of A\^(\d+)/.exec(question)?.[1];
        if (rows.length !== 2 || n === undefined) return undefined;
        return `const [[a], [, d]] = matrixPower(${code(rows)}, ${n});\n${print("a + d")}`;
      },
    },
  ],
};

/** @internal */
export const spaceFamilies: readonly MathFamily[] = [
  perimeter,
  hypotenuse,
  triangle,
  polygon,
  cone,
  dot,
  determinant(2),
  cross,
  determinant(3),
  trace,
];
