/**
 * Judges calls by their structure: names, arguments, types and values.
 *
 * The rules are those of the Berkeley Function-Calling Leaderboard's checker, in our own code, with three exceptions that the data
 * ask for: a type other than the document's passes when an accepted value has it (right answers hold names of variables); an
 * argument that only the right answer names is accepted; integers and floats are told apart by their values only, for JSON does
 * not tell them apart.
 *
 * @see Patil et al. 2025, The Berkeley Function Calling Leaderboard (BFCL), ICML, §3 (AST evaluation).
 */
import type { Json, JsonObject } from "@cambium/base";
import { isObject } from "../../json-schema/keywords.ts";
import type { BfclExpected, BfclFunction, BfclGold } from "./row.ts";

/** A call that a model made. */
export interface MadeCall {
  readonly name: string;
  /** The arguments; what is no object is one mistake more. */
  readonly arguments: Json;
}

/** What is wrong with calls. */
export type CallFaultCode =
  | "wrong_func_name"
  | "missing_required"
  | "missing_optional"
  | "unexpected_param"
  | "wrong_count"
  | "type_error"
  | "value_error"
  /** None of the calls of a set is this right one; `closest` says what is wrong with the nearest. */
  | "no_match";

/** Why calls are wrong. */
export interface CallFault {
  readonly code: CallFaultCode;
  readonly message: string;
  readonly closest?: CallFaultCode;
}

type Kind = "string" | "number" | "boolean" | "array" | "object" | "any";

const KINDS: Readonly<Record<string, Kind>> = {
  string: "string",
  char: "string",
  str: "string",
  integer: "number",
  int: "number",
  long: "number",
  short: "number",
  byte: "number",
  float: "number",
  double: "number",
  number: "number",
  bigint: "number",
  boolean: "boolean",
  bool: "boolean",
  array: "array",
  list: "array",
  tuple: "array",
  arraylist: "array",
  set: "array",
  dict: "object",
  object: "object",
  hashmap: "object",
};

const INTEGERS = /^(?:integer|int|long|short|byte|bigint)$/i;

const kindOfValue = (value: Json): Kind | "null" =>
  value === null ? "null" : Array.isArray(value) ? "array" : (typeof value as Kind);

/** A kind that tells fractions from whole numbers. */
const exactKind = (value: Json): string =>
  typeof value === "number" && !Number.isInteger(value) ? "fraction" : kindOfValue(value);

const typeOf = (schema: unknown): string =>
  isObject(schema) && typeof schema["type"] === "string" ? schema["type"] : "any";

/** Whether a value has a type of a document, in lists also what they hold. */
function hasType(value: Json, schema: unknown): boolean {
  const type = typeOf(schema);
  const kind = KINDS[type.toLowerCase()] ?? "any";
  if (kind === "any") return true;
  if (kindOfValue(value) !== kind) return false;
  if (kind === "number") return !INTEGERS.test(type) || Number.isInteger(value);
  if (kind !== "array" || !isObject(schema)) return true;
  const { items } = schema;
  return items === undefined || (value as Json[]).every((item) => hasType(item, items));
}

/** A text as texts are compared: without spaces and most marks, in small letters. */
const plain = (text: string): string =>
  text
    .replaceAll(/[ ,./\-_*^]/g, "")
    .toLowerCase()
    .replaceAll("'", '"');

const leaf = (value: Json): Json => (typeof value === "string" ? plain(value) : value);

function equal(a: Json, b: Json): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((each, i) => equal(each as Json, b[i] as Json));
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && equal(a[key] as Json, b[key] as Json))
    );
  }
  return leaf(a) === leaf(b);
}

const isOptional = (accepted: readonly Json[]): boolean => accepted.some((value) => value === "");

/** Whether an object is the accepted one, whose every key has a list of accepted values. */
function matchesObject(value: JsonObject, accepted: JsonObject): boolean {
  const isIn = Object.entries(value).every(([key, inner]) => {
    const choices = Object.hasOwn(accepted, key) ? accepted[key] : undefined;
    if (!Array.isArray(choices)) return choices !== undefined && equal(inner as Json, choices as Json);
    return (choices as readonly Json[]).some((choice) => matches(inner as Json, choice));
  });
  return (
    isIn &&
    Object.entries(accepted).every(
      ([key, choices]) => Object.hasOwn(value, key) || (Array.isArray(choices) && isOptional(choices as Json[])),
    )
  );
}

/** Whether a value is one that is accepted. */
function matches(value: Json, accepted: Json): boolean {
  if (isObject(value) && isObject(accepted))
    return matchesObject(value as JsonObject, accepted as JsonObject) || equal(value, accepted);
  if (Array.isArray(value) && Array.isArray(accepted)) {
    return value.length === accepted.length && value.every((item, i) => matches(item as Json, accepted[i] as Json));
  }
  return equal(value, accepted);
}

/** What is wrong with one call. */
function checkCall(document: BfclFunction | undefined, made: MadeCall, gold: BfclGold): CallFault | undefined {
  const [[name, wanted]] = Object.entries(gold) as [[string, BfclGold[string]]];
  if (made.name !== name) return { code: "wrong_func_name", message: `"${made.name}" was called instead of "${name}"` };
  if (!isObject(made.arguments)) return { code: "type_error", message: `${name}: the arguments are no object` };
  const given = made.arguments as JsonObject;
  const { properties = {}, required = [] } = (document?.parameters ?? {}) as {
    properties?: Record<string, unknown>;
    required?: readonly string[];
  };
  const isNeeded = (argument: string): boolean => Object.hasOwn(wanted, argument) && !isOptional(wanted[argument]!);
  const missing = required.find((argument) => !Object.hasOwn(given, argument) && isNeeded(argument));
  if (missing !== undefined) return { code: "missing_required", message: `${name}: "${missing}" is missing` };
  for (const [argument, value] of Object.entries(given) as [string, Json][]) {
    const accepted = Object.hasOwn(wanted, argument) ? wanted[argument]! : undefined;
    if (accepted === undefined)
      return { code: "unexpected_param", message: `${name}: "${argument}" should not be there` };
    const isOfAcceptedType = accepted.some((each) => each !== "" && exactKind(each) === exactKind(value));
    if (!hasType(value, properties[argument]) && !isOfAcceptedType) {
      return {
        code: "type_error",
        message: `${name}: "${argument}" must be a ${typeOf(properties[argument])}, got ${JSON.stringify(value)}`,
      };
    }
    if (!accepted.some((each) => matches(value, each))) {
      return {
        code: "value_error",
        message: `${name}: "${argument}" is ${JSON.stringify(value)}, and must be one of ${JSON.stringify(accepted)}`,
      };
    }
  }
  const left = Object.keys(wanted).find((argument) => !Object.hasOwn(given, argument) && isNeeded(argument));
  return left === undefined
    ? undefined
    : { code: "missing_optional", message: `${name}: "${left}" is missing, and the request asks for it` };
}

/** How far a fault is from a right call: the closest one is told. */
const DISTANCE: readonly CallFaultCode[] = [
  "value_error",
  "missing_optional",
  "type_error",
  "unexpected_param",
  "missing_required",
  "wrong_func_name",
];

/** Gives each right call one made call, so that as many as possible have one. @returns Indices of right calls without one. */
function pair(golds: number, mades: number, isRight: (gold: number, made: number) => boolean): readonly number[] {
  const takenBy = new Array<number | undefined>(mades);
  function place(gold: number, seen: Set<number>): boolean {
    for (let made = 0; made < mades; made++) {
      if (seen.has(made) || !isRight(gold, made)) continue;
      seen.add(made);
      const other = takenBy[made];
      if (other !== undefined && !place(other, seen)) continue;
      takenBy[made] = gold;
      return true;
    }
    return false;
  }
  return Array.from({ length: golds }, (_, gold) => gold).filter((gold) => !place(gold, new Set()));
}

/**
 * What is wrong with the calls of a reply; nothing when they are right.
 *
 * @example
 * checkCalls(expected, [{ name: "get_weather", arguments: { city: "Rome" } }])?.code; // "missing_required"
 */
export function checkCalls({ kind, functions, gold }: BfclExpected, made: readonly MadeCall[]): CallFault | undefined {
  if (kind === "none")
    return made.length === 0
      ? undefined
      : { code: "wrong_count", message: `no call fits the request, and there are ${made.length}` };
  if (kind === "some")
    return made.length > 0
      ? undefined
      : { code: "wrong_count", message: "the request needs a call, and there is none" };
  if (made.length !== gold.length)
    return { code: "wrong_count", message: `there are ${made.length} calls, and ${gold.length} are needed` };
  const documentOf = (each: BfclGold) => functions.find(({ name }) => name === Object.keys(each)[0]);
  const faults = gold.map((each) => made.map((call) => checkCall(documentOf(each), call, each)));
  if (kind === "one") return faults[0]![0];
  const [lost] = pair(gold.length, made.length, (i, j) => faults[i]![j] === undefined);
  if (lost === undefined) return undefined;
  const [closest] = faults[lost]!.filter((fault) => fault !== undefined).sort(
    (a, b) => DISTANCE.indexOf(a.code) - DISTANCE.indexOf(b.code),
  );
  const name = Object.keys(gold[lost]!)[0];
  return {
    code: "no_match",
    message: `no call is the right one of "${name}"${closest === undefined ? "" : `; the closest: ${closest.message}`}`,
    ...(closest === undefined ? {} : { closest: closest.code }),
  };
}

/** The right call that a list of accepted values means: the first of each, without what may be left out. */
function firstOf(value: Json): Json {
  if (Array.isArray(value)) return value.map((each) => firstOf(each as Json));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value as JsonObject).flatMap(([key, choices]): [string, Json][] => {
      if (!Array.isArray(choices)) return [[key, choices as Json]];
      return isOptional(choices as Json[]) || choices.length === 0 ? [] : [[key, firstOf(choices[0] as Json)]];
    }),
  );
}

/** The right calls of a row, built from what is accepted. */
export function goldCalls({ gold }: BfclExpected): readonly MadeCall[] {
  return gold.map((each) => {
    const [[name, wanted]] = Object.entries(each) as [[string, BfclGold[string]]];
    const given = Object.entries(wanted).flatMap(([argument, accepted]): [string, Json][] =>
      isOptional(accepted) ? [] : [[argument, firstOf(accepted[0] ?? null)]],
    );
    return { name, arguments: Object.fromEntries(given) };
  });
}
