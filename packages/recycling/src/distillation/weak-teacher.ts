/** What a teacher should count that knows less than its student does before the first step. */
import { gainOf, type Score } from "../reports/score.ts";

/**
 * The teacher's share, lowered where the teacher is worse than its student's start: `a · g_T / g_S`, where g is the gain over a constant
 * answer; 0 for a teacher without gain. Where a constant answer is not known, or is as good as the student, gains tell nothing, and losses
 * decide: `a · L_S / L_T`.
 *
 * @param alpha - a, 0 to 1.
 * @param baseline - Of a constant answer, where it is known.
 */
export function loweredAlpha(alpha: number, teacher: Score, student: Score, baseline: Score | undefined): number {
  const [known, own] = baseline === undefined ? [0, 0] : [gainOf(teacher, baseline), gainOf(student, baseline)];
  if (own > 0) return known >= own ? alpha : (alpha * Math.max(0, known)) / own;
  return teacher.loss > student.loss ? (alpha * student.loss) / teacher.loss : alpha;
}
