import type { ComparisonRow } from "./compare.ts";
import { formatComparison } from "./comparison-table.ts";
import type { Growth } from "./growth.ts";

const thousands = (value: number): string => Math.round(value).toLocaleString("en");
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;

function corpusTable({ corpora, perplexity }: Growth): string {
  const total = corpora.reduce((sum, { trained, trainPieces }) => sum + (trained ? trainPieces : 0), 0);
  const rows = corpora.map(({ name, source, version, licence, trained, trainPieces, heldPieces }) =>
    row([
      name,
      `${source} ${version}`,
      licence,
      trained ? thousands(trainPieces) : "none",
      trained ? `${((100 * trainPieces) / total).toFixed(1)} %` : "0 %",
      thousands(heldPieces),
      perplexity[name]!.toFixed(1),
    ]),
  );
  return [
    row([
      "corpus",
      "package",
      "licence of the text",
      "pieces trained on",
      "share",
      "pieces held out",
      "perplexity held out",
    ]),
    "|---|---|---|---:|---:|---:|---:|",
    ...rows,
  ].join("\n");
}

function comparisonSection(rows: readonly ComparisonRow[]): string {
  if (rows.length === 0) return "";
  return `
## Against random weights

Telling spam from ham in ${rows[0]!.devCount} development messages never trained on: LoRA of rank 8 on query and value and a new head, rate 2e-3, the
first 64 pieces of a message; means in percent with 95 % intervals over seeds. A twin has the same shape and tokeniser, and random weights.

${formatComparison(rows)}
`;
}

const MASKED = "BERT's masked pieces (Devlin et al. 2018): 15 % to guess (80 % masked, 10 % replaced, 10 % left).";

function lossOf({ teacher }: Growth): string {
  if (teacher === undefined)
    return `${MASKED} In place of BERT's order of two texts, the
pooled output guesses all pieces of its row (Ma et al. 2024, arXiv:2401.11248); the loss is the sum of both.`;
  return `${MASKED} Beside it ${teacher} is the teacher, which reads the same
text with nothing hidden: its representation of every piece, centred and scaled to variance 1, is guessed from that of the sapling (squared
error, times 2), and its vector of the row from the pooled output (one minus cosine, times 4). The vocabulary is the part of the teacher's that
the text needs, and the word embeddings began as the teacher's in their principal directions.`;
}

const rowsOf = ({ teacher }: Growth): string =>
  teacher === undefined
    ? "rows of 128, in the last tenth of 256"
    : "rows of 128 and of 32 in turn, in the last tenth 256 in place of 128";

/**
 * The model card of a sapling, as Markdown.
 *
 * @param comparison - Runs of this sapling and its random twins.
 */
export function modelCard(growth: Growth, comparison: readonly ComparisonRow[]): string {
  const {
    name,
    date,
    from,
    seed,
    steps,
    piecesPerStep,
    learningRate,
    firstLoss,
    lastLoss,
    minutes,
    hardware,
    parameterCount,
    vocabularySize,
    corpora,
  } = growth;
  const trained = corpora.filter((corpus) => corpus.trained).reduce((sum, { trainPieces }) => sum + trainPieces, 0);
  const epochs = (steps * piecesPerStep) / trained;
  return `# ${name}

A lower-cased BERT encoder with ${thousands(parameterCount)} weights and a WordPiece vocabulary of ${thousands(vocabularySize)}, for texts of up to 256 pieces.
${from === undefined ? (growth.teacher === undefined ? "Its weights began random." : "Its weights began random, but for the word embeddings.") : `It continues ${from}, with another kind of text.`} Grown by \`pnpm grow ${name}\` in the Cambium repository on ${date}.

\`config.json\`, \`model.safetensors\` (16-bit floats) and \`tokenizer.json\` are in Hugging Face's formats; transformers reads them too.
The file holds the encoder, the pooler and the masked-language-model head (its decoder is the word embeddings).

## Text

${corpusTable(growth)}

Every fiftieth document of each corpus is held out. Perplexity: \`exp\` of the mean cross-entropy of 15 % of the pieces, hidden
behind \`[MASK]\`, in the weights as stored. Of the mail only the ham of the training split was read, by the split that the quickstart uses,
without headers. SHA-256 of each corpus as read is in \`growth.json\`. WordNet 3.1 is © Princeton University, used under the WordNet licence.
Texts under the GPL or the GFDL (GCIDE, FOLDOC) were left out.

## Training

${lossOf(growth)} Half of the rows are pairs. ${thousands(steps)} steps of ${thousands(piecesPerStep)} pieces (${epochs.toFixed(1)} epochs), ${rowsOf(growth)}. AdamW, weight decay 0.01,
clipping at 1, rate ${learningRate}, falling to zero over the last fifth of the steps. No dropout, for speed.

| | |
|---|---|
| loss, first and last hundred steps | ${firstLoss.toFixed(3)}, ${lastLoss.toFixed(3)} nats |
| time in steps | ${minutes.toFixed(0)} minutes |
| hardware | ${hardware} |
| seed | ${seed} |
${comparisonSection(comparison)}
## Limits

Small, old and English: most of the text is from before 1930 or from dictionaries. It repeats the views of its sources. Meant for
trying methods on and for tests, not for products.

Licence of the weights: Apache-2.0.
`;
}
