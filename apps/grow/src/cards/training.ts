/** What a card says of how a sapling learnt, by kind. */
import type { Growth } from "../growth/growth.ts";

const MASKED = "BERT's masked pieces (Devlin et al. 2018): 15 % to guess (80 % masked, 10 % replaced, 10 % left).";

function encoderLoss({ teacher }: Growth): string {
  if (teacher === undefined)
    return `${MASKED} In place of BERT's order of two texts, the
pooled output guesses all pieces of its row (Ma et al. 2024, arXiv:2401.11248); the loss is the sum of both. Half of the rows are pairs.
Rows of 128, in the last tenth of 256.`;
  return `${MASKED} Beside it ${teacher} is the teacher, which reads the same
text with nothing hidden: its representation of every piece, centred and scaled to variance 1, is guessed from that of the sapling (squared
error, times 2), and its vector of the row from the pooled output (one minus cosine, times 4). The vocabulary is the part of the teacher's that
the text needs, and the word embeddings began as the teacher's in their principal directions. Half of the rows are pairs.
Rows of 128 and of 32 in turn, in the last tenth 256 in place of 128.`;
}

const losses: Readonly<Record<NonNullable<Growth["kind"]>, (growth: Growth) => string>> = {
  encoder: encoderLoss,
  decoder:
    () => `Every piece is guessed from those before it. Rows of 256 pieces cut from the text wherever they fall, and in the last fifth of 512 in
turn; documents end with \`</s>\`.`,
  "encoder-decoder":
    () => `T5's span corruption (Raffel et al. 2020, arXiv:1910.10683): of 256 pieces 15 % are hidden in runs of 3 on average, each behind a token
\`<extra_id_0>\`, \`<extra_id_1>\`, …, and the decoder writes these runs.`,
  chat: () => `Conversations of one to three questions that a program made of WordNet, with the one right answer of each; only the answers are
learnt. In one of eight a system message asks for capitals.`,
};

/** What is to be guessed, and from what. */
export const lossOf = (growth: Growth): string => losses[growth.kind ?? "encoder"](growth);

/** What it is, in a sentence. */
export function describeModel({ kind = "encoder", vocabularySize }: Growth, weights: string): string {
  const vocabulary = vocabularySize.toLocaleString("en");
  if (kind === "encoder")
    return `A lower-cased BERT encoder with ${weights} weights and a WordPiece vocabulary of ${vocabulary}, for texts of up to 256 pieces.`;
  if (kind === "encoder-decoder")
    return `A T5 encoder-decoder with ${weights} weights and a byte-level vocabulary of ${vocabulary}, which fills gaps in texts of some 256 pieces.`;
  const what = kind === "chat" ? "decoder that answers in turns," : "decoder";
  return `A LLaMA ${what} with ${weights} weights and a byte-level vocabulary of ${vocabulary}, for texts of up to 512 pieces.`;
}

/** What its file holds. */
export function describeFile({ kind = "encoder" }: Growth): string {
  if (kind === "encoder")
    return "The file holds the encoder, the pooler and the masked-language-model head (its decoder is the word embeddings).";
  return "The head is the word embeddings.";
}

/** What to expect of it. */
export function limitsOf({ kind = "encoder" }: Growth): string {
  const shared =
    "Small, old and English: most of the text is from before 1930, from dictionaries or from manuals. It repeats the views of its sources. Meant for\ntrying methods on and for tests, not for products.";
  return kind === "chat"
    ? `It answers the kinds of questions in the table, in the ways that it was asked, and makes things up elsewhere. ${shared}`
    : shared;
}
