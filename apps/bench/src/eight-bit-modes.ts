/** Ways of holding and multiplying frozen layers, to compare what they do to training. */
import { around, type ForwardOptions, mapParameters } from "@cambium/core";
import { type Delta, seedlessMethod } from "@cambium/delta";
import { type LanguageModel, type LoadModelOptions, loadModel, type TokenBatch } from "@cambium/models";
import {
  add,
  customGrad,
  div,
  matMul,
  max,
  maximum,
  min,
  minimum,
  mul,
  neg,
  reshape,
  round,
  type Scalar,
  sub,
  type Tensor,
  type Tensor2D,
} from "@tensorflow/tfjs-core";

/** A base and what goes onto it besides the deltas that are trained. */
export interface Prepared {
  readonly base: LanguageModel;
  readonly deltas: readonly Delta[];
}

/** The same model with other values behind its parameters. */
function withParameters(model: LanguageModel, parameters: ReadonlyMap<string, Tensor>): LanguageModel {
  return {
    ...model,
    parameters,
    forward: (input, options?: ForwardOptions) => model.forward(input, { parameters, ...options }),
    loss: (input: TokenBatch, options?: ForwardOptions): Scalar => model.loss!(input, { parameters, ...options }),
  };
}

/** Weights rounded to 8 bits, products in float32: a copy of a weight in 8 bits is multiplied as floats. */
async function weightsOnly(folder: string, options: LoadModelOptions): Promise<Prepared> {
  const model = await loadModel(folder, { ...options, frozen: "int8" });
  return {
    base: withParameters(
      model,
      mapParameters(model.parameters, (value) => value.clone()),
    ),
    deltas: [],
  };
}

/** Rounded to 255 steps between the least and the greatest number of the whole tensor, zero included. */
function roundTensor(x: Tensor): Tensor {
  const [low, high] = [minimum(min(x), 0), maximum(max(x), 0)];
  const step = maximum(div(sub(high, low), 255), 1e-30);
  const zero = round(neg(div(low, step)));
  return mul(minimum(maximum(round(div(x, step)), neg(zero)), sub(255, zero)), step);
}

/** One scale for all inputs and one for all gradients of a product, on the weights that `int8` has. */
async function perTensor(folder: string, options: LoadModelOptions): Promise<Prepared> {
  const { base } = await weightsOnly(folder, options);
  const hook = around(
    "linear",
    (site) => site.layer !== undefined,
    ({ site, input, context }) => {
      const weight = context.read(site.weight!.name) as Tensor2D;
      const multiply = customGrad((x) => ({
        value: matMul(roundTensor(x as Tensor) as Tensor2D, weight, false, true),
        gradFunc: (dy) => matMul(roundTensor(dy as Tensor) as Tensor2D, weight),
      }));
      const product = multiply(reshape(input, [-1, weight.shape[1]]));
      return reshape(add(product, context.read(site.bias!)), [...input.shape.slice(0, -1), weight.shape[0]]);
    },
  );
  const method = seedlessMethod({
    kind: "perTensor",
    parse: () => ({}),
    tensors: () => ({ trained: new Map() }),
    hooks: () => [hook],
  });
  return { base, deltas: [method(base)] };
}

/** What `loadModel` holds without more. */
const held =
  (frozen: NonNullable<LoadModelOptions["frozen"]>) =>
  async (folder: string, options: LoadModelOptions): Promise<Prepared> => ({
    base: await loadModel(folder, { ...options, frozen }),
    deltas: [],
  });

/** Every way by its name. */
export const modes: Readonly<Record<string, (folder: string, options: LoadModelOptions) => Promise<Prepared>>> = {
  float32: held("float32"),
  int8: held("int8"),
  int4: held("int4"),
  "as stored": held("as stored"),
  "weights only": weightsOnly,
  "per tensor": perTensor,
};
