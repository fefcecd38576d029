import { expect, test } from "vitest";
import { yieldTurn } from "./yield-turn.ts";

test("a loop that awaits nothing else lets a timer fire", async () => {
  let isStopped = false;
  setTimeout(() => {
    isStopped = true;
  });
  const end = performance.now() + 60_000; // what fails ends
  while (!isStopped && performance.now() < end) await yieldTurn();
  expect(isStopped).toBe(true);
});
