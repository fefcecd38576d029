import { gelu, layerNorm, random, scaledDotProductAttention, valueAndGradients } from "@cambium/core";
import { createModel } from "@cambium/models";
import { matMul, sum, type Tensor, type Tensor2D, type Tensor4D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { type SizeName, sizes } from "./sizes.ts";

/** Something to time: `run` makes one tensor and waits for its values. */
export interface Operation {
  run(): Promise<unknown>;
  /** Floating-point operations of a run, where they are known. */
  readonly flops?: number;
}

/** Reads and disposes, so that the work is counted. */
async function settle(make: () => Tensor): Promise<void> {
  const made = tidy(make);
  await made.data();
  made.dispose();
}

/** `f` and its gradient for the first input. */
const withGradient = (f: (x: Tensor) => Tensor, x: Tensor): Tensor =>
  valueAndGradients((at) => sum(f(at.get("x")!)), new Map([["x", x]])).gradients.get("x")!;

function gemm(rows: number, inner: number, columns: number): Operation {
  const [a, b] = [random(1).uniform([rows, inner]) as Tensor2D, random(2).uniform([inner, columns]) as Tensor2D];
  return { run: () => settle(() => matMul(a, b)), flops: 2 * rows * inner * columns };
}

function attention(batch: number, heads: number, seq: number): Operation {
  const [query, key, value] = ["q", "k", "v"].map((name) => random(1).at(name).normal([batch, heads, seq, 64])) as [
    Tensor4D,
    Tensor4D,
    Tensor4D,
  ];
  return {
    run: () =>
      settle(() => withGradient((q) => scaledDotProductAttention({ query: q as Tensor4D, key, value }), query)),
  };
}

function norm(rows: number, width: number): Operation {
  const [x, gain, bias] = [random(1).normal([rows, width]), random(2).normal([width]), random(3).normal([width])];
  return { run: () => settle(() => withGradient((at) => layerNorm(at, gain, bias), x)) };
}

function activation(rows: number, width: number): Operation {
  const x = random(1).normal([rows, width]);
  return { run: () => settle(() => withGradient((at) => gelu(at), x)) };
}

function forward(size: SizeName, batch: number, seq: number): Operation {
  const model = createModel(sizes[size], random(1));
  const ids = tensor2d(
    Int32Array.from({ length: batch * seq }, (_, i) => 2 + ((i * 7919) % (sizes[size].vocab_size - 2))),
    [batch, seq],
    "int32",
  );
  const mask = tensor2d(new Float32Array(batch * seq).fill(1), [batch, seq]);
  return { run: () => settle(() => model.forward({ ids, mask }).hidden) };
}

/** Every operation by its name. */
export const operations: Readonly<Record<string, () => Operation>> = {
  "gemm 1024x768x768": () => gemm(1024, 768, 768),
  "gemm 512x256x1024": () => gemm(512, 256, 1024),
  "attention and gradient 8x12x64": () => attention(8, 12, 64),
  "attention and gradient 2x12x256": () => attention(2, 12, 256),
  "layer norm and gradient 512x768": () => norm(512, 768),
  "gelu and gradient 512x3072": () => activation(512, 3072),
  "forward 4x256, 1x16": () => forward("4x256", 1, 16),
  "forward 4x256, 8x64": () => forward("4x256", 8, 64),
  "forward 4x256, 32x64": () => forward("4x256", 32, 64),
  "forward 4x256, 8x256": () => forward("4x256", 8, 256),
  "forward 12x768, 1x64": () => forward("12x768", 1, 64),
};
