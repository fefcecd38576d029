import { crcOf } from "./zip.ts";

/** An archive of files as they are, with checksums that fit, as PyTorch's writer makes them. */
export function storedZip(content: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [name, bytes] of Object.entries(content)) {
    const text = new TextEncoder().encode(name);
    const header = record(30, [
      [0, 0x04034b50],
      [14, crcOf(bytes)],
      [18, bytes.length],
      [22, bytes.length],
      [26, text.length],
    ]);
    const listed = record(46, [
      [0, 0x02014b50],
      [16, crcOf(bytes)],
      [20, bytes.length],
      [24, bytes.length],
      [28, text.length],
      [42, at],
    ]);
    parts.push(header, text, bytes);
    directory.push(listed, text);
    at += header.length + text.length + bytes.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const count = Object.keys(content).length;
  const end = record(22, [
    [0, 0x06054b50],
    [8, count],
    [10, count],
    [12, size],
    [16, at],
  ]);
  return join([...parts, ...directory, end]);
}

/** Zeros, with numbers of 32 bits at some places, the last of which win. */
function record(length: number, fields: readonly (readonly [at: number, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(length + 4);
  for (const [at, value] of fields) new DataView(bytes.buffer).setUint32(at, value, true);
  return bytes.subarray(0, length);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
