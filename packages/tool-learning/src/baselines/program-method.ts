/** The methods that write a whole program at once, run it, and repair it where they are allowed to. */

import { sha256 } from "@cambium/base";
import type { Failure, Solver } from "@cambium/evaluation";
import type { DemonstrationSet } from "../creator/demonstrations/demonstration.ts";
import { demonstrationsFor } from "../creator/demonstrations/for-language.ts";
import { isMendable } from "../creator/machine.ts";
import { rectificationPrompt } from "../creator/prompts/rectification.ts";
import { setupSettings } from "../creator/settings.ts";
import type { Task } from "../problem.ts";
import { extractAnswer } from "../solving/answer.ts";
import { describeFailure } from "../solving/error-text.ts";
import type { Prompt } from "../solving/prompt.ts";
import { createRecorder } from "../solving/recorder.ts";
import type { Setup } from "../solving/setup.ts";
import { checkTask } from "../solving/task.ts";
import { finish } from "./finish.ts";

/** Settings of the methods that write programs. */
export interface ProgramMethodOptions extends Setup {
  /** Repairs at most. */
  readonly rounds?: number;
  /** Worked examples. @default `creationDemonstrations`, or `pythonDemonstrations` for a sandbox for Python */
  readonly demonstrations?: DemonstrationSet;
  /** Reasoning before the code. @default false */
  readonly thought?: boolean;
}

/** What tells one such method from another. */
export interface ProgramMethod {
  readonly name: string;
  readonly rounds: number;
  prompt(input: {
    readonly task: Task;
    readonly language: "javascript" | "python";
    readonly demonstrations: DemonstrationSet;
    readonly thought: boolean;
  }): Prompt;
}

/** A solver that asks for a program, runs it, and has it repaired at most `rounds` times. */
export function programSolver(method: ProgramMethod, options: ProgramMethodOptions): Solver<Task> {
  const { thought = false, rounds = method.rounds, ...setup } = options;
  const { language } = setup.sandbox;
  const demonstrations = demonstrationsFor(method.name, language, options.demonstrations);
  const words = { language, demonstrations, thought };
  const settings = {
    ...setupSettings(setup),
    rounds,
    demonstrations: demonstrations.name,
    thought,
    promptsHash: sha256(JSON.stringify(method.prompt({ task: { question: "?" }, ...words }))),
  };
  return {
    name: method.name,
    settings,
    async *solve(task, solving = {}) {
      checkTask(method.name, task, solving);
      const recorder = createRecorder(setup, solving);
      const base = { name: method.name, settings, task, sample: solving.sample ?? 0, recorder };
      let prompt = method.prompt({ task, ...words });
      for (let round = 0; ; round++) {
        const asked = await recorder.ask({ stage: round === 0 ? "program" : "rectification", attempt: round }, prompt);
        yield { type: "step", step: asked };
        let failure: Failure | undefined = asked.failure;
        let stdout = "";
        const program = [{ name: "program", source: asked.code ?? "" }];
        if (failure === undefined) {
          const step = await recorder.run({ stage: "execution", attempt: round }, program);
          yield { type: "step", step };
          ({ failure, stdout } = step);
        }
        if (failure === undefined || round >= rounds || !isMendable(failure)) {
          yield finish({ ...base, stdout, failure, answer: extractAnswer(stdout), firstTry: round === 0 });
          return;
        }
        const error = describeFailure(failure, program);
        prompt = rectificationPrompt({ task, ...words, program, error, earlier: [], allowPartial: false });
      }
    },
  };
}
