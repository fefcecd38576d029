/** Matrix products against their definition: any batches, transposed or not, empty ones, with bias and activation. */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { test } from "vitest";
import { onOnnx } from "./on-onnx.fixture.ts";
import {
  at,
  broadcast,
  buildSums,
  type Case,
  compare,
  elements,
  floats,
  holds,
  indicesOf,
  type Plain,
  plains,
  sizeOf,
} from "./plain.fixture.ts";

onOnnx();

type T = tf.Tensor;

const dimension = (max: number, min = 0): fc.Arbitrary<number> => fc.integer({ min, max });

/** Two tensors that can be multiplied, and how they lie. */
const factors = fc
  .record({
    batch: fc.array(dimension(3, 1), { maxLength: 3 }),
    sizes: fc.tuple(dimension(9), dimension(40), dimension(20)),
    drop: fc.tuple(fc.nat(3), fc.nat(3)),
    ones: fc.tuple(fc.boolean(), fc.boolean()),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
  })
  .chain(({ batch, sizes: [rows, inner, columns], drop, ones, transposeA, transposeB }) => {
    const part = (i: 0 | 1): number[] => batch.slice(drop[i]).map((size, axis) => (ones[i] && axis === 0 ? 1 : size));
    const shapeA = [...part(0), ...(transposeA ? [inner, rows] : [rows, inner])];
    const shapeB = [...part(1), ...(transposeB ? [columns, inner] : [inner, columns])];
    const finite = floats({ odd: false });
    return fc.record({
      a: plains(shapeA, "float32", finite),
      b: plains(shapeB, "float32", finite),
      bias: plains([columns], "float32", finite),
      transposeA: fc.constant(transposeA),
      transposeB: fc.constant(transposeB),
    });
  });

function multiply(
  a: Plain,
  b: Plain,
  transposeA: boolean,
  transposeB: boolean,
  extra: (column: number) => number[] = () => [],
): Plain {
  const inner = a.shape.at(transposeA ? -2 : -1)!;
  const shape = [
    ...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)),
    a.shape.at(transposeA ? -1 : -2)!,
    b.shape.at(transposeB ? -2 : -1)!,
  ];
  return buildSums(shape, "float32", (index) => {
    const [row, column] = index.slice(-2) as [number, number];
    const batch = index.slice(0, -2);
    const terms = Array.from({ length: inner }, (_, k) => {
      const left = at(a, [...batch, ...(transposeA ? [k, row] : [row, k])]);
      return left * at(b, [...batch, ...(transposeB ? [column, k] : [k, column])]);
    });
    return [...terms, ...extra(column)];
  });
}

test("products of batches broadcast, transposed or not", () => {
  holds(
    factors,
    ({ a, b, transposeA, transposeB }) => {
      const matMul: Case = {
        run: ((x: T, y: T) => tf.matMul(x, y, transposeA, transposeB)) as Case["run"],
        define: ((x: Plain, y: Plain) => multiply(x, y, transposeA, transposeB)) as Case["define"],
      };
      compare({ matMul }, [a, b]);
    },
    100,
  );
});

test("a fused product adds its bias and applies its activation", () => {
  // tfjs-core multiplies batches of one number here.
  const sameBatches = factors.filter(({ a, b }) => `${a.shape.slice(0, -2)}` === `${b.shape.slice(0, -2)}`);
  const activations = {
    linear: (x: number) => x,
    relu: (x: number) => Math.max(x, 0),
    relu6: (x: number) => Math.min(Math.max(x, 0), 6),
    elu: (x: number) => (x >= 0 ? x : Math.expm1(x)),
    sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
    leakyrelu: (x: number) => (x >= 0 ? x : 0.3 * x),
  } as const;
  holds(
    sameBatches,
    ({ a, b, bias, transposeA, transposeB }) => {
      const cases = Object.entries(activations).map(([activation, apply]) => [
        activation,
        {
          run: ((x: T, y: T, z: T) =>
            tf.fused.matMul({
              a: x,
              b: y,
              transposeA,
              transposeB,
              bias: z,
              activation: activation as "relu",
              leakyreluAlpha: 0.3,
            })) as Case["run"],
          define: ((x: Plain, y: Plain, z: Plain) => {
            const made = multiply(x, y, transposeA, transposeB, (column) => [z.data[column]!]);
            return { ...made, data: made.data.map(apply) };
          }) as Case["define"],
          tolerance: { absolute: 4e-6 },
        },
      ]);
      // A scalar bias is what tfjs makes of an empty one.
      if (bias.shape[0] !== 0) compare(Object.fromEntries(cases), [a, b, bias]);
    },
    40,
  );
});

test("Einstein sums", () => {
  const equations = [
    "ij,jk->ik",
    "bij,bjk->bik",
    "bqhd,bkhd->bhqk",
    "ij->ji",
    "ij->j",
    "i,j->ij",
    "i,i->",
    "abc,cd->abd",
    "ij,ij->i",
  ];
  const terms = fc.constantFrom(...equations).chain((equation) => {
    const [inputs, output] = equation.split("->") as [string, string];
    const letters = [...new Set(inputs.replace(",", ""))];
    return fc.tuple(...letters.map(() => dimension(4, 1))).chain((sizes) => {
      const sizeFor = (letter: string): number => sizes[letters.indexOf(letter)]!;
      const shapes = inputs.split(",").map((names) => [...names].map(sizeFor));
      return fc
        .tuple(...shapes.map((shape) => plains(shape, "float32", elements("float32", false))))
        .map((plain) => ({ equation, inputs: inputs.split(","), output, letters, sizes, plain }));
    });
  });
  holds(terms, ({ equation, inputs, output, letters, sizes, plain }) => {
    const einsum: Case = {
      run: ((...tensors: T[]) => tf.einsum(equation, ...tensors)) as Case["run"],
      define: ((...given: Plain[]) => {
        const summed = letters.filter((letter) => !output.includes(letter));
        const sizeFor = (letter: string): number => sizes[letters.indexOf(letter)]!;
        const inner = indicesOf(summed.map(sizeFor));
        return buildSums([...output].map(sizeFor), "float32", (index) =>
          inner.map((rest) => {
            const positionOf = (letter: string): number =>
              output.includes(letter) ? index[output.indexOf(letter)]! : rest[summed.indexOf(letter)]!;
            return given.reduce((product, tensor, i) => product * at(tensor, [...inputs[i]!].map(positionOf)), 1);
          }),
        );
      }) as Case["define"],
    };
    compare({ [equation]: einsum }, plain);
  });
});

test("a product of nothing is zero, of none is empty", () => {
  for (const [a, b] of [
    [
      [2, 0],
      [0, 3],
    ],
    [
      [0, 2],
      [2, 3],
    ],
    [
      [4, 0, 2],
      [4, 2, 0],
    ],
  ] as const) {
    const inputs = [a, b].map(
      (shape): Plain => ({ shape, dtype: "float32", data: Array.from({ length: sizeOf(shape) }, () => 1) }),
    );
    compare(
      {
        matMul: {
          run: ((x: T, y: T) => tf.matMul(x, y)) as Case["run"],
          define: ((x: Plain, y: Plain) => multiply(x, y, false, false)) as Case["define"],
        },
      },
      inputs,
    );
  }
});
