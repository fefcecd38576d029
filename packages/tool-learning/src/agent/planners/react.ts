import { parseConfig } from "@cambium/base";
import * as z from "zod";
import type { Planner } from "./planner.ts";

/** Settings of `react`. */
export interface ReactOptions {
  /** Turns at most; the last one is for the answer. @default 50 */
  readonly turns?: number;
}

const schema = z.strictObject({ turns: z.int().positive().optional() });

/**
 * One step at a time: the model calls tools, sees what came of it, and decides what is next.
 *
 * @see Yao et al. 2023, ReAct: Synergizing Reasoning and Acting in Language Models, arXiv:2210.03629, §2.
 */
export function react(options: ReactOptions = {}): Planner {
  parseConfig("react", schema, options);
  const { turns = 50 } = options;
  return {
    name: "react",
    settings: { turns },
    async *run(session) {
      let conversation = session.start();
      for (let turn = 1; turn <= turns; turn++) {
        if (turn === turns && turns > 1) {
          const message = `${turns} turns are over`;
          conversation = { ...conversation, over: conversation.over ?? { code: "BUDGET_EXCEEDED", message } };
        }
        const taken = yield* session.turn(conversation, { stage: "react" });
        if (taken.finish !== undefined) return taken.finish;
        conversation = taken.conversation;
      }
      const failure = { code: "NO_ANSWER", message: `no answer after ${turns} turns` } as const;
      return { failure, leaf: conversation.tip };
    },
  };
}
