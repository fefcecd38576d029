import { gelu, layerNorm, random, scaledDotProductAttention, valueAndGradients } from "@cambium/core";
import { createModel, type LanguageModel } from "@cambium/models";
import { matMul, sum, type Tensor, type Tensor2D, type Tensor4D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { walk } from "./ids.ts";
import { flopsOfForward, parseSize, robertaConfig } from "./sizes.ts";

/** An operation by its kind and numbers: enough for both languages to do the same. */
export interface OperationSpec {
  readonly kind: "gemm" | "attention" | "norm" | "gelu" | "forward" | "convolutional" | "perceptron" | "k-means";
  /**
   * Rows, inner and columns of a product; batch, heads and length; rows and width; batch and length of a forward pass; rows
   * of a program of plain tfjs.
   */
  readonly numbers: readonly number[];
  /** Of a forward pass. */
  readonly size?: string;
}

const forwards = (size: string, ...shapes: readonly (readonly [batch: number, seq: number])[]) =>
  Object.fromEntries(
    shapes.map(([batch, seq]): [string, OperationSpec] => [
      `forward ${size} of ${batch}x${seq}`,
      { kind: "forward", numbers: [batch, seq], size },
    ]),
  );

/** Whether an operation is a program of plain tfjs, which PyTorch has no counterpart of. */
export const isPlain = ({ kind }: OperationSpec): boolean =>
  kind === "convolutional" || kind === "perceptron" || kind === "k-means";

/** Every operation by its name. */
export const operations: Readonly<Record<string, OperationSpec>> = {
  "gemm 1024x768x768": { kind: "gemm", numbers: [1024, 768, 768] },
  "gemm 512x256x1024": { kind: "gemm", numbers: [512, 256, 1024] },
  "attention and gradients 8x12x64": { kind: "attention", numbers: [8, 12, 64] },
  "attention and gradients 2x12x256": { kind: "attention", numbers: [2, 12, 256] },
  "layer norm and gradient 512x768": { kind: "norm", numbers: [512, 768] },
  "gelu and gradient 512x3072": { kind: "gelu", numbers: [512, 3072] },
  ...forwards("4x256", [1, 16], [1, 256], [8, 64], [8, 256], [32, 16], [32, 64], [32, 256]),
  "plain tfjs: step of a convolutional net on 64 images": { kind: "convolutional", numbers: [64] },
  "plain tfjs: step of a perceptron on 128 rows": { kind: "perceptron", numbers: [128] },
  "plain tfjs: round of k-means on 20000 points": { kind: "k-means", numbers: [20_000] },
  ...forwards("12x768", [1, 16], [1, 256], [8, 64], [32, 16], [32, 64]),
};

/** Floating-point operations of the products in an operation, where those are its work. */
export function flopsOf({ kind, numbers, size }: OperationSpec): number | undefined {
  const [a, b, c] = numbers as [number, number, number];
  if (kind === "gemm") return 2 * a * b * c;
  if (kind === "forward") return flopsOfForward(parseSize(size!), a, b).reduce((x, y) => x + y);
  return undefined;
}

/** Reads and disposes, so that the work is counted. */
async function settle(make: () => Tensor[]): Promise<void> {
  const made = tidy(make);
  await Promise.all(made.map((tensor) => tensor.data()));
  for (const tensor of made) tensor.dispose();
}

/** Gradients of the sum of `f` for each of its inputs. */
const gradients = (f: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): Tensor[] => {
  const named = new Map(inputs.map((input, i) => [`${i}`, input]));
  return [...valueAndGradients((at) => sum(f(...at.values())), named).gradients.values()];
};

const models = new Map<string, LanguageModel>();

/** A model of a size, made once in a process. The vocabulary is small, because a forward pass only looks rows up. */
function modelOf(size: string): LanguageModel {
  const made = models.get(size) ?? createModel({ ...robertaConfig(parseSize(size)), vocab_size: 5_000 }, random(1));
  models.set(size, made);
  return made;
}

/** Makes the inputs of an operation, and returns what runs it once and waits for its values. */
export async function prepare({ kind, numbers, size }: OperationSpec): Promise<() => Promise<unknown>> {
  const [a, b, c] = numbers as [number, number, number];
  const normal = (name: string, ...shape: number[]): Tensor => random(1).at(name).normal(shape);
  switch (kind) {
    case "convolutional":
      return (await import("./plain.ts")).convolutionalNet(a);
    case "perceptron":
      return (await import("./plain.ts")).perceptron(a);
    case "k-means":
      return (await import("./plain.ts")).kMeans(a);
    case "gemm": {
      const [x, y] = [normal("x", a, b) as Tensor2D, normal("y", b, c) as Tensor2D];
      return () => settle(() => [matMul(x, y)]);
    }
    case "attention": {
      const inputs = ["q", "k", "v"].map((name) => normal(name, a, b, c, 64));
      const attend = (query: Tensor, key: Tensor, value: Tensor): Tensor =>
        scaledDotProductAttention({ query: query as Tensor4D, key: key as Tensor4D, value: value as Tensor4D });
      return () => settle(() => gradients(attend as (...inputs: Tensor[]) => Tensor, ...inputs));
    }
    case "norm": {
      const [x, gain, bias] = [normal("x", a, b), normal("gain", b), normal("bias", b)];
      return () => settle(() => gradients((at) => layerNorm(at!, gain, bias), x));
    }
    case "gelu": {
      const x = normal("x", a, b);
      return () => settle(() => gradients((at) => gelu(at!), x));
    }
    case "forward": {
      const model = modelOf(size!);
      const batch = {
        ids: tensor2d(walk(a * b, model.config.vocab_size), [a, b], "int32"),
        mask: tensor2d(new Float32Array(a * b).fill(1), [a, b]),
      };
      return () => settle(() => [model.forward(batch).hidden]);
    }
  }
}
