import { createParser } from "eventsource-parser";

/** The `data` of server-sent events, one after the other. A last event without its empty line is dropped: it may be cut off. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let events: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => events.push(data) });
  for await (const bytes of body) {
    parser.feed(decoder.decode(bytes, { stream: true }));
    yield* events;
    events = [];
  }
}
