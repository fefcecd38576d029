/** Pieces with a meaning, at the ids 0 to 4, as `trainWordPiece` begins every vocabulary. */
export const SPECIAL_PIECES: readonly string[] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
