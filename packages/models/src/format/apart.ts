/** Whether no value fits two schemas at once, as far as that is plain to see. */

type Schema = boolean | { readonly [keyword: string]: unknown };

/** Finds what a `$ref` names. */
type Find = (pointer: unknown) => Schema;

function resolved(schema: Schema, find: Find): Exclude<Schema, boolean> {
  let found = schema;
  for (let steps = 0; typeof found === "object" && found["$ref"] !== undefined && steps < 32; steps++)
    found = find(found["$ref"]);
  return typeof found === "object" ? found : {};
}

const valuesOf = (schema: Exclude<Schema, boolean>): readonly unknown[] | undefined =>
  schema["const"] !== undefined ? [schema["const"]] : Array.isArray(schema["enum"]) ? schema["enum"] : undefined;

const jsonType = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);

/** Types that its values can have; integers are numbers. */
function typesOf(schema: Exclude<Schema, boolean>): ReadonlySet<string> | undefined {
  const { type } = schema;
  if (type !== undefined) return new Set([type].flat().map((each) => (each === "integer" ? "number" : String(each))));
  const values = valuesOf(schema);
  return values && new Set(values.map(jsonType));
}

function areApart(left: Schema, right: Schema, find: Find): boolean {
  const [a, b] = [resolved(left, find), resolved(right, find)];
  const [typesA, typesB] = [typesOf(a), typesOf(b)];
  if (typesA !== undefined && typesB !== undefined && [...typesA].every((type) => !typesB.has(type))) return true;
  const [valuesA, valuesB] = [valuesOf(a), valuesOf(b)];
  if (valuesA !== undefined && valuesB !== undefined) {
    const texts = new Set(valuesA.map((value) => JSON.stringify(value)));
    return valuesB.every((value) => !texts.has(JSON.stringify(value)));
  }
  const [requiredA, requiredB] = [a["required"], b["required"]];
  if (!Array.isArray(requiredA) || !Array.isArray(requiredB) || typesA?.size !== 1 || typesB?.size !== 1) return false;
  const [membersA, membersB] = [a, b].map(({ properties }) => (properties ?? {}) as Record<string, Schema>);
  return requiredA.some((name: string) => {
    const [ours, theirs] = [membersA![name], membersB![name]];
    return requiredB.includes(name) && ours !== undefined && theirs !== undefined && areApart(ours, theirs, find);
  });
}

/** The first two of some schemas that may hold of one value. Takes time in proportion to the square of their number, but for values. */
export function firstOverlap(schemas: readonly Schema[], find: Find): readonly [number, number] | undefined {
  const places = new Map<string, number>();
  const values = schemas.map((schema) => valuesOf(resolved(schema, find)));
  if (values.every((each) => each !== undefined)) {
    for (const [i, own] of values.entries()) {
      for (const value of own!) {
        const place = places.get(JSON.stringify(value)) ?? i;
        if (place < i) return [place, i];
        places.set(JSON.stringify(value), i);
      }
    }
    return undefined;
  }
  for (let i = 0; i < schemas.length; i++) {
    for (let j = i + 1; j < schemas.length; j++) if (!areApart(schemas[i]!, schemas[j]!, find)) return [i, j];
  }
  return undefined;
}
