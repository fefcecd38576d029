import { parseConfig } from "@cambium/base";
import { exactValue, normaliseAnswer, parseExpression, valueAt } from "@cambium/evaluation";
import * as z from "zod";

/** What a calculating service says to a query: how it understood it, and the result. */
export interface CalculatorReply {
  readonly input: string;
  readonly result: string;
}

/** A service that calculates what it is asked in one line. */
export interface Calculator {
  /** Name, for manifests. */
  readonly name: string;
  /** Rejects when nothing comes back. */
  ask(query: string, options?: { readonly signal?: AbortSignal }): Promise<CalculatorReply>;
}

/**
 * A calculator of this process: arithmetic with exact fractions, powers, roots, factorials and the usual functions, written
 * plainly or in LaTeX. Anything else is refused, as words are.
 *
 * @example
 * await calculator().ask("2^10 / 3"); // { input: "2^10 / 3", result: "1024/3 = 341.3333333333" }
 */
export function calculator(): Calculator {
  return {
    name: "calculator",
    async ask(query) {
      const expression = parseExpression(normaliseAnswer(query));
      if (expression === undefined) throw new Error(`"${query}" is no calculation`);
      const exact = exactValue(expression);
      const value = valueAt(expression, {});
      if (!Number.isFinite(value)) throw new Error(`"${query}" has no value`);
      const decimal = String(Number(value.toPrecision(13)));
      if (exact === undefined) return { input: query, result: decimal };
      if (exact.denominator === 1n) return { input: query, result: String(exact.numerator) };
      return { input: query, result: `${exact.numerator}/${exact.denominator} = ${decimal}` };
    },
  };
}

/** Settings of `wolframAlpha`. */
export interface WolframAlphaOptions {
  /** The id under which the service counts queries. */
  readonly appId: string;
  /** @default the global `fetch` */
  readonly fetch?: typeof fetch;
}

interface WolframReply {
  readonly queryresult?: {
    readonly pods?: readonly { readonly title: string; readonly subpods: readonly { readonly plaintext: string }[] }[];
  };
}

const schema = z.strictObject({
  appId: z.string().min(1),
  fetch: z.custom<typeof fetch>((value) => typeof value === "function", "must be a function").optional(),
});

/** Wolfram|Alpha's Full Results service, its reply cut to the parts "Input" and "Result". */
export function wolframAlpha(options: WolframAlphaOptions): Calculator {
  parseConfig("wolframAlpha", schema, options);
  const { appId, fetch: send = fetch } = options;
  return {
    name: "wolfram-alpha",
    async ask(query, { signal } = {}) {
      const fields = { appid: appId, input: query, output: "json", format: "plaintext" };
      const address = `https://api.wolframalpha.com/v2/query?${new URLSearchParams(fields)}`;
      const response = await send(address, signal === undefined ? {} : { signal });
      if (!response.ok) throw new Error(`the service answered with status ${response.status}`);
      const { queryresult } = (await response.json()) as WolframReply;
      const partOf = (title: RegExp): string | undefined =>
        queryresult?.pods
          ?.find((pod) => title.test(pod.title))
          ?.subpods.map(({ plaintext }) => plaintext)
          .join("; ");
      const result = partOf(/^(Exact )?[Rr]esults?$|^Decimal approximation$|^Solutions?$/);
      if (result === undefined || result === "") throw new Error("the service has no result");
      return { input: partOf(/^Input/) ?? query, result };
    },
  };
}
