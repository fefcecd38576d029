/** Fields of a request that only this source knows, by the names that they have in OpenAI's format and in other servers. */
import { ConfigError, type JsonObject, nearest } from "@cambium/base";
import type { ScheduledOptions } from "@cambium/models";

/** Fields that change nothing of a reply, or do nothing at these values: they may be there. */
const IGNORED: Readonly<Record<string, readonly unknown[] | "any">> = {
  audio: [null],
  function_call: [null, "auto", "none"],
  functions: [null],
  logit_bias: [null],
  metadata: "any",
  modalities: [null],
  prediction: "any",
  prompt_cache_key: "any",
  prompt_cache_options: "any",
  prompt_cache_retention: "any",
  reasoning_effort: [null, "none"],
  safety_identifier: "any",
  service_tier: "any",
  store: [null, false],
  user: "any",
  verbosity: [null, "medium"],
  web_search_options: [null],
};

const READ = ["logprobs", "top_logprobs", "min_p", "parallel_tool_calls", "repetition_penalty"] as const;

const isIdle = (key: string, value: unknown): boolean => {
  const idle = Object.hasOwn(IGNORED, key) ? IGNORED[key] : undefined;
  if (value === null) return true;
  return (
    idle === "any" ||
    (idle ?? []).some((each) => JSON.stringify(each) === JSON.stringify(value)) ||
    isEmpty(value, idle)
  );
};

const isEmpty = (value: unknown, known: unknown): boolean =>
  known !== undefined && typeof value === "object" && value !== null && Object.keys(value).length === 0;

/** Settings that such fields mean. */
export type ExtraOptions = Pick<ScheduledOptions, "logProbabilities" | "minP" | "repetitionPenalty">;

function numberIn(fields: JsonObject, key: string): number | undefined {
  const value = fields[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number") return value;
  throw new ConfigError({ message: `local: ${key} must be a number, got ${JSON.stringify(value)}`, key, param: key });
}

/**
 * What such fields mean.
 *
 * @throws {ConfigError} For a field that would change the reply and is not supported; names it.
 */
export function extraOptions(fields: JsonObject): ExtraOptions {
  for (const [key, value] of Object.entries(fields)) {
    if ((READ as readonly string[]).includes(key) || isIdle(key, value)) continue;
    const near = nearest(key, READ);
    throw new ConfigError({
      message: `local: the field "${key}" is not supported${Object.hasOwn(IGNORED, key) ? ` at ${JSON.stringify(value)}` : ""}${near === undefined ? "" : `; is "${near}" meant?`}`,
      key,
      param: key,
    });
  }
  const { logprobs } = fields;
  if (logprobs !== undefined && logprobs !== null && typeof logprobs !== "boolean") {
    throw new ConfigError({
      message: `local: logprobs must be true or false, got ${JSON.stringify(logprobs)}`,
      param: "logprobs",
    });
  }
  const top = numberIn(fields, "top_logprobs");
  if (top !== undefined && (!Number.isInteger(top) || top < 0 || top > 20)) {
    throw new ConfigError({
      message: `local: top_logprobs must be a whole number from 0 to 20, got ${top}`,
      param: "top_logprobs",
    });
  }
  if (top !== undefined && logprobs !== true) {
    throw new ConfigError({ message: "local: top_logprobs needs logprobs: true", param: "top_logprobs" });
  }
  const [minP, repetitionPenalty] = [numberIn(fields, "min_p"), numberIn(fields, "repetition_penalty")];
  return {
    ...(logprobs === true && { logProbabilities: top ?? 0 }),
    ...(minP !== undefined && { minP }),
    ...(repetitionPenalty !== undefined && { repetitionPenalty }),
  };
}
