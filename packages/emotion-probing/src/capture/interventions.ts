/** Interventions as plain JSON, so that they can be stored, compared and hashed with the results that they made. */
import { canonicalJson, parseConfig, sha256 } from "@cambium/base";
import * as z from "zod";

/** What is done to the values chosen. */
export type Operation =
  | { readonly kind: "zero" }
  /** Multiplies; 1 leaves every bit as it is. */
  | { readonly kind: "scale"; readonly by: number }
  /** A number for all, or one for each unit chosen. */
  | { readonly kind: "set"; readonly to: number | readonly number[] }
  /** Each unit's mean in other data, which `intervene` is given. */
  | { readonly kind: "mean" }
  /** Adds a number, or a direction with one number for each unit chosen. */
  | { readonly kind: "add"; readonly value: number | readonly number[] }
  /** Adds normal noise, another for every value; the same for the same seed. */
  | { readonly kind: "noise"; readonly deviation: number; readonly seed: number }
  | { readonly kind: "clamp"; readonly low?: number; readonly high?: number }
  /**
   * Takes the values of another example of the batch, which has two or more, at the same position: by a random order in which no example stays
   * in its place. Where the other is shorter, its padding is taken.
   */
  | { readonly kind: "resample"; readonly seed: number }
  /** Takes the values of another run, which `intervene` is given: activation patching. */
  | { readonly kind: "swap" };

/** A change of what leaves some sites. */
export interface Intervention {
  /** Any name that `findSites` takes; a role means every layer's. */
  readonly site: string;
  /** Columns of the last axis, from 0. @default all */
  readonly units?: readonly number[];
  /** Attention heads, for `attn.core` and `attn.pattern`. @default all */
  readonly heads?: readonly number[];
  /**
   * Tokens from 0, or the first or last real one of each example; for patterns, of the query. Where `intervene` is given the batch, rows that a prompt
   * puts in front of the words are not counted; else they are. @default all
   */
  readonly positions?: "first" | "last" | readonly number[];
  /** Examples of the batch, from 0. @default all */
  readonly rows?: readonly number[];
  readonly op: Operation;
}

const index = z.int().min(0);
const places = z
  .array(index)
  .min(1)
  .refine((list) => new Set(list).size === list.length, "names one twice");
const numbers = z.union([z.number(), z.array(z.number()).min(1)]);

const operation = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("zero") }),
  z.strictObject({ kind: z.literal("scale"), by: z.number() }),
  z.strictObject({ kind: z.literal("set"), to: numbers }),
  z.strictObject({ kind: z.literal("mean") }),
  z.strictObject({ kind: z.literal("add"), value: numbers }),
  z.strictObject({ kind: z.literal("noise"), deviation: z.number().min(0), seed: index }),
  z.strictObject({ kind: z.literal("clamp"), low: z.number().exactOptional(), high: z.number().exactOptional() }),
  z.strictObject({ kind: z.literal("resample"), seed: index }),
  z.strictObject({ kind: z.literal("swap") }),
]);

const schema: z.ZodType<readonly Intervention[]> = z.array(
  z.strictObject({
    site: z.string(),
    units: places.exactOptional(),
    heads: places.exactOptional(),
    positions: z.union([z.enum(["first", "last"]), places]).exactOptional(),
    rows: places.exactOptional(),
    op: operation,
  }),
);

/**
 * Interventions out of JSON, checked strictly.
 *
 * @throws {ConfigError} Naming everything that is wrong; an unknown key comes with the nearest known one.
 */
export function parseInterventions(value: unknown): readonly Intervention[] {
  return parseConfig("parseInterventions", schema, value);
}

/** A name for interventions, equal for equal ones: 64 hexadecimal digits. */
export const hashInterventions = (interventions: readonly Intervention[]): string =>
  sha256(canonicalJson(interventions));
