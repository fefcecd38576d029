import { randomInt, randomUUID } from "node:crypto";
import { parseConfig, StateError, StoreError } from "@cambium/base";
import * as z from "zod";
import type { ProviderLimits } from "./calls/budget.ts";
import { makeCall, type Shared } from "./calls/caller.ts";
import { type ChatContext, createChat } from "./calls/chat.ts";
import { systemClock } from "./calls/clock.ts";
import { spentOf } from "./calls/cost.ts";
import { createGate, type Gate } from "./calls/gate.ts";
import { createHeartbeat } from "./calls/heartbeat.ts";
import type { Models, OpenModelsOptions } from "./options.ts";
import { aiSdk } from "./sources/ai-sdk/ai-sdk.ts";
import type { Source } from "./sources/source.ts";
import { type CallRecord, openStore } from "./store/store.ts";

const count = z.int().nonnegative();
const price = z.number().nonnegative();
const limits = z.strictObject({
  concurrency: z.int().positive().optional(),
  requestsPerMinute: z.int().positive().optional(),
});
const schema = z.strictObject({
  store: z.string().min(1),
  budget: z
    .strictObject({
      calls: count.optional(),
      tokens: count.optional(),
      usd: price.max(1e9).optional(),
      name: z.string().optional(),
    })
    .optional(),
  prices: z
    .record(
      z.string(),
      z.strictObject({ input: price, output: price, cacheRead: price.optional(), cacheWrite: price.optional() }),
    )
    .optional(),
  limits: z.union([limits, z.custom<() => unknown>((value) => typeof value === "function")]).optional(),
  retries: count.optional(),
  longestWaitMs: price.optional(),
  timeoutMs: z.number().positive().optional(),
  leaseMs: z.number().positive().optional(),
  clock: z.custom<object>((value) => typeof value === "object").optional(),
  random: z.custom<() => number>((value) => typeof value === "function").optional(),
  createId: z.custom<() => string>((value) => typeof value === "function").optional(),
});

const DRAWS = 2 ** 32;

/** Uniform on [0, 1), from the machine's generator. */
const machineRandom = (): number => randomInt(DRAWS) / DRAWS;

/**
 * Opens models over one store and one budget.
 *
 * Several processes may open the same store at the same time. The same request is sent by one of them only, and budgets of
 * the same name are one budget.
 *
 * @throws {ConfigError} When an option cannot be meant.
 * @throws {StoreError} When the file cannot be opened.
 * @throws {FormatError} When the file is a store of another version.
 * @example
 * const llm = await openModels({ store: "runs/calls.db", budget: { calls: 500, usd: 2 }, prices });
 * const chat = llm.model(openai("some-model", { baseURL, apiKey }));
 * const { text, usage, cached } = await chat.call({ messages: [{ role: "user", content: "Hello" }] });
 */
export async function openModels(options: OpenModelsOptions): Promise<Models> {
  parseConfig("openModels", schema, options);
  const { budget = {}, prices = {}, clock = systemClock, random = machineRandom, createId = randomUUID } = options;
  const { retries = 5, longestWaitMs = 120_000, timeoutMs = 600_000, leaseMs = 10_000 } = options;
  const store = await openStore(options.store, createId(), budget.name ?? "default");
  const shared: Shared = {
    ...{ store, budget, retries, longestWaitMs, timeoutMs, leaseMs, clock, random, createId },
    heartbeat: createHeartbeat(store, leaseMs, clock),
    underWay: new Map(),
    unsaved: new Map(),
  };
  const gates = new Map<string, Gate>();
  const running = new Set<Promise<unknown>>();
  let isClosed = false;

  function gateOf(provider: string): Gate {
    let gate = gates.get(provider);
    if (gate === undefined) {
      const given: ProviderLimits =
        typeof options.limits === "function" ? options.limits(provider) : (options.limits ?? {});
      parseConfig("openModels: limits", limits, given);
      gate = createGate(given, clock);
      gates.set(provider, gate);
    }
    return gate;
  }

  async function track<T>(work: () => Promise<T>): Promise<T> {
    if (isClosed) throw new StateError({ message: "call: the models are closed; call before close()" });
    const promise = work();
    const silent = promise.then(
      () => {},
      () => {},
    );
    running.add(silent);
    try {
      return await promise;
    } finally {
      running.delete(silent);
    }
  }

  return {
    model(given) {
      const source: Source = "specificationVersion" in given ? aiSdk(given) : given;
      const context: ChatContext = {
        source,
        price: Object.hasOwn(prices, source.model) ? prices[source.model] : undefined,
        gate: gateOf(source.provider),
        run: (call) => track(() => makeCall(shared, call)),
      };
      return createChat(context);
    },

    spent: async () => spentOf(await store.ledger()),
    stored: () => store.list(),
    forget: (key) => store.forget(key),

    async close() {
      if (isClosed) return;
      isClosed = true;
      await Promise.all(running);
      const lost: { readonly record: CallRecord; readonly error: StoreError }[] = [];
      for (const { reservation, record } of shared.unsaved.values()) {
        await store.settle(reservation, record).catch((error: StoreError) => lost.push({ record, error }));
      }
      await store.close().catch((error: StoreError) => {
        if (lost.length === 0) throw error;
      });
      if (lost.length === 0) return;
      const replies = lost.map(({ record }) => ({ key: record.key, reply: record.reply }));
      throw new StoreError({
        message: `close: ${lost.length} paid replies could not be saved in ${options.store}; they are in details.replies`,
        cause: lost[0]!.error,
        replies,
      });
    },
  };
}
