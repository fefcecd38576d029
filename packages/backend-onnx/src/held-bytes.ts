import type { Value } from "./graph.ts";

/** Counts the bytes of host memory behind values that tensors hold; what several of them share counts once. */
export class HeldBytes {
  /** Bytes held now. */
  live = 0;
  /** Most bytes that were in use at one time. */
  peak = 0;
  private readonly memory = new Map<Value, ArrayBufferLike>();
  private readonly holders = new Map<ArrayBufferLike, number>();

  /** Counts a value that a tensor holds, once it has elements. */
  hold(value: Value): void {
    if (value.data === undefined || value.holders === 0 || this.memory.has(value)) return;
    const { buffer } = value.data;
    this.memory.set(value, buffer);
    const before = this.holders.get(buffer) ?? 0;
    this.holders.set(buffer, before + 1);
    if (before > 0) return;
    this.live += buffer.byteLength;
    this.use(0);
  }

  /** Takes a value out of the count that no tensor holds any more. */
  release(value: Value): void {
    const buffer = this.memory.get(value);
    if (buffer === undefined) return;
    this.memory.delete(value);
    const left = this.holders.get(buffer)! - 1;
    if (left > 0) {
      this.holders.set(buffer, left);
      return;
    }
    this.holders.delete(buffer);
    this.live -= buffer.byteLength;
  }

  /** Notes that `bytes` are in use for the moment, besides those that are held. */
  use(bytes: number): void {
    this.peak = Math.max(this.peak, this.live + bytes);
  }
}
