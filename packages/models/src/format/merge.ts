/** Objects that are put together by `allOf`, as one schema. */

type Keywords = { readonly [keyword: string]: unknown };

/** What parts may say of an object for their members to be put together. */
const MERGED = new Set(["type", "properties", "required", "additionalProperties"]);

/** Parts one inside of the other. */
const DEEPEST = 32;

const isObject = (value: unknown): value is Keywords =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The schema of objects that fit a schema and all schemas of its `allOf`, with the members of all; nothing where parts say more than their
 * members, allow none beside theirs, or want different things of one member.
 *
 * @param isAnnotation - Whether a keyword says nothing of which values are valid.
 * @param resolve - What a `$ref` names.
 */
export function mergedObject(
  schema: Keywords,
  isAnnotation: (keyword: string) => boolean,
  resolve: (pointer: unknown) => unknown,
): Keywords | undefined {
  const properties = new Map<string, unknown>();
  const required = new Set<unknown>();

  function add(given: unknown, depth: number): boolean {
    const part = isObject(given) && given["$ref"] !== undefined ? resolve(given["$ref"]) : given;
    if (!isObject(part) || depth > DEEPEST) return false;
    const { type, properties: own = {}, required: names = [], additionalProperties: rest, allOf = [] } = part;
    const isPlain = Object.keys(part).every((key) => key === "allOf" || MERGED.has(key) || isAnnotation(key));
    if (!isPlain || (type !== undefined && type !== "object") || (rest !== undefined && rest !== true)) return false;
    if (!isObject(own) || !Array.isArray(names) || !Array.isArray(allOf)) return false;
    for (const [name, value] of Object.entries(own)) {
      if (properties.has(name) && JSON.stringify(properties.get(name)) !== JSON.stringify(value)) return false;
      properties.set(name, value);
    }
    for (const name of names) required.add(name);
    return allOf.every((each) => add(each, depth + 1));
  }

  if (!add(schema, 0) || (properties.size === 0 && required.size === 0)) return undefined;
  return { type: "object", properties: Object.fromEntries(properties), required: [...required] };
}
