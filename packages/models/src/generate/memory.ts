/**
 * Keys and values of the sequences that a compiled model continues, in arrays of the host. Graphs read them in place and give new
 * rows only, which are copied behind the old ones: nothing else of it moves for a token.
 */
import type { HostTensor } from "@cambium/core";

/** What one attention keeps of a row. */
export interface KeptShape {
  readonly heads: number;
  readonly dHead: number;
}

/** Rows by which the room grows: graphs read all of it, so that it is no more than a little larger than what it holds. */
const STEP = 256;

const roomFor = (rows: number): number => Math.ceil(rows / STEP) * STEP;

/** Memory of several sequences; each holds its own number of rows, one after the other from the first on. */
export class Memory {
  /** Rows that each sequence holds. */
  lengths: number[];
  /** The position that comes next in each. */
  positions: number[];
  /** Rows that each has room for. */
  private capacity: number;
  private readonly shapes: readonly KeptShape[];
  /** For each attention keys and values, `[sequence, head, row, dHead]`. */
  private arrays: (readonly [key: Float32Array, value: Float32Array])[];

  constructor(shapes: readonly KeptShape[], size: number) {
    this.shapes = shapes;
    this.lengths = Array<number>(size).fill(0);
    this.positions = Array<number>(size).fill(0);
    this.capacity = 0;
    this.arrays = shapes.map(() => [new Float32Array(0), new Float32Array(0)]);
  }

  get size(): number {
    return this.lengths.length;
  }

  /** Bytes that it takes. */
  get sizeBytes(): number {
    return this.arrays.reduce((sum, [key, value]) => sum + key.byteLength + value.byteLength, 0);
  }

  /** The keys and values of one attention as a graph reads them. */
  read(layer: number): readonly [key: HostTensor, value: HostTensor] {
    const { heads, dHead } = this.shapes[layer]!;
    const shape = [this.size, heads, this.capacity, dHead];
    const [key, value] = this.arrays[layer]!;
    return [
      { data: key, shape },
      { data: value, shape },
    ];
  }

  /** 1 for rows that hold something, `[sequences, capacity]`. */
  mask(): HostTensor {
    const data = new Float32Array(this.size * this.capacity);
    for (const [i, length] of this.lengths.entries()) data.fill(1, i * this.capacity, i * this.capacity + length);
    return { data, shape: [this.size, this.capacity] };
  }

  /** The positions that come next, int32 `[sequences, 1]`. */
  nextPositions(): HostTensor {
    return { data: Int32Array.from(this.positions), shape: [this.size, 1] };
  }

  /** Makes room for so many rows of each. */
  reserve(rows: number): void {
    if (rows > this.capacity) this.arrange([...this.lengths.keys()], roomFor(rows));
  }

  /**
   * Takes up new rows.
   *
   * @param rows - Keys and values of each attention, `[sequence, head, new rows, dHead]`.
   * @param isReal - Which of the new rows count, by sequence.
   * @param positions - The position that comes next in each.
   */
  append(
    rows: readonly (readonly [key: HostTensor, value: HostTensor])[],
    isReal: readonly (readonly boolean[])[],
    positions: readonly number[],
  ): void {
    const counts = isReal.map((row) => row.filter(Boolean).length);
    this.reserve(Math.max(...this.lengths.map((length, i) => length + counts[i]!)));
    const runs = isReal.map(runsOf);
    for (const [layer, made] of rows.entries())
      for (const [part, { data, shape }] of made.entries())
        this.copyRows(data as Float32Array, shape[2]!, layer, part as 0 | 1, runs);
    for (const [i, count] of counts.entries()) this.lengths[i]! += count;
    this.positions = [...positions];
  }

  private copyRows(from: Float32Array, rows: number, layer: number, part: 0 | 1, runs: readonly Run[][]): void {
    const { heads, dHead } = this.shapes[layer]!;
    const to = this.arrays[layer]![part];
    for (const [i, ofSequence] of runs.entries())
      for (let head = 0; head < heads; head++) {
        const block = i * heads + head;
        let at = (block * this.capacity + this.lengths[i]!) * dHead;
        for (const { start, end } of ofSequence) {
          to.set(from.subarray((block * rows + start) * dHead, (block * rows + end) * dHead), at);
          at += (end - start) * dHead;
        }
      }
  }

  /** Keeps these sequences in this order. */
  select(order: readonly number[]): void {
    if (order.length === this.size && order.every((from, i) => from === i)) return;
    this.arrange(order, roomFor(Math.max(0, ...order.map((i) => this.lengths[i]!))));
  }

  /** These sequences, in this order, in memory of their own. */
  copy(order: readonly number[]): Memory {
    const copy = new Memory(this.shapes, 0);
    copy.lengths = this.lengths;
    copy.positions = this.positions;
    copy.capacity = this.capacity;
    copy.arrays = this.arrays;
    copy.arrange(order, roomFor(Math.max(0, ...order.map((i) => this.lengths[i]!)))); // which makes arrays of its own
    return copy;
  }

  /** Puts the sequences of another in place of some of its own. */
  replace(places: readonly number[], other: Memory): void {
    this.reserve(other.capacity);
    for (const [layer, pair] of this.arrays.entries())
      for (const [part, to] of pair.entries()) {
        const { heads, dHead } = this.shapes[layer]!;
        const from = other.arrays[layer]![part]!;
        for (const [i, place] of places.entries()) {
          copyBlocks(from, to, {
            blocks: Array.from({ length: heads }, (_, head) => i * heads + head),
            offset: place * heads,
            rows: Array<number>(heads).fill(other.lengths[i]!),
            from: other.capacity * dHead,
            to: this.capacity * dHead,
            dHead,
          });
        }
      }
    for (const [i, place] of places.entries()) {
      this.lengths[place] = other.lengths[i]!;
      this.positions[place] = other.positions[i]!;
    }
  }

  /** Takes over the sequences of another, behind its own. */
  add(other: Memory): void {
    const own = this.size;
    const capacity = Math.max(this.capacity, other.capacity);
    const size = own + other.size;
    this.arrays = this.arrays.map((mine, layer) => {
      const { heads, dHead } = this.shapes[layer]!;
      const parts = mine.map((_, part) => {
        const joined = new Float32Array(size * heads * capacity * dHead);
        for (const [memory, offset] of [
          [this, 0],
          [other, own],
        ] as const)
          copyBlocks(memory.arrays[layer]![part]!, joined, {
            blocks: [...Array(memory.size * heads).keys()],
            offset: offset * heads,
            rows: memory.lengths.flatMap((length) => Array<number>(heads).fill(length)),
            from: memory.capacity * dHead,
            to: capacity * dHead,
            dHead,
          });
        return joined;
      });
      return parts as [Float32Array, Float32Array];
    });
    this.lengths = [...this.lengths, ...other.lengths];
    this.positions = [...this.positions, ...other.positions];
    this.capacity = capacity;
    other.clear();
  }

  /** Lets go of everything. */
  clear(): void {
    this.lengths = [];
    this.positions = [];
    this.capacity = 0;
    this.arrays = this.shapes.map(() => [new Float32Array(0), new Float32Array(0)]);
  }

  /** Moves the sequences of `order` to new arrays with room for `capacity` rows. */
  private arrange(order: readonly number[], capacity: number): void {
    this.arrays = this.arrays.map((pair, layer) => {
      const { heads, dHead } = this.shapes[layer]!;
      const blocks = order.flatMap((sequence) => Array.from({ length: heads }, (_, head) => sequence * heads + head));
      const rows = order.flatMap((sequence) => Array<number>(heads).fill(this.lengths[sequence]!));
      const moved = pair.map((from) => {
        const to = new Float32Array(order.length * heads * capacity * dHead);
        copyBlocks(from, to, { blocks, offset: 0, rows, from: this.capacity * dHead, to: capacity * dHead, dHead });
        return to;
      });
      return moved as [Float32Array, Float32Array];
    });
    this.lengths = order.map((sequence) => this.lengths[sequence]!);
    this.positions = order.map((sequence) => this.positions[sequence]!);
    this.capacity = capacity;
  }
}

/** Rows that count, one after the other: a half-open range. */
interface Run {
  readonly start: number;
  readonly end: number;
}

function runsOf(isReal: readonly boolean[]): Run[] {
  const runs: Run[] = [];
  for (let start = 0; start < isReal.length; start++) {
    if (isReal[start] !== true) continue;
    let end = start + 1;
    while (isReal[end] === true) end++;
    runs.push({ start, end });
    start = end;
  }
  return runs;
}

/** Which blocks are copied to where, and how long they are. */
interface Blocks {
  /** The blocks of the source, in the order of the target's. */
  readonly blocks: readonly number[];
  /** The first block of the target. */
  readonly offset: number;
  /** Rows of each that hold something. */
  readonly rows: readonly number[];
  /** Elements of a block of the source, and of the target. */
  readonly from: number;
  readonly to: number;
  readonly dHead: number;
}

function copyBlocks(from: Float32Array, to: Float32Array, { blocks, offset, rows, dHead, ...sizes }: Blocks): void {
  for (const [i, block] of blocks.entries()) {
    const start = block * sizes.from;
    to.set(from.subarray(start, start + rows[i]! * dHead), (offset + i) * sizes.to);
  }
}
