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
const STEP = 64;

/** Rows that there is room for where so many are held. */
const roomFor = (rows: number): number => Math.ceil(rows / STEP) * STEP;

/** Keys lie column by column, `[sequence, head, dHead, row]`, and values row by row, `[sequence, head, row, dHead]`. */
type Part = "key" | "value";
const PARTS: readonly Part[] = ["key", "value"];

/** The arrays of one attention. */
type Pair = Readonly<Record<Part, Float32Array>>;

/** Memory of several sequences; each holds its own number of rows, one after the other from the first on. */
export class Memory {
  /** Rows that each sequence holds. */
  lengths: number[];
  /** The position that comes next in each. */
  positions: number[];
  /** Rows that each has room for. */
  private capacity = 0;
  /** Sequences that the arrays have room for: those that join are copied behind the others, which stay where they are. */
  private places = 0;
  private readonly shapes: readonly KeptShape[];
  /** By attention. */
  private arrays: Pair[];

  constructor(shapes: readonly KeptShape[], size: number) {
    this.shapes = shapes;
    this.lengths = Array<number>(size).fill(0);
    this.positions = Array<number>(size).fill(0);
    this.arrays = shapes.map(() => ({ key: new Float32Array(0), value: new Float32Array(0) }));
  }

  get size(): number {
    return this.lengths.length;
  }

  /** The keys and values of one attention as a graph reads them. */
  read(layer: number): Readonly<Record<Part, HostTensor>> {
    const { heads, dHead } = this.shapes[layer]!;
    const { key, value } = this.arrays[layer]!;
    const used = this.size * heads * dHead * this.capacity;
    return {
      key: { data: key.subarray(0, used), shape: [this.size * heads, 1, dHead, this.capacity] },
      value: { data: value.subarray(0, used), shape: [this.size * heads, 1, this.capacity, dHead] },
    };
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

  /**
   * Takes up new rows.
   *
   * @param rows - Keys and values of each attention, each `[sequence, head, new rows, dHead]`.
   * @param isReal - Which of the new rows count, by sequence.
   * @param positions - The position that comes next in each.
   */
  append(
    rows: readonly Readonly<Record<Part, HostTensor>>[],
    isReal: readonly (readonly boolean[])[],
    positions: readonly number[],
  ): void {
    const runs = isReal.map(runsOf);
    const counts = isReal.map((row) => row.filter(Boolean).length);
    const longest = Math.max(...this.lengths.map((length, i) => length + counts[i]!));
    if (longest > this.capacity)
      this.arrange([...this.lengths.keys()], roomFor(longest), Math.max(this.size, this.places));
    for (const [layer, made] of rows.entries()) for (const part of PARTS) this.write(layer, part, made[part], runs);
    for (const [i, count] of counts.entries()) this.lengths[i]! += count;
    this.positions = [...positions];
  }

  /** Copies new rows behind those that are there. */
  private write(layer: number, part: Part, { data, shape }: HostTensor, runs: readonly Run[][]): void {
    const { heads, dHead } = this.shapes[layer]!;
    const rows = shape[2]!;
    const to = this.arrays[layer]![part];
    for (const [i, ofSequence] of runs.entries())
      for (let block = i * heads; block < (i + 1) * heads; block++) {
        let at = this.lengths[i]!;
        for (const { start, end } of ofSequence) {
          const from = (block * rows + start) * dHead;
          if (part === "value") {
            to.set(data.subarray(from, (block * rows + end) * dHead), (block * this.capacity + at) * dHead);
          } else {
            for (let column = 0; column < dHead; column++) {
              const place = (block * dHead + column) * this.capacity + at;
              for (let row = 0; row < end - start; row++) to[place + row] = data[from + row * dHead + column]!;
            }
          }
          at += end - start;
        }
      }
  }

  /** Keeps these sequences in this order. */
  select(order: readonly number[]): void {
    const capacity = roomFor(Math.max(0, ...order.map((i) => this.lengths[i]!)));
    const isForward = order.every((from, i) => i === 0 || from > order[i - 1]!);
    const isFilled = order.every((from, to) => from === to || from >= order.length); // gaps, by those behind them
    // Memory of which half is not needed any more is given back; less of it is not worth a copy of all.
    if ((!isForward && !isFilled) || 2 * capacity <= this.capacity || 2 * order.length <= this.places) {
      this.arrange(order, capacity);
      return;
    }
    for (const [to, from] of order.entries()) if (to !== from) this.move(from, to);
    this.lengths = order.map((i) => this.lengths[i]!);
    this.positions = order.map((i) => this.positions[i]!);
  }

  /** Copies a sequence to another place. */
  private move(from: number, to: number): void {
    for (const [layer, { heads, dHead }] of this.shapes.entries()) {
      const size = heads * dHead * this.capacity;
      for (const part of PARTS) this.arrays[layer]![part].copyWithin(to * size, from * size, (from + 1) * size);
    }
  }

  /**
   * These sequences, in this order, in memory of their own.
   *
   * @param isTight - Without room for more rows.
   */
  copy(order: readonly number[], isTight = false): Memory {
    const copy = new Memory(this.shapes, 0);
    copy.lengths = this.lengths;
    copy.positions = this.positions;
    copy.capacity = this.capacity;
    copy.arrays = this.arrays;
    const longest = Math.max(0, ...order.map((i) => this.lengths[i]!));
    copy.arrange(order, isTight ? longest : roomFor(longest)); // which makes arrays of its own
    return copy;
  }

  /** Takes over the sequences of another, behind its own. */
  add(other: Memory): void {
    const size = this.size + other.size;
    if (size > this.places || other.capacity > this.capacity) {
      const capacity = Math.max(this.capacity, other.capacity);
      this.arrange([...this.lengths.keys()], capacity, Math.max(size, size > this.places ? 2 * this.size : 0));
    }
    this.put(other.held(), [...other.lengths.keys()], this.size);
    this.lengths.push(...other.lengths);
    this.positions.push(...other.positions);
    other.clear();
  }

  /** Puts the sequences of another in place of some of its own. */
  replace(places: readonly number[], other: Memory): void {
    if (other.capacity > this.capacity) this.arrange([...this.lengths.keys()], other.capacity, this.places);
    for (const [i, place] of places.entries()) {
      this.put(other.held(), [i], place);
      this.lengths[place] = other.lengths[i]!;
      this.positions[place] = other.positions[i]!;
    }
  }

  /** Lets go of everything. */
  clear(): void {
    this.lengths = [];
    this.positions = [];
    this.capacity = 0;
    this.places = 0;
    this.arrays = this.shapes.map(() => ({ key: new Float32Array(0), value: new Float32Array(0) }));
  }

  private held(): Arrays {
    return { arrays: this.arrays, capacity: this.capacity, lengths: this.lengths };
  }

  /** Moves the sequences of `order` to new arrays with room for `capacity` rows of each, and for `places` sequences. */
  private arrange(order: readonly number[], capacity: number, places = order.length): void {
    const before = this.held();
    this.arrays = this.shapes.map(({ heads, dHead }) => {
      const elements = places * heads * capacity * dHead;
      return { key: new Float32Array(elements), value: new Float32Array(elements) };
    });
    this.capacity = capacity;
    this.places = places;
    this.put(before, order, 0);
    this.positions = order.map((sequence) => this.positions[sequence]!);
    this.lengths = order.map((sequence) => before.lengths[sequence]!);
  }

  /** Copies sequences of other arrays to the places from `first` on. */
  private put(from: Arrays, order: readonly number[], first: number): void {
    for (const [layer, { heads, dHead }] of this.shapes.entries()) {
      const [source, target] = [from.arrays[layer]!, this.arrays[layer]!];
      const whole = heads * dHead * this.capacity;
      for (const [i, sequence] of order.entries()) {
        if (from.capacity === this.capacity) {
          for (const part of PARTS) {
            target[part].set(source[part].subarray(sequence * whole, (sequence + 1) * whole), (first + i) * whole);
          }
          continue;
        }
        const rows = from.lengths[sequence]!;
        for (let head = 0; head < heads; head++) {
          const [a, b] = [sequence * heads + head, (first + i) * heads + head];
          const start = a * from.capacity * dHead;
          target.value.set(source.value.subarray(start, start + rows * dHead), b * this.capacity * dHead);
          for (let column = 0; column < dHead; column++) {
            const at = (a * dHead + column) * from.capacity;
            target.key.set(source.key.subarray(at, at + rows), (b * dHead + column) * this.capacity);
          }
        }
      }
    }
  }
}

/** Where sequences lie. */
interface Arrays {
  readonly arrays: readonly Pair[];
  readonly capacity: number;
  /** Rows that each holds. */
  readonly lengths: readonly number[];
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
