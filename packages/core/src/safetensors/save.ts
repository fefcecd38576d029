import { ConfigError, checkOptions, type Files, openFiles } from "@cambium/base";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Parameters } from "../parameters.ts";
import { codings } from "./dtype.ts";
import { encodeBfloat16, encodeHalf } from "./float16.ts";
import { HEADER_LIMIT_BYTES } from "./header.ts";

/** How tensors are written. */
export interface SaveSafetensorsOptions {
  /** Strings for the header, such as `{ format: "pt" }`. @default {} */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Type of float tensors in the file. Integers are I32 and booleans BOOL. @default "F32" */
  readonly dtype?: "F32" | "F16" | "BF16";
}

/** Types that are written, in the order of the file: the widest first, so that every tensor is aligned. */
const order = ["F32", "I32", "BF16", "F16", "BOOL"] as const;

type WrittenDtype = (typeof order)[number];

interface Item {
  readonly name: string;
  readonly tensor: Tensor;
  readonly dtype: WrittenDtype;
  readonly sizeBytes: number;
}

function toItem(name: string, tensor: Tensor, floats: "F32" | "F16" | "BF16"): Item {
  const dtypes: Readonly<Record<string, WrittenDtype>> = { float32: floats, int32: "I32", bool: "BOOL" };
  const dtype = dtypes[tensor.dtype];
  if (dtype === undefined) {
    throw new ConfigError({
      message: `saveSafetensors: "${name}" is ${tensor.dtype}; only float32, int32 and bool can be saved`,
      name,
    });
  }
  if (name === "__metadata__") {
    throw new ConfigError({
      message: `saveSafetensors: "__metadata__" names no tensor in this format; rename it`,
      name,
    });
  }
  return { name, tensor, dtype, sizeBytes: tensor.size * codings[dtype].sizeBytes };
}

/** By type, then by name: the order of the reference implementation. */
function sortItems(items: Item[]): Item[] {
  const rank = (item: Item): number => order.indexOf(item.dtype);
  return items.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

/** The header with its length in front, padded with spaces to a multiple of 8 bytes. */
function encodeHeader(items: readonly Item[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const fields: string[] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) {
    const pairs = keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`);
    fields.push(`"__metadata__":{${pairs.join(",")}}`);
  }
  let place = 0;
  for (const { name, tensor, dtype, sizeBytes } of items) {
    const entry = { dtype, shape: tensor.shape, data_offsets: [place, place + sizeBytes] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    place += sizeBytes;
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > HEADER_LIMIT_BYTES) {
    throw new ConfigError({
      message: `saveSafetensors: the header would have ${length} bytes, more than ${HEADER_LIMIT_BYTES}; save in several files`,
    });
  }
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}

/** Throws when a finite value has become infinite in a narrower type. */
function checkOverflow(item: Item, values: Float32Array, encoded: Uint16Array, infinity: number): void {
  for (let i = 0; i < values.length; i++) {
    if ((encoded[i]! & 0x7fff) === infinity && Number.isFinite(values[i])) {
      throw new ConfigError({
        message: `saveSafetensors: element ${i} of "${item.name}" is ${values[i]}, beyond ${item.dtype}; save it as F32`,
        name: item.name,
      });
    }
  }
}

async function encode(item: Item): Promise<Uint8Array> {
  let values: Float32Array | Int32Array | Uint8Array | Uint16Array = await item.tensor.data();
  if (item.dtype === "F16" || item.dtype === "BF16") {
    const floats = values as Float32Array;
    values = item.dtype === "F16" ? encodeHalf(floats) : encodeBfloat16(floats);
    checkOverflow(item, floats, values, item.dtype === "F16" ? 0x7c00 : 0x7f80);
  }
  if (item.dtype === "BOOL") return Uint8Array.from(values);
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

async function* encodeFile(header: Uint8Array, items: readonly Item[]): AsyncGenerator<Uint8Array> {
  yield header;
  for (const item of items) yield await encode(item);
}

/**
 * Writes tensors as a safetensors file, whole or not at all, one tensor in memory at a time.
 *
 * Equal tensors and options give equal bytes, and the same ones that the reference implementation in Rust writes.
 * Rounding to F16 and BF16 is to nearest, ties to even.
 *
 * @param target - The folder, or a string for `openFiles`.
 * @param name - Such as `"model.safetensors"`.
 * @param tensors - By name. Not disposed.
 * @throws {ConfigError} When a tensor's type cannot be saved, or a value overflows the type it is saved as.
 * @throws {FileError} When the file cannot be written.
 * @example
 * await saveSafetensors("runs/spam", "adapter_model.safetensors", tuned.parameters, { metadata: { format: "pt" } });
 */
export async function saveSafetensors(
  target: string | Files,
  name: string,
  tensors: Parameters,
  options: SaveSafetensorsOptions = {},
): Promise<void> {
  checkOptions("saveSafetensors", options, ["metadata", "dtype"]);
  const { metadata = {}, dtype = "F32" } = options;
  if (!["F32", "F16", "BF16"].includes(dtype)) {
    throw new ConfigError({
      message: `saveSafetensors: dtype must be "F32", "F16" or "BF16", got ${JSON.stringify(dtype)}`,
      dtype,
    });
  }
  const items = sortItems([...tensors].map(([tensorName, tensor]) => toItem(tensorName, tensor, dtype)));
  await openFiles(target).write(name, encodeFile(encodeHeader(items, metadata), items));
}
