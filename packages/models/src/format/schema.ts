/**
 * JSON Schema as expressions. What is generated is a part of what a schema allows (members in the order of `properties`, and no
 * others than those), so that every text of the expression is valid; a keyword that cannot be followed is an error that names it.
 */
import { ConfigError } from "@cambium/base";
import { accepts } from "./accepts.ts";
import { firstOverlap } from "./apart.ts";
import { choice, choiceOf, type Expression, finiteness, literal, type Reference, reference } from "./expression.ts";
import { anyObject, anyValue, constants, listOf, type Member, mapOf, objectOf, tupleOf } from "./json.ts";
import { annotations, type Keywords, keywordReader, own, typeOf, types } from "./keywords.ts";
import { mergedObject } from "./merge.ts";
import { recogniser } from "./recogniser.ts";
import { numbers, strings } from "./scalars.ts";

/** A JSON schema: of draft 2020-12, or of draft 7 where both agree. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** Characters of a schema as JSON: longer ones take long to follow. */
const LONGEST = 2 ** 18;

/** Schemas of a `oneOf` that are compared with each other. */
const MOST_COMPARED = 200;

/** Schemas that may stand one inside of the other, references followed. */
const DEEPEST = 200;

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
  const reader = keywordReader(caller, loosen);
  const { fail, unsupported, checkKeywords, rangeOf } = reader;

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
      if (byPattern !== undefined && allowed !== undefined)
        unsupported(path, 'has "patternProperties" beside "propertyNames", which is not supported');
      if (byPattern !== undefined) return byPattern;
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

  function typed(type: string, schema: Keywords, path: string): Expression {
    switch (type) {
      case "object":
        return object(schema, path);
      case "array":
        return array(schema, path);
      case "string":
        return strings(reader, schema, path);
      case "number":
      case "integer":
        return numbers(reader, schema, path, type === "integer");
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
      // A format alone is one of strings.
      const isTelling = (each: string, keyword: string): boolean =>
        schema[keyword] !== undefined && (keyword !== "format" || each === "string");
      const implied = types.filter((each) => own[each]!.some((keyword) => isTelling(each, keyword)));
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
    mergedObject(schema, (pointer) => target(pointer, path));

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
      // A part without keywords adds nothing to the others.
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
      return strings(reader, schema, path);
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
