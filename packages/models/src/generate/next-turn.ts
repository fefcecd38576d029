const { setImmediate: soon } = globalThis as { readonly setImmediate?: (callback: () => void) => unknown };

/**
 * Waits for the next turn of the event loop. Backends that compute at once resolve their reads within one turn, so that neither a
 * timer nor a signal from outside would be heard until the last token.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (soon !== undefined) {
      soon(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel(); // browsers make timers wait for 4 ms
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
