import { describe, expect, test } from "vitest";
import { KITS } from "./kits.ts";
import { runExpert } from "./run-expert.ts";
import { fullSetup } from "./setup.ts";

/** A wrong answer of the same form: every digit is one more, every word backwards. */
function spoiled(answer: string): string {
  return answer
    .replace(/\d/g, (digit) => `${(Number(digit) + 1) % 10}`)
    .replace(/\p{L}{2,}/gu, (word) => [...word].reverse().join(""));
}

const SETUPS = [
  [2, fullSetup("test", { seed: 1 })],
  [1, fullSetup("test", { seed: 20_260_302, clock: "2026-11-05T16:20:00Z" })],
] as const;

/** The laws of every card: enough instructions, each solved by its expert and by nobody who does or says something else. */
export function describeCard(id: string): void {
  const { open, card } = KITS[id]!;

  describe(`the card of ${id}`, () => {
    test("holds ten to twenty different instructions, the same for the same seed", async () => {
      const [[each, setup]] = SETUPS;
      const { tasks } = await card(setup, each);
      const instructions = tasks.map(({ instruction }) => instruction);
      expect(tasks.length).toBeGreaterThanOrEqual(10);
      expect(tasks.length).toBeLessThanOrEqual(20);
      expect(new Set(instructions).size).toBe(tasks.length);
      expect(new Set(tasks.map((task) => task.id)).size).toBe(tasks.length);
      expect((await card(setup, each)).tasks.map(({ instruction }) => instruction)).toEqual(instructions);
    });

    test.each(SETUPS)(
      "is solved by its expert, and by no empty, wrong or idle answer (%i of each kind, %o)",
      async (each, setup) => {
        const { tasks } = await card(setup, each);
        const kit = open(setup);
        const start = kit.snapshot();
        const said = new Map<string, string>();
        try {
          for (const task of tasks) {
            kit.restore(start);
            const run = await runExpert(task, kit);
            const told = `${task.id}: ${task.instruction} -> ${run.answer}`;
            expect(run.steps.length, told).toBeGreaterThan(0);
            expect(task.succeeds(run), told).toBe(true);
            for (const answer of ["", "I do not know.", spoiled(run.answer), "It is done. It is done."])
              expect(task.succeeds({ answer, state: start }), `${told} / ${answer}`).toBe(false);
            said.set(task.id, run.answer);
          }
          for (const task of tasks) {
            for (const other of tasks) {
              const answer = said.get(other.id)!;
              if (other.kind !== task.kind || answer === said.get(task.id)) continue;
              expect(
                task.succeeds({ answer, state: start }),
                `${task.id} takes the answer of ${other.id}: ${answer}`,
              ).toBe(false);
            }
          }
        } finally {
          await kit.close();
        }
      },
    );
  });
}
