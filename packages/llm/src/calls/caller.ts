/**
 * One call from beginning to end. A stored reply is given at once. Otherwise, in the provider's queue, the lease of the key
 * is taken and an upper bound of the price reserved, both or neither; the source is asked; the reply is saved and its true
 * price booked, both or neither. Whoever finds the lease taken waits, here for a promise, in other processes for the store.
 */

import { type CambiumError, StoreError, sha256 } from "@cambium/base";
import type { CallResult, Piece } from "../chat-model.ts";
import { BudgetExceededError, type CallError, CancelledError } from "../errors.ts";
import { encodeRequest } from "../messages/encoding.ts";
import type { ModelRequest } from "../messages/request.ts";
import { showParts } from "../sources/pieces.ts";
import type { Source } from "../sources/source.ts";
import type { CallRecord, Holder, Ledger, Limits, Store, StoredCall } from "../store/store.ts";
import { askOnce } from "./attempt.ts";
import type { Budget, Price } from "./budget.ts";
import type { Clock } from "./clock.ts";
import { limitsOf, type Pricing, priceRequest, toUsd } from "./cost.ts";
import type { Gate } from "./gate.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { identified, keyOf } from "./key.ts";
import { watchLease } from "./lease-watch.ts";
import { resultOf } from "./result.ts";
import { retryCall } from "./retry.ts";

/** What all calls of one `openModels` share. */
export interface Shared {
  readonly store: Store;
  readonly heartbeat: Heartbeat;
  readonly budget: Budget;
  readonly retries: number;
  readonly longestWaitMs: number;
  readonly timeoutMs: number;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly createId: () => string;
  /** Keys that are being asked for in this process; the promises never fail. */
  readonly underWay: Map<string, Promise<void>>;
  /** Replies that were paid for and could not be saved, with their reservations. */
  readonly unsaved: Map<string, { readonly reservation: string; readonly record: CallRecord }>;
}

/** One call. */
export interface Call {
  readonly source: Source;
  readonly request: ModelRequest & { readonly maxTokens: number };
  readonly price: Price | undefined;
  readonly gate: Gate;
  readonly signal: AbortSignal;
  readonly onPiece?: (piece: Piece) => void;
  readonly onRetry?: (error: CallError, waitMs: number) => void;
}

/** How an attempt ended, if not in an error. */
type Attempted =
  | { readonly type: "paid"; readonly call: StoredCall; readonly nanos: bigint }
  | { readonly type: "stored"; readonly call: StoredCall }
  | { readonly type: "held"; readonly holder: Holder };

function budgetError(limits: Limits, ledger: Ledger, pricing: Pricing): BudgetExceededError {
  const { tokens, nanos } = pricing.reserved;
  const rows = [
    { limit: "calls", allowed: limits.calls, spent: ledger.calls, needed: 1 },
    { limit: "tokens", allowed: limits.tokens, spent: ledger.tokens, needed: tokens },
    {
      limit: "usd",
      allowed: limits.nanos === undefined ? undefined : toUsd(limits.nanos),
      spent: toUsd(ledger.nanos),
      needed: toUsd(nanos),
    },
  ];
  // Another process may have given something back since; the first limit then stands for the one that was hit.
  const limited = rows.filter(({ allowed }) => allowed !== undefined);
  const hit = limited.find(({ allowed, spent, needed }) => spent + needed > allowed!) ?? limited[0]!;
  return new BudgetExceededError({
    message: `call: the budget allows ${hit.allowed} ${hit.limit}, ${hit.spent} are spent or reserved and this call may take ${hit.needed}; raise the budget or lower maxTokens`,
    charged: false,
    ...hit,
  });
}

/** Waits for a promise that never fails, or until the signal. */
async function waitFor(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let cancel = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    cancel = () => reject(new CancelledError({ message: "call: the signal was aborted", cause: signal.reason }));
    if (signal.aborted) cancel();
    signal.addEventListener("abort", cancel, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** Makes one call. */
export async function makeCall(shared: Shared, call: Call): Promise<CallResult> {
  const { store, heartbeat, budget, clock, underWay, unsaved } = shared;
  const { source, request, price, gate, signal, onPiece } = call;
  const key = keyOf(await identified(source), request);
  const pricing = priceRequest(source, request, budget, price);
  const limits = limitsOf(budget);
  let attempts = 0;

  const cachedResult = (stored: StoredCall): CallResult => {
    showParts(stored.reply.content, onPiece);
    return resultOf(stored, { bound: pricing.bound, usd: 0, cached: true, attempts });
  };
  const paidResult = (stored: StoredCall, nanos: bigint): CallResult => {
    const usd = pricing.hasPrice ? toUsd(nanos) : undefined;
    return resultOf(stored, { bound: pricing.bound, usd, cached: false, attempts });
  };

  /** Saves a reply; keeps it in memory, and in the error, when the store fails. */
  async function save(reservation: string, record: CallRecord): Promise<StoredCall> {
    try {
      const stored = await store.settle(reservation, record);
      unsaved.delete(key);
      return stored;
    } catch (cause) {
      unsaved.set(key, { reservation, record });
      const { message, details } = cause as CambiumError;
      throw new StoreError({
        message: `${message}; the reply is in details.result, and calling again saves it without paying`,
        ...details,
        cause,
        result: paidResult(record, record.nanos),
      });
    }
  }

  /** In the provider's queue: lease and reservation, the request, the ledger. */
  async function attempt(dead: Holder | undefined): Promise<Attempted> {
    const reservation = shared.createId();
    const opening = { key, reservation, cost: pricing.reserved, limits, openedMs: clock.now() };
    const opened = await store.open(dead === undefined ? opening : { ...opening, dead });
    if (opened.type === "refused") throw budgetError(limits, opened.ledger, pricing);
    if (opened.type !== "open") return opened;
    attempts += 1;
    const start = clock.elapsed();
    const { timeoutMs, createId } = shared;
    const reply = await askOnce(source, request, { signal, timeoutMs, clock, createId, onPiece }).catch(
      async (error: CambiumError) => {
        await (error.details["charged"] === false ? store.refund(reservation) : store.lose(reservation));
        const { waitMs } = error.details;
        if (typeof waitMs === "number" && waitMs <= shared.longestWaitMs) gate.pause(waitMs);
        throw error;
      },
    );
    const files = new Map<string, Uint8Array>();
    const encoded = encodeRequest(request, (bytes) => {
      const hash = sha256(bytes);
      files.set(hash, bytes);
      return { sha256: hash };
    });
    const cost = pricing.settle(reply.usage);
    const record: CallRecord = {
      key,
      reply,
      ...cost,
      attempts,
      durationMs: clock.elapsed() - start,
      provider: source.provider,
      model: source.model,
      request: JSON.stringify(encoded),
      files,
      createdMs: clock.now(),
    };
    return { type: "paid", call: await save(reservation, record), nanos: cost.nanos };
  }

  /** Attempts until one ends, with heartbeats while the lease is held. */
  async function attemptAll(dead: Holder | undefined): Promise<Attempted> {
    const { retries, longestWaitMs, random } = shared;
    const onRetry = call.onRetry ?? (() => {});
    heartbeat.hold();
    try {
      return await retryCall(() => gate.run(() => attempt(dead), signal), {
        ...{ retries, longestWaitMs, clock, random, signal, onRetry },
      });
    } catch (error) {
      // A reply that waits to be saved keeps its lease: nobody else shall pay for it while this process lives.
      if (!unsaved.has(key)) await store.release(key);
      throw error;
    } finally {
      heartbeat.drop();
    }
  }

  async function attemptAlone(dead: Holder | undefined): Promise<Attempted> {
    const work = attemptAll(dead);
    const silent = work.then(
      () => {},
      () => {},
    );
    underWay.set(key, silent);
    try {
      return await work;
    } finally {
      underWay.delete(key);
    }
  }

  const watch = watchLease(shared.leaseMs, clock);
  let dead: Holder | undefined;
  for (;;) {
    if (signal.aborted) throw new CancelledError({ message: "call: the signal was aborted", cause: signal.reason });
    const waiting = unsaved.get(key);
    if (waiting !== undefined) return cachedResult(await save(waiting.reservation, waiting.record));
    const running = underWay.get(key);
    if (running !== undefined) {
      await waitFor(running, signal);
      continue;
    }
    const stored = await store.find(key);
    if (stored !== undefined) return cachedResult(stored);
    if (underWay.has(key)) continue; // another call of this process came first while the store was read
    const attempted = await attemptAlone(dead);
    if (attempted.type === "paid") return paidResult(attempted.call, attempted.nanos);
    if (attempted.type === "stored") return cachedResult(attempted.call);
    dead = await watch.wait(attempted.holder, signal);
  }
}
