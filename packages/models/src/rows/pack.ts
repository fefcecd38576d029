/** Several rows in one, without padding between them. */
import { ConfigError } from "@cambium/base";
import { IGNORED } from "../heads/losses.ts";
import type { CollateModel } from "./assembler.ts";
import type { EncodedRow } from "./encoding.ts";

/** Rows side by side. */
export interface PackedRow extends EncodedRow {
  /** Which row each token is of, from 0. */
  readonly sequences: readonly number[];
}

/** Number of what is no token of any row. */
export const NO_ROW = -1;

/**
 * Throws for a model that would read packed rows as one.
 *
 * @throws {ConfigError} When its head is none of the next word, or its family does not tell packed rows apart.
 */
export function checkPack({ architecture, config, head }: CollateModel, pack: unknown): void {
  if (typeof pack !== "boolean") {
    throw new ConfigError({ message: `collate: pack must be true or false, got ${JSON.stringify(pack)}`, pack });
  }
  if (!pack) return;
  const problem =
    head?.kind !== "causal-lm"
      ? `is for a head of kind "causal-lm", and this is ${head === undefined ? "none" : `"${head.kind}"`}`
      : architecture.packs !== true
        ? `is not for a ${config.model_type}, which reads a row as one text`
        : undefined;
  if (problem !== undefined) throw new ConfigError({ message: `collate: pack ${problem}`, pack });
}

/**
 * Rows in as few as first-fit finds, each of at most `maxLength` tokens, in the order of the rows. The first token of a row is
 * not learnt: nothing of the row stands before it.
 */
export function packRows(rows: readonly EncodedRow[], maxLength: number): PackedRow[] {
  const bins: { readonly rows: EncodedRow[]; length: number }[] = [];
  for (const row of rows) {
    const bin = bins.find(({ length }) => length + row.ids.length <= maxLength);
    if (bin === undefined) bins.push({ rows: [row], length: row.ids.length });
    else {
      bin.rows.push(row);
      bin.length += row.ids.length;
    }
  }
  return bins.map(({ rows: members }) => ({
    ids: members.flatMap(({ ids }) => ids),
    types: members.flatMap(({ types }) => types),
    sequences: members.flatMap(({ ids }, i) => ids.map(() => i)),
    ...(members[0]!.labels !== undefined && {
      labels: members.flatMap(({ labels }) => [IGNORED, ...labels!.slice(1)]),
    }),
  }));
}
