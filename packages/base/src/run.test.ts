import { expect, test } from "vitest";
import { type RunEvent, result } from "./run.ts";

type Event = { type: "step"; step: number } | { type: "end"; total: number };

async function* run(steps: number, finish = true): AsyncGenerator<Event> {
  for (let step = 0; step < steps; step++) yield { type: "step", step };
  if (finish) yield { type: "end", total: steps };
}

test("the result of a run is its end event", async () => {
  expect(await result(run(2))).toEqual({ type: "end", total: 2 });
});

test("every event is seen on the way, the last one included, in order", async () => {
  const seen: Event[] = [];
  await result(run(2), (event) => seen.push(event));
  expect(seen.map((event) => event.type)).toEqual(["step", "step", "end"]);
});

test("a run that stops before its end is an error that says where", async () => {
  await expect(result(run(1, false))).rejects.toMatchObject({
    code: "STATE",
    message: expect.stringContaining('"step"'),
  });
  await expect(result(run(0, false))).rejects.toMatchObject({
    code: "STATE",
    message: expect.stringContaining("no event"),
  });
});

test("an error of the run is passed on as it is", async () => {
  const failure = new Error("diverged");
  // biome-ignore lint/correctness/useYield: a run that fails before its first event
  async function* failing(): AsyncGenerator<RunEvent> {
    throw failure;
  }
  await expect(result(failing())).rejects.toBe(failure);
});
