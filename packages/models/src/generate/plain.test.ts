/** What every engine must keep to, on the plain one: sequences are what their ids are, however they came together. */
import { disposeParameters } from "@cambium/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LanguageModel } from "../language-model.ts";
import { tinyModel } from "../testing/tiny.ts";
import type { Decoder, Sequences } from "./decoder.ts";
import { openDecoder } from "./open-decoder.ts";

// Sums in another order, over the lengths that padding gives them.
const close = { relative: 1e-3, absolute: 1e-4 };

describe.each(["gpt2", "llama", "mistral", "qwen2", "qwen3", "t5"])("sequences of a %s", (type) => {
  let model: LanguageModel;
  let decoder: Decoder;
  let isTarget: boolean;
  beforeAll(() => {
    isTarget = type === "t5";
    model = tinyModel({ type, head: { kind: isTarget ? "sequence-to-sequence" : "causal-lm" } });
    decoder = openDecoder("test", model);
  });
  afterAll(() => disposeParameters(model.parameters));

  /** Scores behind ids, read from the start: those of a row, and what came behind it. */
  async function afresh(row: readonly number[], more: readonly number[]): Promise<number[]> {
    let { sequences, scores } = await decoder.begin([isTarget ? row : [...row, ...more]]);
    if (isTarget) for (const id of more) scores = await sequences.read([id]);
    sequences.dispose();
    return [...scores];
  }

  const split = (scores: Float32Array): number[][] =>
    Array.from({ length: scores.length / decoder.vocab }, (_, i) => [
      ...scores.subarray(i * decoder.vocab, (i + 1) * decoder.vocab),
    ]);

  async function expectScores(
    scores: Float32Array,
    rows: readonly (readonly [row: readonly number[], more: readonly number[]])[],
  ) {
    const found = split(scores);
    expect(found).toHaveLength(rows.length);
    for (const [i, [row, more]] of rows.entries()) expect(found[i]).toBeAllClose(await afresh(row, more), close);
  }

  const [a, b, c] = [
    [3, 9, 14, 7, 12],
    [4, 11],
    [6, 2, 8],
  ];

  test("rows of mixed lengths are each as if alone, also when more is read", async () => {
    const { sequences, scores } = await decoder.begin([a, b, c]);
    await expectScores(scores, [
      [a, []],
      [b, []],
      [c, []],
    ]);
    expect(sequences.lengths).toEqual(isTarget ? [1, 1, 1] : [5, 2, 3]);
    await expectScores(await sequences.read([5, 10, 13]), [
      [a, [5]],
      [b, [10]],
      [c, [13]],
    ]);
    await expectScores(await sequences.read([2, 3, 4]), [
      [a, [5, 2]],
      [b, [10, 3]],
      [c, [13, 4]],
    ]);
    expect(sequences.lengths).toEqual(isTarget ? [3, 3, 3] : [7, 4, 5]);
    sequences.dispose();
  });

  test("selected sequences go on, in their order and as often as they are named", async () => {
    const { sequences } = await decoder.begin([a, b, c]);
    sequences.select([2, 0, 2]);
    await expectScores(await sequences.read([5, 10, 13]), [
      [c, [5]],
      [a, [10]],
      [c, [13]],
    ]);
    sequences.select([1]);
    await expectScores(await sequences.read([4]), [[a, [10, 4]]]);
    sequences.dispose();
  });

  test("a fork goes its own way, and what it was forked from stays", async () => {
    const { sequences } = await decoder.begin([a, b]);
    const fork = sequences.fork();
    await fork.read([5, 5]);
    await expectScores(await sequences.read([10, 11]), [
      [a, [10]],
      [b, [11]],
    ]);
    fork.select([1]);
    await expectScores(await fork.read([7]), [[b, [5, 7]]]);
    sequences.dispose();
    await expectScores(await fork.read([8]), [[b, [5, 7, 8]]]);
    fork.dispose();
  });

  test("sequences of other lengths are taken over, and leave the other empty", async () => {
    const { sequences } = await decoder.begin([a, b]);
    await sequences.read([5, 6]);
    const { sequences: other } = await decoder.begin([c]);
    sequences.add(other);
    expect([sequences.size, other.size]).toEqual([3, 0]);
    await expectScores(await sequences.read([10, 11, 12]), [
      [a, [5, 10]],
      [b, [6, 11]],
      [c, [12]],
    ]);
    sequences.select([2, 1]);
    await expectScores(await sequences.read([4, 9]), [
      [c, [12, 4]],
      [b, [6, 11, 9]],
    ]);
    other.dispose();
    sequences.dispose();
  });

  test("rows stand behind one sequence or behind as many, which stay as they are", async () => {
    const { sequences: one } = await decoder.begin([a]);
    const behindOne = await decoder.begin([[5], [6, 7, 8], [9, 10]], { behind: one });
    await expectScores(behindOne.scores, [
      [a, [5]],
      [a, [6, 7, 8]],
      [a, [9, 10]],
    ]);
    await expectScores(await behindOne.sequences.read([3, 4, 2]), [
      [a, [5, 3]],
      [a, [6, 7, 8, 4]],
      [a, [9, 10, 2]],
    ]);
    const { sequences: two } = await decoder.begin([b, c]);
    const behindTwo = await decoder.begin([[5, 6], [7]], { behind: two });
    await expectScores(behindTwo.scores, [
      [b, [5, 6]],
      [c, [7]],
    ]);
    await expectScores(await one.read([12]), [[a, [12]]]);
    for (const each of [one, two, behindOne.sequences, behindTwo.sequences] as Sequences[]) each.dispose();
  });

  test("what does not fit is an error, after which the sequences still go on", async () => {
    await expect(decoder.begin([])).rejects.toThrow("at least one row");
    await expect(decoder.begin([a, []])).rejects.toThrow("row 1 has no ids");
    await expect(decoder.begin([[decoder.vocab]])).rejects.toThrow(`the id ${decoder.vocab}`);
    await expect(decoder.begin([a], { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(decoder.begin([a], { deltas: [-1, -1] })).rejects.toThrow("as many deltas");
    const { sequences } = await decoder.begin([a, b]);
    await expect(decoder.begin([a, b, c], { behind: sequences })).rejects.toThrow(
      "behind as many sequences or behind one, got 2",
    );
    await expect(decoder.begin([a, b], { behind: sequences, deltas: [-1, 0] })).rejects.toThrow(
      "this one has none; got 0",
    );
    await expect(sequences.read([1])).rejects.toThrow("one id for each of 2");
    expect(() => sequences.select([2])).toThrow("from 0 to 1, got 2");
    expect(() => sequences.add(sequences)).toThrow("to themselves");
    await expectScores(await sequences.read([5, 6]), [
      [a, [5]],
      [b, [6]],
    ]);
    sequences.dispose();
  });
});
