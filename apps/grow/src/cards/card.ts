import type { Growth } from "../growth/growth.ts";
import type { ComparisonRow } from "../measures/compare.ts";
import { formatComparison } from "../measures/comparison-table.ts";
import { textSection, thousands } from "./text.ts";
import { describeFile, describeModel, limitsOf, lossOf } from "./training.ts";

function comparisonSection(rows: readonly ComparisonRow[]): string {
  if (rows.length === 0) return "";
  return `
## Against random weights

Telling spam from ham in ${rows[0]!.devCount} development messages never trained on: LoRA of rank 8 on query and value and a new head, rate 2e-3, the
first 64 pieces of a message; means in percent with 95 % intervals over seeds. A twin has the same shape and tokeniser, and random weights.

${formatComparison(rows)}
`;
}

function beginning({ from, teacher, kind }: Growth): string {
  if (kind === "chat") return `It began as ${from}.`;
  if (from !== undefined) return `It continues ${from}, with another kind of text.`;
  return teacher === undefined ? "Its weights began random." : "Its weights began random, but for the word embeddings.";
}

/** Times that the text was read, where there is a text. */
function epochs({ corpora, steps, piecesPerStep }: Growth): string {
  const trained = corpora.filter((corpus) => corpus.trained).reduce((sum, { trainPieces }) => sum + trainPieces, 0);
  return trained === 0 ? "" : ` (${((steps * piecesPerStep) / trained).toFixed(1)} epochs)`;
}

/**
 * The model card of a sapling, as Markdown.
 *
 * @param comparison - Runs of this sapling and its random twins.
 */
export function modelCard(growth: Growth, comparison: readonly ComparisonRow[]): string {
  const { name, date, seed, steps, piecesPerStep, learningRate, firstLoss, lastLoss, minutes, hardware } = growth;
  return `# ${name}

${describeModel(growth, thousands(growth.parameterCount))}
${beginning(growth)} Grown by \`pnpm grow ${name}\` in the Cambium repository on ${date}.

\`config.json\`, \`model.safetensors\` (16-bit floats) and \`tokenizer.json\` are in Hugging Face's formats; transformers reads them too.
${describeFile(growth)}

## Text

${textSection(growth)}
## Training

${lossOf(growth)}
${thousands(steps)} steps of ${thousands(piecesPerStep)} pieces${epochs(growth)}. AdamW, weight decay 0.01, clipping at 1, rate ${learningRate}, falling to zero over the last fifth of the
steps. No dropout, for speed.

| | |
|---|---|
| loss, first and last hundred steps | ${firstLoss.toFixed(3)}, ${lastLoss.toFixed(3)} nats |
| time in steps | ${minutes.toFixed(0)} minutes |
| hardware | ${hardware} |
| seed | ${seed} |
${comparisonSection(comparison)}
## Limits

${limitsOf(growth)}

Licence of the weights: Apache-2.0.
`;
}
