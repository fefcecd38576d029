import type { Readable } from "node:stream";

/** Hands over the lines of a stream; a line longer than `longest` bytes ends it by `tooLong`. */
export function readLines(stream: Readable, longest: number, hear: (line: string) => void, tooLong: () => void): void {
  let pieces: Uint8Array[] = [];
  let length = 0;
  stream.on("data", (bytes: Uint8Array) => {
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      pieces.push(bytes.subarray(from, end));
      hear(new TextDecoder().decode(Buffer.concat(pieces)));
      pieces = [];
      length = 0;
      from = end + 1;
    }
    length += bytes.length - from;
    if (length > longest) {
      stream.destroy();
      tooLong();
    } else if (from < bytes.length) pieces.push(bytes.subarray(from));
  });
}
