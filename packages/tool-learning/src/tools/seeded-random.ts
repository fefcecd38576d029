import { sha256 } from "@cambium/base";

/**
 * Uniform numbers on [0, 1) from a text: equal texts, equal numbers. For spreading and simulating, not for secrets.
 *
 * @see Steele et al. 2014, Fast Splittable Pseudorandom Number Generators (the 32-bit mixing of SplitMix)
 */
export function seededRandom(seed: string): () => number {
  let state = Number.parseInt(sha256(seed).slice(0, 8), 16);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}
