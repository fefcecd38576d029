/** Watches a text that comes in parts for strings that end it. */
export interface StopWatch {
  /** Takes the next part; gives what cannot belong to a stop string, up to one if it is there. */
  push(part: string): { readonly text: string; readonly stop?: string };
  /** What was held back. */
  end(): string;
}

/** The length of the longest end of a text that one of the strings begins with. */
function heldLength(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map(({ length }) => length - 1));
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const end = text.slice(text.length - length);
    if (stops.some((stop) => stop.startsWith(end))) return length;
  }
  return 0;
}

/**
 * A watch for some strings. The text ends before the first of them that is complete; of several that end at one place, before the
 * longest.
 */
export function stopWatch(stops: readonly string[]): StopWatch {
  let held = "";
  return {
    push(part) {
      if (part === "" || stops.length === 0) return { text: part };
      const before = held.length;
      held += part;
      let found: { readonly at: number; readonly stop: string } | undefined;
      for (const stop of stops) {
        const at = held.indexOf(stop, Math.max(0, before - stop.length + 1));
        if (at === -1) continue;
        const end = at + stop.length;
        const known = found === undefined ? Number.POSITIVE_INFINITY : found.at + found.stop.length;
        if (end < known || (end === known && at < found!.at)) found = { at, stop };
      }
      if (found !== undefined) {
        const text = held.slice(0, found.at);
        held = "";
        return { text, stop: found.stop };
      }
      const length = heldLength(held, stops);
      const text = held.slice(0, held.length - length);
      held = held.slice(held.length - length);
      return { text };
    },
    end() {
      const text = held;
      held = "";
      return text;
    },
  };
}
