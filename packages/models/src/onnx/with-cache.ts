/**
 * Decoders that write text: keys and values of the rows before go into the graph and come out of it, so that one more word is
 * one row of work.
 */
import { StateError } from "@cambium/base";
import type { ScopeCache } from "@cambium/core";
import {
  abs,
  cast,
  clone,
  concat,
  dispose,
  keep,
  max,
  mul,
  reshape,
  slice,
  stack,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tensor2d,
  tidy,
  zeros,
} from "@tensorflow/tfjs-core";
import type { RunnableModel } from "../runnable.ts";
import {
  BATCH,
  type NamedTensors,
  type OnnxGraphInput,
  type OnnxPart,
  SEQUENCE,
  sampleIds,
  sampleMask,
} from "./trace.ts";

const PAST = "past_sequence_length";
const PARTS = ["key", "value"] as const;

const pastName = (layer: number, part: string): string => `past_key_values.${layer}.${part}`;

/** Whether a model writes text, one word after another. */
export const isDecoder = ({ head }: RunnableModel): boolean => head?.kind === "causal-lm";

/** The attentions whose keys are kept, in the order of the layers. */
const attentionsOf = (model: RunnableModel) => model.sites().filter(({ kind }) => kind === "attention");

/** A cache that reads what comes in, and keeps what the rows of this pass add. */
function cacheOf(inputs: NamedTensors, paths: readonly string[], added: Map<string, Tensor>): ScopeCache {
  const pastOf = (path: string) => {
    const layer = paths.indexOf(path);
    const [key, value] = PARTS.map((part) => inputs[pastName(layer, part)] as Tensor4D);
    return { key: key!, value: value! };
  };
  const past = pastOf(paths[0]!).key.shape[2];
  const mask = slice(cast(inputs["attention_mask"]!, "float32"), [0, 0], [-1, past]) as Tensor2D;
  return {
    isEmpty: false,
    mask,
    position: cast(sum(mask, 1, true), "int32") as Tensor2D,
    nextPosition: past,
    before: pastOf,
    record(path, key, value) {
      const layer = paths.indexOf(path);
      added.set(`${layer}.key`, keep(clone(key)));
      added.set(`${layer}.value`, keep(clone(value)));
    },
    once: (_, make) => make(),
  };
}

/** The graph of such a model. */
export function withCache(model: RunnableModel, longest: number): OnnxPart {
  const { config } = model;
  const attentions = attentionsOf(model);
  const paths = attentions.map(({ path }) => path);

  function run(inputs: NamedTensors): NamedTensors {
    const added = new Map<string, Tensor>();
    const [, past] = inputs[pastName(0, "key")]!.shape.slice(1) as [number, number];
    const output = model.forward(
      {
        ids: inputs["input_ids"] as Tensor2D,
        mask: slice(cast(inputs["attention_mask"]!, "float32"), [0, past], [-1, -1]) as Tensor2D,
      },
      { cache: cacheOf(inputs, paths, added) },
    );
    const { logits, extra } = output;
    if (extra > 0) refuseStart(model);
    const present = [...added].map(([name, rows]) => {
      const whole = concat([inputs[`past_key_values.${name}`]!, rows], 2);
      dispose(rows);
      return [`present.${name}`, whole];
    });
    return { logits: logits!, ...Object.fromEntries(present) };
  }

  const keys = attentions.flatMap(({ width, keyHeads }, layer) =>
    PARTS.map((part): [string, OnnxGraphInput] => [
      pastName(layer, part),
      { shape: [BATCH, keyHeads!, PAST, width], type: "float32" },
    ]),
  );
  // Past and present share the positions.
  const half = longest >= 128 ? longest - 8 : Math.floor(longest / 2);
  return {
    name: "model",
    run,
    inputs: {
      input_ids: { shape: [BATCH, SEQUENCE], type: "int64", sample: sampleIds(config.vocab_size) },
      attention_mask: { shape: [BATCH, `${PAST} + ${SEQUENCE}`], type: "int64", sample: sampleMask },
      ...Object.fromEntries(keys),
    },
    dynamic: { [BATCH]: {}, [SEQUENCE]: { longest: half }, [PAST]: { least: 0, longest: half } },
  };
}

function refuseStart({ config }: RunnableModel): never {
  throw new StateError({
    message: `saveOnnx: what stands on this ${config.model_type} acts at the start of a text only, as prompts and prefixes do; one graph serves all steps, so it cannot be exported`,
  });
}

/** How far two ways to the same scores may differ, as a fraction of their scale. */
const TOLERANCE = 1e-4;

/**
 * Throws unless the steps that a graph takes give what the model gives for the whole text at once: padding in front of one row,
 * four words from no past, then three more.
 *
 * @throws {StateError} When they do not: when hooks act at the start of a text only.
 */
export async function checkSteps(model: RunnableModel, part: OnnxPart): Promise<void> {
  const [first, rest] = [4, 3];
  const ids = [1, 2].map((row) =>
    Array.from({ length: first + rest }, (_, i) => (i * 5 + row) % model.config.vocab_size),
  );
  const masks = ids.map((row, i) => row.map((_, j) => (i === 1 && j < 2 ? 0 : 1)));
  const rows = (of: readonly number[][], from: number, to: number): number[][] => of.map((row) => row.slice(from, to));
  const differences = tidy(() => {
    const whole = model.forward({ ids: tensor2d(ids, undefined, "int32"), mask: tensor2d(masks) });
    if (whole.extra > 0) refuseStart(model);
    const none = Object.entries(part.inputs).flatMap(([name, { shape }]) =>
      name.startsWith("past") ? [[name, zeros([2, shape[1] as number, 0, shape[3] as number])] as const] : [],
    );
    const step = (from: number, to: number, past: NamedTensors): NamedTensors =>
      part.run({
        ...past,
        input_ids: tensor2d(rows(ids, from, to), undefined, "int32"),
        attention_mask: tensor2d(rows(masks, 0, to), undefined, "int32"),
      });
    const before = step(0, first, Object.fromEntries(none));
    const kept = Object.entries(before).map(([name, tensor]) => [name.replace("present", "past_key_values"), tensor]);
    const after = step(first, first + rest, Object.fromEntries(kept));
    const logits = concat([before["logits"]!, after["logits"]!], 1);
    const scores = whole.logits!;
    // Padding's scores are nobody's business.
    const seen = reshape(tensor2d(masks), [2, -1, 1]);
    return stack([max(abs(mul(sub(logits, scores), seen))), max(abs(scores))]);
  });
  const [difference, scale] = (await differences.data()) as Float32Array;
  differences.dispose();
  if (!(difference! <= TOLERANCE * Math.max(1, scale!))) refuseStart(model);
}
