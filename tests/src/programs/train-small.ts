/**
 * A small training run that can be killed at any moment and started again: `node train-small.js <folder>`. It writes a
 * line for every step and, at the end, the bits of the trained weights.
 */
import { dropout, type Objective, type Parameters, random } from "@cambium/core";
import { adamW, batches, linear, train } from "@cambium/train";
import "@tensorflow/tfjs-backend-cpu";
import {
  abs,
  add,
  env,
  exp,
  matMul,
  mean,
  mul,
  neg,
  setBackend,
  square,
  sub,
  type Tensor,
  type Tensor2D,
  tanh,
  tensor2d,
  zeros,
} from "@tensorflow/tfjs-core";

interface Batch {
  readonly x: Tensor2D;
  readonly y: Tensor2D;
}

const rows = Array.from({ length: 50 }, (_, i) => {
  const [a, b] = random(1).at(i).normals(2);
  return { x: [a!, b!], y: Math.sin(3 * a!) * b! };
});

const data = batches(
  rows,
  (some): Batch => ({ x: tensor2d(some.map(({ x }) => x)), y: tensor2d(some.map(({ y }) => [y])) }),
  { size: 4, random: random(2), buckets: ({ y }) => y },
);

function createObjective(): Objective<Batch> {
  const key = random(3);
  const parameters: Parameters = new Map<string, Tensor>([
    ["hidden.weight", key.at("hidden").normal([2, 24])],
    ["hidden.bias", key.at("bias").normal([24])],
    ["out.weight", key.at("out").normal([24, 1], 0, 0.2)],
  ]);
  return {
    parameters,
    // How strongly each hidden unit is pulled, a mean over the steps: it lowers the noise that the loss draws.
    state: new Map<string, Tensor>([["pull", zeros([24])]]),
    scalars: (step) => ({ keep: 1 - 1 / (step + 1) }),
    afterStep({ state, gradients, scalars }) {
      const keep = scalars["keep"]!;
      const now = abs(gradients.get("hidden.bias")!);
      return { state: new Map([["pull", add(mul(state.get("pull")!, keep), mul(now, sub(1, keep)))]]) };
    },
    describe: () => ({ kind: "small", dropout: 0.1, noise: 0.05 }),
    loss(at, { x, y }, context) {
      const hidden = tanh(add(matMul(x, at.get("hidden.weight") as Tensor2D), at.get("hidden.bias")!));
      const noise = mul(
        context.random.at("noise").normal(hidden.shape, 0, 0.05),
        exp(neg(context.state!.get("pull")!)),
      );
      const kept = context.training ? dropout(add(hidden, noise), 0.1, context.random) : hidden;
      const guess = matMul(kept as Tensor2D, at.get("out.weight") as Tensor2D);
      return mean(square(sub(guess, y)));
    },
  };
}

async function main(folder: string): Promise<void> {
  env().set("IS_TEST", true); // no greeting of the backend
  await setBackend("cpu");
  const steps = 400;
  const run = train(createObjective(), data, {
    optimiser: adamW({ learningRate: linear(0.02, { warmUp: 20, steps }) }),
    steps,
    accumulate: 2,
    clipNorm: 1,
    random: random(4),
    evaluate: {
      every: 25,
      best: { metric: "size", direction: "lowest" },
      run: (parameters) => ({ size: Math.hypot(...parameters.get("hidden.bias")!.dataSync()) }),
    },
    checkpoint: { files: folder, every: 1 },
  });
  for await (const event of run) {
    if (event.type === "step") process.stdout.write(`step ${event.step}\n`);
    if (event.type !== "end") continue;
    for (const [name, tensor] of [...event.parameters, ...event.state!]) {
      process.stdout.write(`end ${name} ${Buffer.from(tensor.dataSync().buffer).toString("hex")}\n`);
    }
  }
}

main(process.argv[2]!);
