import type { FileContent, Files } from "@cambium/base";

const PIECE_BYTES = 2 ** 22;

/** Size and digest of a file. */
export interface Fingerprint {
  readonly sizeBytes: number;
  /** SHA-256 of the SHA-256s of every 4 MiB, in hexadecimal: web cryptography hashes whole arrays only. */
  readonly digest: string;
}

/** Takes bytes in parts of any length, which must not change until the digest is finished. */
export interface Digester {
  readonly push: (bytes: Uint8Array) => Promise<void>;
  readonly finish: () => Promise<Fingerprint>;
}

async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

function join(parts: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(sizeBytes);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** A digest of bytes that arrive in parts. */
export function createDigester(): Digester {
  const digests: number[] = [];
  let parts: Uint8Array[] = []; // of the piece under way
  let filled = 0;
  let sizeBytes = 0;

  async function closePiece(): Promise<void> {
    digests.push(...(await sha256(join(parts, filled))));
    parts = [];
    filled = 0;
  }

  return {
    async push(bytes) {
      sizeBytes += bytes.length;
      for (let done = 0; done < bytes.length; ) {
        const part = bytes.subarray(done, done + PIECE_BYTES - filled);
        parts.push(part);
        filled += part.length;
        done += part.length;
        if (filled === PIECE_BYTES) await closePiece();
      }
    },
    async finish() {
      if (filled > 0) await closePiece();
      const whole = await sha256(Uint8Array.from(digests));
      return { sizeBytes, digest: Array.from(whole, (byte) => byte.toString(16).padStart(2, "0")).join("") };
    },
  };
}

/** Digest of a text. */
export async function digestText(text: string): Promise<string> {
  const digester = createDigester();
  await digester.push(new TextEncoder().encode(text));
  return (await digester.finish()).digest;
}

/** Digest of a file, read in pieces. */
export async function digestFile(files: Files, name: string, sizeBytes: number): Promise<string> {
  const digester = createDigester();
  for (let from = 0; from < sizeBytes; from += PIECE_BYTES) {
    await digester.push(await files.read(name, { from, to: Math.min(from + PIECE_BYTES, sizeBytes) }));
  }
  return (await digester.finish()).digest;
}

async function* piecesOf(content: FileContent): AsyncGenerator<Uint8Array> {
  if (typeof content === "string") yield new TextEncoder().encode(content);
  else if (content instanceof Uint8Array) yield content;
  else yield* content;
}

/** The same folder, which tells the fingerprint of every file written to it. */
export function recordDigests(files: Files, tell: (name: string, fingerprint: Fingerprint) => void): Files {
  return {
    location: files.location,
    list: () => files.list(),
    read: (name, range) => files.read(name, range),
    remove: (name) => files.remove(name),
    async write(name, content) {
      const digester = createDigester();
      async function* watched(): AsyncGenerator<Uint8Array> {
        for await (const piece of piecesOf(content)) {
          await digester.push(piece);
          yield piece;
        }
      }
      await files.write(name, watched());
      tell(name, await digester.finish());
    },
  };
}
