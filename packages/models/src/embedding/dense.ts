/** sentence-transformers' `Dense`: a linear layer on a pooled vector, and its activation. */
import { FormatError, memory, parseConfig } from "@cambium/base";
import { applyLinear, gelu, openSafetensors, silu } from "@cambium/core";
import { relu, sigmoid, type Tensor, tanh } from "@tensorflow/tfjs-core";
import * as z from "zod";

const activations: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  Identity: (x) => x,
  Tanh: tanh,
  ReLU: relu,
  GELU: gelu,
  Sigmoid: sigmoid,
  SiLU: silu,
};

/** A linear layer with an activation, in a folder of its weights. */
export interface DenseModule {
  readonly folder: string;
  readonly input: number;
  readonly output: number;
  readonly bias: boolean;
  /** PyTorch's name of the activation. */
  readonly activation: string;
}

const onVector = z.literal("sentence_embedding").nullish();

const schema = z.strictObject({
  in_features: z.int().positive(),
  out_features: z.int().positive(),
  bias: z.boolean().default(true),
  activation_function: z.string().default("torch.nn.modules.activation.Tanh"),
  module_input_name: onVector,
  module_output_name: onVector,
  use_residual: z.literal(false).nullish(),
});

/**
 * A dense module by its config.
 *
 * @throws {ConfigError} For a setting that is not known.
 * @throws {FormatError} For an activation that is not known.
 */
export function parseDense(caller: string, folder: string, json: unknown): DenseModule {
  const parsed = parseConfig(`${caller}: ${folder}/config.json`, schema, json ?? {});
  const [, activation = ""] = /^torch\.nn\.modules\.\w+\.(\w+)$/.exec(parsed.activation_function) ?? [];
  if (!Object.hasOwn(activations, activation)) {
    throw new FormatError({
      message: `${caller}: ${folder}/config.json has the activation ${JSON.stringify(parsed.activation_function)}; known are ${Object.keys(activations).join(", ")} of torch.nn.modules`,
      activation: parsed.activation_function,
    });
  }
  return { folder, input: parsed.in_features, output: parsed.out_features, bias: parsed.bias, activation };
}

/** A dense module with its tensors, which the caller owns. */
export interface LoadedDense extends DenseModule {
  /** `[output, input]`. */
  readonly weight: Tensor;
  /** `[output]`. */
  readonly biases?: Tensor;
}

/**
 * The weights of a dense module.
 *
 * @param files - By name: among them the module's `model.safetensors`.
 * @throws {FormatError} When they are absent, or of other shapes than its config says.
 */
export async function loadDense(
  caller: string,
  dense: DenseModule,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<LoadedDense> {
  const name = `${dense.folder}/model.safetensors`;
  const bytes = files.get(name);
  const isPickled = files.has(`${dense.folder}/pytorch_model.bin`);
  if (bytes === undefined) {
    throw new FormatError({
      message: `${caller}: the tokenizer's folder lacks ${name}, the weights of a Dense module${isPickled ? "; pytorch_model.bin is not read: save the model again in Python, which writes safetensors" : ""}`,
      name,
    });
  }
  const stored = await openSafetensors(memory({ [name]: bytes }), name);
  const expected = new Map([
    ["linear.weight", [dense.output, dense.input]],
    ...(dense.bias ? [["linear.bias", [dense.output]] as const] : []),
  ]);
  const found = [...stored.entries].map(([key, { shape }]) => `${key} [${shape}]`);
  const wanted = [...expected].map(([key, shape]) => `${key} [${shape}]`);
  if ([...found].sort().join() !== [...wanted].sort().join()) {
    throw new FormatError({
      message: `${caller}: ${name} holds ${found.join(", ") || "nothing"}, and its config says ${wanted.join(", ")}`,
      name,
    });
  }
  const tensors = await stored.load([...expected.keys()]);
  const biases = tensors.get("linear.bias");
  return { ...dense, weight: tensors.get("linear.weight")!, ...(biases !== undefined && { biases }) };
}

/** What the module makes of vectors `[n, input]`: `[n, output]`. */
export function applyDense({ weight, biases, activation }: LoadedDense, vectors: Tensor): Tensor {
  return activations[activation]!(applyLinear(vectors, weight, biases));
}
