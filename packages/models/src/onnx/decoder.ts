/** Decoders alone, such as GPT-2 and LLaMA: one graph that writes the next word. */
import { cast, ones, slice, sum, type Tensor2D, tensor2d } from "@tensorflow/tfjs-core";
import type { RunnableModel } from "../runnable.ts";
import { type Kept, PAST, pastInputs, pastLength, runCached, sharedLengths } from "./cached.ts";
import { BATCH, type Lengths, type NamedTensors, type OnnxPart, SEQUENCE, sampleIds, sampleMask } from "./trace.ts";

/** Whether a model writes text, one word after another. */
export const isDecoder = ({ head }: RunnableModel): boolean => head?.kind === "causal-lm";

/** The graph of such a model. */
export function decoder(model: RunnableModel, lengths: Lengths): OnnxPart {
  const kept: Kept = { sites: model.sites().filter(({ kind }) => kind === "attention"), stack: "" };

  function run(inputs: NamedTensors): NamedTensors {
    const mask = cast(inputs["attention_mask"]!, "float32") as Tensor2D; // of the rows before, too
    const length = pastLength(inputs, kept);
    const before = slice(mask, [0, 0], [-1, length]);
    const batch = { ids: inputs["input_ids"] as Tensor2D, mask: slice(mask, [0, length], [-1, -1]) };
    const position = cast(sum(before, 1, true), "int32") as Tensor2D;
    return runCached(model, batch, inputs, kept, { mask: before, position });
  }

  const ids = sampleIds(model.config.vocab_size);
  const start = (...[batch, length, none]: readonly [number, number, NamedTensors]): NamedTensors => {
    const shape: [number, number] = [batch, length];
    return run({ ...none, input_ids: tensor2d(ids(shape), shape, "int32"), attention_mask: ones(shape, "int32") });
  };
  return {
    name: "model",
    run,
    inputs: {
      input_ids: { shape: [BATCH, SEQUENCE], type: "int64", sample: ids },
      attention_mask: { shape: [BATCH, `${PAST} + ${SEQUENCE}`], type: "int64", sample: sampleMask },
      ...pastInputs(kept, start),
    },
    dynamic: { [BATCH]: {}, ...sharedLengths(lengths, SEQUENCE) },
  };
}
