/**
 * JSON Schema as expressions. What is generated is a part of what a schema allows (members in the order of `properties`, and no
 * others than those), so that every text of the expression is valid; a keyword that cannot be followed is an error that names it.
 */
import { ConfigError, nearest } from "@cambium/base";
import { accepts } from "./accepts.ts";
import { firstOverlap } from "./apart.ts";
import { both } from "./both.ts";
import { choice, choiceOf, type Expression, finiteness, literal, type Reference, reference } from "./expression.ts";
import {
  anyObject,
  anyValue,
  constants,
  listOf,
  type Member,
  mapOf,
  objectOf,
  quoted,
  stringOf,
  tupleOf,
} from "./json.ts";
import { mergedObject } from "./merge.ts";
import { anyNumber, numbersWithin } from "./numbers.ts";
import { FORMATS, stringLike } from "./pattern.ts";
import { recogniser } from "./recogniser.ts";

/** A JSON schema: of draft 2020-12, or of draft 7 where both agree. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

type Keywords = { readonly [keyword: string]: unknown };

/** Keywords that say nothing of which values are valid. */
const annotations = [
  "$schema",
  "$id",
  "$comment",
  "$defs",
  "definitions",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
];

const own: Readonly<Record<string, readonly string[]>> = {
  object: ["properties", "required", "additionalProperties", "propertyNames", "patternProperties"],
  array: ["items", "prefixItems", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "pattern", "format", "contentEncoding"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"],
  boolean: [],
  null: [],
};
const types = Object.keys(own);
const known = [
  ...new Set([
    ...annotations,
    ...Object.values(own).flat(),
    "type",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "allOf",
    "$ref",
  ]),
];

/** Characters of a schema as JSON: longer ones take long to follow. */
const LONGEST = 2 ** 18;

/** Schemas of a `oneOf` that are compared with each other. */
const MOST_COMPARED = 200;

/** Schemas that may stand one inside of the other, references followed. */
const DEEPEST = 200;

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

/** What JSON Schema has beside these: named where it occurs, and not as a typing error. */
const others = [
  ..."$anchor $dynamicRef $vocabulary contains contentMediaType dependencies dependentRequired".split(" "),
  ..."dependentSchemas else if maxContains maxProperties minContains minProperties multipleOf not".split(" "),
  ..."then unevaluatedItems unevaluatedProperties uniqueItems".split(" "),
];

const typeOf = (value: unknown): string =>
  value === null
    ? "null"
    : Array.isArray(value)
      ? "array"
      : typeof value === "number" && Number.isInteger(value)
        ? "integer"
        : typeof value;

const QUOTE = 0x22;

/** Whether all texts of an expression begin as strings do. */
function areStrings(texts: Expression): boolean {
  const { start, step } = recogniser(texts, finiteness(texts));
  return Array.from({ length: 256 }, (_, byte) => byte).every((byte) => byte === QUOTE || step(start, byte) === null);
}

/**
 * Throws for a schema that takes too long to follow, or too deep a stack.
 *
 * @throws {ConfigError} For more than 2^18 characters as JSON, and values too deep inside of each other.
 */
export function checkSize(caller: string, root: JsonSchema): void {
  const todo: (readonly [value: unknown, depth: number])[] = [[root, 0]];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [value, depth] = next;
    if (depth > 2 * DEEPEST) {
      throw new ConfigError({
        message: `${caller}: the schema has more than ${2 * DEEPEST} values one inside of the other`,
      });
    }
    if (typeof value === "object" && value !== null)
      for (const each of Object.values(value)) todo.push([each, depth + 1]);
  }
  const { length } = JSON.stringify(root) ?? "";
  if (length <= LONGEST) return;
  throw new ConfigError({
    message: `${caller}: the schema has ${length} characters, and at most ${LONGEST} are followed; leave out what need not be checked`,
  });
}

/**
 * The expression of a schema.
 *
 * @param caller - Function to name in messages.
 * @param loosen - Told of what cannot be followed, which is left out then: texts may break it.
 * @throws {ConfigError} Without `loosen`, for a keyword that is not supported or not known; for a value that it cannot have, and a schema without any finite
 *   value; the place is named. And for more than 200 schemas inside of each other.
 */
export function schemaExpression(caller: string, root: JsonSchema, loosen?: (problem: string) => void): Expression {
  const references = new Map<string, Reference>();

  const fail = (path: string, problem: string): ConfigError =>
    new ConfigError({ message: `${caller}: the schema at ${path} ${problem}`, path });

  /** Leaves something out, or throws. */
  function unsupported(path: string, problem: string): void {
    if (loosen === undefined) throw fail(path, problem);
    loosen(`the schema at ${path} ${problem}`);
  }

  function checkKeywords(schema: Keywords, path: string, allowed: readonly string[], beside: string): void {
    for (const [keyword, value] of Object.entries(schema)) {
      if (annotations.includes(keyword) || allowed.includes(keyword) || value === undefined) continue;
      const near = nearest(keyword, known);
      unsupported(
        path,
        others.includes(keyword)
          ? `has the keyword "${keyword}", which is not supported`
          : known.includes(keyword)
            ? `has "${keyword}" beside ${beside}, which is not supported`
            : `has the unknown keyword "${keyword}"${near === undefined ? "" : `; is "${near}" meant?`}`,
      );
    }
  }

  function countOf(schema: Keywords, path: string, keyword: string, usual: number): number {
    const value = schema[keyword] ?? usual;
    if (typeof value === "number" && value >= 0 && (Number.isSafeInteger(value) || value === usual)) return value;
    throw fail(path, `has a "${keyword}" that is no count: ${JSON.stringify(value)}`);
  }

  function rangeOf(schema: Keywords, path: string, low: string, high: string): readonly [min: number, max: number] {
    const [min, max] = [countOf(schema, path, low, 0), countOf(schema, path, high, Number.POSITIVE_INFINITY)];
    if (min <= max) return [min, max];
    throw fail(path, `has no values: ${low} ${min} is above ${high} ${max}`);
  }

  function boundOf(schema: Keywords, path: string, keyword: string): number | undefined {
    const value = schema[keyword];
    if (value === undefined || (typeof value === "number" && Number.isFinite(value)))
      return value as number | undefined;
    unsupported(path, `has a "${keyword}" that is no number: ${JSON.stringify(value)}`);
    return undefined;
  }

  /** Bounds of a format. */
  function formatBounds(schema: Keywords, path: string): readonly [low: number, high: number] | undefined {
    const { format } = schema;
    if (format === undefined || typeof format !== "string" || !Object.hasOwn(NUMBER_FORMATS, format)) {
      if (format !== undefined) {
        unsupported(
          path,
          `has the format ${JSON.stringify(format)}, which is not supported for numbers; there are ${Object.keys(NUMBER_FORMATS).join(", ")}`,
        );
      }
      return undefined;
    }
    return NUMBER_FORMATS[format];
  }

  function numbers(schema: Keywords, path: string, isWhole: boolean): Expression {
    const ofFormat = formatBounds(schema, path);
    const [least, above] = [boundOf(schema, path, "minimum"), boundOf(schema, path, "exclusiveMinimum")];
    const [most, below] = [boundOf(schema, path, "maximum"), boundOf(schema, path, "exclusiveMaximum")];
    const minimum = ofFormat === undefined ? least : Math.max(ofFormat[0], least ?? ofFormat[0]);
    const maximum = ofFormat === undefined ? most : Math.min(ofFormat[1], most ?? ofFormat[1]);
    if ([minimum, above, maximum, below].every((bound) => bound === undefined))
      return isWhole ? anyInteger() : anyNumber;
    const isLowOpen = above !== undefined && (minimum === undefined || above >= minimum);
    const isHighOpen = below !== undefined && (maximum === undefined || below <= maximum);
    const [low, high] = [isLowOpen ? above : minimum, isHighOpen ? below : maximum];
    const found = numbersWithin({ low, high, isLowOpen, isHighOpen }, isWhole);
    if (found === undefined) throw fail(path, "has no values: no number that can be written lies within its bounds");
    return found;
  }

  /** What names of members may be; nothing where they may be any. */
  function namesOf(schema: Keywords, path: string): Expression | undefined {
    const given = schema["propertyNames"];
    if (given === undefined || given === true) return undefined;
    const names = typeOf(given) === "object" ? { type: "string", ...(given as Keywords) } : given;
    const only = ["$ref", "anyOf", "oneOf", "allOf"].some((each) => Object(given)[each] !== undefined) ? given : names;
    const found = expression(only as JsonSchema, `${path}/propertyNames`);
    if (areStrings(found)) return found;
    throw fail(`${path}/propertyNames`, "allows what is no string, and names are strings");
  }

  /** An object whose members have names of one pattern; nothing where there is none, or where members are named one by one. */
  function patternMembers(schema: Keywords, path: string, names: readonly string[]): Expression | undefined {
    const { patternProperties: given = {} } = schema;
    if (typeOf(given) !== "object") throw fail(path, 'has "patternProperties" that are no object');
    const found = Object.entries(given as Record<string, JsonSchema>).map(([pattern, value], _, all) => {
      const own = expression({ type: "string", pattern }, `${path}/patternProperties`);
      const isOfPattern = accepts(own);
      const named = names.find((name) => isOfPattern(JSON.stringify(name)));
      if (named !== undefined || all.length > 1) {
        unsupported(
          path,
          `has "patternProperties" ${named === undefined ? "of several patterns" : `that ${JSON.stringify(named)} has as well`}, which is not supported`,
        );
      }
      return mapOf(expression(value, `${path}/patternProperties/${pattern}`), own);
    });
    return names.length === 0 ? found[0] : undefined;
  }

  function object(schema: Keywords, path: string): Expression {
    const { properties = {}, required = [], additionalProperties: rest = true } = schema;
    if (typeOf(properties) !== "object") throw fail(path, `has "properties" that are no object`);
    if (!Array.isArray(required) || required.some((name) => typeof name !== "string")) {
      throw fail(path, `has a "required" that is no list of names`);
    }
    const names = Object.keys(properties as object);
    const more = [...new Set(required as readonly string[])].filter((name) => !names.includes(name));
    if (more.length > 0 && rest === false) {
      throw fail(path, `has no values: it requires ${JSON.stringify(more[0])}, which "additionalProperties" rules out`);
    }
    const free = (): Expression => expression(rest as JsonSchema, `${path}/additionalProperties`);
    const allowed = namesOf(schema, path);
    const isAllowed = allowed && accepts(allowed);
    const isName = (name: string): boolean => isAllowed?.(JSON.stringify(name)) ?? true;
    const other = (required as readonly string[]).find((name) => !isName(name));
    if (other !== undefined) {
      throw fail(path, `has no values: it requires ${JSON.stringify(other)}, which "propertyNames" rule out`);
    }
    const byPattern = patternMembers(schema, path, [...names, ...more]);
    if (names.length === 0 && more.length === 0) {
      if (byPattern !== undefined && allowed === undefined) return byPattern;
      if (rest === false) return objectOf([]);
      return rest === true && allowed === undefined ? anyObject : mapOf(free(), allowed);
    }
    const members = names.filter(isName).flatMap((name): Member[] => {
      const given = (properties as Record<string, JsonSchema>)[name]!;
      const isRequired = (required as readonly string[]).includes(name);
      if (given === false && !isRequired) return [];
      return [{ name, value: expression(given, `${path}/properties/${name}`), isRequired }];
    });
    return objectOf([...members, ...more.map((name) => ({ name, value: free(), isRequired: true }))]);
  }

  function array(schema: Keywords, path: string): Expression {
    const { prefixItems, items = true } = schema;
    const [min, max] = rangeOf(schema, path, "minItems", "maxItems");
    if (prefixItems === undefined) {
      if (items === false && min > 0) throw fail(path, `has no values: "items" are false, and ${min} are needed`);
      return listOf(
        expression(items === false ? true : (items as JsonSchema), `${path}/items`),
        min,
        items === false ? 0 : max,
      );
    }
    if (!Array.isArray(prefixItems)) throw fail(path, `has "prefixItems" that are no list`);
    if (max < prefixItems.length || min > prefixItems.length) {
      unsupported(
        path,
        `has ${prefixItems.length} "prefixItems", and other numbers of them as minItems or maxItems, which is not supported`,
      );
      return listOf(anyValue, min, max);
    }
    return tupleOf(prefixItems.map((item, i) => expression(item as JsonSchema, `${path}/prefixItems/${i}`)));
  }

  /** What a string must be: its own keywords, and those of the schemas in its `allOf`. */
  function stringParts(schema: Keywords, path: string): readonly (readonly [part: Keywords, path: string])[] {
    const { allOf = [], ...rest } = schema;
    if (!Array.isArray(allOf)) throw fail(path, 'has an "allOf" that is no list of schemas');
    return [
      [rest, path],
      ...allOf.map((part, i) => {
        if (typeOf(part) !== "object")
          throw fail(path, `has an "allOf" with what is no schema: ${JSON.stringify(part)}`);
        checkKeywords(part, `${path}/allOf/${i}`, ["type", ...own["string"]!], "the type string");
        if (part.type === undefined || part.type === "string") return [part, `${path}/allOf/${i}`] as const;
        throw fail(
          path,
          `has no values: it is a string, and schema ${i} of its "allOf" wants ${JSON.stringify(part.type)}`,
        );
      }),
    ];
  }

  /** Patterns that a string has, of a format that is known first; beside a pattern, any other format says nothing of its own. */
  function patternsOf(parts: ReturnType<typeof stringParts>) {
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
  function string(schema: Keywords, path: string): Expression {
    const parts = stringParts(schema, path);
    const ranges = parts.map(([part, at]) => rangeOf(part, at, "minLength", "maxLength"));
    const lengths = [Math.max(...ranges.map(([min]) => min)), Math.min(...ranges.map(([, max]) => max))] as const;
    if (lengths[0] > lengths[1]) throw fail(path, `has no values: its lengths are from ${lengths[0]} to ${lengths[1]}`);
    const patterns = patternsOf(parts);
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
        if (loosen === undefined) throw error;
        loosen((error as Error).message.replace(`${caller}: `, ""));
      }
    }
    return texts === undefined ? stringOf(...lengths) : quoted(texts);
  }

  function typed(type: string, schema: Keywords, path: string): Expression {
    switch (type) {
      case "object":
        return object(schema, path);
      case "array":
        return array(schema, path);
      case "string":
        return string(schema, path);
      case "number":
      case "integer":
        return numbers(schema, path, type === "integer");
      case "boolean":
        return choice(literal("true"), literal("false"));
      default:
        return literal("null");
    }
  }

  /** Types by `type`, or by the keywords that only one has. */
  function typesOf(schema: Keywords, path: string): readonly string[] | undefined {
    const { type } = schema;
    if (type === undefined) {
      const implied = types.filter((each) => own[each]!.some((keyword) => schema[keyword] !== undefined));
      return implied.length === 0 ? undefined : implied.includes("number") ? ["number"] : implied;
    }
    const named = [type].flat();
    const strange = named.find((each) => !types.includes(each as string));
    if (strange !== undefined || named.length === 0) {
      throw fail(path, `has the type ${JSON.stringify(strange ?? type)}; there are ${types.join(", ")}`);
    }
    return named as unknown as readonly string[];
  }

  /** One of the values that are listed, where their type fits. */
  function listed(schema: Keywords, path: string, keyword: "enum" | "const"): Expression {
    checkKeywords(schema, path, [keyword, "type"], `"${keyword}"`);
    const values = keyword === "const" ? [schema["const"]] : schema["enum"];
    if (!Array.isArray(values)) throw fail(path, `has an "enum" that is no list`);
    const given = typesOf(schema, path);
    const fitting = values.filter(
      (value) =>
        given === undefined ||
        given.includes(typeOf(value)) ||
        (typeOf(value) === "integer" && given.includes("number")),
    );
    if (fitting.length === 0)
      throw fail(
        path,
        `has no values: "${keyword}" has none${given === undefined ? "" : ` of type ${given.join(", ")}`}`,
      );
    return constants(fitting);
  }

  /** A part of a pointer without its percent signs. */
  function decoded(part: string, path: string): string {
    try {
      return decodeURIComponent(part);
    } catch {
      throw fail(path, `refers to a place with ${JSON.stringify(part)} in it, which is no part of an address`);
    }
  }

  function target(pointer: unknown, path: string): JsonSchema {
    if (typeof pointer !== "string" || !/^#(\/|$)/.test(pointer)) {
      unsupported(
        path,
        `refers to ${JSON.stringify(pointer)}; only places in the same schema can be followed, such as "#/$defs/item"`,
      );
      return true;
    }
    let found: unknown = root;
    for (const part of pointer.split("/").slice(1)) {
      const key = decoded(part, path).replaceAll("~1", "/").replaceAll("~0", "~");
      found =
        typeof found === "object" && found !== null && Object.hasOwn(found, key) ? (found as Keywords)[key] : undefined;
    }
    if (found === undefined) throw fail(path, `refers to ${pointer}, and there is nothing`);
    return found as JsonSchema;
  }

  function referred(schema: Keywords, path: string): Expression {
    checkKeywords(schema, path, ["$ref"], '"$ref"');
    const pointer = schema["$ref"];
    const there = target(pointer, path);
    let found = references.get(pointer as string);
    if (found === undefined) {
      found = reference(() => expression(there, pointer as string));
      references.set(pointer as string, found);
      found.get(); // what is wrong with it is found out now
    }
    return found;
  }

  const merge = (schema: Keywords, path: string): Keywords | undefined =>
    mergedObject(
      schema,
      (keyword) => annotations.includes(keyword),
      (pointer) => target(pointer, path),
    );

  /** Schemas of which one holds, or all: what stands beside them holds too. */
  function partsOf(schema: Keywords, path: string, keyword: "anyOf" | "oneOf" | "allOf"): readonly unknown[] {
    const { [keyword]: parts, ...rest } = schema;
    if (!Array.isArray(parts) || parts.length === 0) throw fail(path, `has an "${keyword}" that is no list of schemas`);
    const isSameType = parts.every((part) => rest["type"] !== undefined && Object(part).type === rest["type"]);
    const isPlain = Object.keys(rest).every(
      (each) => annotations.includes(each) || rest[each] === undefined || (each === "type" && isSameType),
    );
    if (isPlain || keyword === "allOf") {
      checkKeywords(schema, path, isSameType ? [keyword, "type"] : [keyword], `"${keyword}"`);
      // What says nothing of its own is left out of what all must hold.
      const telling = parts.filter(
        (part) =>
          part !== true && (typeOf(part) !== "object" || Object.keys(part).some((each) => !annotations.includes(each))),
      );
      return keyword === "allOf" && telling.length > 0 ? telling : parts;
    }
    const merged = parts.map((part) => merge({ allOf: [rest, part] }, path));
    if (!merged.includes(undefined)) return merged;
    unsupported(
      path,
      `has an "${keyword}" beside other keywords, which is supported for objects with different members`,
    );
    return [rest];
  }

  function alternatives(schema: Keywords, path: string, keyword: "anyOf" | "oneOf" | "allOf"): Expression {
    const parts = partsOf(schema, path, keyword);
    if (keyword === "allOf" && parts.length > 1) {
      unsupported(
        path,
        `has an "allOf" of ${parts.length} schemas, which is supported for patterns of strings and for objects with different members`,
      );
      return expression(parts[0] as JsonSchema, `${path}/allOf/0`);
    }
    if (keyword === "oneOf") {
      const isValues = parts.every((part) => (Object(part).const ?? Object(part).enum) !== undefined);
      if (parts.length > MOST_COMPARED && !isValues) {
        unsupported(
          path,
          `has a "oneOf" of ${parts.length} schemas; at most ${MOST_COMPARED} are compared, but for values`,
        );
      }
      const overlap = firstOverlap(parts as readonly JsonSchema[], (pointer) => target(pointer, path));
      if (overlap !== undefined) {
        unsupported(
          path,
          `has a "oneOf" whose schemas ${overlap[0]} and ${overlap[1]} may both hold of a value; tell them apart by type or by a constant member that both require, or use "anyOf"`,
        );
      }
    }
    return choiceOf(parts.map((part, i) => expression(part as JsonSchema, `${path}/${keyword}/${i}`)));
  }

  /** Schemas that are being read, one inside of the other. */
  let depth = 0;

  function expression(schema: JsonSchema, path: string): Expression {
    if (++depth > DEEPEST) throw fail(`${path.slice(0, 80)}…`, `stands within ${DEEPEST} others; that is too deep`);
    const found = read(schema, path);
    depth--;
    return found;
  }

  function read(schema: JsonSchema, path: string): Expression {
    if (schema === true) return anyValue;
    if (schema === false) throw fail(path, "is false, which no value fits");
    if (typeOf(schema) !== "object") throw fail(path, `is no schema: ${JSON.stringify(schema)}`);
    if (schema.type === "string" && schema["allOf"] !== undefined) {
      checkKeywords(schema, path, ["type", "allOf", ...own["string"]!], "the type string");
      return string(schema, path);
    }
    const merged = Array.isArray(schema["allOf"]) ? merge(schema, path) : undefined;
    if (merged !== undefined) return object(merged, path);
    const keyword = (["$ref", "enum", "const", "anyOf", "oneOf", "allOf"] as const).find(
      (each) => schema[each] !== undefined,
    );
    if (keyword === "$ref") return referred(schema, path);
    if (keyword === "enum" || keyword === "const") return listed(schema, path, keyword);
    if (keyword !== undefined) return alternatives(schema, path, keyword);
    const given = typesOf(schema, path);
    const allowed = given?.flatMap((type) => own[type]!) ?? [];
    checkKeywords(schema, path, ["type", ...allowed], given === undefined ? "no type" : `the type ${given.join(", ")}`);
    return given === undefined ? anyValue : choice(...given.map((type) => typed(type, schema, path)));
  }

  const whole = expression(root, "#");
  if (finiteness(whole)(whole)) return whole;
  throw fail("#", "has no finite values: it requires itself");
}
