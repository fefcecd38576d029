import { type Columns, svd } from "../svd.ts";
import type { Factors } from "./lora-from-factors.ts";

/**
 * The nearest product of a rank to a matrix, `B A`, each with the roots of the singular values. What has fewer ranks gets fewer; zero
 * gets one.
 *
 * @param columns - Of the matrix `[out, in]`.
 * @param choose - The rank, or how to choose it by the singular values.
 */
export function cutTo(
  columns: Columns,
  choose: number | ((values: readonly number[]) => number),
): { readonly factors: Factors; readonly share: number } {
  const { left, values, right } = svd(columns);
  const wanted = typeof choose === "number" ? choose : choose(values);
  const kept = Math.min(wanted, values.length);
  const rank = Math.max(1, kept);
  const [input, output] = [columns.length, columns[0]!.length];
  const a = new Float64Array(rank * input);
  const b = new Float64Array(output * rank);
  for (let i = 0; i < kept; i++) {
    const root = Math.sqrt(values[i]!);
    for (let column = 0; column < input; column++) a[i * input + column] = root * right[i]![column]!;
    for (let row = 0; row < output; row++) b[row * rank + i] = root * left[i]![row]!;
  }
  const energy = (some: readonly number[]): number => some.reduce((sum, value) => sum + value ** 2, 0);
  return { factors: { rank, a, b }, share: values.length === 0 ? 1 : energy(values.slice(0, kept)) / energy(values) };
}
