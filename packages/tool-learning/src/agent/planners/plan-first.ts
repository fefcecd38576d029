import { type Json, parseConfig } from "@cambium/base";
import type { ToolStep } from "@cambium/evaluation";
import type { Message } from "@cambium/llm";
import * as z from "zod";
import { extend } from "../conversation.ts";
import type { AgentEvent } from "../events.ts";
import { describeTools } from "../words.ts";
import { type PlannedCall, readPlan, resolve, wavesOf } from "./plan.ts";
import type { Planner, Session } from "./planner.ts";

/** Settings of `planFirst`. */
export interface PlanFirstOptions {
  /** New plans after one that failed. @default 1 */
  readonly replans?: number;
}

const schema = z.strictObject({ replans: z.int().min(0).optional() });

/** What is wrong with a plan may be told to the model so often, for each plan. */
const CORRECTIONS = 2;

const user = (content: string): Message => ({ role: "user", content });

/** What came of a planned call. */
interface Outcome {
  readonly planned: PlannedCall;
  readonly step?: ToolStep;
  /** Why it was not made. */
  readonly skipped?: string;
}

const isFailed = ({ step }: Outcome): boolean => step === undefined || step.failure !== undefined;

/** Makes the calls of a plan, wave by wave. What needs a result that is not there is left out. */
async function* carryOut(
  session: Session,
  plan: readonly PlannedCall[],
  parent: number,
): AsyncGenerator<AgentEvent, readonly Outcome[], undefined> {
  const results = new Map<string, Json | undefined>();
  const outcomes: Outcome[] = [];
  for (const wave of wavesOf(plan)) {
    const ready: { readonly planned: PlannedCall; readonly input: Json }[] = [];
    for (const planned of wave) {
      const lost = planned.needs.find((need) => !results.has(need));
      const resolved =
        lost === undefined ? resolve(planned.arguments, results) : { problem: `"${lost}" has no result` };
      if ("problem" in resolved) outcomes.push({ planned, skipped: resolved.problem });
      else ready.push({ planned, input: resolved.value });
    }
    const calls = ready.map(({ planned, input }) => ({
      id: `plan-${parent}-${planned.id}`,
      name: planned.tool,
      arguments: JSON.stringify(input),
    }));
    const steps = yield* session.call(calls, parent);
    for (const [i, { planned }] of ready.entries()) {
      const step = steps[i]!;
      outcomes.push({ planned, step });
      if (step.failure === undefined) results.set(planned.id, step.value ?? null);
    }
  }
  return outcomes;
}

const describeOutcomes = (outcomes: readonly Outcome[]): string =>
  outcomes
    .map(
      ({ planned, step, skipped }) =>
        `${planned.id} (${planned.tool}): ${step === undefined ? `not made, for ${skipped}` : step.text}`,
    )
    .join("\n\n");

/**
 * The whole plan first: the model writes all calls at once without seeing a result; they are made, side by side where they do
 * not depend on each other; then the model answers from the results. Two requests, however many calls.
 *
 * @see Qin et al. 2024, Tool Learning with Foundation Models, ACM Computing Surveys, arXiv:2304.08354 (introspective
 *      reasoning).
 */
export function planFirst(options: PlanFirstOptions = {}): Planner {
  parseConfig("planFirst", schema, options);
  const { replans = 1 } = options;
  return {
    name: "plan-first",
    settings: { replans },
    async *run(session) {
      const start = session.start();
      let conversation = start;
      let corrections = 0;
      let plans = 0;
      for (;;) {
        const guide = `${session.words.plan}\n\nTools:\n${describeTools(session.tools.declarations())}`;
        const messages = [...conversation.messages, user(guide)];
        const asked = yield* session.ask(messages, { stage: "plan", parent: conversation.tip });
        const plan = readPlan(asked.reply, session.tools);
        if ("problem" in plan) {
          corrections += 1;
          if (corrections > CORRECTIONS || session.modelCallsLeft === 0) {
            return { failure: { code: "PLAN_INVALID", message: plan.problem }, leaf: asked.index };
          }
          const said: Message[] = asked.reply === "" ? [] : [{ role: "assistant", content: asked.reply }];
          conversation = extend(conversation, [...said, user(`That is no plan: ${plan.problem}.`)], asked.index);
          continue;
        }
        plans += 1;
        const outcomes = yield* carryOut(session, plan.steps, asked.index);
        const tip = outcomes.findLast(({ step }) => step !== undefined)?.step?.index ?? asked.index;
        const told =
          outcomes.length === 0 ? "No tool was called." : `Results of the plan:\n\n${describeOutcomes(outcomes)}`;
        const made: Message[] = [{ role: "assistant", content: asked.reply }, user(told)];
        conversation = { ...extend(conversation, made, tip), refused: 0 };
        if (outcomes.some(isFailed) && plans <= replans && session.modelCallsLeft > 1) continue;
        break;
      }
      for (;;) {
        const asked = yield* session.ask([...conversation.messages, user(session.words.finish)], {
          stage: "answer",
          parent: conversation.tip,
        });
        const read = await session.read(conversation, asked);
        if (read.finish !== undefined) return read.finish;
        conversation = read.conversation;
      }
    },
  };
}
