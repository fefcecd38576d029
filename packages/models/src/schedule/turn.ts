/**
 * Lets everything else that waits have its turn: requests, signals, timers. A step of a model is native work that nothing
 * interrupts, so that whoever makes many of them calls this in between.
 */
export function turn(): Promise<void> {
  const { setImmediate } = globalThis as { readonly setImmediate?: (run: () => void) => void };
  return new Promise((resolve) => {
    if (setImmediate !== undefined) setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}
