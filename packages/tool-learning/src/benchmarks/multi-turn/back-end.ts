/** What the simulated services of the multi-turn rows share. */
import type { Json, JsonObject } from "@cambium/base";

/** What a call gives: a result, or `{ error }`, as the documents say. */
export type BackEndResult = JsonObject | null;

/** A simulated service. */
export interface BackEnd<State extends Json = Json> {
  /** Its state at the start of a row. */
  create(config: JsonObject): State;
  readonly functions: Readonly<Record<string, (state: State, input: never) => BackEndResult>>;
}

/** A failure that the service tells. */
export const error = (message: string): BackEndResult => ({ error: message });
