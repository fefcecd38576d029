/** A map from pairs of whole numbers to whole numbers, all at least 0: merges by their parts, nodes of a trie by their edges. */
export class PairTable {
  private keys: Int32Array;
  private values: Int32Array;
  private mask: number;
  private count = 0;

  /** @param expected - About how many pairs there will be. */
  constructor(expected: number) {
    let size = 16;
    while (size < 2 * expected) size *= 2;
    this.mask = size - 1;
    this.keys = new Int32Array(2 * size).fill(-1);
    this.values = new Int32Array(size);
  }

  private slot(first: number, second: number): number {
    let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & this.mask;
    for (;;) {
      const key = this.keys[2 * slot]!;
      if (key === -1 || (key === first && this.keys[2 * slot + 1] === second)) return slot;
      slot = (slot + 1) & this.mask;
    }
  }

  /** The value of a pair, or −1. */
  get(first: number, second: number): number {
    const slot = this.slot(first, second);
    return this.keys[2 * slot] === -1 ? -1 : this.values[slot]!;
  }

  set(first: number, second: number, value: number): void {
    const slot = this.slot(first, second);
    this.values[slot] = value;
    if (this.keys[2 * slot] !== -1) return;
    this.keys[2 * slot] = first;
    this.keys[2 * slot + 1] = second;
    if (2 * ++this.count > this.mask) this.grow();
  }

  private grow(): void {
    const { keys, values } = this;
    this.mask = 2 * this.mask + 1;
    this.keys = new Int32Array(2 * (this.mask + 1)).fill(-1);
    this.values = new Int32Array(this.mask + 1);
    for (let i = 0; i < values.length; i++) {
      if (keys[2 * i] === -1) continue;
      const slot = this.slot(keys[2 * i]!, keys[2 * i + 1]!);
      this.keys[2 * slot] = keys[2 * i]!;
      this.keys[2 * slot + 1] = keys[2 * i + 1]!;
      this.values[slot] = values[i]!;
    }
  }
}
