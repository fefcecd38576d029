/** Events of a producer that does not wait, for a consumer that does. */
export interface EventQueue<Event> {
  push(event: Event): void;
  /** Nothing follows. */
  end(): void;
  fail(error: unknown): void;
  /** The next event; nothing behind the last. */
  next(): Promise<Event | undefined>;
}

/** An empty queue. */
export function eventQueue<Event>(): EventQueue<Event> {
  const events: Event[] = [];
  let state: "open" | "ended" | { readonly error: unknown } = "open";
  let wake = (): void => {};

  function settle(next: typeof state): void {
    if (state === "open") state = next;
    wake();
  }

  return {
    push(event) {
      events.push(event);
      wake();
    },
    end: () => settle("ended"),
    fail: (error) => settle({ error }),
    async next() {
      while (events.length === 0 && state === "open") {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (events.length > 0) return events.shift();
      if (typeof state === "object") throw state.error;
      return undefined;
    },
  };
}
