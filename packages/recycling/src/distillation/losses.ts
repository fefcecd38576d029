/** What a student loses against its teacher. All in log space: no probability becomes 0 before its logarithm is taken. */
import {
  add,
  div,
  exp,
  logSumExp,
  mean,
  mul,
  neg,
  type Scalar,
  softplus,
  square,
  sub,
  sum,
  type Tensor,
  tidy,
} from "@tensorflow/tfjs-core";

/**
 * Over what the divergence is a mean: over rows (`"batchmean"`), or over rows and classes (`"legacy-mean"`), as the paper's program has
 * it, which counts the teacher 1 / classes as much.
 */
export type KlReduction = "batchmean" | "legacy-mean";

/** Log-probabilities at a temperature, `[..., classes]`. */
const logProbabilities = (logits: Tensor, temperature: number): Tensor => {
  const scaled = div(logits, temperature);
  return sub(scaled, logSumExp(scaled, -1, true));
};

/**
 * `Σ p (log p − log q)` at a temperature, of teacher p and student q, of each row. The caller owns it.
 *
 * @param teacher - Logits, `[..., classes]`. No gradient reaches it.
 * @param student - Logits, `[..., classes]`.
 * @returns `[...]`, in nats.
 */
export function divergenceRows(teacher: Tensor, student: Tensor, temperature: number): Tensor {
  return tidy(() => {
    const p = logProbabilities(teacher, temperature);
    return sum(mul(exp(p), sub(p, logProbabilities(student, temperature))), -1);
  });
}

/** The same of labels each by itself: `Σ` over outcomes of a Bernoulli divergence, the mean over labels. */
export function binaryDivergenceRows(teacher: Tensor, student: Tensor, temperature: number): Tensor {
  return tidy(() => {
    const [z, y] = [div(teacher, temperature), div(student, temperature)];
    const [yes, no] = [neg(softplus(neg(z))), neg(softplus(z))]; // log p, log (1 − p)
    const [studentYes, studentNo] = [neg(softplus(neg(y))), neg(softplus(y))];
    const each = add(mul(exp(yes), sub(yes, studentYes)), mul(exp(no), sub(no, studentNo)));
    return mean(each, -1);
  });
}

/** `½ · mean((h_T − h_S)²)` over rows, layers and units. The caller owns it. */
export function patience(teacher: Tensor, student: Tensor): Scalar {
  return tidy(() => mul(mean(square(sub(teacher, student))), 0.5) as Scalar);
}

/** The mean of values that count, `Σ w x / Σ w`, or of all. */
export function meanOf(values: Tensor, weights?: Tensor): Scalar {
  if (weights === undefined) return mean(values);
  return tidy(() => div(sum(mul(values, weights)), sum(weights)) as Scalar);
}
