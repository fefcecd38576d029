import { type Json, StateError } from "@cambium/base";
import type { RequestedCall, RunStep, ToolStep } from "@cambium/evaluation";
import type { Message } from "@cambium/llm";
import { messageOf } from "../tools/hostile.ts";
import { absorb, act } from "./act.ts";
import { ask, checkStopped } from "./ask.ts";
import { type Conversation, conversationOf } from "./conversation.ts";
import type { AgentEvent } from "./events.ts";
import { noteFacts } from "./facts.ts";
import type { Session } from "./planners/planner.ts";
import type { Run } from "./run.ts";
import { stopOf } from "./stop.ts";
import { joined, systemText } from "./system-text.ts";
import { readAnswer, takeTurn } from "./turn.ts";

function intentText({ intent }: Run): string {
  if (intent === undefined) return "";
  const constraints = intent.constraints.map((constraint) => `- ${constraint}`);
  return [`Goal: ${intent.goal}`, ...(constraints.length === 0 ? [] : ["What must hold:", ...constraints])].join("\n");
}

/** The first messages of a run. */
function startOf(run: Run, answers: readonly string[], guide: string | undefined): Conversation {
  const { plan, task, belief, active } = run;
  const system = systemText(plan, active, guide);
  const believed = belief === undefined ? "" : `Before using a tool you believed: ${belief.value}`;
  const told = joined([task.context, task.instruction, intentText(run), answers.join("\n"), believed]);
  const messages: Message[] = [
    { role: "system", content: system },
    ...(task.messages ?? []),
    { role: "user", content: told },
  ];
  return conversationOf(messages, run.recorder.steps.at(-1)?.index);
}

/** Events of calls that a program makes while it runs. */
interface Channel {
  push(event: AgentEvent): void;
  /** Everything pushed so far and not taken yet. */
  take(): readonly AgentEvent[];
  /** Resolves when something is pushed. */
  next(): Promise<void>;
}

function createChannel(): Channel {
  let events: AgentEvent[] = [];
  let wake = (): void => {};
  return {
    push(event) {
      events.push(event);
      wake();
    },
    take() {
      const taken = events;
      events = [];
      return taken;
    },
    next: () =>
      new Promise((resolve) => {
        wake = resolve;
        if (events.length > 0) resolve();
      }),
  };
}

/** Takes over a program that an earlier process ran to its end, with the calls that it made. */
async function* takeOver(run: Run, step: RunStep): AsyncGenerator<AgentEvent, void, undefined> {
  for (const inside of run.recorder.within(step.index)) {
    run.ledger.count(inside);
    if (inside.kind === "tool") {
      const { name } = inside.call;
      if (inside.tries !== undefined) {
        run.ledger.takeToolCall();
        run.called.set(name, (run.called.get(name) ?? 0) + 1);
      }
      await absorb(run, inside, run.active.get(name));
      noteFacts(run, inside.facts ?? {}, { origin: name, at: inside.at, index: inside.index });
    }
    yield { type: "step", step: inside, resumed: true };
  }
  run.ledger.count(step);
  yield { type: "step", step, resumed: true };
}

/** The session of a run, for its planner. @param answers - What the user answered before the work began, in words. */
export function createSession(run: Run, answers: readonly string[]): Session {
  const { plan, recorder, environment, ledger } = run;
  const none = conversationOf([]);

  async function* call(
    calls: readonly RequestedCall[],
    parent: number | undefined,
    isShown = true,
  ): AsyncGenerator<AgentEvent, readonly ToolStep[], undefined> {
    const acted = yield* act(
      run,
      none,
      calls,
      calls.map(({ id }) => id),
      parent,
      { isShown },
    );
    return acted.steps;
  }

  return {
    get tools() {
      return run.active;
    },
    words: plan.words,
    get modelCallsLeft() {
      return ledger.modelCallsLeft;
    },
    signal: run.signal,
    start: (guide) => startOf(run, answers, guide),
    turn: (conversation, options) => takeTurn(run, conversation, options),
    ask: (messages, asking) => ask(run, messages, asking),
    call: (calls, parent) => call(calls, parent),

    async *program(content, parent, work) {
      checkStopped(run);
      const index = recorder.reserve();
      const before = recorder.recorded(index, "run", content.stage, content.sourceHash);
      if (before !== undefined) {
        yield* takeOver(run, before);
        return before;
      }
      const base = { ...content, index, kind: "run", ...(parent === undefined ? {} : { parent }) } as const;
      const channel = createChannel();
      let failure: unknown;
      let last: Promise<unknown> = Promise.resolve();
      let count = 0;
      // Calls of a program run one after the other, in the order in which it makes them, so that a resumed run finds them.
      const callOne = (name: string, input: Json): Promise<ToolStep> => {
        const id = `program-${index}-${count++}`;
        const made = last.then(async () => {
          if (failure !== undefined) throw failure;
          try {
            const events = call([{ id, name, arguments: JSON.stringify(input) }], index, false);
            for (;;) {
              const { value, done } = await events.next();
              if (done === true) return value[0]!;
              channel.push(value);
            }
          } catch (error) {
            failure ??= error;
            throw error;
          }
        });
        last = made.catch(() => {});
        return made;
      };
      let step: RunStep | undefined;
      const working = work(callOne).then(
        async (ran) => {
          await last;
          step = { ...base, ...ran };
        },
        (error) => {
          failure ??= error;
        },
      );
      let isDone = false;
      const ended = working.then(() => {
        isDone = true;
      });
      while (!isDone) {
        await Promise.race([ended, channel.next()]);
        yield* channel.take();
      }
      yield* channel.take();
      if (failure !== undefined) throw failure;
      checkStopped(run);
      await recorder.keep(step!);
      ledger.count(step!);
      yield { type: "step", step: step!, resumed: false };
      return step!;
    },

    read: (conversation, step) => readAnswer(run, conversation, step),
    mark: () => ({ state: run.state, changes: run.changes }),
    canReturn: ({ changes }) => run.changes === changes,
    async goBack({ state, changes }) {
      if (run.changes !== changes) {
        throw new StateError({
          message: "goBack: a call since then changed what cannot be undone; ask canReturn first",
        });
      }
      if (environment === undefined || state === undefined) return;
      try {
        await environment.restore(state);
      } catch (thrown) {
        throw stopOf({ code: "STATE", message: `the environment could not go back: ${messageOf(thrown)}` });
      }
      run.state = state;
    },
  };
}
