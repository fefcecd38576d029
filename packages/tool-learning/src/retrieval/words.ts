/** Words that say nothing of what is searched for: those of English grammar, and those that requests are wrapped in. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    "a about above after again against all am an and any are as at be because been before being below between both but by can could did do does " +
    "doing down during each few for from further had has have having he her here hers him his how i if in into is it its itself just me more most my " +
    "no nor not now of off on once only or other our out over own same she should so some such than that the their them then there these they this " +
    "those through to too under until up very was we were what when where which while who whom why will with would you your also get give given help " +
    "need please provide want tell show find"
  ).split(" "),
);

/** The singular of a regular English plural, roughly: enough that both forms meet. */
function singular(word: string): string {
  if (word.length > 4 && word.endsWith("ies")) return `${word.slice(0, -3)}y`;
  if (word.length > 4 && /(?:s|x|z|ch|sh)es$/.test(word)) return word.slice(0, -2);
  if (word.length > 3 && word.endsWith("s") && !/(?:ss|us|is)$/.test(word)) return word.slice(0, -1);
  return word;
}

/**
 * The words of a text that search goes by: lower case, camelCase and snake_case taken apart, plurals cut, stop words dropped.
 *
 * @example
 * wordsOf("How many stepsToZero?"); // ["many", "step", "zero"]
 */
export function wordsOf(text: string): string[] {
  return text
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/(?<=[A-Z])(?=[A-Z][a-z])/g, " ")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "" && !STOP_WORDS.has(word))
    .map(singular);
}

/** Endings of verbs that are cut, so that forms of one word meet; roughly, and only from long words. */
function stem(word: string): string {
  if (word.length > 5 && word.endsWith("ing")) return word.slice(0, -3);
  if (word.length > 4 && word.endsWith("ed")) return word.slice(0, -2);
  if (word.length > 4 && word.endsWith("e")) return word.slice(0, -1);
  return word;
}

/** The stems of a text: `wordsOf`, with the endings of verbs cut. */
export function stemsOf(text: string): string[] {
  return wordsOf(text).map(stem);
}
