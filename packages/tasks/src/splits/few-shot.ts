import { ConfigError, parseConfig } from "@cambium/base";
import type { Random } from "@cambium/core";
import * as z from "zod";
import { groupBy, type SplitRow } from "./row-parts.ts";

/** Settings of `fewShot`. */
export interface FewShotOptions {
  /** Rows of each class, from 1. */
  readonly perClass: number;
  /** Whether a class of fewer rows is an error, or gives all that it has. @default "error" */
  readonly fewer?: "error" | "keep";
  readonly random: Random;
}

const schema = z.strictObject({
  perClass: z.int().positive(),
  fewer: z.enum(["error", "keep"]).default("error"),
  random: z.custom<Random>((value) => typeof (value as Random | undefined)?.permutation === "function"),
});

/**
 * Equally many rows of each class, drawn at random, in random order. With one seed, the rows of a smaller draw are among those of
 * a larger one.
 *
 * @throws {ConfigError} When a class has fewer rows, unless they are kept, or some rows have a label and others none; names it.
 * @example
 * const few = fewShot(train, { perClass: 8, random: random(1) });
 */
export function fewShot<Row extends SplitRow>(rows: readonly Row[], options: FewShotOptions): Row[] {
  const { perClass, fewer, random } = parseConfig("fewShot", schema, options);
  const drawn: Row[] = [];
  const bare = rows.findIndex(({ label }) => label === undefined);
  if (bare !== -1 && rows.some(({ label }) => label !== undefined))
    throw new ConfigError({ message: `fewShot: row ${bare} has no label, and others have one`, row: bare });
  for (const [label, own] of groupBy(rows, (row) => row.label)) {
    if (own.length < perClass && fewer === "error") {
      throw new ConfigError({
        message: `fewShot: class ${JSON.stringify(label)} has ${own.length} rows, ${perClass} are wanted of each; take all of a smaller class by fewer: "keep"`,
        label,
      });
    }
    const order = random.at(`class ${String(label)}`).permutation(own.length);
    for (const i of order.slice(0, perClass)) drawn.push(own[i]!);
  }
  return Array.from(random.at("order").permutation(drawn.length), (i) => drawn[i]!);
}
