import type { Cost } from "@cambium/evaluation";

/** 12345 as `12.3k`. */
export function shortCount(count: number): string {
  if (count < 1000) return String(count);
  return count < 1_000_000 ? `${(count / 1000).toFixed(1)}k` : `${(count / 1_000_000).toFixed(2)}M`;
}

/** `1 test`, `2 tests`. */
export const countText = (count: number, what: string): string => `${count} ${count === 1 ? what : `${what}s`}`;

/** A time for people: `42 s`, `3 min`, `1 h 20 min`. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Calls, tokens and money in a few words. */
export function costText({ modelCalls, cachedCalls, inputTokens, outputTokens, usd }: Cost): string {
  const stored = cachedCalls === 0 ? "" : ` (${cachedCalls} stored)`;
  const money = usd === undefined ? "price unknown" : `$${usd.toFixed(usd < 1 ? 4 : 2)}`;
  return `${shortCount(modelCalls)} ${modelCalls === 1 ? "call" : "calls"}${stored}, ${shortCount(inputTokens + outputTokens)} tokens, ${money}`;
}
