/** A body whose first characters were looked at. */
export interface Peeked {
  /** What it is: JSON, server-sent events, or neither. The content type is not asked, for many servers tell it wrong. */
  readonly kind: "json" | "events" | "other";
  /** All of it but spaces and a byte order mark before the first character. */
  readonly body: AsyncGenerator<Uint8Array, void, undefined>;
}

/** Each line of events begins with a colon, or with `data`, `event`, `id` or `retry`. */
function kindOf(first: string | undefined): Peeked["kind"] {
  if (first === "{" || first === "[") return "json";
  return first !== undefined && ":deir".includes(first) ? "events" : "other";
}

/** Reads as much of a body as tells what it is. */
export async function peek(body: AsyncIterable<Uint8Array>): Promise<Peeked> {
  const chunks = body[Symbol.asyncIterator]();
  const decoder = new TextDecoder(); // takes a byte order mark off
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    const text = decoder.decode(next.value, { stream: true }).trimStart();
    if (text !== "") return { kind: kindOf(text[0]), body: resume(text, decoder, chunks) };
  }
  return { kind: "other", body: resume("", decoder, chunks) };
}

/** The text that was read, and what follows it; closing it closes the body. */
async function* resume(
  text: string,
  decoder: TextDecoder,
  chunks: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  let isOpen = true;
  try {
    yield encoder.encode(text);
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      const more = decoder.decode(next.value, { stream: true });
      if (more !== "") yield encoder.encode(more);
    }
    isOpen = false;
  } finally {
    if (isOpen) await chunks.return?.();
  }
}
