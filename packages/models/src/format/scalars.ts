/** Numbers and strings of JSON Schema as expressions. */
import type { ConfigError } from "@cambium/base";
import { both } from "./both.ts";
import type { Expression } from "./expression.ts";
import { quoted, stringOf } from "./json.ts";
import { type KeywordReader, type Keywords, own, typeOf } from "./keywords.ts";
import { anyNumber, numbersWithin } from "./numbers.ts";
import { FORMATS, stringLike } from "./pattern.ts";

/** Formats of numbers, as OpenAPI has them, with their bounds. */
const NUMBER_FORMATS: Readonly<Record<string, readonly [low: number, high: number] | undefined>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  float: undefined,
  double: undefined,
};

let integers: Expression | undefined;

/** Any integer, made once. */
function anyInteger(): Expression {
  integers ??= numbersWithin({}, true)!;
  return integers;
}

/** Bounds of a format. */
function formatBounds(
  { unsupported }: KeywordReader,
  schema: Keywords,
  path: string,
): readonly [low: number, high: number] | undefined {
  const { format, type } = schema;
  if (typeof format === "string" && Object.hasOwn(NUMBER_FORMATS, format)) return NUMBER_FORMATS[format];
  const isOfStrings = Array.isArray(type) && type.includes("string"); // it says nothing of the numbers beside them
  if (format !== undefined && !isOfStrings) {
    unsupported(
      path,
      `has the format ${JSON.stringify(format)}, which is not supported for numbers; there are ${Object.keys(NUMBER_FORMATS).join(", ")}`,
    );
  }
  return undefined;
}

/** Numbers within the bounds of a schema. */
export function numbers(reader: KeywordReader, schema: Keywords, path: string, isWhole: boolean): Expression {
  const { fail, boundOf } = reader;
  const ofFormat = formatBounds(reader, schema, path);
  const [least, above] = [boundOf(schema, path, "minimum"), boundOf(schema, path, "exclusiveMinimum")];
  const [most, below] = [boundOf(schema, path, "maximum"), boundOf(schema, path, "exclusiveMaximum")];
  const minimum = ofFormat === undefined ? least : Math.max(ofFormat[0], least ?? ofFormat[0]);
  const maximum = ofFormat === undefined ? most : Math.min(ofFormat[1], most ?? ofFormat[1]);
  if ([minimum, above, maximum, below].every((bound) => bound === undefined)) return isWhole ? anyInteger() : anyNumber;
  const isLowOpen = above !== undefined && (minimum === undefined || above >= minimum);
  const isHighOpen = below !== undefined && (maximum === undefined || below <= maximum);
  const [low, high] = [isLowOpen ? above : minimum, isHighOpen ? below : maximum];
  const found = numbersWithin({ low, high, isLowOpen, isHighOpen }, isWhole);
  if (found === undefined) throw fail(path, "has no values: no number that can be written lies within its bounds");
  return found;
}

/** What a string must be: its own keywords, and those of the schemas in its `allOf`. */
function stringParts(
  { fail, checkKeywords }: KeywordReader,
  schema: Keywords,
  path: string,
): readonly (readonly [part: Keywords, path: string])[] {
  const { allOf = [], ...rest } = schema;
  if (!Array.isArray(allOf)) throw fail(path, 'has an "allOf" that is no list of schemas');
  return [
    [rest, path],
    ...allOf.map((part, i) => {
      if (typeOf(part) !== "object") throw fail(path, `has an "allOf" with what is no schema: ${JSON.stringify(part)}`);
      checkKeywords(part, `${path}/allOf/${i}`, ["type", ...own["string"]!], "the type string");
      if (part.type === undefined || part.type === "string") return [part, `${path}/allOf/${i}`] as const;
      throw fail(
        path,
        `has no values: it is a string, and schema ${i} of its "allOf" wants ${JSON.stringify(part.type)}`,
      );
    }),
  ];
}

/** Patterns that a string has, that of a known format first; beside a pattern, an unknown format says nothing. */
function patternsOf({ fail, unsupported }: KeywordReader, parts: ReturnType<typeof stringParts>) {
  const found = parts.flatMap(([part, path]) =>
    (["format", "pattern"] as const).flatMap((keyword) => {
      const value = part[keyword];
      if (value === undefined) return [];
      if (typeof value === "string") return [{ keyword, value, path, isKnown: Object.hasOwn(FORMATS, value) }];
      throw fail(path, `has a "${keyword}" that is no text: ${JSON.stringify(value)}`);
    }),
  );
  const patterns = found.filter(({ keyword, isKnown }) => keyword === "pattern" || isKnown);
  const encoded = parts.find(([part]) => part["contentEncoding"] !== undefined);
  if (encoded !== undefined && patterns.length === 0) {
    unsupported(encoded[1], 'has "contentEncoding" without a pattern that says which strings are meant');
  }
  if (patterns.length > 0 || found.length === 0) return patterns;
  const [{ value, path }] = found as [(typeof found)[0]];
  unsupported(
    path,
    `has the format ${JSON.stringify(value)}, which is not supported; there are ${Object.keys(FORMATS).join(", ")}`,
  );
  return [];
}

/** A string of some length, which may have patterns and formats. */
export function strings(reader: KeywordReader, schema: Keywords, path: string): Expression {
  const { fail, leaveOut, rangeOf } = reader;
  const parts = stringParts(reader, schema, path);
  const ranges = parts.map(([part, at]) => rangeOf(part, at, "minLength", "maxLength"));
  const lengths = [Math.max(...ranges.map(([min]) => min)), Math.min(...ranges.map(([, max]) => max))] as const;
  if (lengths[0] > lengths[1]) throw fail(path, `has no values: its lengths are from ${lengths[0]} to ${lengths[1]}`);
  const patterns = patternsOf(reader, parts);
  if (patterns.length === 0) return stringOf(...lengths);
  let texts: Expression | undefined;
  for (const { keyword, value, path: at } of patterns) {
    const named = (problem: string) => fail(at, `has the ${keyword} ${JSON.stringify(value)} ${problem}`);
    try {
      const pattern = keyword === "format" ? FORMATS[value]! : value;
      const isFirst = texts === undefined;
      const found: Expression = stringLike(pattern, isFirst ? lengths : [0, Number.POSITIVE_INFINITY], (problem) =>
        named(`with ${problem}, which is not supported`),
      );
      texts = texts === undefined ? found : both(texts, found, named);
    } catch (error) {
      leaveOut(error as ConfigError);
    }
  }
  return texts === undefined ? stringOf(...lengths) : quoted(texts);
}
