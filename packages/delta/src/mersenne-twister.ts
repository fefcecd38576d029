/**
 * PyTorch's generator on the processor, for tensors that its files leave out and that only its seeds say.
 *
 * @see Matsumoto and Nishimura 1998, Mersenne Twister, ACM TOMACS 8(1), for MT19937 and its seeding of 2002.
 */

const SIZE = 624;
const MIDDLE = 397;

/** A source of 32-bit integers, as `torch.Generator().manual_seed(seed)` gives them. */
function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(SIZE);
  state[0] = seed;
  for (let i = 1; i < SIZE; i++) {
    const before = state[i - 1]! ^ (state[i - 1]! >>> 30);
    state[i] = Math.imul(before, 1_812_433_253) + i;
  }
  let index = SIZE;
  return () => {
    if (index === SIZE) {
      twist(state);
      index = 0;
    }
    let value = state[index++]!;
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    return (value ^ (value >>> 18)) >>> 0;
  };
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < SIZE; i++) {
    const mixed = (state[i]! & 0x80000000) | (state[(i + 1) % SIZE]! & 0x7fffffff);
    state[i] = state[(i + MIDDLE) % SIZE]! ^ (mixed >>> 1) ^ ((mixed & 1) === 0 ? 0 : 0x9908b0df);
  }
}

/**
 * The first numbers of a random order of 0 … `size` − 1, as `torch.randperm(size, generator=…)` draws it.
 *
 * @param size - Below 2³² / 20: above, PyTorch draws otherwise.
 * @param count - At most `size`.
 */
export function torchPermutation(size: number, seed: number, count: number): Int32Array {
  const next = mersenneTwister(seed);
  const moved = new Map<number, number>(); // what stands where it did not at first
  const at = (place: number): number => moved.get(place) ?? place;
  // Later exchanges do not touch the places before them.
  return Int32Array.from({ length: count }, (_, i) => {
    const other = i < size - 1 ? i + (next() % (size - i)) : i;
    const taken = at(other);
    moved.set(other, at(i));
    return taken;
  });
}
