/** What may be spent on a store, by all processes together and over all runs. Absent limits do not limit. */
export interface Budget {
  /** Requests that a provider worked on. */
  readonly calls?: number;
  /** Tokens, input and output together. */
  readonly tokens?: number;
  /** US dollars; needs the price of every model that is not free. */
  readonly usd?: number;
  /** Budgets of one name on one store are one budget; another name starts at nothing. @default "default" */
  readonly name?: string;
}

/** What a model costs, in US dollars for a million tokens. */
export interface Price {
  readonly input: number;
  /** Reasoning included. */
  readonly output: number;
  /** Input read from the provider's prompt cache. @default `input` */
  readonly cacheRead?: number;
  /** Input written to the provider's prompt cache. @default `input` */
  readonly cacheWrite?: number;
}

/** What was spent so far, reservations included. */
export interface Spent {
  readonly calls: number;
  readonly tokens: number;
  readonly usd: number;
}

/** How fast one provider may be asked. */
export interface ProviderLimits {
  /** Requests under way at once. @default 8 */
  readonly concurrency?: number;
  /** Requests started in any minute. @default no limit */
  readonly requestsPerMinute?: number;
}
