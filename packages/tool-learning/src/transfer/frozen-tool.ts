import type { Failure, SolveOptions, Step } from "@cambium/evaluation";
import type { CreatorPlan } from "../creator/options.ts";
import { type Task, taskOf } from "../problem.ts";
import { extractAnswer } from "../solving/answer.ts";
import { createRecorder } from "../solving/recorder.ts";

/** How a question was solved by a tool that was made for another one. */
export interface FrozenUse {
  readonly answer?: string;
  readonly stdout: string;
  /** The code that called the tool. */
  readonly call: string;
  readonly failure?: Failure;
  readonly steps: readonly Step[];
}

/** Solves a question by a tool as it is: the decision stage and one run, no creation and no repair. */
export async function useFrozenTool(
  plan: CreatorPlan,
  tool: string,
  task: Task,
  solving: SolveOptions,
): Promise<FrozenUse> {
  const { language } = plan.setup.sandbox;
  const recorder = createRecorder(plan.setup, solving);
  const words = { language, demonstrations: plan.demonstrations, thought: plan.thought };
  const prompt = plan.prompts.decision({ task: taskOf(task), ...words, tool });
  const asked = await recorder.ask({ stage: "decision", attempt: 0 }, prompt);
  const call = asked.code ?? "";
  if (asked.failure !== undefined) return { stdout: "", call, failure: asked.failure, steps: recorder.steps };
  const ran = await recorder.run(
    { stage: "execution", attempt: 0 },
    [
      { name: "tool", source: tool },
      { name: "call", source: call },
    ].filter(({ source }) => source !== ""),
  );
  const answer = ran.failure === undefined ? extractAnswer(ran.stdout) : undefined;
  return {
    ...(answer === undefined ? {} : { answer }),
    stdout: ran.stdout,
    call,
    ...(ran.failure === undefined ? {} : { failure: ran.failure }),
    steps: recorder.steps,
  };
}
