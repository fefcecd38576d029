/** LoRA on tables of word embeddings: a table is a layer whose input are words one-hot, so that A is looked up in. */
import { ConfigError } from "@cambium/base";
import { applyLinear, around, type Flow, type Hook, lookUp, type Start, zeroStart } from "@cambium/core";
import { add, mul, pad, scalar, type Tensor3D, transpose } from "@tensorflow/tfjs-core";
import type { Host } from "../host.ts";
import type { LowRank } from "../low-rank-rows.ts";
import { placesOf } from "../targets.ts";

/** Names of A and B of a table, which PEFT writes without an end. */
export const tableNames = (path: string): readonly [a: string, b: string] => [
  `${path}.lora_embedding_A`,
  `${path}.lora_embedding_B`,
];

/** How A and B of a table start: as in PEFT, whatever layers do. */
export const tableStarts: { readonly a: Start; readonly b: Start } = {
  a: zeroStart,
  b: { kind: "normal", deviation: 1 },
};

/** Paths of the tables among a config's targets. */
export function tablesAmong(shape: Host, config: { readonly targets: readonly string[] }): readonly string[] {
  return placesOf(shape, config).flatMap(({ site }) => (site.kind === "embed" ? [site.path] : []));
}

/**
 * Throws for settings that tables do not have.
 *
 * @param settings - Those that only layers have, by name, and whether they are asked for.
 * @throws {ConfigError} Naming the setting and the table.
 */
export function checkTables(tables: readonly string[], settings: Readonly<Record<string, boolean>>): void {
  const wrong = Object.keys(settings).find((name) => settings[name]);
  if (wrong === undefined || tables.length === 0) return;
  throw new ConfigError({
    message: `lora: ${wrong} is for linear layers, and ${tables[0]} is a table of embeddings; give it a LoRA of its own, named("…", lora(…))`,
    path: tables[0],
  });
}

/** The hook that adds `s · B A` of each word to its row; rows that other deltas put in front of the words stay as they are. */
export function onTables(tables: readonly string[], factorsAt: (path: string) => LowRank): readonly Hook[] {
  if (tables.length === 0) return [];
  return [
    around(
      "embed",
      ({ path }) => tables.includes(path),
      ({ site, input, next }): Flow["embed"]["output"] => {
        const words = next(input);
        const { a, b, scale } = factorsAt(site.path);
        const narrow = lookUp(transpose(a), input.ids); // [batch, seq, rank]
        const change = applyLinear(mul(narrow, scalar(scale)), b) as Tensor3D; // [batch, seq, dModel]
        const { extra } = words;
        const placed =
          extra === 0
            ? change
            : pad(change, [
                [0, 0],
                [extra, 0],
                [0, 0],
              ]);
        return { ...words, x: add(words.x, placed) };
      },
    ),
  ];
}
