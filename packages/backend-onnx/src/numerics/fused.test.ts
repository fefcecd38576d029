/** The custom kernels against their definitions in float64, and their gradient kernels against central differences. */
import type { AttentionAttributes, CrossEntropyAttributes } from "@cambium/kernels";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { differences, smooth, weight } from "./differences.fixture.ts";
import { onOnnx } from "./on-onnx.fixture.ts";
import {
  at,
  build,
  buildSums,
  type Case,
  compare,
  differenceOf,
  floats,
  holds,
  type Plain,
  plains,
  sizeOf,
} from "./plain.fixture.ts";

onOnnx();

type T = tf.Tensor;

const runKernel = <Result extends T | T[]>(name: string, inputs: Record<string, T>, attributes: object): Result =>
  tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap) as Result;

const toTensor = ({ data, shape, dtype }: Plain): T => tf.tensor([...data], [...shape], dtype);

/** What `differences` weighs a result with, as the gradient that comes from above. */
const weightsOf = (shape: readonly number[]): T =>
  tf.tensor(
    Array.from({ length: sizeOf(shape) }, (_, i) => weight(i)),
    [...shape],
  );

/** Compares gradients that a kernel made with central differences of the definition. */
function compareWithDifferences(
  name: string,
  make: () => T[],
  define: (...plains: never[]) => Plain,
  inputs: readonly Plain[],
): void {
  const made: Plain[] = [];
  tf.tidy(() => {
    for (const gradient of make())
      made.push({ shape: gradient.shape, dtype: "float32", data: [...gradient.dataSync()] });
  });
  for (const [i, expected] of differences(define, inputs).entries())
    expect(differenceOf(`${name}, input ${i}`, made[i]!, expected, { relative: 1e-4, absolute: 1e-4 })).toBeUndefined();
}

/** Maps each row, the elements along the last axis. */
const byRows = (x: Plain, element: (row: readonly number[], i: number) => number): Plain =>
  build(x.shape, "float32", (index) =>
    element(
      Array.from({ length: x.shape.at(-1)! }, (_, i) => at(x, index.with(-1, i))),
      index.at(-1)!,
    ),
  );

const usual = floats({ odd: false });

const normInputs = (element: fc.Arbitrary<number>): fc.Arbitrary<[Plain, Plain, Plain]> =>
  fc
    .tuple(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }), fc.integer({ min: 2, max: 9 }))
    .chain(([outer, width]) =>
      fc.tuple(
        plains([...outer, width], "float32", element),
        plains([width], "float32", usual),
        plains([width], "float32", usual),
      ),
    );

const EPSILON = 0.01;

function layerNorm(x: Plain, gain: Plain, bias: Plain): Plain {
  return byRows(x, (row, i) => {
    const mean = row.reduce((sum, element) => sum + element, 0) / row.length;
    const variance = row.reduce((sum, element) => sum + (element - mean) ** 2, 0) / row.length;
    return ((row[i]! - mean) / Math.sqrt(variance + EPSILON)) * gain.data[i]! + bias.data[i]!;
  });
}

test("layer normalisation at every rank, and a NaN stays in its row", () => {
  const LayerNorm: Case = {
    run: ((x: T, gain: T, bias: T) =>
      runKernel<T>("LayerNorm", { x, gain, bias }, { epsilon: EPSILON })) as Case["run"],
    define: layerNorm as Case["define"],
    tolerance: { absolute: 1e-4, relative: 1e-5 },
  };
  const withNaN = fc.oneof({ weight: 8, arbitrary: usual }, { weight: 1, arbitrary: fc.constant(NaN) });
  holds(normInputs(withNaN), (inputs) => compare({ LayerNorm }, inputs), 40);
});

test("the gradient of layer normalisation", () => {
  holds(
    normInputs(smooth),
    ([x, gain, bias]) =>
      compareWithDifferences(
        "LayerNormGrad",
        () => [
          runKernel<T>(
            "LayerNormGrad",
            { dy: weightsOf(x.shape), x: toTensor(x), gain: toTensor(gain) },
            { epsilon: EPSILON },
          ),
        ],
        ((moved: Plain) => layerNorm(moved, gain, bias)) as (...plains: never[]) => Plain,
        [x],
      ),
    20,
  );
});

/** The normal distribution function, by the series of the error function. */
function normalDistribution(x: number): number {
  let [sum, term] = [x, x];
  for (let n = 1; n < 120; n++) {
    term *= -(x * x) / 2 / n;
    sum += term / (2 * n + 1);
  }
  return 0.5 + sum / Math.sqrt(2 * Math.PI);
}

const gelus = {
  none: (x: number) => x * normalDistribution(x),
  tanh: (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
} as const;

test.each(["none", "tanh"] as const)("GELU and its gradient, with approximation %s", (approximate) => {
  const define = (x: Plain): Plain => build(x.shape, "float32", (index) => gelus[approximate](at(x, index)));
  const Gelu: Case = {
    run: ((x: T) => runKernel<T>("Gelu", { x }, { approximate })) as Case["run"],
    define: define as Case["define"],
    tolerance: { absolute: 2e-6 },
  };
  const inputs = fc
    .array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })
    .chain((shape) => plains(shape, "float32", usual));
  holds(
    inputs,
    (x) => {
      compare({ Gelu }, [x]);
      compareWithDifferences(
        "GeluGrad",
        () => [runKernel<T>("GeluGrad", { dy: weightsOf(x.shape), x: toTensor(x) }, { approximate })],
        define as (...plains: never[]) => Plain,
        [x],
      );
    },
    30,
  );
});

interface AttentionSetting {
  readonly inputs: readonly [query: Plain, key: Plain, value: Plain, bias: Plain];
  readonly mask: Plain;
  readonly attributes: AttentionAttributes;
}

/** Attention with biases of every shape that broadcasts, keys that are hidden, and dropout. */
const attentions: fc.Arbitrary<AttentionSetting> = fc
  .record({
    batch: fc.integer({ min: 1, max: 2 }),
    heads: fc.integer({ min: 1, max: 2 }),
    seq: fc.integer({ min: 1, max: 3 }),
    keys: fc.integer({ min: 1, max: 4 }),
    dHead: fc.integer({ min: 1, max: 3 }),
    biasOf: fc.constantFrom("keys", "pairs", "all"),
    hasBias: fc.boolean(),
    hasMask: fc.boolean(),
  })
  .chain(({ batch, heads, seq, keys, dHead, biasOf, hasBias, hasMask }) => {
    const all = [batch, heads, seq, keys];
    const biasShape = { keys: [batch, 1, 1, keys], pairs: [1, 1, seq, keys], all }[biasOf]!;
    return fc.record({
      inputs: fc.tuple(
        plains([batch, heads, seq, dHead], "float32", smooth),
        plains([batch, heads, keys, dHead], "float32", smooth),
        plains([batch, heads, keys, dHead], "float32", smooth),
        hasBias ? plains(biasShape, "float32", smooth) : plains([], "float32", usual),
      ),
      mask: hasMask ? plains(all, "float32", fc.constantFrom(0, 1.25)) : plains([], "float32", usual),
      attributes: fc.constant({ scale: 0.7, hasBias, hasMask }),
    });
  });

function attention({ mask, attributes: { scale, hasBias, hasMask } }: AttentionSetting, ...inputs: Plain[]): Plain {
  const [query, key, value, bias] = inputs as [Plain, Plain, Plain, Plain];
  const keys = Array.from({ length: key.shape[2]! }, (_, k) => k);
  const columns = Array.from({ length: query.shape[3]! }, (_, column) => column);
  return buildSums(query.shape, "float32", ([b, h, q, column]) => {
    const scores = keys.map(
      (k) =>
        scale * columns.reduce((sum, i) => sum + at(query, [b!, h!, q!, i]) * at(key, [b!, h!, k, i]), 0) +
        (hasBias ? at(bias, [b!, h!, q!, k]) : 0),
    );
    const largest = Math.max(...scores);
    const powers = scores.map((score) => Math.exp(score - largest));
    const total = powers.reduce((sum, power) => sum + power, 0);
    return keys.map(
      (k) => (powers[k]! / total) * (hasMask ? at(mask, [b!, h!, q!, k]) : 1) * at(value, [b!, h!, k, column!]),
    );
  });
}

const attend = (query: T, key: T, value: T, bias: T, mask: T, attributes: AttentionAttributes): T =>
  runKernel<T>("FusedAttention", { query, key, value, bias, mask }, attributes);

test("attention, with and without bias and dropout", () => {
  holds(attentions, (setting) => {
    const FusedAttention: Case = {
      run: ((query: T, key: T, value: T, bias: T) =>
        attend(query, key, value, bias, toTensor(setting.mask), setting.attributes)) as Case["run"],
      define: ((...inputs: Plain[]) => attention(setting, ...inputs)) as Case["define"],
      tolerance: { absolute: 4e-6 },
    };
    compare({ FusedAttention }, setting.inputs);
  });
});

test("a key that is hidden has no part in the output", () => {
  const [query, key] = [0.5, 1.5].map((x): Plain => ({ shape: [1, 1, 1, 1], dtype: "float32", data: [x] }));
  const two = (a: number, b: number): Plain => ({ shape: [1, 1, 2, 1], dtype: "float32", data: [a, b] });
  const bias: Plain = { shape: [1, 1, 1, 2], dtype: "float32", data: [0, -1e9] };
  const output = tf.tidy(() => [
    ...attend(
      toTensor(query!),
      toTensor(two(key!.data[0]!, 100)),
      toTensor(two(3, 1e6)),
      toTensor(bias),
      tf.scalar(1),
      { scale: 1, hasBias: true, hasMask: false },
    ).dataSync(),
  ]);
  expect(output).toEqual([3]);
});

test("the gradients of attention for query, key, value and bias", () => {
  holds(
    attentions,
    (setting) => {
      const { inputs, mask, attributes } = setting;
      const [query, , , bias] = inputs;
      compareWithDifferences(
        "FusedAttentionGrad",
        () => {
          const [q, k, v, b] = inputs.map(toTensor) as [T, T, T, T];
          const given = { query: q, key: k, value: v, bias: b, mask: toTensor(mask) };
          const output = attend(q, k, v, b, given.mask, attributes);
          const gradients = runKernel<T[]>(
            "FusedAttentionGrad",
            { ...given, dy: weightsOf(query.shape), output },
            attributes,
          );
          // The bias's gradient comes in the pattern's shape, and is summed over what was broadcast.
          const summed = [0, 1, 2, 3].filter((axis) => bias.shape.length === 4 && bias.shape[axis] === 1);
          return attributes.hasBias
            ? [...gradients.slice(0, 3), summed.length === 0 ? gradients[3]! : tf.sum(gradients[3]!, summed, true)]
            : gradients.slice(0, 3);
        },
        ((...moved: Plain[]) => attention(setting, ...moved, ...inputs.slice(moved.length))) as (
          ...plains: never[]
        ) => Plain,
        attributes.hasBias ? inputs : inputs.slice(0, 3),
      );
    },
    40,
  );
});

test("cross-entropy and its gradient, smoothed or not, with rows that are ignored", () => {
  const settings = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 2, max: 6 })).chain(([rows, classes]) =>
    fc.record({
      logits: plains([rows, classes], "float32", floats({ low: -8, high: 8, odd: false })),
      labels: fc.array(fc.oneof({ weight: 4, arbitrary: fc.nat(classes - 1) }, fc.constant(-100)), {
        minLength: rows,
        maxLength: rows,
      }),
      attributes: fc.record<CrossEntropyAttributes>({
        labelSmoothing: fc.constantFrom(0, 0.1),
        ignoreIndex: fc.constant(-100),
      }),
    }),
  );
  holds(settings, ({ logits, labels, attributes }) => {
    const define = (given: Plain): Plain =>
      build([labels.length], "float32", ([row]) => {
        if (labels[row!] === -100) return 0;
        const scores = Array.from({ length: given.shape[1]! }, (_, i) => at(given, [row!, i]));
        const largest = Math.max(...scores);
        const total = largest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - largest), 0));
        const even = scores.reduce((sum, score) => sum + total - score, 0) / scores.length;
        return (1 - attributes.labelSmoothing) * (total - scores[labels[row!]!]!) + attributes.labelSmoothing * even;
      });
    const SoftmaxCrossEntropy: Case = {
      run: ((x: T) =>
        runKernel<T>(
          "SoftmaxCrossEntropy",
          { logits: x, labels: tf.tensor1d(labels, "int32") },
          attributes,
        )) as Case["run"],
      define: define as Case["define"],
      tolerance: { absolute: 4e-6 },
    };
    compare({ SoftmaxCrossEntropy }, [logits]);
    compareWithDifferences(
      "SoftmaxCrossEntropyGrad",
      () => [
        runKernel<T>(
          "SoftmaxCrossEntropyGrad",
          { dy: weightsOf([labels.length]), logits: toTensor(logits), labels: tf.tensor1d(labels, "int32") },
          attributes,
        ),
      ],
      define as (...plains: never[]) => Plain,
      [logits],
    );
  });
});
