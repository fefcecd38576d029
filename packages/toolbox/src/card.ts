/**
 * Tool cards: instructions that a set of tools solves, with code that tells whether they were solved and a scripted expert
 * that solves them. `settings.ts` puts them before a model in three ways.
 */
import type { Json } from "@cambium/base";
import { type Random, seeded } from "./random.ts";
import type { FullSetup } from "./setup.ts";

/** How an attempt ended. */
export interface Outcome {
  /** What the model said last; empty when it said nothing. */
  readonly answer: string;
  /** The set's `snapshot()` at the end. */
  readonly state: Json;
}

/** A call of a tool by its name. */
export type Call = <Result = Json>(name: string, input: Json) => Promise<Result>;

/** An instruction without its place in a card. */
export interface TaskParts {
  readonly instruction: string;
  /** Solves the task through the tools only, and gives the answer. */
  expert(call: Call): Promise<string>;
  /** Whether the task is solved. */
  succeeds(outcome: Outcome): boolean;
}

/** An instruction for a set of tools. */
export interface Task extends TaskParts {
  /** Unique among all cards of a seed: `mail/search/2`. */
  readonly id: string;
  /** The set that it is for. */
  readonly set: string;
  /** What kind of thing is asked; a card has several. */
  readonly kind: string;
}

/** The instructions of one set. */
export interface ToolCard {
  readonly set: string;
  readonly tasks: readonly Task[];
}

/** Makes tasks of one kind; it is called until it has given as many different instructions as asked for. */
export type TaskKind = (random: Random) => TaskParts;

const MOST_TRIES = 200;

/** A card: `each` different instructions of every kind, drawn from the seed. Kinds that know fewer give fewer. */
export function makeCard(
  set: string,
  { seed }: FullSetup,
  each: number,
  kinds: Readonly<Record<string, TaskKind>>,
): ToolCard {
  const tasks = Object.entries(kinds).flatMap(([kind, make]) => {
    const random = seeded(seed, `${set}/${kind}`);
    const found = new Map<string, TaskParts>();
    for (let tries = 0; found.size < each && tries < MOST_TRIES; tries++) {
      const task = make(random);
      if (!found.has(task.instruction)) found.set(task.instruction, task);
    }
    return [...found.values()].map((task, index) => ({ ...task, id: `${set}/${kind}/${index + 1}`, set, kind }));
  });
  return { set, tasks };
}
