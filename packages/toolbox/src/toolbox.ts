import { ConfigError, checkOptions, type Json } from "@cambium/base";
import { type AnyTool, toolSet } from "@cambium/tool-learning";
import type { ToolCard } from "./card.ts";
import { BUNDLED, KITS, kitEntry } from "./kits.ts";
import { fullSetup, type Setup } from "./setup.ts";
import type { Toolkit } from "./toolkit.ts";
import { openWorld } from "./world/world.ts";

/** Options of `toolbox`. */
export interface ToolboxOptions extends Setup {
  /** Which kits are in it; `files` and `runCode` are there when asked for. @default the eighteen of the table in the README */
  readonly kits?: readonly string[];
  /** Kits of yours: each takes the place of the one with its id, or comes at the end. `close` closes them too. */
  readonly replace?: readonly Toolkit[];
}

/** States by kit, of those that have one. */
export type ToolboxState = { [kit: string]: Json };

/** Many kits as one. */
export interface Toolbox extends Iterable<AnyTool> {
  readonly kits: readonly Toolkit[];
  /** The tools of all kits, in their order. */
  readonly tools: readonly AnyTool[];
  /**
   * The states of the kits as plain JSON, a copy. It is what tools take as an environment's state, so that a run has its own:
   * `virtual({ state: () => box.snapshot() })`.
   */
  snapshot(): ToolboxState;
  /** @throws {ConfigError} When it is no snapshot of such a toolbox; then nothing is changed. */
  restore(state: ToolboxState): void;
  /** Closes every kit. */
  close(): Promise<void>;
}

/**
 * All bundled kits at once. `weather`, `stocks` and `maps` share one world.
 *
 * @throws {ConfigError} For a kit that does not exist.
 * @example
 * const box = toolbox({ seed: 7, clock: "2026-03-02T09:00:00Z" });
 * console.log(box.tools.length);
 * await box.close();
 */
export function toolbox(options: ToolboxOptions = {}): Toolbox {
  checkOptions("toolbox", options, ["seed", "clock", "kits", "replace"]);
  const { kits: wanted = BUNDLED, replace = [], ...given } = options;
  const setup = fullSetup("toolbox", given);
  const ids = [...new Set(wanted)];
  const entries = ids.map((id) => [id, kitEntry("toolbox", id)] as const);
  const world = openWorld(setup);
  const own = entries.map(([id, entry]) => replace.find((kit) => kit.id === id) ?? entry.open(setup, world));
  const kits = [...own, ...replace.filter(({ id }) => !ids.includes(id))];
  const tools = kits.flatMap((kit) => kit.tools);
  toolSet(tools); // refuses names that a model would mix up
  return {
    kits,
    tools,
    snapshot: () =>
      Object.fromEntries(kits.flatMap((kit) => (kit.snapshot() === null ? [] : [[kit.id, kit.snapshot()]]))),
    restore(state) {
      const unknown = Object.keys(state).find((id) => !kits.some((kit) => kit.id === id));
      if (unknown !== undefined) throw new ConfigError({ message: `toolbox.restore: there is no kit "${unknown}"` });
      const before = kits.map((kit) => kit.snapshot());
      try {
        for (const kit of kits) kit.restore(Object.hasOwn(state, kit.id) ? state[kit.id]! : null);
      } catch (error) {
        for (const [i, kit] of kits.entries()) kit.restore(before[i]!);
        throw error;
      }
    },
    async close() {
      await Promise.all([...kits.map((kit) => kit.close()), world.close()]);
    },
    [Symbol.iterator]: () => tools[Symbol.iterator](),
  };
}

/** Options of `toolCards`. */
export interface ToolCardsOptions extends Setup {
  /** Whose cards. @default the eighteen of the toolbox */
  readonly kits?: readonly string[];
  /** Instructions of each kind, where a kind knows so many; a card has five to nine kinds. From 1 to 1000. @default 2 */
  readonly each?: number;
}

/**
 * The cards of the bundled kits, each with instructions drawn from the seed. A card belongs to the kits of the same setup:
 * another seed gives other instructions over other worlds.
 *
 * @throws {ConfigError} For a kit that does not exist.
 * @throws {StateError} When a package that a card's answers come from is not installed.
 * @example
 * const [card] = await toolCards({ seed: 7, kits: ["mail"] });
 * console.log(card!.tasks.map(({ instruction }) => instruction));
 */
export async function toolCards(options: ToolCardsOptions = {}): Promise<readonly ToolCard[]> {
  checkOptions("toolCards", options, ["seed", "clock", "kits", "each"]);
  const { kits = BUNDLED, each = 2, ...given } = options;
  const setup = fullSetup("toolCards", given);
  if (!Number.isInteger(each) || each < 1 || each > 1000)
    throw new ConfigError({ message: `toolCards: each must be an integer from 1 to 1000, got ${each}` });
  return Promise.all([...new Set(kits)].map(async (id) => kitEntry("toolCards", id).card(setup, each)));
}

/** Every kit's id, the eighteen first. */
export const kitIds: readonly string[] = Object.keys(KITS);
