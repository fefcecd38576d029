/** What a teacher should count that knows less than its student does before the first step. */
import { gainOf, type Score } from "../reports/score.ts";

/**
 * The teacher's share, lowered where the teacher is worse than its student's start: `a · g_T / g_S`, where g is the gain over a constant
 * answer; 0 for a teacher without gain. Without a constant answer to compare with, `a · L_S / L_T`.
 *
 * @param alpha - a, 0 to 1.
 * @param baseline - Of a constant answer, where it is known.
 */
export function loweredAlpha(alpha: number, teacher: Score, student: Score, baseline: Score | undefined): number {
  if (baseline === undefined) return teacher.loss > student.loss ? (alpha * student.loss) / teacher.loss : alpha;
  const [known, own] = [gainOf(teacher, baseline), gainOf(student, baseline)];
  if (known >= own) return alpha;
  if (known <= 0 || own <= 0) return 0;
  return (alpha * known) / own;
}
