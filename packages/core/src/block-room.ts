import { type BlockBits, blockBytes } from "@cambium/kernels";

/** The memory of a matrix in blocks: see `BlockMatrix`. */
export interface BlockMemory {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  readonly minima?: Float32Array;
}

/** The C library hands memory of so many bytes back to the system at once; pages of it that are not written take none. */
const ROOM_BYTES = 2 ** 25;

type Kind = "codes" | "scales" | "minima";

/**
 * Memory for the matrices of one model. Those that are made one after the other lie beside each other, and a backend that
 * multiplies with several of them at once reads them as one, without a copy.
 */
export class BlockRoom {
  private readonly rooms = new Map<Kind, { readonly buffer: ArrayBuffer; used: number }>();

  /** Zeros for a matrix of so many blocks. */
  take(blocks: number, bits: BlockBits, hasMinima = false): BlockMemory {
    return {
      codes: new Uint8Array(...this.find("codes", blocks * blockBytes(bits)), blocks * blockBytes(bits)),
      scales: new Float32Array(...this.find("scales", blocks * 4), blocks),
      ...(hasMinima && { minima: new Float32Array(...this.find("minima", blocks * 4), blocks) }),
    };
  }

  private find(kind: Kind, bytes: number): [buffer: ArrayBuffer, from: number] {
    let room = this.rooms.get(kind);
    if (room === undefined || room.used + bytes > room.buffer.byteLength) {
      room = { buffer: new ArrayBuffer(Math.max(bytes, ROOM_BYTES)), used: 0 };
      this.rooms.set(kind, room);
    }
    const from = room.used;
    room.used += bytes;
    return [room.buffer, from];
  }
}
