/** Long work and the rest of the process. */

/** How long timers, signals and streams wait at most for work that awaits nothing but itself. Milliseconds. */
const LONGEST = 16;

// Kept from here on: tests that replace the clock do not stop the work.
const [immediate, timeout] = [globalThis.setImmediate, globalThis.setTimeout];

let last = 0;

/**
 * Lets timers, signals and streams of this process run, and what nothing refers to any more be freed, where that is 16 ms ago or more. A loop
 * that awaits only results that are there already gives them no turn: no timer fires in it, no Ctrl-C is heard.
 *
 * @example
 * for (const batch of batches) {
 *   score(batch);
 *   await yieldTurn();
 * }
 */
export async function yieldTurn(): Promise<void> {
  if (performance.now() - last < LONGEST) return;
  await new Promise<void>((resolve) => {
    if (typeof immediate === "function") immediate(resolve);
    else timeout(resolve); // browsers
  });
  last = performance.now();
}
