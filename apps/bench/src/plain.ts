/** Programs of plain tfjs, as they stand in its tutorials: nothing in here knows of a backend. */
import * as tf from "@tensorflow/tfjs";

/** A training step of a convolutional net on `batch` images of 28 x 28, with tf.layers. */
export function convolutionalNet(batch: number): () => Promise<unknown> {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [28, 28, 1], filters: 32, kernelSize: 3, activation: "relu" }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.conv2d({ filters: 64, kernelSize: 3, activation: "relu" }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 128, activation: "relu" }),
      tf.layers.dense({ units: 10, activation: "softmax" }),
    ],
  });
  model.compile({ optimizer: "adam", loss: "categoricalCrossentropy" });
  const images = tf.randomUniform([batch, 28, 28, 1], 0, 1, "float32", 1);
  const labels = tf.oneHot(tf.randomUniform([batch], 0, 10, "int32", 2), 10);
  return async () => model.trainOnBatch(images, labels);
}

/** A training step of a perceptron with two hidden layers of 1,024, on `batch` rows of 784. */
export function perceptron(batch: number): () => Promise<unknown> {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [784], units: 1024, activation: "relu" }),
      tf.layers.dense({ units: 1024, activation: "relu" }),
      tf.layers.dense({ units: 10, activation: "softmax" }),
    ],
  });
  model.compile({ optimizer: "adam", loss: "categoricalCrossentropy" });
  const rows = tf.randomUniform([batch, 784], 0, 1, "float32", 1);
  const labels = tf.oneHot(tf.randomUniform([batch], 0, 10, "int32", 2), 10);
  return async () => model.trainOnBatch(rows, labels);
}

/** One round of k-means: `count` points of 64 numbers, 256 centres. */
export function kMeans(count: number): () => Promise<unknown> {
  const points = tf.randomNormal<tf.Rank.R2>([count, 64], 0, 1, "float32", 1);
  let centres: tf.Tensor2D = tf.slice(points, 0, 256);
  return async () => {
    const next = tf.tidy(() => {
      const products = tf.matMul(points, centres, false, true);
      const distances = tf.sub(tf.sum(tf.square(centres), 1), tf.mul(products, 2)); // without |point|², equal in a row
      const members = tf.oneHot(tf.cast(tf.argMin(distances, 1), "int32"), 256) as tf.Tensor2D;
      const sums: tf.Tensor2D = tf.matMul(tf.cast<tf.Tensor2D>(members, "float32"), points, true);
      return tf.div<tf.Tensor2D>(
        sums,
        tf.maximum(tf.expandDims<tf.Tensor2D>(tf.sum(tf.cast(members, "float32"), 0), 1), 1),
      );
    });
    await next.data();
    centres.dispose();
    centres = next;
  };
}
