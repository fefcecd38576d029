import { createHash } from "node:crypto";

/** Numbers of a hashed embedding unless another count is asked for. */
const HASH_DIMENSIONS = 256;

/** Words and the three-letter pieces of each word, its ends marked: what two texts share when they are alike. */
function features(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.flatMap((word) => {
    const marked = `<${word}>`;
    return [word, ...Array.from({ length: marked.length - 2 }, (_, i) => marked.slice(i, i + 3))];
  });
}

/**
 * An embedding without a model: signed feature hashing of words and letter trigrams, of length one. Texts that share words
 * are near each other; it knows nothing of meaning. The same text has the same vector everywhere.
 *
 * @param dimensions - Numbers of the vector. @default 256
 * @see Weinberger et al. 2009, Feature Hashing for Large Scale Multitask Learning, arXiv:0902.2206, section 2.
 */
export function hashEmbedding(text: string, dimensions: number = HASH_DIMENSIONS): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const feature of features(text)) {
    const bits = createHash("sha256").update(feature).digest();
    vector[bits.readUInt32LE(0) % dimensions]! += bits[4]! % 2 === 0 ? 1 : -1;
  }
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}
