/** What a caller says of how texts are generated, and what of it holds. */
import { ConfigError } from "@cambium/base";
import type { Random } from "@cambium/core";
import type { GenerationDefaults } from "./generation-config.ts";
import type { Penalties, Sampling } from "./scores.ts";

/** How ids are chosen, and where a text ends. */
export interface DecodingOptions {
  /**
   * Most tokens of a text, at least 1. It ends earlier, as "length" too, where the model has no further position.
   *
   * @default `max_new_tokens` of generation_config.json, else 256
   */
  readonly maxTokens?: number;
  /** What scores are divided by before an id is drawn, from 0; 0 always takes the likeliest. @default 0 */
  readonly temperature?: number;
  /** Draws among this many of the likeliest, from 1. @default generation_config.json's, else all */
  readonly topK?: number;
  /** Draws among the fewest of the likeliest that have this much probability, above 0 up to 1. @default generation_config.json's, else 1 */
  readonly topP?: number;
  /** Draws among those that have at least this fraction of the likeliest one's probability, from 0 to 1. @default generation_config.json's, else 0 */
  readonly minP?: number;
  /** Scores of ids that occurred, in the prompt too, are divided by it where they are above 0, else multiplied; above 0. @default generation_config.json's, else 1 */
  readonly repetitionPenalty?: number;
  /** Taken from the score of ids that were generated, from −2 to 2. @default 0 */
  readonly presencePenalty?: number;
  /** Taken from the score of ids that were generated, for each time, from −2 to 2. @default 0 */
  readonly frequencyPenalty?: number;
  /** Length of sequences of ids that do not occur twice, prompt included; 0 for any. @default generation_config.json's, else 0 */
  readonly noRepeatNgram?: number;
  /** Texts that end what is generated; none of them is part of it. @default none */
  readonly stop?: string | readonly string[];
  /** Ids that end a text. @default those that generation_config.json, config.json and the tokenizer name */
  readonly stopIds?: readonly number[];
  /** How many continuations a search follows at a time; it gives its best one when all is done. @default 1: no search */
  readonly beams?: number;
  /** Of a search: the power of its length that a text's log-probability is divided by. Above 0 favours long texts. @default generation_config.json's, else 1 */
  readonly lengthPenalty?: number;
  /** Of a search: whether it ends with as many whole texts as there are beams (true), when better ones are unlikely (false), or impossible ("never"). @default generation_config.json's, else false */
  readonly earlyStopping?: boolean | "never";
  /** What ids are drawn from; needed at a temperature above 0. Equal seeds give equal texts. */
  readonly random?: Random;
  /** Gives the log-probability of each token, and of so many of the likeliest in its place: the model's own, in nats, before penalties, temperature and filters. @default none */
  readonly logProbabilities?: number;
  /** Whether special tokens are left out of texts. @default true */
  readonly skipSpecial?: boolean;
  /** Whether generation_config.json counts. The ends that it names always do. @default true */
  readonly fileDefaults?: boolean;
}

export const DECODING_KEYS = [
  "maxTokens",
  "temperature",
  "topK",
  "topP",
  "minP",
  "repetitionPenalty",
  "presencePenalty",
  "frequencyPenalty",
  "noRepeatNgram",
  "stop",
  "stopIds",
  "beams",
  "lengthPenalty",
  "earlyStopping",
  "random",
  "logProbabilities",
  "skipSpecial",
  "fileDefaults",
] as const;

/** Checked, defaults filled in. */
export interface Decoding extends Penalties, Sampling {
  readonly maxTokens: number;
  /** Rows of a whole sequence, prompt included. */
  readonly maxLength: number;
  readonly stops: readonly string[];
  readonly stopIds: ReadonlySet<number>;
  readonly beams: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: boolean | "never";
  readonly random: Random | undefined;
  readonly logProbabilities: number | undefined;
  readonly skipSpecial: boolean;
}

type Range = readonly [low: number, high: number, isWhole?: boolean, isOpen?: boolean];

const ranges: Readonly<Record<string, Range>> = {
  maxTokens: [1, Number.POSITIVE_INFINITY, true],
  temperature: [0, Number.POSITIVE_INFINITY],
  topK: [1, Number.POSITIVE_INFINITY, true],
  topP: [0, 1, false, true],
  minP: [0, 1],
  repetitionPenalty: [0, Number.POSITIVE_INFINITY, false, true],
  presencePenalty: [-2, 2],
  frequencyPenalty: [-2, 2],
  noRepeatNgram: [0, Number.POSITIVE_INFINITY, true],
  beams: [1, Number.POSITIVE_INFINITY, true],
  lengthPenalty: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  logProbabilities: [0, Number.POSITIVE_INFINITY, true],
};

function checkRanges(caller: string, options: object): void {
  for (const [key, [low, high, isWhole = false, isOpen = false]] of Object.entries(ranges)) {
    const value = (options as Readonly<Record<string, unknown>>)[key];
    if (value === undefined) continue;
    const isFine =
      typeof value === "number" &&
      Number.isFinite(value) &&
      (isOpen ? value > low : value >= low) &&
      value <= high &&
      (!isWhole || Number.isSafeInteger(value));
    if (isFine) continue;
    const from = Number.isFinite(low) ? ` ${isOpen ? "above" : "from"} ${low}` : "";
    const to = Number.isFinite(high) ? ` up to ${high}` : "";
    throw new ConfigError({
      message: `${caller}: ${key} must be a ${isWhole ? "whole number" : "number"}${from}${to}, got ${String(value)}`,
      [key]: value,
    });
  }
}

function checkStops(caller: string, { stop, stopIds }: DecodingOptions): readonly string[] {
  const stops = stop === undefined ? [] : [stop].flat();
  for (const each of stops) {
    if (typeof each === "string" && each !== "") continue;
    throw new ConfigError({
      message: `${caller}: stop must be texts of at least one character, got ${JSON.stringify(each)}`,
    });
  }
  const strange = stopIds?.find((id) => !Number.isSafeInteger(id) || id < 0);
  if (strange !== undefined) throw new ConfigError({ message: `${caller}: stopIds must be ids, got ${strange}` });
  return stops as readonly string[];
}

function checkSearch(caller: string, options: DecodingOptions, beams: number, temperature: number): void {
  const { earlyStopping, lengthPenalty, stop, logProbabilities } = options;
  if (earlyStopping !== undefined && ![true, false, "never"].includes(earlyStopping)) {
    throw new ConfigError({
      message: `${caller}: earlyStopping must be true, false or "never", got ${String(earlyStopping)}`,
    });
  }
  if (beams === 1) {
    const unused =
      lengthPenalty !== undefined ? "lengthPenalty" : earlyStopping !== undefined ? "earlyStopping" : undefined;
    if (unused === undefined) return;
    throw new ConfigError({ message: `${caller}: ${unused} is an option of searches; set beams to 2 or more` });
  }
  const problem =
    temperature > 0
      ? "a temperature, which draws"
      : stop !== undefined && [stop].flat().length > 0
        ? "stop strings; use stopIds"
        : logProbabilities !== undefined
          ? "logProbabilities"
          : undefined;
  if (problem === undefined) return;
  throw new ConfigError({ message: `${caller}: a search by ${beams} beams does not go with ${problem}` });
}

/**
 * Options with defaults filled in.
 *
 * @throws {ConfigError} For values out of range, and options that do not go together.
 */
export function decodingOf(caller: string, options: DecodingOptions, defaults: GenerationDefaults): Decoding {
  checkRanges(caller, options);
  checkRanges("generation_config.json", defaults);
  const stops = checkStops(caller, options);
  const { temperature = 0, beams = 1, random, skipSpecial = true } = options;
  checkSearch(caller, options, beams, temperature);
  if (temperature > 0 && random === undefined) {
    throw new ConfigError({
      message: `${caller}: a temperature of ${temperature} draws ids, and needs random: random(seed)`,
    });
  }
  return {
    maxTokens:
      options.maxTokens ?? defaults.maxTokens ?? (defaults.maxLength === undefined ? 256 : Number.POSITIVE_INFINITY),
    maxLength:
      options.maxTokens === undefined && defaults.maxTokens === undefined
        ? (defaults.maxLength ?? Number.POSITIVE_INFINITY)
        : Number.POSITIVE_INFINITY,
    temperature,
    topK: options.topK ?? defaults.topK,
    topP: options.topP ?? defaults.topP ?? 1,
    minP: options.minP ?? defaults.minP ?? 0,
    repetitionPenalty: options.repetitionPenalty ?? defaults.repetitionPenalty ?? 1,
    presencePenalty: options.presencePenalty ?? 0,
    frequencyPenalty: options.frequencyPenalty ?? 0,
    noRepeatNgram: options.noRepeatNgram ?? defaults.noRepeatNgram ?? 0,
    stops,
    stopIds: new Set(options.stopIds ?? defaults.stopIds),
    beams,
    lengthPenalty: options.lengthPenalty ?? defaults.lengthPenalty ?? 1,
    earlyStopping: options.earlyStopping ?? defaults.earlyStopping ?? false,
    random,
    logProbabilities: options.logProbabilities,
    skipSpecial,
  };
}
