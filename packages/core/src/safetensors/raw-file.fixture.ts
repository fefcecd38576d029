/** Bytes of a safetensors file with any header and data, right or wrong. */
export function rawFile(header: unknown, data: Uint8Array = new Uint8Array(0), statedLength?: bigint): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = header instanceof Uint8Array ? header : new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, statedLength ?? BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

/** A header's entry. */
export function entry(dtype: string, shape: readonly number[], from: number, to: number): object {
  return { dtype, shape, data_offsets: [from, to] };
}
