/** Objects that are put together by `allOf`, as one schema. */
import { annotations, type Keywords } from "./keywords.ts";

/** What parts may say of an object for their members to be put together. */
const MERGED = new Set(["type", "properties", "required", "additionalProperties"]);

/** Parts that are looked at, one inside of the other too: parts that name each other are found by this. */
const MOST = 1000;

const isObject = (value: unknown): value is Keywords =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The schema of objects that fit a schema and all schemas of its `allOf`, with the members of all; nothing where parts say more than their
 * members, allow none beside theirs, or want different things of one member.
 *
 * @param resolve - What a `$ref` names.
 */
export function mergedObject(schema: Keywords, resolve: (pointer: unknown) => unknown): Keywords | undefined {
  const properties = new Map<string, unknown>();
  const required = new Set<unknown>();
  let looked = 0;

  function add(part: unknown): boolean {
    if (!isObject(part) || ++looked > MOST) return false;
    if (part["$ref"] !== undefined) {
      const isAlone = Object.keys(part).every((key) => key === "$ref" || annotations.includes(key));
      return isAlone && add(resolve(part["$ref"]));
    }
    const { type, properties: own = {}, required: names = [], additionalProperties: rest, allOf = [] } = part;
    const isPlain = Object.keys(part).every((key) => key === "allOf" || MERGED.has(key) || annotations.includes(key));
    if (!isPlain || (type !== undefined && type !== "object") || (rest !== undefined && rest !== true)) return false;
    if (!isObject(own) || !Array.isArray(names) || !Array.isArray(allOf)) return false;
    for (const [name, value] of Object.entries(own)) {
      if (properties.has(name) && JSON.stringify(properties.get(name)) !== JSON.stringify(value)) return false;
      properties.set(name, value);
    }
    for (const name of names) required.add(name);
    return allOf.every(add);
  }

  if (!add(schema) || (properties.size === 0 && required.size === 0)) return undefined;
  return { type: "object", properties: Object.fromEntries(properties), required: [...required] };
}
