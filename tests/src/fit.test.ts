/** Plain tf.layers on the onnx backend: loops that read nothing settle on a few graphs, and compute what other loops do. */
import "@cambium/backend-onnx";
import { backendReport } from "@cambium/backend-onnx";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, test } from "vitest";

beforeAll(async () => {
  await tf.setBackend("onnx");
});

const [BATCH, BATCHES] = [8, 150];

function makeModel(): tf.Sequential {
  const start = (seed: number) => tf.initializers.glorotUniform({ seed });
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [6], units: 16, activation: "relu", kernelInitializer: start(1) }),
      tf.layers.dense({ units: 3, activation: "softmax", kernelInitializer: start(2) }),
    ],
  });
  model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  return model;
}

const rows = (): tf.Tensor2D => tf.randomUniform<tf.Rank.R2>([BATCH * BATCHES + 3, 6], -1, 1, "float32", 3);
const labels = (): tf.Tensor2D => {
  const classes = tf.cast(tf.randomUniform([BATCH * BATCHES + 3], 0, 3, "float32", 4), "int32");
  return tf.cast(tf.oneHot(classes, 3) as tf.Tensor2D, "float32");
};

/** Compiles that a run needs, and the largest graph among them. */
async function compilesOf(run: () => Promise<unknown>): Promise<{ count: number; largest: number }> {
  const before = backendReport().compileCount;
  await run();
  const { compileCount, compiles } = backendReport();
  const count = compileCount - before;
  return { count, largest: Math.max(0, ...compiles.slice(compiles.length - count).map(({ nodeCount }) => nodeCount)) };
}

test("epochs of fit are made in parts that are compiled once, validation included", async () => {
  const [model, x, y] = [makeModel(), rows(), labels()];
  const [validX, validY] = [tf.slice(x, [0, 0], [400, 6]), tf.slice(y, [0, 0], [400, 3])];
  const epoch = () => model.fit(x, y, { batchSize: BATCH, epochs: 1, verbose: 0, validationData: [validX, validY] });
  const first = await compilesOf(epoch);
  expect(first.count).toBeLessThanOrEqual(12);
  expect(first.largest).toBeLessThan(3_000);
  await epoch();
  expect((await compilesOf(epoch)).count).toBe(0);
  expect(backendReport().pendingValues).toBe(0);
});

test("fit gives the weights that a loop gives which reads every loss", async () => {
  const [fitted, looped, x, y] = [makeModel(), makeModel(), rows(), labels()];
  await fitted.fit(x, y, { batchSize: BATCH, epochs: 1, verbose: 0, shuffle: false });
  for (let i = 0; i <= BATCHES; i++) {
    const count = i < BATCHES ? BATCH : 3;
    await looped.trainOnBatch(tf.slice(x, [i * BATCH, 0], [count, 6]), tf.slice(y, [i * BATCH, 0], [count, 3]));
  }
  const [left, right] = [fitted, looped].map((model) => model.getWeights().map((weight) => weight.arraySync()));
  expect(left).toEqual(right); // the same operations in other graphs
});

test("epochs of fitDataset are made in parts that are compiled once", async () => {
  const [model, x, y] = [makeModel(), rows(), labels()];
  const [xs, ys] = [x.arraySync(), y.arraySync()];
  const data = tf.data.zip({ xs: tf.data.array(xs), ys: tf.data.array(ys) }).batch(BATCH);
  const epoch = () => model.fitDataset(data, { epochs: 1, verbose: 0 });
  const first = await compilesOf(epoch);
  expect(first.count).toBeLessThanOrEqual(12);
  expect(first.largest).toBeLessThan(3_000);
  await epoch();
  expect((await compilesOf(epoch)).count).toBe(0);
});

test("evaluation and prediction are made in parts that are compiled once", async () => {
  const [model, x, y] = [makeModel(), rows(), labels()];
  const evaluate = async () =>
    Promise.all([
      ...(model.evaluate(x, y, { batchSize: BATCH }) as tf.Scalar[]).map((value) => value.data()),
      (model.predict(x, { batchSize: BATCH }) as tf.Tensor).data(),
    ]);
  const first = await compilesOf(evaluate);
  expect(first.count).toBeLessThanOrEqual(10);
  expect(first.largest).toBeLessThan(3_000);
  await evaluate();
  expect((await compilesOf(evaluate)).count).toBe(0);
});
