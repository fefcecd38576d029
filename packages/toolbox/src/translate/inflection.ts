/** Plurals by rule. Where a language's plurals follow no rule that holds, there is none here. */

const IRREGULAR: Readonly<Record<string, string>> = {
  man: "men",
  woman: "women",
  child: "children",
  mouse: "mice",
  foot: "feet",
  tooth: "teeth",
  goose: "geese",
  ox: "oxen",
  leaf: "leaves",
  wolf: "wolves",
  knife: "knives",
  loaf: "loaves",
  scarf: "scarves",
  elf: "elves",
  fish: "fish",
  sheep: "sheep",
  deer: "deer",
  shrimp: "shrimp",
  moose: "moose",
  person: "people",
  potato: "potatoes",
  tomato: "tomatoes",
  mango: "mangoes",
  mosquito: "mosquitoes",
};

function english(word: string): string {
  const irregular = IRREGULAR[word];
  if (irregular !== undefined) return irregular;
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  return /(?:s|x|z|ch|sh)$/.test(word) ? `${word}es` : `${word}s`;
}

const UNSTRESSED: Readonly<Record<string, string>> = { á: "a", é: "e", í: "i", ó: "o", ú: "u" };

function spanish(word: string): string {
  if (/[aeiouéáó]$/.test(word)) return `${word}s`;
  if (word.endsWith("z")) return `${word.slice(0, -1)}ces`;
  if (/[áéíóú][ns]$/.test(word)) return `${word.slice(0, -2)}${UNSTRESSED[word.at(-2)!]}${word.at(-1)}es`;
  return word.endsWith("s") ? word : `${word}es`;
}

const FRENCH_S = new Set(["bal", "carnaval", "chacal", "festival", "récital", "narval", "pneu", "bleu", "landau"]);

function french(word: string): string {
  if (/[sxz]$/.test(word)) return word;
  if (FRENCH_S.has(word)) return `${word}s`;
  if (word.endsWith("al")) return `${word.slice(0, -2)}aux`;
  return /(?:eau|au|eu)$/.test(word) ? `${word}x` : `${word}s`;
}

const PLURALS: Readonly<Record<string, (word: string) => string>> = { en: english, es: spanish, fr: french };

/** The plural of a single noun; `undefined` where the language has no rule here, or it is no single word. */
export function pluralOf(word: string, language: string): string | undefined {
  return /^\p{Ll}+$/u.test(word) ? PLURALS[language]?.(word) : undefined;
}

const ENGLISH_SINGULARS = new Map(Object.entries(IRREGULAR).map(([singular, plural]) => [plural, singular]));

/** Endings that plurals add, by language, and what stands in their place. */
const ENDINGS: Readonly<Record<string, readonly (readonly [ending: string, base: string])[]>> = {
  en: [
    ["ies", "y"],
    ["es", ""],
    ["s", ""],
  ],
  es: [
    ["ces", "z"],
    ["es", ""],
    ["s", ""],
  ],
  fr: [
    ["aux", "al"],
    ["x", ""],
    ["s", ""],
  ],
  de: [
    ["en", ""],
    ["er", ""],
    ["n", ""],
    ["e", ""],
    ["s", ""],
  ],
  it: [
    ["i", "o"],
    ["i", "e"],
    ["e", "a"],
    ["chi", "co"],
    ["che", "ca"],
  ],
  pt: [
    ["ões", "ão"],
    ["es", ""],
    ["s", ""],
  ],
  nl: [
    ["en", ""],
    ["s", ""],
  ],
  sv: [
    ["ar", ""],
    ["or", "a"],
    ["er", ""],
  ],
};

const STRESSED = Object.entries(UNSTRESSED).map(([accented, plain]) => [plain, accented] as const);
const UMLAUTS: readonly (readonly [string, string])[] = [
  ["ä", "a"],
  ["ö", "o"],
  ["ü", "u"],
];

/** What an inflected noun may be the plural of; the word list decides which of them exists. */
export function basesOf(word: string, language: string): string[] {
  const irregular = language === "en" ? ENGLISH_SINGULARS.get(word) : undefined;
  const cut = (ENDINGS[language] ?? [])
    .filter(([ending]) => word.endsWith(ending) && word.length > ending.length + 1)
    .map(([ending, base]) => word.slice(0, -ending.length) + base);
  const more =
    language === "es"
      ? cut
          .filter((base) => /[ns]$/.test(base))
          .flatMap((base) =>
            STRESSED.filter(([plain]) => base.at(-2) === plain).map(
              ([, accented]) => `${base.slice(0, -2)}${accented}${base.at(-1)}`,
            ),
          )
      : language === "de"
        ? [word, ...cut].flatMap((base) =>
            UMLAUTS.filter(([umlaut]) => base.includes(umlaut)).map(([umlaut, plain]) => base.replace(umlaut, plain)),
          )
        : [];
  return [...(irregular === undefined ? [] : [irregular]), ...cut, ...more];
}
