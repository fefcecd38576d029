/** Something that goes wrong on purpose, for tests of clients. */
export type Fault =
  /** Answers with a status instead of a reply; the model is not asked. */
  | { readonly type: "status"; readonly status: number; readonly retryAfter?: string; readonly body?: string }
  /** Sends the client elsewhere; the model is not asked. */
  | { readonly type: "redirect"; readonly location: string; readonly status?: 301 | 302 | 307 | 308 }
  /** Never answers; the model is not asked. */
  | { readonly type: "hang" }
  /** Answers with this body and status 200; the model is not asked. */
  | { readonly type: "body"; readonly body: string; readonly contentType?: string }
  /** Waits before every write. Milliseconds. */
  | { readonly type: "slow"; readonly ms: number }
  /** Sends so many bytes of the reply, then ends, or tears the connection down. */
  | { readonly type: "truncate"; readonly bytes: number; readonly how: "end" | "reset" }
  /** Calls the reply something else. */
  | { readonly type: "content-type"; readonly value: string }
  /** Sends so many spaces before the reply. */
  | { readonly type: "flood"; readonly bytes: number };

/** Decides which request goes wrong, and how. `index` counts requests from 0. */
export type FaultPlan = (request: { readonly index: number; readonly path: string }) => Fault | undefined;
