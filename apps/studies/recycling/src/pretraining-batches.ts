/** Batches to train on with: windows of a stream, with hidden words for an encoder and with the next word for a decoder. */
import { sha256 } from "@cambium/base";
import type { Random } from "@cambium/core";
import type { HeadConfig, TokenBatch, Tokenizer } from "@cambium/models";
import type { Batches } from "@cambium/train";
import { ones, type Tensor2D, tensor1d, tensor2d } from "@tensorflow/tfjs-core";

/** Tokens to learn from. */
export interface Source {
  readonly stream: Int32Array;
  /** What was learnt before, for one step in `every`. */
  readonly replay?: { readonly stream: Int32Array; readonly every: number };
}

/** Form of a batch. */
export interface Shape {
  readonly rows: number;
  readonly length: number;
}

/** What the model is pretrained by. */
export const headOf = (isEncoder: boolean): HeadConfig => ({ kind: isEncoder ? "masked-lm" : "causal-lm" });

/** Share of the words that are hidden. */
const HIDDEN = 0.15;

/**
 * An endless epoch. A batch is a function of its step, so that a run resumes anywhere.
 *
 * @see Devlin et al. 2018, BERT, arXiv:1810.04805, appendix A.1, of how words are hidden.
 */
export function pretrainingBatches(
  { stream, replay }: Source,
  { rows, length }: Shape,
  tokenizer: Tokenizer,
  random: Random,
): Batches<TokenBatch> {
  const toBatch = tokenizer.special.mask === undefined ? nextWords : hiddenWords;
  return {
    async *epoch(_, from = 0) {
      for (let step = from; ; step++) {
        const key = random.at(step);
        const isOld = replay !== undefined && step % replay.every === replay.every - 1;
        const batch = toBatch(windowsOf(isOld ? replay.stream : stream, rows, key), { rows, length }, tokenizer, key);
        yield { batch, rows, isLast: false };
      }
    },
    describe: () => ({
      text: hashOf(stream),
      ...(replay !== undefined && { replay: { text: hashOf(replay.stream), every: replay.every } }),
      shape: { rows, length },
      tokenizer: tokenizer.fingerprint,
      random: { seed: random.seed, path: [...random.path] },
    }),
  };
}

/** So many batches of text that was held back, always the same ones. */
export function heldBatches(
  stream: Int32Array,
  shape: Shape,
  tokenizer: Tokenizer,
  random: Random,
  count: number,
): Batches<TokenBatch> {
  const endless = pretrainingBatches({ stream }, shape, tokenizer, random);
  return {
    batchCount: count,
    async *epoch(epoch, from = 0) {
      let step = from;
      for await (const item of endless.epoch(epoch, from)) {
        yield { ...item, isLast: step === count - 1 };
        if (++step >= count) return;
      }
    },
    describe: () => endless.describe(),
  };
}

const hashOf = (stream: Int32Array): string => sha256(new Uint8Array(stream.buffer));

/** Where windows are cut: a function that gives the tokens of a row. */
type Windows = (row: number, width: number) => Int32Array;

function windowsOf(stream: Int32Array, rows: number, key: Random): Windows {
  const places = key.at("window").uniforms(rows);
  return (row, width) => {
    const start = Math.floor(places[row]! * Math.max(1, stream.length - width));
    return stream.subarray(start, start + width);
  };
}

type Make = (windows: Windows, shape: Shape, tokenizer: Tokenizer, key: Random) => TokenBatch;

const idsOf = (ids: Int32Array, { rows, length }: Shape): Pick<TokenBatch, "ids" | "mask"> => ({
  ids: tensor2d(ids, [rows, length], "int32"),
  mask: ones([rows, length]) as Tensor2D,
});

const nextWords: Make = (windows, shape) => {
  const { rows, length } = shape;
  const ids = new Int32Array(rows * length);
  for (let row = 0; row < rows; row++) ids.set(windows(row, length), row * length);
  return { ...idsOf(ids, shape), labels: tensor2d(ids.slice(), [rows, length], "int32") };
};

const hiddenWords: Make = (windows, shape, { special, vocabularySize }, key) => {
  const { rows, length } = shape;
  const ids = new Int32Array(rows * length);
  const candidates: number[] = [];
  for (let row = 0; row < rows; row++) {
    const at = row * length;
    ids[at] = special.classification!;
    ids.set(windows(row, length - 2), at + 1);
    ids[at + length - 1] = special.separator!;
    for (let i = at + 1; i < at + length - 1; i++) if (ids[i] !== special.separator) candidates.push(i);
  }
  const count = Math.round(HIDDEN * rows * (length - 2)); // the same in every step, so that shapes are
  const order = key.at("hidden").permutation(candidates.length);
  const positions = Int32Array.from(order.subarray(0, count), (i) => candidates[i]!).sort();
  const labels = Int32Array.from(positions, (at) => ids[at]!);
  const lots = key.at("lot").uniforms(count);
  const others = key.at("other").integers(count, vocabularySize);
  positions.forEach((at, i) => {
    if (lots[i]! < 0.8) ids[at] = special.mask!;
    else if (lots[i]! < 0.9) ids[at] = others[i]!;
  });
  return {
    ...idsOf(ids, shape),
    positions: tensor1d(positions, "int32"),
    labels: tensor1d(labels, "int32"),
  };
};
