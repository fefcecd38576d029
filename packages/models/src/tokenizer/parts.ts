/** Reads the parts of `tokenizer.json`: each is an object with a `type`. What is not known here is refused by its name. */
import type { Part } from "../tokenizer-json.ts";

/** An error in what `tokenizer.json` says; `createTokenizer` puts the file's name in front. */
export class PartError extends Error {}

/** Refuses a part. */
export function unknownPart(kind: string, { type }: Part, known: Readonly<Record<string, unknown>>): PartError {
  return new PartError(
    `the ${kind} ${JSON.stringify(type)} is none that is known here; there are ${Object.keys(known).join(", ")}`,
  );
}

const kinds = { boolean: "true or false", string: "a string", number: "a number" } as const;

interface Kinds {
  readonly boolean: boolean;
  readonly string: string;
  readonly number: number;
}

/** A setting of a part, or the default where the file is silent. */
export function setting<Kind extends keyof Kinds>(
  part: Part,
  key: string,
  kind: Kind,
  usual?: Kinds[Kind],
): Kinds[Kind] {
  const value = part[key] ?? usual;
  if (typeof value === kind) return value as Kinds[Kind];
  throw new PartError(`"${key}" of ${part.type} must be ${kinds[kind]}, got ${JSON.stringify(value) ?? "nothing"}`);
}

/** One of a few words. */
export function choice<Word extends string>(part: Part, key: string, words: readonly Word[], usual?: Word): Word {
  const value = setting(part, key, "string", usual) as Word;
  if (words.includes(value)) return value;
  throw new PartError(`"${key}" of ${part.type} must be ${words.join(" or ")}, got ${JSON.stringify(value)}`);
}

/** A list of parts. */
export function partList(part: Part, key: string): readonly Part[] {
  const value = part[key];
  if (Array.isArray(value) && value.every((each) => typeof (each as Part | null)?.type === "string")) {
    return value as readonly Part[];
  }
  throw new PartError(`"${key}" of ${part.type} must be a list of parts, each with a type`);
}
