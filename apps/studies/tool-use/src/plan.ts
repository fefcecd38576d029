/**
 * What is measured, with what, and what counts: fixed before any of it was run. Whatever comes out stays in the results.
 */
import { kitIds, type Setting } from "@cambium/toolbox";

/** How much of everything a study takes. */
export interface Extent {
  readonly name: "full" | "smoke";
  readonly model: "smollm2" | "tiny";
  readonly kits: readonly string[];
  readonly seeds: readonly number[];
  /** Instructions of each kind that are tested, the first new ones of those that are drawn. */
  readonly each: number;
  readonly drawn: number;
  /** Worlds whose experts are learnt from, and instructions of each kind in each. */
  readonly worlds: number;
  readonly perWorld: number;
  /** Of the tuned model's training. */
  readonly steps: number;
  /** Turns of a run at most, and tokens of a reply. */
  readonly turns: number;
  readonly replyTokens: number;
}

/** The eighteen kits that every toolbox has. */
const eighteen = kitIds.filter((id) => id !== "files" && id !== "runCode");

export const FULL: Extent = {
  name: "full",
  model: "smollm2",
  kits: eighteen,
  seeds: [1, 2, 3],
  each: 1,
  drawn: 4,
  worlds: 6,
  perWorld: 1,
  steps: 150, // as many as three runs may take within the study's hours; none had been measured
  turns: 10,
  replyTokens: 160,
};

/** A tiny model of random weights and hardly any steps: it shows that all parts work, and nothing else. */
export const SMOKE: Extent = {
  name: "smoke",
  model: "tiny",
  kits: ["calculator", "house", "weather"],
  seeds: [1, 2],
  each: 1,
  drawn: 2,
  worlds: 1,
  perWorld: 1,
  steps: 2,
  turns: 2,
  replyTokens: 16,
};

/** What a run is told of itself. */
export interface Cell {
  readonly extent: Extent["name"];
  readonly state: "untuned" | "tuned";
  readonly setting: Setting;
  readonly steps: number;
  readonly seed: number;
}

export const extentOf = ({ extent }: Cell): Extent => (extent === "full" ? FULL : SMOKE);

/** Every third kit is left out of training, another third with each seed: after three seeds each kit was unseen once. */
export const isUnseen = (kits: readonly string[], kit: string, seed: number): boolean =>
  kits.indexOf(kit) % 3 === seed % 3;

/** Seeds of worlds: those that experts act in, and the one that is tested. They never meet. */
export const trainedWorld = (seed: number, world: number): number => 1000 * seed + world;
export const testedWorld = (seed: number): number => 900_000 + seed;

/** LoRA on every linear layer. */
export const RANK = 16;
export const ALPHA = 32;
export const LEARNING_RATE = 5e-4;
export const BATCH_SIZE = 2;
/** Longest row that is learnt; longer ones are left out and counted. Tokens. */
export const MAX_LENGTH = 768;

/** Runs of an agent at once: their requests share passes of the model. */
export const AT_ONCE = 8;
/** Longest result that a model is shown. Characters. */
export const RESULT_CHARACTERS = 800;
/** Tools of its kit that a task is offered: those that fit its words best. */
export const OFFERED = 4;
/** Worked calls in the few-shot setting. */
export const SHOTS = 3;

/** Points of percent that tuning must add on tools that were trained on. */
export const SEEN_GAIN = 20;
/** Points that count as more than none. */
export const MORE = 0.1;
/** Largest share of calls, in percent, that may be refused for their form although every token was constrained. */
export const MISFITS = 1;
