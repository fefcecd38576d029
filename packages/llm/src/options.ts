import type { Budget, Price, ProviderLimits, Spent } from "./calls/budget.ts";
import type { Clock } from "./calls/clock.ts";
import type { ChatModel } from "./chat-model.ts";
import type { AiSdkModel } from "./sources/ai-sdk/model.ts";
import type { Source } from "./sources/source.ts";
import type { StoredReply } from "./store/shelf.ts";

/** Settings of `openModels`. */
export interface OpenModelsOptions {
  /** Path of the file that keeps every reply, made when absent; `":memory:"` keeps them for this process only. */
  readonly store: string;
  /** Checked before every request. @default none */
  readonly budget?: Budget;
  /** Prices by the model's name. */
  readonly prices?: Readonly<Record<string, Price>>;
  /** How fast each provider may be asked: the same for all, or a function of the provider's name. */
  readonly limits?: ProviderLimits | ((provider: string) => ProviderLimits);
  /** How often a request is sent again after 429, 5xx, a lost connection or an unreadable reply. @default 5 */
  readonly retries?: number;
  /** Longest wait that a provider may ask for before the call fails instead. Milliseconds. @default 120000 */
  readonly longestWaitMs?: number;
  /** Time that one request may take. Milliseconds. @default 600000 */
  readonly timeoutMs?: number;
  /** Silence after which another process's request counts as dead and is made again. Milliseconds. @default 10000 */
  readonly leaseMs?: number;
  /** @default the machine's */
  readonly clock?: Clock;
  /** Uniform on [0, 1): spreads the waits between retries. @default the machine's generator */
  readonly random?: () => number;
  /** Fresh ids. @default random UUIDs */
  readonly createId?: () => string;
}

/** Models over one store and one budget. */
export interface Models {
  /** A model to talk to: a source, or a language model of the AI SDK 6 or 7. */
  model(source: Source | AiSdkModel): ChatModel;
  /** What was spent under this budget's name, by all processes. */
  spent(): Promise<Spent>;
  /** Every stored reply, the oldest first, as plain JSON: to look through, and to write to a file. */
  stored(): AsyncGenerator<StoredReply, void, undefined>;
  /**
   * Removes a stored reply, so that its request is asked again; what it cost stays spent.
   *
   * @param key - Of `CallResult` or `StoredReply`.
   * @returns Whether there was one.
   */
  forget(key: string): Promise<boolean>;
  /** Waits for the calls under way, then closes the store. Calls made later fail. */
  close(): Promise<void>;
}
