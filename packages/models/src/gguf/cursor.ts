import type { FormatError } from "@cambium/base";

/** Makes the error of a damaged file. */
export type Broken = (problem: string, cause?: unknown) => FormatError;

/** What a cursor throws where the bytes at hand end before the file does. */
export const SHORT: unique symbol = Symbol("more bytes are needed");

/** Longest text of a file. Chat templates have some thousands of bytes. */
const TEXT_LIMIT_BYTES = 2 ** 24;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a GGUF file's first bytes, little-endian, one after the other. Nothing in them is believed: a length beyond the end of the
 * file is an error before anything of that length is read.
 */
export class Cursor {
  /** The view of the bytes, for values of known places. */
  readonly data: DataView;
  private readonly bytes: Uint8Array;
  private readonly fileBytes: number;
  private readonly broken: Broken;
  private at = 0;

  /**
   * @param bytes - The first bytes of the file.
   * @param fileBytes - How many there are in all.
   */
  constructor(bytes: Uint8Array, fileBytes: number, broken: Broken) {
    this.data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.bytes = bytes;
    this.fileBytes = fileBytes;
    this.broken = broken;
  }

  /** How many bytes were read. */
  get place(): number {
    return this.at;
  }

  /** Steps over bytes, and says where they begin. */
  skip(sizeBytes: number, what: string): number {
    const from = this.at;
    if (sizeBytes > this.fileBytes - from) {
      throw this.broken(
        `${what} ends behind the file, which has ${this.fileBytes} bytes; it is truncated, copy it again`,
      );
    }
    if (from + sizeBytes > this.bytes.length) throw SHORT;
    this.at += sizeBytes;
    return from;
  }

  uint32(what: string): number {
    return this.data.getUint32(this.skip(4, what), true);
  }

  uint64(what: string): bigint {
    return this.data.getBigUint64(this.skip(8, what), true);
  }

  /** A count of things that take at least so many bytes each. */
  count(leastBytes: number, what: string): number {
    const stated = this.uint64(what);
    if (stated * BigInt(leastBytes) > BigInt(this.fileBytes - this.at)) {
      throw this.broken(
        `${what} is ${stated}, more than a file of ${this.fileBytes} bytes has room for; copy it again`,
      );
    }
    return Number(stated);
  }

  /** Steps over a text, and says where its bytes are. */
  text(what: string, limitBytes: number = TEXT_LIMIT_BYTES): readonly [from: number, to: number] {
    const sizeBytes = this.count(1, `the length of ${what}`);
    if (sizeBytes > limitBytes) {
      throw this.broken(`${what} is said to have ${sizeBytes} bytes, more than ${limitBytes}; copy the file again`);
    }
    const from = this.skip(sizeBytes, what);
    return [from, from + sizeBytes];
  }

  /** The text of some bytes that were read. */
  decode([from, to]: readonly [from: number, to: number], what: string): string {
    try {
      return utf8.decode(this.bytes.subarray(from, to));
    } catch (cause) {
      throw this.broken(`${what} is not UTF-8; write the file again`, cause);
    }
  }
}
