/**
 * Whole tables of embeddings that PEFT puts beside an adapter (`save_embedding_layers`): where they are targeted, and where a vocabulary
 * was resized. PEFT copies them over those of the base. Here the base stays as it is, so that they have to be the same.
 */
import type { Safetensors } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { tablesOf } from "../host.ts";
import { wordHeads } from "./peft-config.ts";
import { ourName, unwrapKey } from "./peft-names.ts";

/** What the tables of a file are. */
interface StoredTables {
  /** Keys of tables that are the base's. */
  readonly same: ReadonlySet<string>;
  /** Why one is not. */
  readonly problem?: string;
}

/** Half a unit in the last place, as a share of the number, by how numbers are stored: a base may have been rounded before. */
const ROUNDING: Readonly<Record<string, number>> = { F16: 2 ** -11, BF16: 2 ** -8 };

/**
 * Compares the tables in a file with the base's.
 *
 * @param trained - Parameters that the file brings along on purpose.
 */
export async function compareTables(
  base: LanguageModel,
  file: Safetensors,
  trained: readonly string[],
): Promise<StoredTables> {
  const same = new Set<string>();
  for (const [key, { dtype, shape }] of file.entries) {
    const name = tableName(base, key);
    if (name === undefined || trained.includes(name)) continue;
    const own = base.parameters.get(name)!;
    const what = `the weights hold ${key}, the whole table of embeddings that the adapter was trained on (save_embedding_layers)`;
    if (own.shape.join() !== shape.join()) {
      return {
        same,
        problem: `was made for a vocabulary of another size: ${what}, of [${shape}], and this model's is [${own.shape}]`,
      };
    }
    if (!isSame(await file.values(key), await own.data(), ROUNDING[dtype] ?? 0)) {
      return {
        same,
        problem: `was made for another base: ${what}, and it is not this model's; where it was trained whole, "modules_to_save" has to name it`,
      };
    }
    same.add(key);
  }
  return { same };
}

/** The base's parameter that a key is a copy of: a table of words, or the matrix by which a language model's head scores them. */
function tableName(base: LanguageModel, key: string): string | undefined {
  const plain = ourName(base, unwrapKey(key)).replace(/\.base_layer\.weight$/, ".weight");
  const name = base.layout.parameters.get(plain)?.tiedTo ?? plain;
  const site = base.sites().find(({ path, weight }) => weight !== undefined && `${path}.weight` === plain);
  const found = site?.weight?.name ?? name;
  const scoresWords = site?.role === "head" && base.head !== undefined && wordHeads.includes(base.head.kind);
  return tablesOf(base.sites()).has(found) || scoresWords ? found : undefined;
}

function isSame(a: ArrayLike<number | bigint>, b: ArrayLike<number>, rounding: number): boolean {
  for (let i = 0; i < b.length; i++) {
    if (Math.abs(Number(a[i]) - b[i]!) > rounding * Math.abs(b[i]!)) return false;
  }
  return true;
}
