/**
 * What a teacher makes of blocks of text, worked out once and kept on disk in 8 bits: of one piece as many numbers as the teacher is wide,
 * between minus and plus the largest of them. The rounded numbers are what a sapling learns from, the first time too, so that a run is the same
 * whether or not they were there.
 *
 * A file for each text and shape holds records of one size, a block's at its number: a checksum and the numbers. What has no right checksum,
 * after a crash for instance, is worked out again.
 */
import { constants, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { sha256 } from "@cambium/base";
import { compile } from "@cambium/core";
import { dispose, type Tensor, type Tensor2D, type Tensor3D, tensor2d, tensor3d } from "@tensorflow/tfjs-core";
import { type Block, hashOf } from "../text/blocks.ts";
import type { RowShape, Rows } from "./framing.ts";
import type { Teacher } from "./teacher.ts";

/** A teacher's view of one batch. The receiver owns the tensors. */
export interface Targets {
  readonly taughtPieces: Tensor3D;
  readonly taughtRows: Tensor2D;
}

/** Where a block's targets come from. */
export type TargetsOf = (block: Block, rows: Rows, shape: RowShape) => Promise<Targets>;

const LARGEST = 127;

/** Numbers of a block. */
interface Stored {
  /** `[batch, seq, width]`, in parts of `scales`. */
  readonly codes: Int8Array;
  /** One of each piece, `[batch, seq]`. */
  readonly scales: Float32Array;
  /** `[batch, width]` */
  readonly rows: Float32Array;
}

/** Numbers in 8 bits, `width` of them sharing a scale. */
export function toCodes(values: Float32Array, width: number): Pick<Stored, "codes" | "scales"> {
  const codes = new Int8Array(values.length);
  const scales = new Float32Array(values.length / width);
  for (let i = 0; i < scales.length; i++) {
    let most = 0;
    for (let j = i * width; j < (i + 1) * width; j++) most = Math.max(most, Math.abs(values[j]!));
    scales[i] = most / LARGEST;
    const factor = most === 0 ? 0 : LARGEST / most;
    for (let j = i * width; j < (i + 1) * width; j++) codes[j] = Math.round(values[j]! * factor);
  }
  return { codes, scales };
}

/** The numbers that codes stand for. */
export function fromCodes({ codes, scales }: Pick<Stored, "codes" | "scales">): Float32Array {
  const width = codes.length / scales.length;
  const values = new Float32Array(codes.length);
  for (let i = 0; i < scales.length; i++)
    for (let j = i * width; j < (i + 1) * width; j++) values[j] = codes[j]! * scales[i]!;
  return values;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int8Array | Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** A block's record: checksum, scales, rows, codes. */
function toRecord({ codes, scales, rows }: Stored): Buffer {
  const body = Buffer.concat([scales, rows, codes].map(bytesOf));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(crc32(body));
  return Buffer.concat([head, body]);
}

/** Reads a record; undefined where there is none that is whole. */
function fromRecord(record: Buffer, pieces: number, batch: number, width: number): Stored | undefined {
  const body = record.subarray(4);
  if (crc32(body) !== record.readUInt32LE(0)) return undefined;
  const bytes = new Uint8Array(body).buffer; // a copy, which begins where floats may
  return {
    scales: new Float32Array(bytes, 0, pieces),
    rows: new Float32Array(bytes, 4 * pieces, batch * width),
    codes: new Int8Array(bytes, 4 * (pieces + batch * width), pieces * width),
  };
}

/**
 * The targets of a teacher, kept in a folder.
 *
 * @param teacherIds - The teacher's id of each piece.
 */
export function targetsIn(folder: string, teacher: Teacher, teacherIds: readonly number[]): TargetsOf {
  const inTeacher = Int32Array.from(teacherIds);
  const represent = compile(teacher.represent);
  const hashes = new WeakMap<Uint16Array, string>();

  async function pathOf(stream: Uint16Array, { batch, seq }: RowShape): Promise<string> {
    const text = hashes.get(stream) ?? hashOf(stream);
    hashes.set(stream, text);
    const name = await sha256([teacher.fingerprint, text, teacherIds.join(), batch, seq].join(" "));
    return join(folder, `${name.slice(0, 16)}-${batch}x${seq}.bin`);
  }

  async function ask({ ids, types }: Rows, { batch, seq }: RowShape): Promise<Stored> {
    const input = {
      ids: tensor2d(
        ids.map((id) => inTeacher[id]!),
        [batch, seq],
        "int32",
      ),
      types: tensor2d(types, [batch, seq], "int32"),
      mask: tensor2d(new Float32Array(ids.length).fill(1), [batch, seq]),
    };
    const made = represent(input);
    const [pieces, rows] = await Promise.all([made.pieces.data(), made.rows.data()]);
    dispose([...Object.values(input), made.pieces, made.rows] as Tensor[]);
    return { ...toCodes(pieces as Float32Array, teacher.width), rows: rows as Float32Array };
  }

  return async ({ stream, index }, rows, shape) => {
    const { batch, seq } = shape;
    const { width } = teacher;
    const pieces = batch * seq;
    const size = 4 + 4 * (pieces + batch * width) + pieces * width;
    await mkdir(folder, { recursive: true });
    const file = await open(await pathOf(stream, shape), constants.O_RDWR | constants.O_CREAT);
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(size), 0, size, index * size);
      const known = bytesRead === size ? fromRecord(buffer, pieces, batch, width) : undefined;
      const stored = known ?? (await ask(rows, shape));
      if (known === undefined) await file.write(toRecord(stored), 0, size, index * size);
      return {
        taughtPieces: tensor3d(fromCodes(stored), [batch, seq, width]),
        taughtRows: tensor2d(stored.rows, [batch, width]),
      };
    } finally {
      await file.close();
    }
  };
}
