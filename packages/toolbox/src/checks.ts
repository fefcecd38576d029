/**
 * Predicates on what a model says at the end. They look for the fact, not for a wording; they fail when other figures or
 * other names stand beside it, so that a list of guesses never counts.
 */

/** The numbers in a text, with thousands commas and signs; dates, times and words with digits count by their digits. */
function numbersIn(text: string): number[] {
  const found = text.replaceAll("−", "-").matchAll(/(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?/gi);
  return [...found].map(([number]) => Number(number.replaceAll(",", "")));
}

/** How an answer's number is compared. */
export interface NumberCheck {
  /** The instruction: its own numbers may be repeated. */
  readonly instruction: string;
  /** Largest absolute difference. @default 1e-9 of the value's size */
  readonly tolerance?: number;
}

/** Whether an answer gives this number, and at most one more that the instruction does not already hold. */
export function givesNumber(answer: string, expected: number, { instruction, tolerance }: NumberCheck): boolean {
  const allowed = tolerance ?? Math.max(1e-12, Math.abs(expected) * 1e-9);
  const isRight = (number: number): boolean => Math.abs(number - expected) <= allowed;
  const asked = new Set(numbersIn(instruction));
  const numbers = [...new Set(numbersIn(answer))];
  return numbers.some(isRight) && numbers.filter((number) => !isRight(number) && !asked.has(number)).length <= 1;
}

function words(text: string): string {
  return ` ${text
    .toLowerCase()
    .normalize("NFC")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim()} `;
}

/** Whether a text has these words in this order, whatever their case and the marks between them. */
export function mentions(text: string, phrase: string): boolean {
  return words(phrase).trim() !== "" && words(text).includes(words(phrase));
}

/**
 * Whether an answer names all that is expected and none of the others.
 *
 * @param others - Names that would be wrong; those that are part of an expected one are passed over.
 */
export function names(answer: string, expected: readonly string[], others: readonly string[] = []): boolean {
  const rest = expected.reduce((text, name) => text.replaceAll(words(name), "  "), words(answer));
  return (
    expected.length > 0 &&
    expected.every((name) => mentions(answer, name)) &&
    !others.some((name) => !expected.some((right) => words(right) === words(name)) && rest.includes(words(name)))
  );
}
