/** Units that answers may carry; what is asked for is the number. */
const UNITS = [
  "degrees?",
  "deg",
  "°",
  "mm",
  "cm",
  "km",
  "kg",
  "ml",
  "millimet(?:er|re)s?",
  "centimet(?:er|re)s?",
  "kilomet(?:er|re)s?",
  "met(?:er|re)s?",
  "miles?",
  "feet",
  "foot",
  "ft",
  "inch(?:es)?",
  "yards?",
  "seconds?",
  "minutes?",
  "hours?",
  "days?",
  "weeks?",
  "months?",
  "years?",
  "grams?",
  "kilograms?",
  "pounds?",
  "lbs?",
  "ounces?",
  "oz",
  "lit(?:er|re)s?",
  "gallons?",
  "cups?",
  "dollars?",
  "cents?",
  "euros?",
  "units?",
  "square",
  "cubic",
  "percent",
  "points?",
  "people",
  "ways",
].join("|");

const AFTER_NUMBER = new RegExp(
  `(?<=[\\d)}.]|pi)\\s*(?:(?:${UNITS})(?:\\s*\\^\\s*\\{?\\d\\}?)?(?![a-z])\\.?\\s*)+$`,
  "i",
);

const MAGNITUDES: Readonly<Record<string, string>> = {
  thousand: "10^3",
  million: "10^6",
  billion: "10^9",
  trillion: "10^12",
};

/**
 * Longest answer that is read, in characters; a longer one is a text. Whoever writes an answer can make it as long as a
 * program may print, and the patterns below may take time in proportion to the square of what they read.
 */
const LONGEST = 1000;

/** Takes off what encloses the whole text, as often as it does. */
function unwrap(text: string): string {
  for (let before = "", now = text.trim(); ; now = now.trim()) {
    if (before === now) return now;
    before = now;
    now = now
      .replace(/^\$([^$]+)\$$/, "$1")
      .replace(/^\\\(([\s\S]*)\\\)$/, "$1")
      .replace(/^\\\[([\s\S]*)\\\]$/, "$1")
      .replace(/^\\(?:boxed|text|textbf|mbox|mathrm|fbox)\{([^{}]*)\}$/, "$1")
      .replace(/^\\boxed\{([\s\S]*)\}$/, "$1")
      .replace(/^["'`]([\s\S]*)["'`]$/, "$1")
      .replace(/^\*\*([\s\S]*)\*\*$/, "$1")
      .replace(/(?<=[^.])\.$/, "");
  }
}

/**
 * An answer in the one form in which answers are compared: no units, signs of percent, dollars and degrees, commas between
 * thousands, spacing commands and enclosing dollars; fractions, roots and signs in one spelling; lower case. Of an answer
 * that is longer than 1,000 characters only the spaces are normalised.
 *
 * @see Qian et al. 2023, CREATOR, arXiv:2305.14318: answers are equal after normalising, or as terms.
 * @example
 * normaliseAnswer("\\$1,234.50 dollars"); // "1234.50"
 */
export function normaliseAnswer(answer: string): string {
  const spaced = answer.trim().replace(/\s+/g, " ");
  if (spaced.length > LONGEST) return spaced;
  let text = unwrap(spaced.normalize("NFKC").replaceAll("−", "-").replaceAll("⁄", "/"));
  text = text
    .replace(/\\(?:left|right|big|Big|bigg|Bigg|displaystyle|limits)(?![a-zA-Z])/g, "")
    .replace(/\\[!,;: ]|\\q?quad(?![a-z])|~/g, (found) => (found === "\\!" ? "" : " "))
    .replace(/\\[dtc]frac/g, "\\frac")
    .replace(/\\(?:cdot|times|ast)(?![a-z])|[·×∗]/g, "*")
    .replace(/\\div(?![a-z])|÷/g, "/")
    .replace(/\^\s*\{?\s*\\circ\s*\}?|\\degree/g, "")
    .replace(/\\(?:text|mbox|mathrm|textbf)\{([^{}]*)\}/g, " $1 ")
    .replace(/√\s*\(/g, "sqrt(")
    .replace(/√\s*(\d+|[a-z])/g, "sqrt($1)")
    .replaceAll("π", "\\pi")
    .replaceAll("∞", "\\infty")
    .replaceAll("∪", "\\cup")
    .replace(/\\?[%$]/g, "")
    .replace(/(\d)\{,\}(\d{3})/g, "$1$2")
    .toLowerCase();
  text = unwrap(text);
  while (/\d,\s?\d{3}(?!\d)/.test(text) && isOneNumber(text)) text = text.replace(/(\d),\s?(\d{3})(?!\d)/g, "$1$2");
  text = text
    .replace(/^[a-z]\s*(?:=|\\in)\s*(?=\S)/, "") // "x = 5" says 5
    .replace(/(\d)\s*(thousand|million|billion|trillion)s?\b/g, (_, digit, word) => `${digit}*${MAGNITUDES[word]}`)
    .replace(/\s+(?:or|and)\s+/g, ", ");
  if (!/[,;]/.test(text)) text = text.replace(AFTER_NUMBER, "");
  return text
    .replace(/(\d)_\{?\d+\}?$/, "$1")
    .replace(/\s+/g, " ")
    .trim();
}

/** Whether commas stand between thousands: groups of three digits, and no brackets of a tuple around. */
function isOneNumber(text: string): boolean {
  const isGrouped = /^[^,]*(?<!\d)\d{1,3}(?:,\d{3})+(?!\d)[^,]*$/.test(text);
  return isGrouped && !/^[([{].*[)\]}]$/.test(text);
}
