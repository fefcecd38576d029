/** What is settled before a planner begins: what the task asks for, what is missing, and what the model believes. */
import type { JsonObject } from "@cambium/base";
import type { QueryStep } from "@cambium/evaluation";
import type { Message } from "@cambium/llm";
import * as z from "zod";
import { messageOf } from "../tools/hostile.ts";
import { jsonIn } from "./answer.ts";
import { ask, checkStopped } from "./ask.ts";
import type { AgentEvent, Intent } from "./events.ts";
import type { Run } from "./run.ts";
import { Stop, stopOf } from "./stop.ts";
import { describeTools } from "./words.ts";

const intentSchema = z.object({
  goal: z.string().min(1),
  constraints: z.array(z.string()).default([]),
  missing: z.array(z.object({ name: z.string(), question: z.string().min(1) })).default([]),
});

const intentFormat: JsonObject = {
  type: "object",
  properties: {
    goal: { type: "string" },
    constraints: { type: "array", items: { type: "string" } },
    missing: {
      type: "array",
      items: {
        type: "object",
        properties: { name: { type: "string" }, question: { type: "string" } },
        required: ["name", "question"],
        additionalProperties: false,
      },
    },
  },
  required: ["goal", "constraints", "missing"],
  additionalProperties: false,
};

/** Readings that are no JSON before the run goes on without one. */
const TRIES = 2;

function taskMessages({ task }: Run, asked: string): readonly Message[] {
  const told = [task.context, task.instruction].filter((part) => part !== undefined).join("\n\n");
  return [...(task.messages ?? []), { role: "user", content: `${asked}\n\nTask:\n${told}` }];
}

/** Asks the user a question, once: the answer is a step. */
async function* askUser(
  run: Run,
  query: string,
  open: readonly string[],
): AsyncGenerator<AgentEvent, string, undefined> {
  const { plan, recorder, ledger } = run;
  const index = recorder.reserve();
  let step = recorder.recorded(index, "query", "ask", query);
  const resumed = step !== undefined;
  if (step === undefined) {
    if (plan.ask === undefined) throw new Stop("suspended", { code: "INPUT_REQUIRED", message: query }, open);
    const start = plan.clock.elapsed();
    try {
      const reply = String(await plan.ask(query, { signal: run.signal }));
      step = {
        index,
        stage: "ask",
        attempt: 0,
        kind: "query",
        query,
        reply,
        durationMs: plan.clock.elapsed() - start,
      } satisfies QueryStep;
    } catch (thrown) {
      checkStopped(run);
      throw stopOf({ code: "INPUT_REQUIRED", message: `ask failed: ${messageOf(thrown)}` });
    }
    await recorder.keep(step);
  }
  ledger.count(step);
  yield { type: "step", step, resumed };
  return step.reply;
}

/** Reads the task: what it asks for and leaves open. `undefined` when the model does not say it in a form that can be read. */
async function* readIntent(run: Run): AsyncGenerator<AgentEvent, Intent | undefined, undefined> {
  const tools = `${run.plan.words.intent}\n\nTools:\n${describeTools(run.active.declarations())}`;
  const messages = taskMessages(run, tools);
  for (let i = 0; i < TRIES; i++) {
    const asked = yield* ask(run, messages, {
      stage: "intent",
      format: { schema: intentFormat, name: "intent" },
      parent: undefined,
    });
    const read = intentSchema.safeParse(jsonIn(asked.reply));
    if (read.success) return read.data;
  }
  return undefined;
}

/**
 * Reads the task and asks for what is missing.
 *
 * @returns Questions with the user's answers, in words.
 * @throws {Stop} When something is missing and nobody can be asked: the run is suspended.
 */
export async function* understand(run: Run): AsyncGenerator<AgentEvent, readonly string[], undefined> {
  const { plan } = run;
  const answers: string[] = [];
  if (plan.intent) {
    run.intent = yield* readIntent(run);
    if (run.intent !== undefined) yield { type: "intent", intent: run.intent };
    const questions = (run.intent?.missing ?? []).map(({ question }) => question);
    for (const question of questions) answers.push(`${question}\n${yield* askUser(run, question, questions)}`);
  }
  if (plan.beliefs) {
    const asked = yield* ask(run, taskMessages(run, plan.words.belief), { stage: "belief", parent: undefined });
    const value = asked.reply.trim();
    if (value !== "" && !/^unknown\W*$/i.test(value)) run.belief = { value, index: asked.index };
  }
  return answers;
}
