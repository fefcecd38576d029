/** Models of two stacks, such as T5: a graph of the encoder, and one of the decoder that writes the next word. */
import { cast, fill, ones, type Tensor2D, tensor2d } from "@tensorflow/tfjs-core";
import type { RunnableModel } from "../runnable.ts";
import { type Kept, pastInputs, pastLength, refuseStart, runCached, sharedLengths } from "./cached.ts";
import { batchOf } from "./one-pass.ts";
import { BATCH, type Lengths, type NamedTensors, type OnnxPart, SEQUENCE, sampleIds, sampleMask } from "./trace.ts";

const SOURCE = "encoder_sequence_length";

/** Both graphs. */
export function encoderDecoder(
  model: RunnableModel,
  lengths: Lengths,
): readonly [encoder: OnnxPart, decoder: OnnxPart] {
  const { longest } = lengths;
  const { config } = model;
  const sites = model
    .sites()
    .filter(({ kind, stack, role }) => kind === "attention" && stack === "decoder" && role === "attn.core");
  const kept: Kept = { sites, stack: "decoder." };
  const { width } = model.sites().find(({ kind }) => kind === "embed")!;
  const mask = { type: "int64", sample: sampleMask } as const;

  /** Whatever the target is: the encoder does not see it. */
  function encode(inputs: NamedTensors): NamedTensors {
    const batch = batchOf(inputs);
    const { encoded } = model.forward({ ...batch, targetIds: batch.ids });
    if (encoded!.shape[1] !== batch.ids.shape[1]) refuseStart(model);
    return { last_hidden_state: encoded! };
  }

  /** The source's ids were read by the encoder, so that any stand for them. */
  function decode(inputs: NamedTensors): NamedTensors {
    const { input_ids: targetIds, encoder_attention_mask: source, encoder_hidden_states: hidden } = inputs;
    const [batch] = targetIds!.shape as [number];
    const length = pastLength(inputs, kept);
    const encodedMask = cast(source!, "float32") as Tensor2D;
    return runCached(
      model,
      { ids: source as Tensor2D, mask: encodedMask, targetIds: targetIds as Tensor2D },
      inputs,
      kept,
      {
        mask: ones([batch, length]),
        position: fill([batch, 1], length, "int32"),
        once: { encoder: [hidden!, encodedMask] },
      },
    );
  }

  const ids = sampleIds(config.vocab_size);
  const start = (...[batch, length, none]: readonly [number, number, NamedTensors]): NamedTensors => {
    const shape: [number, number] = [batch, length];
    const input_ids = tensor2d(ids(shape), shape, "int32");
    const attention_mask = ones(shape, "int32");
    const { last_hidden_state } = encode({ input_ids, attention_mask });
    return decode({
      ...none,
      input_ids,
      encoder_attention_mask: attention_mask,
      encoder_hidden_states: last_hidden_state!,
    });
  };
  const source = [BATCH, SOURCE];
  return [
    {
      name: "encoder_model",
      run: encode,
      inputs: {
        input_ids: { shape: source, type: "int64", sample: ids },
        attention_mask: { shape: source, ...mask },
      },
      dynamic: { [BATCH]: {}, [SOURCE]: { longest } },
    },
    {
      name: "decoder_model_merged",
      run: decode,
      inputs: {
        input_ids: { shape: [BATCH, SEQUENCE], type: "int64", sample: ids },
        encoder_attention_mask: { shape: source, ...mask },
        encoder_hidden_states: { shape: [...source, width], type: "float32" },
        ...pastInputs(kept, start),
      },
      dynamic: { [BATCH]: {}, [SOURCE]: { longest }, ...sharedLengths(lengths, SEQUENCE) },
    },
  ];
}
