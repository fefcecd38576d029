/**
 * The directory of a zip archive whose files are stored as they are, which is how PyTorch writes its own: what each is called, and
 * where its bytes lie. Nothing is unpacked, and compressed files of other zip programs are refused.
 *
 * An archive may come from anywhere: no length in it is used to allocate or to read before it was compared with the archive's size.
 *
 * @see PKWARE, APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12 and 4.3.14 to 4.3.16.
 */
import { type Files, type FormatError, fileSize } from "@cambium/base";

/** A file in an archive, before its own header was read. */
interface Listed {
  /** Where its header begins. */
  readonly header: number;
  readonly sizeBytes: number;
  readonly crc: number;
  /** Why it cannot be read. */
  readonly packed?: "compressed" | "encrypted";
}

/** An archive. */
export interface StoredZip {
  readonly names: readonly string[];
  /** Size of a file; undefined where there is none of the name. */
  sizeOf(name: string): number | undefined;
  /**
   * A file's bytes, in a buffer of their own.
   *
   * @throws {FormatError} When its header contradicts the directory, or its checksum its content.
   */
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
}

const [FILE, LISTED, END, END_64, LOCATOR_64] = [0x04034b50, 0x02014b50, 0x06054b50, 0x06064b50, 0x07064b50];
/** Of the end record without its comment, which has up to 65,535 bytes. */
const END_BYTES = 22;
/** The bound of a safetensors header. */
const DIRECTORY_LIMIT_BYTES = 100_000_000;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * Opens an archive: reads its directory, and checks it.
 *
 * @throws {FileError} When the file cannot be read.
 */
export async function openStoredZip(
  files: Files,
  name: string,
  fail: (problem: string) => FormatError,
): Promise<StoredZip> {
  const size = await fileSize(files, name);
  const read = async (from: number, to: number): Promise<Uint8Array> => {
    const bytes = await files.read(name, { from, to });
    if (bytes.length === to - from) return bytes;
    throw fail(`${bytes.length} bytes came of ${to - from}; did the file change? Open it again`);
  };
  const { from, to, count } = await findDirectory(size, read, fail);
  const listed = parseDirectory(await read(from, to), count, fail);
  return {
    names: [...listed.keys()],
    sizeOf: (inner) => listed.get(inner)?.sizeBytes,
    async read(inner) {
      const { header, sizeBytes, crc, packed } = listed.get(inner)!;
      if (packed !== undefined) throw fail(`"${inner}" is ${packed}, which files of torch.save are not`);
      if (header + 30 > from) throw fail(`"${inner}" is said to begin at byte ${header}, in the directory`);
      const view = viewOf(await read(header, header + 30));
      if (view.getUint32(0, true) !== FILE)
        throw fail(`there is no file at byte ${header}, where "${inner}" should be`);
      const start = header + 30 + view.getUint16(26, true) + view.getUint16(28, true);
      if (start + sizeBytes > from) throw fail(`"${inner}" ends at byte ${start + sizeBytes}, in the directory`);
      const bytes = await read(start, start + sizeBytes);
      if (crcOf(bytes) !== crc)
        throw fail(
          `the checksum of "${inner}" is not that of its content; copy the file again, or save it with checksums`,
        );
      // Typed arrays need their bytes at the start of a buffer that no other shares.
      return bytes.byteLength === bytes.buffer.byteLength ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
    },
  };
}

type Read = (from: number, to: number) => Promise<Uint8Array>;

/** Where the directory is, and how many files it lists. */
async function findDirectory(
  size: number,
  read: Read,
  fail: (problem: string) => FormatError,
): Promise<{ readonly from: number; readonly to: number; readonly count: number }> {
  const tailFrom = Math.max(0, size - END_BYTES - 65_535);
  const tail = viewOf(await read(tailFrom, size));
  let at = tail.byteLength - END_BYTES;
  while (at >= 0 && tail.getUint32(at, true) !== END) at--;
  if (at < 0) throw fail("the directory at its end is missing; the file is truncated: copy it again");
  let [count, bytes, from] = [
    tail.getUint16(at + 10, true),
    tail.getUint32(at + 12, true),
    tail.getUint32(at + 16, true),
  ];
  const locator = at - 20;
  if (locator >= 0 && tail.getUint32(locator, true) === LOCATOR_64) {
    const place = toNumber(tail.getBigUint64(locator + 8, true), size, fail);
    if (place + 56 > size) throw fail(`the directory's record is said to be at byte ${place} of ${size}`);
    const record = viewOf(await read(place, place + 56));
    if (record.getUint32(0, true) !== END_64) throw fail(`there is no directory's record at byte ${place}`);
    [count, bytes, from] = [32, 40, 48].map((each) => toNumber(record.getBigUint64(each, true), size, fail)) as [
      number,
      number,
      number,
    ];
  }
  const to = from + bytes;
  if (to > tailFrom + at) throw fail(`the directory is said to end at byte ${to} of ${size}; copy the file again`);
  if (bytes > DIRECTORY_LIMIT_BYTES)
    throw fail(`the directory is said to have ${bytes} bytes, more than ${DIRECTORY_LIMIT_BYTES}`);
  return { from, to, count };
}

/** A count of 64 bits that cannot be beyond the archive's size. */
function toNumber(value: bigint, size: number, fail: (problem: string) => FormatError): number {
  if (value > BigInt(size)) throw fail(`it counts ${value} in a file of ${size} bytes`);
  return Number(value);
}

function parseDirectory(
  bytes: Uint8Array,
  count: number,
  fail: (problem: string) => FormatError,
): ReadonlyMap<string, Listed> {
  const view = viewOf(bytes);
  const listed = new Map<string, Listed>();
  let at = 0;
  while (at < bytes.length) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== LISTED)
      throw fail(`the directory is damaged after ${listed.size} files`);
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((each) => view.getUint16(at + each, true)) as [
      number,
      number,
      number,
    ];
    const end = at + 46 + nameBytes + extraBytes + commentBytes;
    if (end > bytes.length) throw fail(`the directory is damaged after ${listed.size} files`);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameBytes));
    if (listed.has(name)) throw fail(`it has the file "${name}" twice`);
    const isPacked = method !== 0 || (flags & 1) !== 0;
    const packedBytes = view.getUint32(at + 20, true);
    const extra = view64(view, at + 46 + nameBytes, extraBytes);
    // Of 64 bits are those that do not fit in 32, in this order.
    const wide = (value: number): number => {
      if (value !== 0xffffffff) return value;
      const found = extra.shift();
      if (found === undefined || found > BigInt(Number.MAX_SAFE_INTEGER))
        throw fail(`the size of "${name}" is missing`);
      return Number(found);
    };
    const sizeBytes = wide(view.getUint32(at + 24, true));
    const storedBytes = wide(packedBytes);
    const header = wide(view.getUint32(at + 42, true));
    if (!isPacked && storedBytes !== sizeBytes)
      throw fail(`"${name}" takes ${storedBytes} bytes, and is stored as ${sizeBytes}`);
    const crc = view.getUint32(at + 16, true);
    listed.set(name, {
      header,
      sizeBytes,
      crc,
      ...(isPacked && { packed: method === 0 ? "encrypted" : "compressed" }),
    });
    at = end;
  }
  if (listed.size !== count) throw fail(`the directory lists ${listed.size} files, and states ${count}`);
  return listed;
}

/** The numbers of 64 bits that extra fields hold. */
function view64(view: DataView, from: number, length: number): bigint[] {
  for (let at = from; at + 4 <= from + length; ) {
    const [id, size] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    const end = at + 4 + size;
    if (id === 1 && end <= from + length)
      return Array.from({ length: Math.floor(size / 8) }, (_, i) => view.getBigUint64(at + 4 + 8 * i, true));
    at = end;
  }
  return [];
}

let table: Uint32Array | undefined;

/** The checksum of zip files: CRC-32 of the polynomial 0xEDB88320, reflected. */
export function crcOf(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    return value;
  });
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
