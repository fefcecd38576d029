/** How alike prompts are that were trained on different parts of a model. */
import { ConfigError, ShapeError, StateError } from "@cambium/base";
import type { Tensor } from "@tensorflow/tfjs-core";
import { centred, dot, eigen, gram, multiply, type Rows, root, rowsOf } from "./matrices.ts";

/** A trained prompt, `[length, dModel]`, and where it started. */
export interface PromptSolution {
  /** Of the part that it was trained on, such as `"3 layers"`. */
  readonly name: string;
  /** What it was trained for: prompts of one task are compared with each other, those of other tasks are the control. */
  readonly task: string;
  readonly prompt: Tensor;
  /** The same for all that are compared, or another seed's. */
  readonly start: Tensor;
}

/** Ways to compare two prompts; 1 is the same. */
export type PromptMeasure = "cosine" | "token cosine" | "update cosine" | "CKA" | "Procrustes";

const MEASURES: readonly PromptMeasure[] = ["cosine", "token cosine", "update cosine", "CKA", "Procrustes"];

/** Every pair of prompts by every measure. */
export interface PromptComparison {
  readonly names: readonly string[];
  readonly tasks: readonly string[];
  /** `[prompts, prompts]` each. */
  readonly matrices: Readonly<Record<PromptMeasure, readonly (readonly number[])[]>>;
}

/**
 * Compares prompts pair by pair.
 *
 * - `"cosine"` of all numbers, and `"token cosine"`, the mean over rows: a common start makes both large whatever was learned.
 * - `"update cosine"`, of prompt − start: what was learned.
 * - `"CKA"` `‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖)` and `"Procrustes"` `‖XᵀY‖_* / (‖X‖ ‖Y‖)`, rows centred: whether rows lie alike, up to a rotation.
 *
 * Where there is nothing to compare a measure is 0: the update's of a prompt that was not trained, CKA and Procrustes of prompts of one row.
 *
 * @throws {ShapeError} When prompts differ in shape.
 * @throws {StateError} When a prompt holds numbers that are not finite.
 * @throws {ConfigError} For fewer than two prompts.
 * @see Huang et al. 2022, FPT, arXiv:2211.06840, section 2; Kornblith et al. 2019, arXiv:1905.00414, for CKA.
 */
export async function comparePrompts(solutions: readonly PromptSolution[]): Promise<PromptComparison> {
  const [first, ...others] = solutions;
  if (first === undefined || others.length === 0)
    throw new ConfigError({ message: `comparePrompts: pass at least two prompts, got ${solutions.length}` });
  const read = await Promise.all(
    solutions.map(async ({ name, prompt, start }) => {
      for (const tensor of [prompt, start])
        if (tensor.rank !== 2 || tensor.shape.join() !== first.prompt.shape.join())
          throw new ShapeError({
            message: `comparePrompts: "${name}" has a prompt or a start of [${tensor.shape}], and "${first.name}" has [${first.prompt.shape}]`,
          });
      const width = prompt.shape[1]!;
      const [rows, begun] = [rowsOf(await prompt.data(), width), rowsOf(await start.data(), width)];
      if (![rows, begun].every((table) => table.every((row) => row.every(Number.isFinite))))
        throw new StateError({ message: `comparePrompts: "${name}" holds numbers that are not finite`, name });
      return { rows, moved: rows.map((row, i) => row.map((value, j) => value - begun[i]![j]!)), centre: centred(rows) };
    }),
  );
  const of = (measure: PromptMeasure) => read.map((a) => read.map((b) => compare(measure, a, b)));
  return {
    names: solutions.map(({ name }) => name),
    tasks: solutions.map(({ task }) => task),
    matrices: Object.fromEntries(
      MEASURES.map((measure) => [measure, of(measure)]),
    ) as unknown as PromptComparison["matrices"],
  };
}

interface Read {
  readonly rows: Rows;
  readonly moved: Rows;
  readonly centre: Rows;
}

function compare(measure: PromptMeasure, a: Read, b: Read): number {
  switch (measure) {
    case "cosine":
      return cosine(flat(a.rows), flat(b.rows));
    case "token cosine":
      return a.rows.reduce((total, row, i) => total + cosine(row, b.rows[i]!), 0) / a.rows.length;
    case "update cosine":
      return cosine(flat(a.moved), flat(b.moved));
    case "CKA":
      return cosine(flat(gram(a.centre)), flat(gram(b.centre)));
    case "Procrustes": {
      // The singular values of XᵀY are the roots of the eigenvalues of √(XXᵀ) YYᵀ √(XXᵀ).
      const [x, y] = [gram(a.centre), gram(b.centre)];
      const half = root(x);
      const { values } = eigen(multiply(multiply(half, y), half));
      const size = Math.sqrt(trace(x) * trace(y));
      return size === 0 ? 0 : values.reduce((total, value) => total + Math.sqrt(Math.max(0, value)), 0) / size;
    }
  }
}

const trace = (rows: Rows): number => rows.reduce((total, row, i) => total + row[i]!, 0);

const flat = (rows: Rows): Float64Array => Float64Array.from(rows.flatMap((row) => [...row]));

/** 0 where either is zero: what was not trained points nowhere. */
function cosine(a: Float64Array, b: Float64Array): number {
  const size = Math.sqrt(dot(a, a) * dot(b, b));
  return size === 0 ? 0 : dot(a, b) / size;
}

/** Means of a measure over pairs of prompts. */
export interface SimilarityVerdict {
  /** Of one task, on different parts. */
  readonly sameTask: number;
  /** Of different tasks: the control. */
  readonly control: number;
  /** Pairs of each. */
  readonly pairs: readonly [sameTask: number, control: number];
}

/**
 * Whether prompts of one task are closer to each other than to those of other tasks.
 *
 * @param measure - The update's cosine is the honest one: a shared start makes others large. @default "update cosine"
 * @throws {ConfigError} When there is no pair of one kind.
 */
export function judgeSimilarity(
  { tasks, matrices }: PromptComparison,
  measure: PromptMeasure = "update cosine",
): SimilarityVerdict {
  const matrix = matrices[measure];
  if (matrix === undefined)
    throw new ConfigError({
      message: `judgeSimilarity: there is no measure "${measure}"; there are ${MEASURES.join(", ")}`,
    });
  const pairs = tasks.flatMap((task, i) =>
    tasks.slice(0, i).map((other, j) => ({ isSame: task === other, value: matrix[i]![j]! })),
  );
  const [same, control] = [true, false].map((isSame) =>
    pairs.filter((pair) => pair.isSame === isSame).map(({ value }) => value),
  ) as [number[], number[]];
  if (same.length === 0 || control.length === 0)
    throw new ConfigError({
      message: `judgeSimilarity: needs two prompts of one task and one of another, got the tasks ${tasks.join(", ")}`,
    });
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return { sameTask: mean(same), control: mean(control), pairs: [same.length, control.length] };
}
