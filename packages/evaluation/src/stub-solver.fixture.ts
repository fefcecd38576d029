import type { Failure } from "./failure.ts";
import type { Solved, Solver } from "./solver.ts";
import type { Row } from "./task.ts";

/** A solver that answers by a function of the question and counts what it is asked. */
export function stub(
  answer: (question: string, signal?: AbortSignal) => string | Failure | Promise<string | Failure>,
  { settings = {}, ...said }: Pick<Partial<Solver>, "settings"> & Pick<Partial<Solved>, "labels" | "firstFailure"> = {},
): Solver & { asked: string[] } {
  const asked: string[] = [];
  return {
    name: "stub",
    settings,
    asked,
    async *solve(task, { signal, sample = 0 } = {}) {
      asked.push(task.question);
      const given = await answer(task.question, signal);
      const failure = typeof given === "string" ? undefined : given;
      const status = failure === undefined ? "done" : failure.code === "CANCELLED" ? "cancelled" : "failed";
      const steps = [
        {
          kind: "model",
          index: 0,
          stage: "answer",
          attempt: 0,
          durationMs: 1,
          promptHash: "",
          prompt: `What is twice ${task.question}?`,
          reply: typeof given === "string" ? given : "",
          cached: false,
          usage: { inputTokens: 10, outputTokens: 5 },
          usd: 0.001,
        },
      ] as const;
      const told = typeof given === "string" ? { answer: given } : { failure: given };
      const end: Solved = {
        type: "end",
        status,
        ...told,
        stdout: "",
        firstTry: failure === undefined && said.firstFailure === undefined,
        ...said,
        trajectory: { id: "t", method: "stub", task, sample, steps, status, ...told },
      };
      yield end;
    },
  };
}

/** Rows that ask for the double of their number, with two subjects and three levels. */
export const rows = (count: number): Row[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `row-${i}`,
    question: String(i),
    answer: String(i * 2),
    subject: i % 2 === 0 ? "even" : "odd",
    level: String((i % 3) + 1),
  }));

export const double = (question: string): string => String(Number(question) * 2);
