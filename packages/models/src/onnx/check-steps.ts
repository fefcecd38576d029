/** Whether writing word after word with the graphs of a decoder gives what its model gives for a whole text. */
import { abs, concat, max, mul, reshape, stack, sub, tensor2d, tidy, zeros } from "@tensorflow/tfjs-core";
import type { RunnableModel } from "../runnable.ts";
import { refuseStart } from "./cached.ts";
import type { NamedTensors, OnnxPart } from "./trace.ts";

/** How far two ways to the same scores may differ, as a fraction of their scale. */
const TOLERANCE = 1e-4;

/** Rows of the first step, and of the second. */
const [FIRST, REST] = [4, 3];

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/**
 * Runs the functions behind the graphs for two texts, one with padding in front: four words from no past, then three more.
 *
 * @param parts - The decoder's last.
 * @throws {StateError} When the scores are others: when hooks act at the start of a text only.
 */
export async function checkSteps(model: RunnableModel, parts: readonly OnnxPart[]): Promise<void> {
  const decoder = parts.at(-1)!;
  const encoder = parts.length > 1 ? parts[0]! : undefined;
  const total = FIRST + REST;
  const ids = range(2).map((row) => range(total).map((i) => (i * 5 + row + 1) % model.config.vocab_size));
  const masks = range(2).map((row) => range(total).map((i) => (encoder === undefined && row === 1 && i < 2 ? 0 : 1)));
  const part = (of: readonly number[][], from: number, to: number) =>
    tensor2d(
      of.map((row) => row.slice(from, to)),
      undefined,
      "int32",
    );
  const differences = tidy(() => {
    const all = { ids: part(ids, 0, total), mask: tensor2d(masks) };
    const whole = model.forward(encoder === undefined ? all : { ...all, targetIds: all.ids });
    if (whole.extra > 0) refuseStart(model);
    const source = { input_ids: all.ids, attention_mask: part(masks, 0, total) };
    const encoded: NamedTensors =
      encoder === undefined
        ? {}
        : {
            encoder_hidden_states: encoder.run(source)["last_hidden_state"]!,
            encoder_attention_mask: source.attention_mask,
          };
    const none = Object.entries(decoder.inputs).flatMap(([name, { shape }]) =>
      name.startsWith("past") ? [[name, zeros([2, shape[1] as number, 0, shape[3] as number])] as const] : [],
    );
    const step = (from: number, to: number, past: NamedTensors): NamedTensors =>
      decoder.run({
        ...past,
        ...encoded,
        input_ids: part(ids, from, to),
        attention_mask: part(masks, 0, to),
      });
    const before = step(0, FIRST, Object.fromEntries(none));
    const past = Object.entries(before).map(([name, tensor]) => [name.replace("present", "past_key_values"), tensor]);
    const after = step(FIRST, total, Object.fromEntries(past));
    const stepped = concat([before["logits"]!, after["logits"]!], 1);
    const scores = whole.logits!;
    const isReal = reshape(tensor2d(masks), [2, total, 1]); // nobody reads the scores of padding
    return stack([max(abs(mul(sub(stepped, scores), isReal))), max(abs(scores))]);
  });
  const [difference, scale] = (await differences.data()) as Float32Array;
  differences.dispose();
  if (!(difference! <= TOLERANCE * Math.max(1, scale!))) refuseStart(model);
}
