/** A decoder of GPT-2's shape, for one benchmark: an objective over parameters with GPT-2's names. */
import {
  crossEntropy,
  dropout,
  gelu,
  layerNorm,
  type Objective,
  type Parameters,
  type Random,
  scaledDotProductAttention,
} from "@cambium/core";
import {
  add,
  gather,
  matMul,
  ones,
  reshape,
  type Scalar,
  slice,
  split,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tensor1d,
  tensor2d,
  tensor4d,
  transpose,
  zeros,
} from "@tensorflow/tfjs-core";
import type { Size } from "./sizes.ts";

/** What the decoder reads and is compared with. */
export interface DecoderBatch {
  /** int32 `[batch, seq]`. */
  readonly ids: Tensor2D;
  /** The next ids, int32 `[batch · seq]`; -100 behind the last. */
  readonly labels: Tensor1D;
  /** 0 where a key may be seen, else a large negative number, `[1, 1, seq, seq]`. */
  readonly bias: Tensor4D;
}

const POSITIONS = 514;
const EPSILON = 1e-5;

/** A batch of texts, each shifted against itself. */
export function decoderBatch(ids: Int32Array, batch: number, seq: number): DecoderBatch {
  const isLast = (i: number): boolean => i % seq === seq - 1;
  const hidden = Float32Array.from({ length: seq * seq }, (_, i) => (i % seq > Math.floor(i / seq) ? -1e9 : 0));
  return {
    ids: tensor2d(ids, [batch, seq], "int32"),
    labels: tensor1d(
      ids.map((_, i) => (isLast(i) ? -100 : ids[i + 1]!)),
      "int32",
    ),
    bias: tensor4d(hidden, [1, 1, seq, seq]),
  };
}

function createParameters({ layers, width, vocabulary }: Size, random: Random): Map<string, Tensor> {
  const matrices: Record<string, number[]> = { "wte.weight": [vocabulary, width], "wpe.weight": [POSITIONS, width] };
  const norms = ["ln_f"];
  for (let i = 0; i < layers; i++) {
    matrices[`h.${i}.attn.c_attn.weight`] = [width, 3 * width];
    matrices[`h.${i}.attn.c_proj.weight`] = [width, width];
    matrices[`h.${i}.mlp.c_fc.weight`] = [width, 4 * width];
    matrices[`h.${i}.mlp.c_proj.weight`] = [4 * width, width];
    norms.push(`h.${i}.ln_1`, `h.${i}.ln_2`);
  }
  const parameters = new Map<string, Tensor>();
  for (const [name, shape] of Object.entries(matrices)) {
    parameters.set(name, random.at(name).normal(shape, 0, 0.02));
    if (name.startsWith("h.")) parameters.set(name.replace(".weight", ".bias"), zeros([shape[1]!]));
  }
  for (const name of norms) parameters.set(`${name}.weight`, ones([width])).set(`${name}.bias`, zeros([width]));
  return parameters;
}

/** The mean loss of predicting each next id, with dropout where GPT-2 has it. */
function decoderLoss(
  { layers, width, heads }: Size,
  rate: number,
  at: Parameters,
  { ids, labels, bias }: DecoderBatch,
  random: Random,
): Scalar {
  const [batch, seq] = ids.shape;
  const linear = (x: Tensor, name: string): Tensor =>
    add(matMul(x as Tensor2D, at.get(`${name}.weight`) as Tensor2D), at.get(`${name}.bias`)!);
  const norm = (x: Tensor, name: string): Tensor =>
    layerNorm(x, at.get(`${name}.weight`)!, at.get(`${name}.bias`)!, EPSILON);
  const drop = (x: Tensor, label: string): Tensor => dropout(x, rate, random.at(label));
  const perHead = (x: Tensor): Tensor4D => transpose(reshape(x, [batch, seq, heads, width / heads]), [0, 2, 1, 3]);

  const words = gather(at.get("wte.weight")!, reshape(ids, [-1]) as Tensor1D); // [batch · seq, dModel]
  const positions = slice(at.get("wpe.weight")!, [0, 0], [seq, width]);
  const embedded = add(reshape(words, [batch, seq, width]), positions);
  let x = drop(reshape(embedded, [batch * seq, width]), "embeddings");
  for (let i = 0; i < layers; i++) {
    const here = `h.${i}`;
    const [query, key, value] = split(linear(norm(x, `${here}.ln_1`), `${here}.attn.c_attn`), 3, 1).map(perHead) as [
      Tensor4D,
      Tensor4D,
      Tensor4D,
    ];
    const attended = scaledDotProductAttention({
      query,
      key,
      value,
      bias,
      ...(rate === 0 ? {} : { dropout: { rate, random: random.at(`${here}.attention`) } }),
    });
    const joined = reshape(transpose(attended, [0, 2, 1, 3]), [batch * seq, width]);
    x = add(x, drop(linear(joined, `${here}.attn.c_proj`), `${here}.attn`));
    const inner = gelu(linear(norm(x, `${here}.ln_2`), `${here}.mlp.c_fc`), "tanh");
    x = add(x, drop(linear(inner, `${here}.mlp.c_proj`), `${here}.mlp`));
  }
  const logits = matMul(norm(x, "ln_f") as Tensor2D, at.get("wte.weight") as Tensor2D, false, true);
  return crossEntropy(logits, labels);
}

/** A decoder with random weights, all of them trained. */
export function decoder(size: Size, dropoutRate: number, random: Random): Objective<DecoderBatch> {
  return {
    parameters: createParameters(size, random),
    loss: (at, batch, context) => decoderLoss(size, dropoutRate, at, batch, context.random),
  };
}
