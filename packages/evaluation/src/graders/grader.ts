import { type EqualityRule, equalAnswers } from "./equal-answers.ts";
import { exactValue } from "./expression.ts";
import { normaliseAnswer } from "./normalise.ts";
import { parseExpression } from "./parse-expression.ts";

/** What a solver came up with. */
export interface Answered {
  /** What followed the answer marker; `undefined` without one. */
  readonly answer: string | undefined;
  /** Everything the last program printed. */
  readonly stdout: string;
}

/** The judgement of one answer. */
export interface Grade {
  readonly right: boolean;
  /** The rule by which it is right. */
  readonly rule?: EqualityRule | "percent";
  /** Where the answer was found: behind the marker, or any number that was printed. */
  readonly found: "marker" | "any-number" | "nowhere";
}

/** Judges answers. */
export interface Grader {
  readonly name: string;
  /** Judges what was answered by the right answer. */
  grade(answered: Answered, gold: string): Grade;
}

const isPercent = (answer: string): boolean => /%|percent/i.test(answer);

/** A number of percent as a fraction of 1. */
const asShare = (answer: string): string => `(${normaliseAnswer(answer)})/100`;

/**
 * The grader to use: only what follows the answer marker counts, numbers are compared exactly, then within a relative 1e-6
 * (absolute floor 1e-9), terms as functions. Where just one side has a percent sign, 25 and 0.25 both mean 25 %.
 */
export const strictGrader: Grader = {
  name: "strict",
  grade({ answer }, gold) {
    if (answer === undefined) return { right: false, found: "nowhere" };
    const rule = equalAnswers(answer, gold);
    if (rule !== undefined) return { right: true, rule, found: "marker" };
    if (isPercent(answer) !== isPercent(gold)) {
      const share = isPercent(answer) ? equalAnswers(asShare(answer), gold) : equalAnswers(answer, asShare(gold));
      if (share !== undefined) return { right: true, rule: "percent", found: "marker" };
    }
    return { right: false, found: "marker" };
  },
};

/** Differences up to 0.01 count as none, whatever the size. */
const PAPER_TOLERANCE = { relative: 0, absolute: 0.01, forExact: true };

function paperGold(gold: string): string {
  const text = normaliseAnswer(gold);
  return gold.includes("%") && parseExpression(text) !== undefined ? `(${text})/100` : gold;
}

const NUMBERS = /-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?:\s*\/\s*\d+)?/gi;

/**
 * The grader of the publication, for comparisons with its figures: a difference up to 0.01 counts as none, a right answer
 * with a percent sign is divided by 100, and without a marker every number that was printed is tried, one match is enough.
 * Lenient on small numbers and on programs that print much; `found` tells how often the last rule was used.
 *
 * @see Qian et al. 2023, CREATOR, arXiv:2305.14318, released grader.
 */
export const paperGrader: Grader = {
  name: "paper",
  grade({ answer, stdout }, gold) {
    const wanted = paperGold(gold);
    const judge = (given: string): EqualityRule | undefined =>
      equalAnswers(given, gold, { relative: 0, absolute: 0, forExact: true }) === "text" && wanted === gold
        ? "text"
        : equalAnswers(given, wanted, PAPER_TOLERANCE);
    if (answer !== undefined) {
      const rule = judge(answer);
      return rule === undefined ? { right: false, found: "marker" } : { right: true, rule, found: "marker" };
    }
    const numbers = new Set(stdout.match(NUMBERS));
    if (numbers.size === 0) return { right: false, found: "nowhere" };
    for (const number of numbers) {
      const rule = judge(number);
      if (rule !== undefined) return { right: true, rule, found: "any-number" };
    }
    return { right: false, found: "any-number" };
  },
};

/** Whether a stored answer is a plain number: an integer, a decimal or a fraction, under the strict test. */
export function isPlainNumber(answer: string): boolean {
  const expression = parseExpression(normaliseAnswer(answer));
  return expression !== undefined && exactValue(expression) !== undefined;
}
