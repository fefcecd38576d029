import type { ComparisonRow } from "./compare.ts";
import { formatComparison } from "./comparison-table.ts";
import type { Growth } from "./growth.ts";

const START = "<!-- models -->";
const END = "<!-- /models -->";

function growthTable(growths: readonly Growth[]): string {
  const lines = growths.map(({ name, parameterCount, steps, piecesPerStep, firstLoss, lastLoss, perplexity, date }) => {
    const measured = ["wordnet", "speeches", "bible", "mail"].map((corpus) => perplexity[corpus]!.toFixed(1));
    return `| ${name} | ${(parameterCount / 1e6).toFixed(1)} M | ${((steps * piecesPerStep) / 1e6).toFixed(1)} M | ${firstLoss.toFixed(2)} to ${lastLoss.toFixed(2)} | ${measured.join(" | ")} | ${date} |`;
  });
  return [
    "| model | weights | pieces seen | loss, nats | wordnet | speeches | bible | mail | date |",
    "|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ...lines,
  ].join("\n");
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
  return `${readme.slice(0, from)}${START}\nHeld-out perplexity of hidden pieces, by corpus:\n\n${growthTable(growths)}\n${against}${readme.slice(to)}`;
}
