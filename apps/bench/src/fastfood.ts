/** `pnpm bench:fastfood`: a Fastfood projection of 2^24 parameters, forward, and with the gradient of its coordinates. */
import { compile, random, valueAndGradients } from "@cambium/core";
import { fastfoodProjection } from "@cambium/subspace";
import { mul, ones, type Scalar, sum, type Tensor1D, tidy } from "@tensorflow/tfjs-core";
import { chooseBackend } from "./choose-backend.ts";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { timeSteps } from "./timed.ts";

const HELP = `usage: pnpm bench:fastfood [options]

Prints JSON lines: the machine, then the times of a projection forward, and of one with its adjoint.

  --bits N        the projection moves 2^N parameters (default 24)
  --dimension N   coordinates (default 1000)
  --steps N       measured runs (default 9)
`;

const { values } = parseFlags({
  options: {
    bits: { type: "string", default: "24" },
    dimension: { type: "string", default: "1000" },
    steps: { type: "string", default: "9" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const [params, dimension, steps] = [2 ** Number(values.bits), Number(values.dimension), Number(values.steps)];

await chooseBackend("onnx");
console.log(JSON.stringify(describeMachine("fastfood")));
const began = performance.now();
const projection = fastfoodProjection(new Map([["w", { shape: [params] }]]), { dimension }, random(1));
const drawMs = Math.round(performance.now() - began);
const z = random(2).normal([dimension]) as Tensor1D;
const weights = ones([params]);

/** A number that needs the whole projection, so that nothing is left out, and little is read. */
const total = (at: Tensor1D): Scalar =>
  tidy(() => sum(mul(projection.apply(new Map([["z", at]])).get("w")!, weights)) as Scalar);
const forward = compile((at: Tensor1D) => tidy(() => projection.apply(new Map([["z", at]])).get("w")!));
const withAdjoint = compile((at: Tensor1D) =>
  tidy(() => valueAndGradients((tree) => total(tree.get("z") as Tensor1D), new Map([["z", at]])).gradients.get("z")!),
);
for (const [row, run] of [
  ["forward", forward],
  ["with its adjoint", withAdjoint],
] as const) {
  const times = await timeSteps(steps, async () => {
    const found = run(z);
    await found.data();
    found.dispose();
  });
  console.log(JSON.stringify({ bench: "fastfood", row, backend: "onnx", params, dimension, steps, drawMs, ...times }));
}
