import type { ZodType, z } from "zod";
import { ConfigError } from "./errors.ts";
import { nearest } from "./nearest.ts";

type Issue = z.core.$ZodIssue;

/** What a schema is made of, as far as the search for known keys goes. */
interface Definition {
  readonly shape?: Readonly<Record<string, ZodType>>;
  readonly element?: ZodType;
  readonly items?: readonly ZodType[];
  readonly valueType?: ZodType;
  readonly innerType?: ZodType;
  readonly in?: ZodType;
  readonly options?: readonly ZodType[];
}

/** The schemas one step further inside: the field `key` of an object, an element of a list, … */
function stepInto(schema: ZodType, key: PropertyKey): ZodType[] {
  const { shape, element, items, valueType, innerType, in: input, options } = schema.def as Definition;
  if (shape !== undefined) return Object.hasOwn(shape, key) ? [shape[key as string]!] : [];
  if (items !== undefined) return items[key as number] === undefined ? [] : [items[key as number]!];
  const direct = element ?? valueType;
  if (direct !== undefined) return [direct];
  return [innerType, input, ...(options ?? [])]
    .filter((inner) => inner !== undefined)
    .flatMap((inner) => stepInto(inner, key));
}

/** Keys that the objects described by a schema may have. */
function keysOf(schema: ZodType): string[] {
  const { shape, innerType, in: input, options } = schema.def as Definition;
  if (shape !== undefined) return Object.keys(shape);
  return [innerType, input, ...(options ?? [])].filter((inner) => inner !== undefined).flatMap(keysOf);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "function" || typeof value === "symbol" || typeof value === "bigint") return `a ${typeof value}`;
  if (typeof value === "number") return String(value); // NaN and infinities have no JSON
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = "a value that is no JSON";
  }
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function nameOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (name, key) => (typeof key === "number" ? `${name}[${key}]` : name === "" ? String(key) : `${name}.${String(key)}`),
    "",
  );
}

/** Whether an alternative is for values of another kind altogether, such as a list where an object came. */
function isOfAnotherKind(issue: Issue): boolean {
  return issue.path.length === 0 && issue.code !== "unrecognized_keys";
}

/** What zod expected, without what it received: that is shown as it is. */
function expectation(issue: Issue): string {
  return issue.message
    .replace(/^Invalid \w+: /, "")
    .replace(/^Invalid discriminator value\. E/, "e")
    .replace(/, received .*$/, "");
}

function describe(issue: Issue, before: readonly PropertyKey[], schema: ZodType, value: unknown): string[] {
  const path = [...before, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const known = path
      .reduce<ZodType[]>((schemas, key) => schemas.flatMap((inner) => stepInto(inner, key)), [schema])
      .flatMap(keysOf);
    return issue.keys.map((key) => {
      const close = nearest(key, known);
      const hint = close === undefined ? `known are ${[...new Set(known)].join(", ")}` : `is "${close}" meant?`;
      return `unknown key "${nameOf([...path, key])}"; ${hint}`;
    });
  }
  const where = path.length === 0 ? "" : `"${nameOf(path)}": `;
  const came = `, got ${show(valueAt(value, path))}`;
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const near = issue.errors.filter((issues) => !issues.some(isOfAnotherKind));
    if (near.length === 0) {
      const kinds = new Set(issue.errors.flat().filter(isOfAnotherKind).map(expectation));
      return [where + [...kinds].join(" or ").replaceAll(" or expected ", " or ") + came];
    }
    // Of several alternatives the one that fits best is the one that was meant.
    const [best] = near.sort((a, b) => a.length - b.length);
    return best!.flatMap((inner) => describe(inner, path, schema, value));
  }
  return [where + expectation(issue) + came];
}

/**
 * A configuration checked against a schema, with the schema's defaults filled in.
 *
 * @param caller - Function to name in the message.
 * @param schema - Made of `z.strictObject`, so that unknown keys are errors.
 * @param value - What the user gave, or what a file held.
 * @throws {ConfigError} Listing everything that is wrong; an unknown key comes with the nearest known one.
 * @example
 * const schema = z.strictObject({ rank: z.int().positive(), alpha: z.number().default(8) });
 * const { rank, alpha } = parseConfig("lora", schema, { rank: 8 });
 */
export function parseConfig<Output>(caller: string, schema: ZodType<Output>, value: unknown): Output {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => describe(issue, [], schema, value));
  throw new ConfigError({ message: `${caller}: ${problems.join("; ")}`, problems });
}
