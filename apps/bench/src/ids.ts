/** Ids that walk through the vocabulary, the same as on the Python side. */
export const walk = (count: number, vocabulary: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => 2 + ((i * 7919) % (vocabulary - 2)));
