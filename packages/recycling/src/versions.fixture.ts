/** Small models and their later versions, and rows for them. */
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { attach, type Delta, type Tuned } from "@cambium/delta";
import { type HeadConfig, IGNORED, type LanguageModel, type TokenBatch } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { type Batches, batches } from "@cambium/train";
import { add, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";

export const COLOURS: HeadConfig = { kind: "sequence-classification", labels: ["red", "green", "blue"] };

/** A small model without dropout. The caller owns its parameters. */
export const first = (head: HeadConfig | undefined = COLOURS, seed = 1, type = "bert"): LanguageModel =>
  tinyModel({ type, head, dropout: 0, seed }) as LanguageModel;

/** The same model with other values. The caller owns them. */
export function withValues(model: LanguageModel, parameters: Parameters, head = model.head): LanguageModel {
  return {
    ...model,
    ...(head !== undefined && { head }),
    parameters,
    forward: (input, options) => model.forward(input, { parameters, ...options }),
    ...(model.loss !== undefined && {
      loss: (input, options) => model.loss!(input, { parameters, ...options }),
    }),
  };
}

/** A later version: each weight a little elsewhere. */
export function later(model: LanguageModel, by = 0.05, seed = 9): LanguageModel {
  const key = random(seed);
  const parameters = new Map<string, Tensor>(
    [...model.parameters].map(([name, value]) => [
      name,
      tidy(() => add(value, key.at(name).normal(value.shape, 0, by)) as Tensor),
    ]),
  );
  return withValues(model, parameters);
}

/** A delta whose numbers are all somewhere else than at their start, which is freed: as if trained. The caller owns them. */
export function trained(delta: Delta, by = 0.2, seed = 5): Delta {
  const key = random(seed);
  const { start, ...rest } = delta;
  const parameters = new Map<string, Tensor>(
    [...delta.parameters].map(([name, value]) => [
      name,
      tidy(() => add(value, key.at(name).normal(value.shape, 0, by)) as Tensor),
    ]),
  );
  disposeParameters(start ?? delta.parameters);
  return { ...rest, parameters };
}

export const tunedOn = (base: LanguageModel, ...deltas: readonly Delta[]): Tuned<LanguageModel> =>
  attach(base, ...deltas);

/** A row of tokens. */
export interface TinyRow {
  readonly ids: readonly number[];
  readonly label?: number | readonly number[];
}

/** Rows whose label follows from their tokens. */
export const tinyRows = (count: number, isLabelled = true): TinyRow[] =>
  Array.from({ length: count }, (_, i) => {
    const ids = Array.from({ length: 3 + (i % 4) }, (_, j) => 1 + ((7 * i + 5 * j) % 20));
    return { ids, ...(isLabelled && { label: (ids[0]! + ids.length) % 3 }) };
  });

/** Batches of rows, padded to the longest. */
export const tinyData = (
  rows: readonly TinyRow[],
  options: {
    readonly size?: number;
    readonly shuffled?: boolean;
    readonly last?: "keep" | "drop";
    readonly float?: boolean;
  } = {},
): Batches<TokenBatch> => {
  const { size = 4, shuffled = true, last = "keep", float = false } = options;
  const collate = (some: readonly TinyRow[]): TokenBatch => {
    const seq = Math.max(...some.map(({ ids }) => ids.length));
    const filled = (row: readonly number[], by: number): number[] => [
      ...row,
      ...new Array<number>(seq - row.length).fill(by),
    ];
    const labels = some.map(({ label }) => label);
    return {
      ids: tensor2d(
        some.map(({ ids }) => filled(ids, 0)),
        [some.length, seq],
        "int32",
      ),
      mask: tensor2d(
        some.map(({ ids }) =>
          filled(
            ids.map(() => 1),
            0,
          ),
        ),
      ),
      ...(labels[0] !== undefined && {
        labels:
          typeof labels[0] === "number"
            ? tensor1d(labels as number[], float ? "float32" : "int32")
            : tensor2d(
                labels.map((label) => filled(label as number[], IGNORED)),
                [some.length, seq],
                "int32",
              ),
      }),
    };
  };
  return batches(rows, collate, { size, last, ...(shuffled && { random: random(3) }) });
};

/** Scores of a model for a batch of rows, without padding beyond the longest. */
export async function scores(model: Pick<LanguageModel, "forward">, rows = tinyRows(5)): Promise<number[]> {
  for await (const { batch } of tinyData(rows, { size: rows.length, shuffled: false }).epoch(0)) {
    const { labels, ...input } = batch;
    const values = tidy(() => [...model.forward(input).logits!.dataSync()]);
    for (const tensor of [labels, input.ids, input.mask]) tensor?.dispose();
    return values;
  }
  return [];
}
