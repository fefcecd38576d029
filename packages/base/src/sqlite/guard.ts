import { StoreError } from "../errors.ts";

/** What a message names: who opened what, and the file. */
export interface Place {
  readonly title: string;
  readonly path: string;
}

function reasonOf(code: unknown): string {
  if (code === "SQLITE_FULL" || code === "ENOSPC") return "full";
  if (code === "SQLITE_BUSY" || code === "SQLITE_LOCKED") return "busy";
  if (code === "CLIENT_CLOSED") return "closed";
  return String(code ?? "unknown");
}

const ADVICE: Readonly<Record<string, string>> = {
  full: "free some room on its disk and try again",
  busy: "another process held it for too long; try again",
  closed: "it is closed; open it again",
};

/**
 * The result of `work`; what SQLite or the file system throws becomes a `StoreError`.
 *
 * @param what - What could not be done, such as `"opened"`.
 */
export async function guard<T>(place: Place, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    // An error of ours says better what is wrong.
    if ((cause as { details?: unknown }).details !== undefined) throw cause;
    const reason = reasonOf((cause as { code?: unknown }).code);
    const advice = ADVICE[reason] ?? (cause as Error).message;
    const message = `${place.title} ${place.path} could not be ${what}: ${advice}`;
    throw new StoreError({ message, cause, reason, path: place.path });
  }
}
