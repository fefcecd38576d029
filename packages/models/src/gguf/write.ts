/** Writes GGUF files of version 3. */
import { type Files, openFiles } from "@cambium/base";
import type { GgufEntry, GgufWritten } from "./format.ts";
import type { Encoding } from "./quantise.ts";

/** A tensor to be written. */
export interface WrittenTensor {
  readonly name: string;
  /** From the outermost axis to the innermost. */
  readonly shape: readonly number[];
  readonly encoding: Encoding;
  /** Its values, in the order of the file: asked for when it is its turn, so that one is in memory at a time. */
  values(): Promise<Float32Array>;
}

const ALIGNMENT = 32;

const typeNumbers = { UINT32: 4, INT32: 5, FLOAT32: 6, BOOL: 7, STRING: 8 } as const;
const ARRAY = 9;

const padded = (sizeBytes: number): number => Math.ceil(sizeBytes / ALIGNMENT) * ALIGNMENT;

/** Bytes of numbers and texts, one after the other. */
class Bytes {
  private bytes = new Uint8Array(1 << 16);
  private view = new DataView(this.bytes.buffer);
  private size = 0;

  private grow(more: number): number {
    const at = this.size;
    this.size += more;
    if (this.size > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.size, 2 * this.bytes.length));
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  uint32(value: number): void {
    const at = this.grow(4);
    this.view.setUint32(at, value, true);
  }

  uint64(value: number): void {
    const at = this.grow(8);
    this.view.setBigUint64(at, BigInt(value), true);
  }

  text(value: string): void {
    const encoded = new TextEncoder().encode(value);
    this.uint64(encoded.length);
    const at = this.grow(encoded.length);
    this.bytes.set(encoded, at);
  }

  one(type: GgufWritten[0], value: number | boolean | string): void {
    if (type === "STRING") this.text(value as string);
    else if (type === "BOOL") {
      const at = this.grow(1);
      this.bytes[at] = value === true ? 1 : 0;
    } else {
      const at = this.grow(4);
      if (type === "FLOAT32") this.view.setFloat32(at, value as number, true);
      else this.view.setUint32(at, value as number, true); // a negative INT32 has the same bits
    }
  }

  value([type, value]: GgufWritten): void {
    if (Array.isArray(value)) {
      this.uint32(ARRAY);
      this.uint32(typeNumbers[type]);
      this.uint64(value.length);
      for (const each of value) this.one(type, each);
    } else {
      this.uint32(typeNumbers[type]);
      this.one(type, value as number | boolean | string);
    }
  }

  /** All of them, with zeros behind up to the alignment. */
  whole(): Uint8Array {
    this.grow(padded(this.size) - this.size);
    return this.bytes.subarray(0, this.size);
  }
}

function sizeOf({ shape, encoding }: WrittenTensor): number {
  return (shape.reduce((product, size) => product * size, 1) / encoding.blockSize) * encoding.blockBytes;
}

function encodeHeader(entries: readonly GgufEntry[], tensors: readonly WrittenTensor[]): Uint8Array {
  const bytes = new Bytes();
  bytes.uint32(0x46554747); // "GGUF"
  bytes.uint32(3);
  bytes.uint64(tensors.length);
  bytes.uint64(entries.length);
  for (const [key, ...value] of entries) {
    bytes.text(key);
    bytes.value(value as GgufWritten);
  }
  let offset = 0;
  for (const tensor of tensors) {
    bytes.text(tensor.name);
    bytes.uint32(tensor.shape.length);
    for (const size of [...tensor.shape].reverse()) bytes.uint64(size);
    bytes.uint32(tensor.encoding.type);
    bytes.uint64(offset);
    offset += padded(sizeOf(tensor));
  }
  return bytes.whole();
}

async function* encodeFile(header: Uint8Array, tensors: readonly WrittenTensor[]): AsyncGenerator<Uint8Array> {
  yield header;
  for (const { encoding, values } of tensors) {
    const encoded = encoding.encode(await values());
    yield encoded;
    const rest = padded(encoded.length) - encoded.length;
    if (rest > 0) yield new Uint8Array(rest);
  }
}

/** Writes a file, whole or not at all, one tensor in memory at a time. Keys are whole. */
export async function writeGguf(
  target: string | Files,
  name: string,
  entries: readonly GgufEntry[],
  tensors: readonly WrittenTensor[],
): Promise<void> {
  await openFiles(target).write(name, encodeFile(encodeHeader(entries, tensors), tensors));
}
