/** The tensors of a GGUF file as a checkpoint: names, shapes and order of rows are those of transformers, values float32. */
import { type Files, FormatError } from "@cambium/base";
import type { BlockMatrix, BlockRoom, SafetensorsEntry } from "@cambium/core";
import { dispose, type Tensor, tensor } from "@tensorflow/tfjs-core";
import type { ModelConfig } from "../architecture.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { GgufFormat } from "./format.ts";
import { brokenGguf, type GgufHeader, type GgufTensor } from "./header.ts";
import { fromGguf, moduleOf } from "./names.ts";
import { inHalves, turned } from "./order.ts";
import { storedBlocks } from "./stored-blocks.ts";
import { readableTypes } from "./tensor-types.ts";

/** A file whose header was read. */
export interface GgufFile {
  readonly files: Files;
  readonly name: string;
  readonly header: GgufHeader;
}

/** A tensor under our name. */
interface Held {
  readonly stored: GgufTensor;
  readonly entry: SafetensorsEntry;
  /** Whether rows and columns change places. */
  readonly isTurned: boolean;
  /** Heads whose rows are put into order; 0 for none. */
  readonly pairedHeads: number;
}

/** Bytes of a tensor that are read at once: beside the values, no more than these are in memory. */
const PIECE_BYTES = 2 ** 22;

const countOf = ({ shape }: GgufTensor): number => shape.reduce((product, size) => product * size, 1);

/** Reads a tensor's bytes some whole blocks at a time; `place` is told of the block that they begin with. */
async function readPieces(
  { files, name }: GgufFile,
  { type: { blockBytes }, from, sizeBytes }: GgufTensor,
  place: (bytes: Uint8Array, block: number) => void,
): Promise<void> {
  const piece = Math.floor(PIECE_BYTES / blockBytes) * blockBytes;
  for (let done = 0; done < sizeBytes; done += piece) {
    const to = Math.min(done + piece, sizeBytes);
    const bytes = await files.read(name, { from: from + done, to: from + to });
    if (bytes.length !== to - done) throw brokenGguf(files, name)("the file changed while it was read; open it again");
    place(bytes, done / blockBytes);
  }
}

/** A tensor's values in the order of the file. */
export async function readValues(file: GgufFile, tensor: GgufTensor): Promise<Float32Array> {
  const { blockSize, blockBytes, decode } = tensor.type;
  const values = new Float32Array(countOf(tensor));
  await readPieces(file, tensor, (bytes, block) => {
    decode!(bytes, values.subarray(block * blockSize, (block + bytes.length / blockBytes) * blockSize));
  });
  return values;
}

/** A matrix's blocks, with its rows in the order of transformers. */
async function readBlocks(
  file: GgufFile,
  { stored, isTurned, pairedHeads }: Held,
  room: BlockRoom,
): Promise<BlockMatrix> {
  const { bits, hasMinima, place } = storedBlocks[stored.type.name]!;
  const [out, input] = stored.shape as readonly [number, number];
  const blocks = countOf(stored) / 32;
  const target = room.take(blocks, bits, hasMinima);
  await readPieces(file, stored, (bytes, block) => place(bytes, target, block));
  const shape = [out, input] as const;
  if (pairedHeads === 0) return { shape, bits, isTurned, ...target };
  // Blocks lie along rows, which move as a whole.
  for (const values of [target.codes, target.scales, ...(target.minima === undefined ? [] : [target.minima])])
    values.set(inHalves(values, out, values.length / out, pairedHeads));
  return { shape, bits, ...target };
}

/**
 * A checkpoint of a file.
 *
 * @param config - Of the model: it says how many heads there are.
 * @throws {FormatError} For tensors of types that cannot be read, and for those that the family has no place for, by name.
 */
export function ggufCheckpoint(file: GgufFile, format: GgufFormat, config: ModelConfig): Checkpoint {
  const held = holdAll(file, format, config);
  const find = (name: string): Held => held.get(name)!;

  async function values(name: string): Promise<Float32Array> {
    const { stored, isTurned, pairedHeads } = find(name);
    const read = await readValues(file, stored);
    const [rows, columns = 1] = stored.shape as readonly [number, number?];
    if (isTurned) return turned(read, rows, columns);
    return pairedHeads === 0 ? read : inHalves(read, rows, columns, pairedHeads);
  }

  const load = async (name: string): Promise<Tensor> =>
    tensor(await values(name), [...find(name).entry.shape], "float32");

  return {
    metadata: {},
    entries: new Map([...held].map(([name, { entry }]) => [name, entry])),
    values,
    blockTypes: Object.keys(storedBlocks),
    blocks: (name, room) => readBlocks(file, find(name), room),
    tensor: load,
    async load(names = held.keys()) {
      const tensors = new Map<string, Tensor>();
      try {
        for (const name of new Set(names)) tensors.set(name, await load(name));
      } catch (error) {
        dispose([...tensors.values()]);
        throw error;
      }
      return tensors;
    },
  };
}

function holdAll(
  { files, name: fileName, header }: GgufFile,
  format: GgufFormat,
  config: ModelConfig,
): Map<string, Held> {
  const paired = format.pairedHeads?.(config) ?? {};
  const held = new Map<string, Held>();
  const unread: string[] = [];
  const strange: string[] = [];
  for (const [name, stored] of header.tensors) {
    if (name === ROPE_FACTORS) continue;
    const own = fromGguf(format, name);
    if (own === undefined) strange.push(name);
    else if (stored.type.decode === undefined) unread.push(`"${name}" is ${stored.type.name}`);
    else {
      const isTurned = (format.turned ?? []).includes(moduleOf(name)) && stored.shape.length === 2;
      const shape = isTurned ? [...stored.shape].reverse() : stored.shape;
      const { name: blocks } = stored.type;
      const entry = {
        dtype: "F32",
        shape,
        sizeBytes: stored.sizeBytes,
        ...(blocks !== "F32" && { blocks }),
      } as const;
      held.set(own, { stored, entry, isTurned, pairedHeads: paired[moduleOf(name)] ?? 0 });
    }
  }
  const location = `"${fileName}" in ${files.location}`;
  if (unread.length > 0) {
    throw new FormatError({
      message: `loadModel: ${unread.length} tensors of ${location} are of types that cannot be read (${unread.slice(0, 3).join(", ")}${unread.length > 3 ? ", …" : ""}); take a file of ${readableTypes.join(", ")}`,
      unread,
    });
  }
  if (strange.length > 0) {
    throw new FormatError({
      message: `loadModel: ${location} has tensors that a "${format.architecture}" has no place for here, and would compute something else without: ${strange.join(", ")}`,
      strange,
    });
  }
  return held;
}

/** The tensor that is no parameter: it is read with the metadata. */
export const ROPE_FACTORS = "rope_freqs.weight";
