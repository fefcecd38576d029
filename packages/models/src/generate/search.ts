/** Texts found by beams, one prompt after the other: the beams of one fill a batch. */
import type { CancelledError } from "@cambium/base";
import { type Found, searchBeams } from "./beams.ts";
import type { Decoder } from "./decoder.ts";
import { type Generated, type RowStart, streamBehind } from "./row.ts";
import { type Front, type RowEvent, readFront } from "./run.ts";

/**
 * Searches for each row's best text.
 *
 * @param front - What they begin behind.
 * @param start - What a row begins with, once it is known at which position.
 */
export async function* searchRows(
  decoder: Decoder,
  front: Front,
  start: (index: number, length: number) => RowStart,
): AsyncGenerator<RowEvent, void, undefined> {
  for (const index of front.rows.keys()) {
    const { begin, found } = await search(decoder, front, index, start);
    const stream = streamBehind(begin);
    const text = found === undefined ? "" : found.ids.map((id) => stream.push(id)).join("") + stream.end();
    if (text !== "") yield { type: "piece", index, text };
    yield { type: "row", index, generated: generatedOf(begin, text, found) };
  }
}

async function search(
  decoder: Decoder,
  front: Front,
  index: number,
  start: (index: number, length: number) => RowStart,
): Promise<{ readonly begin: RowStart; readonly found?: Found }> {
  const { rows, deltas, signal } = front;
  try {
    const started = await readFront(decoder, { ...front, rows: [rows[index]!], deltas: deltas && [deltas[index]!] });
    const begin = start(index, started.sequences.lengths[0]!);
    const { caller, decoding, ids, constraint, room } = begin;
    const most = Math.min(decoding.maxTokens, room);
    return { begin, found: await searchBeams(started, { caller, decoding, ids, most, constraint, signal }) };
  } catch (error) {
    if (signal?.aborted !== true || (error as Partial<CancelledError>).code !== "CANCELLED") throw error;
    return { begin: start(index, 0) };
  }
}

function generatedOf({ usage }: RowStart, text: string, found: Found | undefined): Generated {
  if (found === undefined) return { text, ids: [], finish: "aborted", usage: { ...usage, generated: 0 } };
  const { ids, end, isFull, score } = found;
  return {
    text,
    ids,
    finish: end !== undefined || isFull ? "stop" : "length",
    ...(end !== undefined && { stop: end }),
    usage: { ...usage, generated: ids.length + (end === undefined ? 0 : 1) },
    score,
  };
}
