/** A student: the same model under another loss. */
import { ConfigError, type Json } from "@cambium/base";
import type { ForwardOptions, Objective } from "@cambium/core";
import { attach, type Tuned } from "@cambium/delta";
import { IGNORED, type LanguageModel } from "@cambium/models";
import {
  add,
  cast,
  concat,
  div,
  mean,
  mul,
  notEqual,
  type Scalar,
  scalar,
  slice,
  square,
  sub,
  type Tensor,
  tidy,
  zeros,
} from "@tensorflow/tfjs-core";
import { binaryDivergenceRows, divergenceRows, meanOf, patience } from "./losses.ts";
import type { Distillation } from "./options.ts";
import { recordStates, type StateRecorder } from "./states.ts";
import { type TaughtBatch, withoutAnswers } from "./teacher.ts";

/** What of a student's forward pass enters its loss. */
export interface StudentOutput {
  readonly logits: Tensor;
  readonly states?: Tensor;
}

/** What a student differs from its teacher by: `a T² KL + b ½ MSE`, of regression `a MSE + b ½ MSE`. */
export function teacherLoss(
  model: Pick<LanguageModel, "head">,
  { logits, states }: StudentOutput,
  batch: TaughtBatch,
  settings: Distillation,
): Scalar {
  const { alpha, temperature, hidden, klReduction } = settings;
  const parts: Scalar[] = [];
  if (alpha > 0) parts.push(mul(answerLoss(model, logits, batch, temperature, klReduction), alpha) as Scalar);
  if (hidden > 0) parts.push(mul(patience(batch.teacherStates!, states!), hidden) as Scalar);
  return parts.reduce((all, part) => add(all, part) as Scalar, scalar(0));
}

function answerLoss(
  { head }: Pick<LanguageModel, "head">,
  logits: Tensor,
  batch: TaughtBatch,
  temperature: number,
  klReduction: Distillation["klReduction"],
): Scalar {
  const teacher = batch.teacherLogits;
  if (`${teacher.shape}` !== `${logits.shape}`)
    throw new ConfigError({
      message: `runRecycling: the teacher's scores are [${teacher.shape}] and the student's [${logits.shape}]; both need one head, and prompts of one length`,
    });
  if (head?.kind === "regression") return mean(square(sub(teacher, logits)));
  const isMany = head?.kind === "sequence-classification" && head.multiLabel === true;
  const rows = (isMany ? binaryDivergenceRows : divergenceRows)(teacher, logits, temperature);
  const divided = klReduction === "legacy-mean" && !isMany ? div(rows, logits.shape.at(-1)!) : rows;
  return mul(meanOf(divided, countsOf(batch, rows, head?.kind === "causal-lm")), temperature ** 2) as Scalar;
}

/**
 * What each row of scores counts: those of tokens with a label, or of real ones where there are no labels.
 *
 * @param isNext - Whether a row stands for the token after it.
 */
function countsOf({ labels, mask }: TaughtBatch, rows: Tensor, isNext: boolean): Tensor | undefined {
  if (rows.rank === 1) return undefined;
  const own = labels === undefined ? mask : cast(notEqual(labels, scalar(IGNORED, "int32")), "float32");
  const extra = rows.shape[1]! - own.shape[1]!;
  if (extra !== 0)
    throw new ConfigError({
      message: `runRecycling: the scores have ${extra} rows more than there are tokens, those of a prompt; distil a delta without one`,
    });
  if (!isNext) return own;
  const [batch] = own.shape as [number];
  return concat([slice(own, [0, 1], [-1, -1]), zeros([batch, 1])], 1);
}

/** The student's part of a batch: scores, and states where they are compared. */
export function studentForward(
  model: Pick<LanguageModel, "sites" | "forward">,
  batch: TaughtBatch,
  options: ForwardOptions,
  settings: Distillation,
): StudentOutput {
  let recorder: StateRecorder | undefined;
  try {
    if (settings.hidden > 0) recorder = recordStates(settings.row);
    const hooks = [...(options.hooks ?? []), ...(recorder?.hooks ?? [])];
    const output = model.forward(withoutAnswers(batch), { ...options, hooks });
    return { logits: output.logits!, ...(recorder !== undefined && { states: recorder.take(output) }) };
  } finally {
    recorder?.dispose();
  }
}

/** The loss against labels, of scores that are there already. */
export function labelLoss(model: LanguageModel, logits: Tensor, batch: TaughtBatch): Scalar {
  const { architecture, head } = model;
  return architecture.heads[head!.kind as "regression"]!.loss(logits, withoutAnswers(batch), head!);
}

/**
 * The student as an objective: its loss is `(1 − a) L(labels) + a T² KL(teacher ‖ student) + b ½ MSE(states)`, and penalties of its
 * deltas as before.
 *
 * @param about - What the teacher is, for checkpoints.
 */
export function distilled(student: Tuned<LanguageModel>, settings: Distillation, about: Json): Objective<TaughtBatch> {
  const { base, deltas } = student;
  const { alpha } = settings;
  const model: LanguageModel = {
    ...base,
    loss: (input, options = {}) =>
      tidy(() => {
        const batch = input as TaughtBatch;
        const output = studentForward(base, batch, options, settings);
        const fromTeacher = teacherLoss(base, output, batch, settings);
        if (alpha === 1) return fromTeacher;
        return add(mul(labelLoss(base, output.logits, batch), 1 - alpha), fromTeacher) as Scalar;
      }),
  };
  const { weight, ...objective } = attach(model, ...deltas) as unknown as Objective<TaughtBatch>;
  return {
    ...objective,
    ...(alpha < 1 &&
      weight !== undefined && { weight: (batch: TaughtBatch) => weight(withoutAnswers(batch) as TaughtBatch) }),
    describe: async () => ({
      student: await student.describe(),
      teacher: about,
      distillation: JSON.parse(JSON.stringify(settings)) as Json,
    }),
  };
}
