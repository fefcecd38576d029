/**
 * The `data` of server-sent events, one after the other. A last event without its empty line is dropped, as the standard
 * says: it may be cut off.
 *
 * @see WHATWG HTML, "Server-sent events", section 9.2.6.
 */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let data: string[] = [];
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    // A carriage return at the end may be the first half of a line break.
    const usable = text.endsWith("\r") ? text.length - 1 : text.length;
    const lines = text.slice(0, usable).split(/\r\n|\n|\r/);
    text = lines.pop()! + text.slice(usable);
    for (const line of lines) {
      if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
      if (line !== "" || data.length === 0) continue;
      yield data.join("\n");
      data = [];
    }
  }
}
