import { CambiumError } from "@cambium/base";
import type { Piece } from "../chat-model.ts";
import { CancelledError, UnavailableError } from "../errors.ts";
import type { ModelRequest, Reply } from "../messages/request.ts";
import type { Source } from "../sources/source.ts";
import { textOfThrown } from "../sources/thrown.ts";
import { checkReply } from "./check-reply.ts";
import type { Clock } from "./clock.ts";

/** What one request to a source needs. */
export interface AttemptOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly createId: () => string;
  readonly onPiece: ((piece: Piece) => void) | undefined;
}

/** Whether it is an error of ours; a proxy may throw when it is asked. */
function isOurs(error: unknown): error is CambiumError {
  try {
    return error instanceof CambiumError;
  } catch {
    return false;
  }
}

/** The error as one of ours: what a source throws beside them is a provider that failed in an unknown way. */
function toCambiumError(source: Source, error: unknown): CambiumError {
  if (isOurs(error)) return error;
  const text = textOfThrown(error);
  return new UnavailableError({
    message: `call: "${source.provider}" failed: ${text}`,
    cause: error,
    reason: "unknown",
  });
}

/**
 * Asks a source once. Ends at the caller's signal or when the time is up, even if the source does not.
 *
 * @throws {CambiumError}
 */
export async function askOnce(source: Source, request: ModelRequest, options: AttemptOptions): Promise<Reply> {
  const { signal, timeoutMs, clock, createId, onPiece } = options;
  const stop = new AbortController();
  let detach = (): void => {};
  const ended = new Promise<never>((_, reject) => {
    const cancel = (): void => {
      reject(new CancelledError({ message: "call: the signal was aborted", cause: signal.reason }));
      stop.abort(signal.reason);
    };
    const forget = clock.after(timeoutMs, () => {
      const message = `call: no reply from "${source.provider}" within ${timeoutMs} ms; raise timeoutMs if it is that slow`;
      reject(new UnavailableError({ message, reason: "timeout" }));
      stop.abort();
    });
    detach = () => {
      forget();
      signal.removeEventListener("abort", cancel);
    };
    if (signal.aborted) cancel();
    signal.addEventListener("abort", cancel, { once: true });
  });
  try {
    const show =
      onPiece === undefined ? {} : { onPiece: (piece: Piece) => void (stop.signal.aborted || onPiece(piece)) };
    const work = source.generate(request, { signal: stop.signal, clock, createId, ...show });
    return checkReply(source, await Promise.race([work, ended]));
  } catch (error) {
    throw toCambiumError(source, error);
  } finally {
    detach();
  }
}
