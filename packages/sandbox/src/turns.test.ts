import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

const never = new AbortController().signal;

test("turns are given in order, no more at once than allowed", async () => {
  const turns = new Turns(2, 10);
  expect(await turns.enter(0, never)).toBe("granted");
  expect(await turns.enter(0, never)).toBe("granted");
  const order: number[] = [];
  const waiting = [1, 2, 3].map((i) => turns.enter(0, never).then(() => order.push(i)));
  await Promise.resolve();
  expect(order).toEqual([]);
  turns.leave(0);
  await waiting[0];
  expect(order).toEqual([1]);
  turns.leave(0);
  turns.leave(0);
  await Promise.all(waiting);
  expect(order).toEqual([1, 2, 3]);
});

test("each level has its own turns", async () => {
  const turns = new Turns(1, 1);
  expect(await turns.enter(0, never)).toBe("granted");
  expect(await turns.enter(1, never)).toBe("granted");
  const second = turns.enter(0, never);
  expect(await turns.enter(0, never)).toBe("full");
  turns.leave(0);
  expect(await second).toBe("granted");
});

test("who is cancelled leaves the queue to others", async () => {
  const turns = new Turns(1, 2);
  await turns.enter(0, never);
  const controller = new AbortController();
  const [cancelled, next] = [turns.enter(0, controller.signal), turns.enter(0, never)];
  controller.abort();
  expect(await cancelled).toBe("cancelled");
  turns.leave(0);
  expect(await next).toBe("granted");
  expect(await turns.enter(0, controller.signal)).toBe("cancelled");
});
