import { describe, expect, test } from "vitest";
import type { Task } from "./card.ts";
import { KITS } from "./kits.ts";
import { runExpert } from "./run-expert.ts";
import { fullSetup } from "./setup.ts";

/** A wrong answer of the same form: every digit is one more, every word backwards. */
function spoiled(answer: string): string {
  return answer
    .replace(/\d/g, (digit) => `${(Number(digit) + 1) % 10}`)
    .replace(/\p{L}{2,}/gu, (word) => [...word].reverse().join(""));
}

const setups = [fullSetup("test", { seed: 1 }), fullSetup("test", { seed: 20_260_302, clock: "2026-11-05T16:20:00Z" })];

describe.each(Object.keys(KITS))("the card of %s", (id) => {
  const { open, card } = KITS[id]!;

  test.each(setups)("holds at least ten different instructions for %o", (setup) => {
    const { tasks } = card(setup, 2);
    expect(tasks.length).toBeGreaterThanOrEqual(10);
    expect(new Set(tasks.map(({ instruction }) => instruction)).size).toBe(tasks.length);
    expect(new Set(tasks.map(({ id }) => id)).size).toBe(tasks.length);
    expect(card(setup, 2).tasks.map(({ instruction }) => instruction)).toEqual(
      tasks.map(({ instruction }) => instruction),
    );
  });

  test.each(setups)("is solved by its expert, and by no empty, wrong or idle answer, for %o", async (setup) => {
    const { tasks } = card(setup, 3);
    const kit = open(setup);
    const start = kit.snapshot();
    const runs: [Task, string][] = [];
    try {
      for (const task of tasks) {
        kit.restore(start);
        const run = await runExpert(task, kit);
        const told = `${task.id}: ${task.instruction} -> ${run.answer}`;
        expect(run.steps.length, told).toBeGreaterThan(0);
        expect(task.succeeds(run), told).toBe(true);
        // Nobody who did nothing passes, nor one who did the right thing to the state and says nothing of what was asked.
        expect(task.succeeds({ answer: "", state: start }), told).toBe(false);
        expect(task.succeeds({ answer: spoiled(run.answer), state: start }), told).toBe(false);
        expect(task.succeeds({ answer: "I do not know.", state: start }), told).toBe(false);
        runs.push([task, run.answer]);
      }
      for (const [task, answer] of runs) {
        const wrong = runs.filter(
          ([other]) => other !== task && other.kind === task.kind && runs.every(([, text]) => text !== ""),
        );
        for (const [other, said] of wrong) {
          if (said === answer) continue;
          expect(
            task.succeeds({ answer: said, state: start }),
            `${task.id} takes the answer of ${other.id}: ${said}`,
          ).toBe(false);
        }
      }
    } finally {
      await kit.close();
    }
  });
});
