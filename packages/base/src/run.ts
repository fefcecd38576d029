import { StateError } from "./errors.ts";

/** Any event of a long run; the last one has the type `"end"`. */
export interface RunEvent {
  readonly type: string;
}

/**
 * Runs to the end and returns the last event's value only: the `end` event of the run.
 *
 * @param run - Events of a long run, such as `train(…)`.
 * @param onEvent - Called with each event on the way.
 * @throws {StateError} When the run ends without an `end` event.
 * @example
 * const { parameters } = await result(train(tuned, data, options));
 */
export async function result<Event extends RunEvent>(
  run: AsyncIterable<Event>,
  onEvent?: (event: Event) => void,
): Promise<Extract<Event, { readonly type: "end" }>> {
  let last: Event | undefined;
  for await (const event of run) {
    onEvent?.(event);
    last = event;
  }
  if (last?.type !== "end")
    throw new StateError({
      message: `result: the run stopped after ${last === undefined ? "no event" : `"${last.type}"`} instead of "end"`,
    });
  return last as Extract<Event, { readonly type: "end" }>;
}
