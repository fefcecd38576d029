/** What is measured of a batch at a point: a loss for each row where the head tells rows apart, and what else is known of them. */
import { ConfigError, type Json } from "@cambium/base";
import { crossEntropyRows, type Objective, type Parameters, random } from "@cambium/core";
import {
  argMax,
  cast,
  equal,
  exp,
  greater,
  max,
  mean,
  mul,
  neg,
  notEqual,
  reshape,
  scalar,
  softmax,
  softplus,
  square,
  sub,
  type Tensor,
  type Tensor2D,
  tidy,
} from "@tensorflow/tfjs-core";

/**
 * Numbers of a batch at a point, each `[units]`: `loss` in nats, perhaps `correct` (1 or 0), `guess` (a class), `confidence` (the
 * probability of the guess), `gold` (that of the right answer), and any others. `counts`, where it is there, says what each unit counts
 * within the batch, 0 for one that is left out. Pure, and of tensors only, so that it is replayed.
 */
export interface Measure<Batch> {
  (parameters: Parameters, batch: Batch): Readonly<Record<string, Tensor>>;
  /** What it measures, for results that are kept on disk. */
  describe?(): Json;
}

/** How a batch is measured, and what one number of it stands for. */
export interface Measuring<Batch> {
  readonly measure: Measure<Batch>;
  /** A row, or a whole batch where the loss is known of batches only. */
  readonly unit: "row" | "batch";
}

/** What of a tuned model tells its rows apart. */
interface Classifier<Batch> {
  readonly head?: { readonly kind: string; readonly labels?: readonly string[]; readonly multiLabel?: boolean };
  forward(batch: Batch, options: object): { readonly logits?: Tensor };
}

function isClassifier<Batch>(value: object): value is Classifier<Batch> {
  return "forward" in value && "head" in value && value.head !== undefined;
}

/**
 * What is measured where nothing else is asked for: of heads on whole sequences the loss of each row and, of classifiers, the guess
 * and its probability; of any other objective the loss of each batch. Penalties of deltas count in the latter only.
 */
export function usualMeasure<Batch>(objective: Objective<Batch>): Measuring<Batch> {
  const { head } = isClassifier<Batch>(objective) ? objective : {};
  if (head?.kind === "sequence-classification" || head?.kind === "regression") {
    const model = objective as unknown as Classifier<Batch>;
    return {
      unit: "row",
      measure: (parameters, batch) =>
        tidy(() => {
          const { logits } = model.forward(batch, { parameters, scoresOnly: true });
          const { labels } = batch as { readonly labels?: Tensor };
          if (logits === undefined || labels === undefined)
            throw new ConfigError({ message: "measure: the batches have no labels to compare with" });
          if (head.kind === "regression") return { loss: rowMeans(square(sub(logits, reshape(labels, logits.shape)))) };
          return head.multiLabel === true ? ofManyLabels(logits, labels) : ofOneLabel(logits as Tensor2D, labels);
        }),
    };
  }
  const context = { random: random(0), training: false, ...(objective.state && { state: objective.state }) };
  return {
    unit: "batch",
    measure: (parameters, batch) => tidy(() => ({ loss: reshape(objective.loss(parameters, batch, context), [1]) })),
  };
}

/** The label of rows that have none, as in `crossEntropyRows`. */
const IGNORED = -100;

/** Means over all axes but the first. */
const rowMeans = (values: Tensor): Tensor => mean(reshape(values, [values.shape[0]!, -1]), 1);

function ofOneLabel(logits: Tensor2D, labels: Tensor): Record<string, Tensor> {
  const loss = crossEntropyRows(logits, labels);
  const guess = argMax(logits, -1);
  return {
    loss,
    guess: cast(guess, "float32"),
    correct: cast(equal(guess, labels), "float32"),
    confidence: max(softmax(logits), -1),
    gold: exp(neg(loss)),
    counts: cast(notEqual(labels, scalar(IGNORED, "int32")), "float32"),
  };
}

/** Binary cross-entropy `softplus(x) − x y`, the mean over the labels. */
function ofManyLabels(logits: Tensor, labels: Tensor): Record<string, Tensor> {
  const hits = cast(equal(cast(greater(logits, 0), "float32"), labels), "float32");
  return { loss: rowMeans(sub(softplus(logits), mul(logits, labels))), correct: rowMeans(hits) };
}
