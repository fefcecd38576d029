import type { Measures } from "../growth/growing.ts";
import type { Growth } from "../growth/growth.ts";
import type { ComparisonRow } from "../measures/compare.ts";
import { formatComparison } from "../measures/comparison-table.ts";

const START = "<!-- models -->";
const END = "<!-- /models -->";

const SHOWN = ["wordnet", "speeches", "bible", "mail"] as const;

/** A table of some models, with what was measured of the shown corpora; nothing where there are no such models. */
function tableOf(
  title: string,
  growths: readonly Growth[],
  measured: (growth: Growth) => Measures | undefined,
  digits: number,
): string {
  const rows = growths.flatMap((growth) => {
    const values = measured(growth);
    if (values === undefined) return [];
    const { name, parameterCount, steps, piecesPerStep, firstLoss, lastLoss, date } = growth;
    const shown = SHOWN.map((corpus) => values[corpus]!.toFixed(digits)).join(" | ");
    return `| ${name} | ${(parameterCount / 1e6).toFixed(1)} M | ${((steps * piecesPerStep) / 1e6).toFixed(1)} M | ${firstLoss.toFixed(2)} to ${lastLoss.toFixed(2)} | ${shown} | ${date} |`;
  });
  if (rows.length === 0) return "";
  return [
    title,
    "",
    `| model | weights | pieces seen | loss, nats | ${SHOWN.join(" | ")} | date |`,
    "|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ...rows,
    "",
  ].join("\n");
}

/** Tables of encoders, decoders and encoder-decoders: their measures are not to be compared with each other. */
function growthTables(growths: readonly Growth[]): string {
  const nats = (kind: Growth["kind"]) => (growth: Growth) =>
    growth.kind === kind ? growth.natsPerCharacter : undefined;
  return [
    tableOf("Held-out perplexity of hidden pieces, by corpus:", growths, ({ perplexity }) => perplexity, 1),
    tableOf("Nats of a held-out character, from what stands before it:", growths, nats("decoder"), 3),
    tableOf("Nats of a character of hidden words:", growths, nats("encoder-decoder"), 3),
  ]
    .filter((table) => table !== "")
    .join("\n");
}

/**
 * The package's README with its tables written again: losses and held-out perplexity of hidden pieces, and the comparison.
 *
 * @throws {Error} When the README has no marks around the tables.
 */
export function writePackageTables(readme: string, growths: readonly Growth[], rows: readonly ComparisonRow[]): string {
  const from = readme.indexOf(START);
  const to = readme.indexOf(END);
  if (from < 0 || to < from) throw new Error(`writePackageTables: the README has no ${START} … ${END}`);
  const against =
    rows.length === 0
      ? ""
      : `\nAgainst twins of random weights, telling spam from ham by LoRA (rank 8, query and value, new head) in ${rows[0]!.devCount} messages never trained on;\nmeans in percent with 95 % intervals over seeds:\n\n${formatComparison(rows)}\n`;
  return `${readme.slice(0, from)}${START}\n${growthTables(growths)}${against}${readme.slice(to)}`;
}
