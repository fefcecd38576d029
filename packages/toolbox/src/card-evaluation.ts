/** Cards as an evaluation: how many of their tasks a model solves in one of the three settings. */
import { checkOptions, type Json } from "@cambium/base";
import type { Row as EvaluationRow, Task as EvaluationTask, Grader, Solver } from "@cambium/evaluation";
import { type AgentOptions, agent } from "@cambium/tool-learning";
import type { Task } from "./card.ts";
import { type CardAgentOptions, cardAgent } from "./card-agent.ts";
import { BUNDLED } from "./kits.ts";
import { checkOffer, offer } from "./offer.ts";
import { type DemonstrateOptions, type OpenSetting, openSetting, type Setting } from "./settings.ts";
import { fullSetup } from "./setup.ts";
import { toolCards } from "./toolbox.ts";

/** Settings of `cardEvaluation`. */
export interface CardEvaluationOptions extends DemonstrateOptions {
  readonly model: AgentOptions["model"];
  readonly setting: Setting;
  /** Whose cards. @default the eighteen of the toolbox */
  readonly kits?: readonly string[];
  /** Instructions of each kind. From 1 to 1000. @default 2 */
  readonly each?: number;
  /** Tools of its kit that a task is offered, those that fit its words best: short prompts, without some that are needed. @default all */
  readonly offer?: number;
  /** Settings of the runs. @default those of `runAgent` */
  readonly agent?: CardAgentOptions;
}

/** A task of a card, as its solver sees it. */
export interface CardTask extends EvaluationTask {
  /** The kit that it is for. */
  readonly kit: string;
}

/** What `runEvaluation` takes, and how to let go of it. */
export interface CardEvaluation {
  readonly solver: Solver<CardTask>;
  /** `subject` is the kit; `answer` the task's id, by which the grader finds its predicate. */
  readonly rows: readonly EvaluationRow<CardTask>[];
  readonly grader: Grader;
  /** Frees what the kits hold. */
  close(): Promise<void>;
}

/** How a run ended, as the grader reads it: the solver prints it. */
interface Ended {
  readonly answer: string;
  readonly state?: Json | undefined;
}

const rowOf = ({ id, set, instruction }: Task): EvaluationRow<CardTask> => ({
  id,
  question: instruction,
  kit: set,
  answer: id,
  subject: set,
});

/**
 * Cards for `runEvaluation`: each task is a run of an agent with the tools of its kit, in a fresh state, judged by the task's predicate on the
 * answer and the state at the end. A run without an answer has not solved its task, whatever it did.
 *
 * @throws {ConfigError} For a kit or setting that does not exist, or options that cannot be meant.
 * @see Qin et al. 2024, Tool Learning with Foundation Models, arXiv:2304.08354, §4 (tools without, with zero-shot and with few-shot prompts).
 * @example
 * const { solver, rows, grader, close } = await cardEvaluation({ model: chat, setting: "few-shot", seed: 7 });
 * for await (const event of runEvaluation(solver, rows, { grader, results: "runs/cards" })) …
 * await close();
 */
export async function cardEvaluation(options: CardEvaluationOptions): Promise<CardEvaluation> {
  const keys = ["model", "setting", "seed", "clock", "kits", "each", "shots", "offer", "agent"] as const;
  checkOptions("cardEvaluation", options, keys);
  const { model, setting, kits = BUNDLED, each = 2, shots, offer: count, agent: running, ...given } = options;
  checkOffer("cardEvaluation", count);
  const setup = fullSetup("cardEvaluation", given);
  const cards = await toolCards({ ...setup, kits, each });
  const tasks = new Map(cards.flatMap(({ tasks: own }) => own.map((task) => [task.id, task] as const)));
  const opened = new Map<string, { readonly at: OpenSetting; readonly solver: Solver }>();
  for (const { set } of cards) {
    const at = await openSetting(set, setting, { ...setup, ...(shots === undefined ? {} : { shots }) });
    opened.set(set, { at, solver: agent(cardAgent("cardEvaluation", at, model, running)) });
  }
  function solverOf(kit: string, instruction: string): Solver {
    const { at, solver } = opened.get(kit)!;
    if (count === undefined || at.tools.length <= count) return solver;
    const tools = offer(at.tools, instruction, count);
    return agent(cardAgent("cardEvaluation", { ...at, tools }, model, running));
  }
  const solvers = [...opened].map(([kit, { solver }]): readonly [string, Json] => [kit, solver.settings]);
  return {
    solver: {
      name: setting,
      settings: { setting, setup: { ...setup }, offer: count ?? null, kits: Object.fromEntries(solvers) },
      async *solve({ kit, ...task }, solving) {
        for await (const event of solverOf(kit, task.question).solve(task, solving)) {
          if (event.type !== "end") {
            yield event;
            continue;
          }
          const { answer = "", state } = event as typeof event & Partial<Ended>;
          yield { ...event, stdout: JSON.stringify({ answer, state } satisfies Ended) };
        }
      },
    },
    rows: [...tasks.values()].map(rowOf),
    grader: {
      name: "card",
      grade({ answer, stdout }, id) {
        if (answer === undefined) return { right: false, found: "nowhere" };
        const task = tasks.get(id)!;
        return { right: opened.get(task.set)!.at.succeeds(task, JSON.parse(stdout) as Ended), found: "marker" };
      },
    },
    async close() {
      await Promise.all([...opened.values()].map(({ at }) => at.close()));
    },
  };
}
