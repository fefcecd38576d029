/**
 * A teacher's answers beside the rows they are answers to. Each row is asked about once, in the order of the first epoch, so that the
 * old model can be let go of before the first step; what the answers are depends on the row alone, so that a resumed run sees the same.
 */
import { ConfigError, type Json, type JsonObject } from "@cambium/base";
import { compile, fingerprint } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import type { Batches, MiniBatch } from "@cambium/train";
import { dispose, type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { recordStates, type StateRow } from "./states.ts";

/** A batch with a teacher's answers. */
export interface TaughtBatch extends TokenBatch {
  /** As the teacher's head gives them: `[batch, classes]`, or `[batch, seq, classes]`. */
  readonly teacherLogits: Tensor;
  /** The teacher's states, `[batch, blocks, dModel]`, where they are compared. */
  readonly teacherStates?: Tensor;
}

/** Settings of `teach`. */
export interface TeachOptions {
  /** The row whose states are compared. @default none are */
  readonly states: StateRow | undefined;
  /** Whether each row is asked about once and its answer kept. */
  readonly cache: boolean;
  /** Called between batches of the first pass. */
  readonly signal?: AbortSignal | undefined;
}

/** Data with a teacher's answers. */
export interface Taught {
  readonly data: Batches<TaughtBatch>;
  /** Rows whose answers are kept. */
  readonly rows: number;
  /** Lets go of the teacher: from here on a row that was not in the first epoch is an error. */
  release(): void;
}

interface Answer {
  readonly logits: Float32Array;
  readonly states?: Float32Array;
}

/** Answers as they leave the teacher. */
interface Answers {
  readonly logits: Tensor;
  readonly states?: Tensor;
}

/**
 * What a row is, as far as a teacher reads it: its real tokens. Padding does not count, so that it is found again in another batch.
 */
async function keysOf({ ids, mask, types, rows }: TokenBatch, row: StateRow | undefined): Promise<string[]> {
  const [batch, seq] = ids.shape;
  const [tokens, real, segments, members] = await Promise.all(
    [ids, mask, types, rows].map((each) => each?.data() as Promise<ArrayLike<number>> | undefined),
  );
  return Array.from({ length: batch }, (_, i) => {
    const places = Array.from({ length: seq }, (_, j) => i * seq + j).filter((at) => real![at] === 1);
    if (row === "first" && real![i * seq] !== 1)
      throw new ConfigError({
        message:
          'runRecycling: states are compared at the first token, and rows are padded at their start; pad them at the end, or compare the row "last" or "mean"',
      });
    const key = [places.map((at) => tokens![at]), segments && places.map((at) => segments[at]), members?.[i]];
    return JSON.stringify(key);
  });
}

/** A teacher as JSON, its numbers included: another one gives other answers. */
export async function describeTeacher(teacher: Tuned<LanguageModel>): Promise<Json> {
  return { model: await teacher.describe(), parameters: await fingerprint(teacher.parameters) };
}

/** What a batch is without a teacher's answers. */
export function withoutAnswers({ teacherLogits: _, teacherStates: __, ...batch }: TaughtBatch): TokenBatch {
  return batch;
}

/**
 * Data with a teacher's answers in each batch.
 *
 * @param teacher - Not changed, and not disposed of.
 * @throws {ConfigError} Where answers cannot be kept, since there is one for each token.
 */
export async function teach(
  data: Batches<TokenBatch>,
  teacher: Tuned<LanguageModel>,
  options: TeachOptions,
): Promise<Taught> {
  const { states, cache, signal } = options;
  let source: Tuned<LanguageModel> | undefined = teacher;
  const about = await describeTeacher(teacher);
  const known = new Map<string, Answer>();
  let shapes: { readonly logits: readonly number[]; readonly states?: readonly number[] } | undefined;
  const ask = compile((batch: TokenBatch): Answers => answersOf(source!, batch, states));
  if (cache) {
    for await (const { batch } of data.epoch(0)) {
      try {
        const keys = await keysOf(batch, states);
        const answers = ask(batch);
        try {
          shapes = {
            logits: answers.logits.shape.slice(1),
            ...(answers.states && { states: answers.states.shape.slice(1) }),
          };
          const logits = await rowsOf(answers.logits);
          const rows = answers.states && (await rowsOf(answers.states));
          for (const [i, key] of keys.entries())
            if (!known.has(key)) known.set(key, { logits: logits[i]!, ...(rows && { states: rows[i]! }) });
        } finally {
          dispose(answers as unknown as Tensor[]);
        }
      } finally {
        dispose(batch as unknown as Tensor[]);
      }
      if (signal?.aborted === true) break;
    }
  }

  async function answer({ batch, ...item }: MiniBatch<TokenBatch>): Promise<MiniBatch<TaughtBatch>> {
    const keys = await keysOf(batch, states);
    const found = keys.map((key) => known.get(key));
    if (!found.includes(undefined)) return { ...item, batch: assemble(batch, found as Answer[], shapes!) };
    if (source === undefined) {
      dispose(batch as unknown as Tensor[]);
      throw new ConfigError({
        message:
          'runRecycling: a row was not in the first epoch, and the teacher is gone; make batches with last: "keep", or leave onTaught out',
      });
    }
    const answers = ask(batch);
    if (!cache) return { ...item, batch: taught(batch, answers.logits, answers.states) };
    try {
      const logits = await rowsOf(answers.logits);
      const rows = answers.states && (await rowsOf(answers.states));
      const all = found.map((own, i) => own ?? { logits: logits[i]!, ...(rows && { states: rows[i]! }) });
      return { ...item, batch: assemble(batch, all, shapes!) };
    } finally {
      dispose(answers as unknown as Tensor[]);
    }
  }

  return {
    rows: known.size,
    release() {
      source = undefined;
    },
    data: {
      ...data,
      async *epoch(epoch, from, more) {
        for await (const item of data.epoch(epoch, from, more)) yield await answer(item);
      },
      describe: async (): Promise<JsonObject> => ({
        ...(await data.describe()),
        teacher: about,
        states: states ?? null,
        cache,
      }),
    },
  };
}

/** What a teacher says of a batch. Pure, so that it is replayed. */
function answersOf(teacher: Tuned<LanguageModel>, batch: TokenBatch, row: StateRow | undefined): Answers {
  return tidy(() => {
    const { labels: _, ...read } = batch;
    const needsLabels = teacher.architecture.batch === "source+target" && read.targetIds === undefined;
    const recorder = row === undefined ? undefined : recordStates(row);
    try {
      const output = teacher.forward(needsLabels ? batch : read, { hooks: recorder?.hooks ?? [] });
      const { logits } = output;
      if (logits === undefined)
        throw new ConfigError({
          message: "runRecycling: the old model has no head, so that it teaches nothing; load it with one",
        });
      return { logits, ...(recorder !== undefined && { states: recorder.take(output) }) };
    } finally {
      recorder?.dispose();
    }
  });
}

async function rowsOf(values: Tensor): Promise<Float32Array[]> {
  const data = Float32Array.from(await values.data());
  const width = values.size / values.shape[0]!;
  return Array.from({ length: values.shape[0]! }, (_, i) => data.subarray(i * width, (i + 1) * width));
}

function joined(rows: readonly Float32Array[], shape: readonly number[]): Tensor {
  const all = new Float32Array(rows.length * (rows[0]?.length ?? 0));
  for (const [i, row] of rows.entries()) all.set(row, i * row.length);
  return tensor(all, [rows.length, ...shape], "float32");
}

function assemble(
  batch: TokenBatch,
  answers: readonly Answer[],
  shapes: { readonly logits: readonly number[]; readonly states?: readonly number[] },
): TaughtBatch {
  const logits = joined(
    answers.map((each) => each.logits),
    shapes.logits,
  );
  if (shapes.states === undefined) return taught(batch, logits);
  return taught(
    batch,
    logits,
    joined(
      answers.map((each) => each.states!),
      shapes.states,
    ),
  );
}

const taught = (batch: TokenBatch, teacherLogits: Tensor, teacherStates?: Tensor): TaughtBatch => ({
  ...batch,
  teacherLogits,
  ...(teacherStates !== undefined && { teacherStates }),
});
