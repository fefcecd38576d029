/** Flags of the commands that write texts: how, and what is told about it. */
import { random } from "@cambium/core";
import type { ScheduledOptions } from "@cambium/models";
import { type Command, InvalidArgumentError } from "commander";
import { parseCount } from "../commands/parse-count.ts";
import { UseError } from "../io.ts";
import { addHoldFlags, type HoldFlags } from "./open-language-model.ts";

/** What the flags hold. */
export interface WritingFlags extends HoldFlags {
  readonly adapter?: string;
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly stop?: readonly string[];
  readonly seed: number;
  readonly maxTokens?: number;
  readonly stats?: true;
  readonly json?: true;
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number.");
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new InvalidArgumentError("It must be an integer of 0 or more.");
}

/** The values of a flag that is given several times. */
const collected = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Adds the flags to a command. */
export function addWritingFlags(command: Command): Command {
  return addHoldFlags(command.option("--adapter <folder>", "an adapter of PEFT or saveAdapter to put on the model"))
    .option("--max-tokens <number>", "longest text, in tokens (default: as far as the model has positions)", parseCount)
    .option("--temperature <number>", "0 takes the likeliest token each time, above it draws", parseNumber, 0)
    .option("--top-p <number>", "draw among the likeliest with this much probability", parseNumber)
    .option("--top-k <number>", "draw among so many of the likeliest", parseCount)
    .option("--min-p <number>", "draw among those with this fraction of the likeliest one's probability", parseNumber)
    .option("--repetition-penalty <number>", "above 1 makes words less likely that occurred", parseNumber)
    .option("--stop <text>", "a text that ends what is written; may be given several times", collected)
    .option("--seed <integer>", "what is drawn; the same seed draws the same", parseSeed, 1)
    .option("--stats", "tell tokens, tokens a second and memory")
    .option("--json", "write a JSON line for each text");
}

/**
 * Checks flags before a model is loaded.
 *
 * @throws {UseError} For those that say among what is drawn, where nothing is.
 */
export function checkDrawn(verb: string, { temperature, ...flags }: WritingFlags): void {
  const drawn = (["topP", "topK", "minP"] as const).find((key) => flags[key] !== undefined);
  if (temperature > 0 || drawn === undefined) return;
  const flag = drawn.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
  throw new UseError(
    `${verb}: --${flag} says among what is drawn, and nothing is: give --temperature above 0, such as 0.7`,
  );
}

/**
 * The settings that the flags mean. Their values are checked where they are used.
 *
 * @param index - Which text it is: each is drawn for itself.
 */
export function writingOptions(flags: WritingFlags, index: number): ScheduledOptions {
  const { temperature, topP, topK, minP, repetitionPenalty, stop, maxTokens } = flags;
  return {
    maxTokens: maxTokens ?? Number.MAX_SAFE_INTEGER,
    temperature,
    ...(temperature > 0 && { random: random(flags.seed).at(index) }),
    ...(topP !== undefined && { topP }),
    ...(topK !== undefined && { topK }),
    ...(minP !== undefined && { minP }),
    ...(repetitionPenalty !== undefined && { repetitionPenalty }),
    ...(stop !== undefined && { stop }),
  };
}
