import { ConfigError, canonicalJson, type Json, parseConfig } from "@cambium/base";
import * as z from "zod";
import type { Tool, ToolContext } from "./tool.ts";

/** Settings of `withCache`. */
export interface WithCacheOptions {
  /** Results that are kept; the one that was not used for longest goes first. @default 1000 */
  readonly most?: number;
  /** Age from which a result is not used any more. Ms. Needed for a tool that reads what may change. @default any age */
  readonly maxAgeMs?: number;
}

const schema = z.strictObject({ most: z.int().positive().optional(), maxAgeMs: z.number().positive().optional() });

/**
 * The tool with its results kept: a call with equal arguments gets the result of the earlier one, in all runs that the tool is given
 * to. Failures are not kept. Arguments that the schema made into something other than JSON are not compared, and call the tool;
 * so do calls of a tool that reads within an environment, whose state is another one in each run.
 *
 * @throws {ConfigError} For a tool that changes the world, and one that reads it without `maxAgeMs`; for options that cannot be meant.
 * @example
 * const rates = withCache(exchangeRates, { maxAgeMs: 60_000 });
 */
export function withCache<Input, Output, State>(
  tool: Tool<Input, Output, State>,
  options: WithCacheOptions = {},
): Tool<Input, Output, State> {
  const { most = 1000, maxAgeMs = Number.POSITIVE_INFINITY } = parseConfig("withCache", schema, options);
  const { name, effects } = tool;
  if (effects === "writes" || effects === "destroys")
    throw new ConfigError({ message: `withCache: "${name}" ${effects}, so that each call has to be made` });
  if (effects === "reads" && options.maxAgeMs === undefined)
    throw new ConfigError({
      message: `withCache: "${name}" reads what may change; say by maxAgeMs how old a result may be, or declare effects "none"`,
    });
  const kept = new Map<string, { readonly value: Output; readonly at: number }>();
  return {
    ...tool,
    async run(input: Input, context: ToolContext<State>): Promise<Output> {
      const isOfWorld = effects === "reads" && context.state !== undefined; // another run has another world
      if (isOfWorld || !isJson(input)) return tool.run(input, context);
      const key = canonicalJson(input);
      const now = context.clock.elapsed();
      const found = kept.get(key);
      kept.delete(key);
      if (found !== undefined && now - found.at < maxAgeMs) {
        kept.set(key, found); // used last
        return structuredClone(found.value);
      }
      const value = await tool.run(input, context);
      if (isJson(value)) {
        kept.set(key, { value: structuredClone(value), at: now });
        if (kept.size > most) kept.delete(kept.keys().next().value!);
      }
      return value;
    },
  };
}

/** Whether a value is JSON through and through, so that equal text means equal values: a date, for example, is not. */
function isJson(value: unknown): value is Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object") return false;
  if (Array.isArray(value)) return value.every(isJson);
  const prototype = Object.getPrototypeOf(value) as unknown;
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isJson);
}
