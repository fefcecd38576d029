/** Vocabularies of SentencePiece with scores and bytes for what is unknown: `tokenizer.ggml.model` is `llama`. */
import type { TokenizerParts } from "./read-tokenizer.ts";
import { tokenTypes, type Vocabulary } from "./vocabulary.ts";

/** What stands for a blank in a piece. */
export const BLANK = "\u2581";

/**
 * The parts of a `tokenizer.json`, as LLaMA 2 has it: a blank in front of every text and behind every special token, unless the file
 * says otherwise.
 *
 * @throws {FormatError} When there are no scores, some of the 256 bytes are no tokens, or texts would be changed in a way that the
 *   file does not describe.
 */
export function readSentencePiece(vocabulary: Vocabulary): TokenizerParts {
  const { flag, refuse, scores, tokens, types } = vocabulary;
  if (flag("remove_extra_whitespaces") === true)
    throw refuse("remove_extra_whitespaces", "is true, which is not supported");
  if (scores === undefined) throw refuse("scores", "is absent");
  const byteCount = types.filter((type) => type === tokenTypes.byte).length;
  if (byteCount !== 0 && byteCount !== 256)
    throw refuse("token_type", `marks ${byteCount} tokens as bytes, and there are 256`);
  const prefix = flag("add_space_prefix") ?? true;
  const replaced = { type: "Replace", pattern: { String: " " }, content: BLANK };
  const blanks = { type: "Replace", pattern: { String: BLANK }, content: " " };
  return {
    normalizer: prefix
      ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: BLANK }, replaced] }
      : { type: "Sequence", normalizers: [replaced] },
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        blanks,
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      unk_token: tokens[vocabulary.special.unknown ?? types.indexOf(tokenTypes.unknown)] ?? null,
      fuse_unk: true,
      byte_fallback: byteCount === 256,
      merges: mergesOf(tokens, scores),
    },
    addsBos: true,
  };
}

/**
 * The merges that scores mean: of all pairs of neighbours that make a piece, the one of the highest score is merged first.
 *
 * Among pieces of one score SentencePiece takes the leftmost in the text, which no order of merges can say; these come as
 * transformers orders them.
 */
export function mergesOf(tokens: readonly string[], scores: readonly number[]): string[][] {
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const merges: { readonly pair: [string, string]; readonly score: number; readonly lengths: [number, number] }[] = [];
  for (const [id, token] of tokens.entries()) {
    const letters = [...token];
    const splits = letters.slice(1).map((_, i) => [letters.slice(0, i + 1), letters.slice(i + 1)] as const);
    const found = splits.flatMap(([left, right]) => {
      const pair: [string, string] = [left.join(""), right.join("")];
      if (!idOf.has(pair[0]) || !idOf.has(pair[1])) return [];
      return [{ pair, score: scores[id]!, lengths: [left.length, right.length] as [number, number] }];
    });
    found.sort((a, b) => idOf.get(a.pair[0])! - idOf.get(b.pair[0])!);
    merges.push(...found);
  }
  merges.sort((a, b) => b.score - a.score || b.lengths[0] - a.lengths[0] || b.lengths[1] - a.lengths[1]);
  return merges.map(({ pair }) => pair);
}
