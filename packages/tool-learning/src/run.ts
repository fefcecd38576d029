import { StateError } from "./errors.ts";

/** Any event of a long run; the last one has the type `"end"`. */
export interface RunEvent {
  readonly type: string;
}

/**
 * Runs to the end and returns the `end` event of the run. Works on the runs of every package of Cambium.
 *
 * @param run - Events of a long run, such as `createTools(…)`.
 * @param onEvent - Called with each event on the way.
 * @throws {StateError} When the run ends without an `end` event.
 * @example
 * const { answer, tool } = await result(createTools({ model, sandbox: quickjs() }, { question }));
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
  if (last?.type !== "end") {
    const where = last === undefined ? "no event" : `"${last.type}"`;
    throw new StateError({ message: `result: the run stopped after ${where} instead of "end"` });
  }
  return last as Extract<Event, { readonly type: "end" }>;
}
