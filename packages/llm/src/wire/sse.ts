import { createParser } from "eventsource-parser";

/** Whether the data of an event is all there: a whole JSON text, or the mark of the end. */
function isWhole(data: string): boolean {
  if (data.trim() === "[DONE]") return true;
  try {
    JSON.parse(data);
    return true;
  } catch {
    return false;
  }
}

/**
 * The `data` of server-sent events, one after the other. A last event without its empty line counts when its data is a whole
 * JSON text; else it was cut off, and is dropped.
 */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let events: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => events.push(data) });
  for await (const bytes of body) {
    parser.feed(decoder.decode(bytes, { stream: true }));
    yield* events;
    events = [];
  }
  parser.feed(`${decoder.decode()}\n\n`);
  yield* events.filter(isWhole);
}
