/** Values handed from callbacks to one reader, in order. */
export interface Channel<T> {
  push(value: T): void;
  /** Ends the reader's loop after what was pushed before; with an error, throws it there. */
  close(error?: unknown): void;
  read(): AsyncGenerator<T>;
}

export function createChannel<T>(): Channel<T> {
  const values: T[] = [];
  let end: { readonly error?: unknown } | undefined;
  let wake: () => void = () => undefined;
  return {
    push(value) {
      values.push(value);
      wake();
    },
    close(error) {
      end ??= error === undefined ? {} : { error };
      wake();
    },
    async *read() {
      for (;;) {
        while (values.length > 0) yield values.shift()!;
        if (end !== undefined) break;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if ("error" in end) throw end.error;
    },
  };
}
