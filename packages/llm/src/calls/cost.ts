import { ConfigError } from "@cambium/base";
import { encodeRequest } from "../messages/encoding.ts";
import type { ModelRequest, Usage } from "../messages/request.ts";
import type { Source } from "../sources/source.ts";
import type { Cost, Ledger, Limits } from "../store/store.ts";
import type { Budget, Price, Spent } from "./budget.ts";
import { type Decimal, sumOfProducts, toDecimal } from "./decimal.ts";

/** Upper bound on the tokens of an image. */
const IMAGE_TOKENS = 8192;

const NANOS_PER_USD = 1e9;
/** Nanodollars in a dollar, as a power of ten. */
const NANO_DIGITS = 9;
/** Tokens that a price is for, as a power of ten. */
const PRICE_DIGITS = 6;

/** US dollars. */
export function toUsd(nanos: bigint): number {
  return Number(nanos) / NANOS_PER_USD;
}

/** The limits of a budget in the store's units. */
export function limitsOf({ calls, tokens, usd }: Budget): Limits {
  return { calls, tokens, nanos: usd === undefined ? undefined : sumOfProducts([[toDecimal(usd), 1]], NANO_DIGITS) };
}

/** The ledger in the user's units. */
export function spentOf({ calls, tokens, nanos }: Ledger): Spent {
  return { calls, tokens, usd: toUsd(nanos) };
}

/**
 * Upper bound on the tokens of a request: a token covers at least one byte of text, and the punctuation of the request's
 * JSON is longer than what a chat template adds.
 */
function countInput(source: Source, request: ModelRequest, mustBound: boolean): number {
  if (source.countTokens !== undefined) return source.countTokens(request);
  let files = 0;
  const { messages, tools, format } = encodeRequest(request, (bytes) => {
    files += bytes.length;
    return {};
  });
  for (const { content } of request.messages) {
    if (typeof content === "string") continue;
    const parts = content.flatMap((part) =>
      part.type === "tool-result" && typeof part.output !== "string" && "parts" in part.output
        ? [...part.output.parts]
        : [part],
    );
    for (const part of parts) {
      if (part.type !== "file") continue;
      const isImage = part.mediaType.startsWith("image/");
      if (isImage) files += IMAGE_TOKENS - (part.data instanceof URL ? 0 : part.data.length);
      if (isImage || !(part.data instanceof URL) || !mustBound) continue;
      throw new ConfigError({
        message: `call: the tokens of ${part.data.href} cannot be bounded for the budget; pass its bytes, or a source with countTokens`,
      });
    }
  }
  return files + Buffer.byteLength(JSON.stringify({ messages, tools, format }));
}

/**
 * Money for so many tokens, by decimals, so that thirty calls at ten cents are three dollars; less than a billionth of a dollar
 * is not counted. The dearest kind of input where the kinds are not known.
 */
function priceTokens(price: Price, usage: Usage, known: boolean): bigint {
  const { input, output, cacheRead = input, cacheWrite = input } = price;
  const { inputTokens, outputTokens, cacheReadTokens = 0, cacheWriteTokens = 0 } = usage;
  const plain = Math.max(0, inputTokens - cacheReadTokens - cacheWriteTokens);
  const forInput: readonly (readonly [Decimal, number])[] = known
    ? [
        [toDecimal(input), plain],
        [toDecimal(cacheRead), cacheReadTokens],
        [toDecimal(cacheWrite), cacheWriteTokens],
      ]
    : [[toDecimal(Math.max(input, cacheRead, cacheWrite)), inputTokens]];
  return sumOfProducts([...forInput, [toDecimal(output), outputTokens]], NANO_DIGITS - PRICE_DIGITS);
}

/** What one request may cost at most, and what it did cost. */
export interface Pricing {
  /** Tokens that the request takes at most. */
  readonly bound: Usage;
  readonly reserved: Cost;
  /** The cost of a reply; the bound without usage. */
  settle(usage: Usage | undefined): Cost;
  /** Whether the model has a price or is free. */
  readonly hasPrice: boolean;
}

/**
 * The prices of one request.
 *
 * @throws {ConfigError} When the budget is in dollars and the model has no price.
 */
export function priceRequest(
  source: Source,
  request: ModelRequest & { readonly maxTokens: number },
  budget: Budget,
  price: Price | undefined,
): Pricing {
  const isFree = source.free === true;
  if (budget.usd !== undefined && price === undefined && !isFree) {
    throw new ConfigError({
      message: `call: the budget is in dollars and "${source.model}" has no price; add it to openModels' prices, in dollars for a million tokens`,
      model: source.model,
    });
  }
  const mustBound = budget.tokens !== undefined || budget.usd !== undefined;
  const bound: Usage = { inputTokens: countInput(source, request, mustBound), outputTokens: request.maxTokens };
  const costOf = (usage: Usage, known: boolean): Cost => ({
    tokens: usage.inputTokens + usage.outputTokens,
    nanos: isFree || price === undefined ? 0n : priceTokens(price, usage, known),
  });
  return {
    bound,
    reserved: costOf(bound, false),
    settle: (usage) => (usage === undefined ? costOf(bound, false) : costOf(usage, true)),
    hasPrice: isFree || price !== undefined,
  };
}
