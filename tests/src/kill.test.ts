/** A training run killed again and again, against one that was left in peace. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random } from "@cambium/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundle, endOf, live, stepsOf } from "./lives.ts";

const KILLS = 20;

const folder = mkdtempSync(join(tmpdir(), "cambium-kill-"));
afterAll(() => rmSync(folder, { recursive: true }));

let program: string;
beforeAll(async () => {
  program = await bundle("train-small", folder);
});

test("a run killed at 20 random moments and resumed each time ends with the bits of one that was not", async () => {
  const inPeace = await live(program, join(folder, "in-peace"));
  expect(stepsOf(inPeace)).toHaveLength(400);
  expect(endOf(inPeace)).toHaveLength(4); // three parameters, one tensor of the objective's state

  const moments = random(5);
  const killed = join(folder, "killed");
  let reached = 0;
  for (let i = 0; i < KILLS; i++) {
    const [steps, ms] = moments.at(i).uniforms(2);
    const life = await live(program, killed, { steps: Math.floor(8 * steps!), ms: 15 * ms! });
    expect(life.signal).toBe("SIGKILL");
    // The step whose checkpoint was not finished is taken again; no other step is, and none is left out.
    const [first, ...later] = stepsOf(life);
    expect([reached, reached + 1]).toContain(first);
    reached = later.at(-1) ?? first!;
  }
  const last = await live(program, killed);
  expect(last.signal).toBeNull();
  expect(endOf(last)).toEqual(endOf(inPeace));

  // Nothing is left of the crashes: the files of both runs are the same, byte for byte, hidden ones included.
  const names = readdirSync(killed).sort();
  expect(names).toEqual(readdirSync(join(folder, "in-peace")).sort());
  for (const name of names) {
    expect(readFileSync(join(killed, name)).equals(readFileSync(join(folder, "in-peace", name))), name).toBe(true);
  }
});
