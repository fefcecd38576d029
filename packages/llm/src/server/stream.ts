import type { JsonObject } from "@cambium/base";
import type { Piece } from "../chat-model.ts";
import type { Reply } from "../messages/request.ts";
import { failureOf } from "./failure.ts";
import type { Sink } from "./sink.ts";

/** Events of one reply. */
export interface StreamFormat {
  /** What comes first. */
  readonly start: readonly JsonObject[];
  piece(piece: Piece): JsonObject | undefined;
  end(reply: Reply): readonly JsonObject[];
}

/**
 * Writes a reply as server-sent events while it comes.
 *
 * @param answer - Makes the reply, showing its pieces.
 * @param onError - Called with what fails on the server's side in the middle of it.
 * @throws {CambiumError} What `answer` throws before its first piece, when the status can still tell; after it, an event does.
 */
export async function writeStream(
  sink: Sink,
  format: StreamFormat,
  answer: (onPiece: (piece: Piece) => void) => Promise<Reply>,
  onError?: (error: unknown) => void,
): Promise<void> {
  let isOpen = false;
  let last = Promise.resolve();
  const send = (data: string): Promise<void> => {
    last = last.then(() => sink.write(`data: ${data}\n\n`));
    return last;
  };
  const open = (): void => {
    if (isOpen) return;
    isOpen = true;
    sink.head(200, "text/event-stream; charset=utf-8", { "cache-control": "no-cache" });
    for (const event of format.start) send(JSON.stringify(event));
  };
  try {
    const reply = await answer((piece) => {
      open();
      const event = format.piece(piece);
      if (event !== undefined) send(JSON.stringify(event));
    });
    open();
    for (const event of format.end(reply)) send(JSON.stringify(event));
    await send("[DONE]");
  } catch (error) {
    if (!isOpen) throw error;
    const { status, body } = failureOf(error);
    if (status === 500) onError?.(error);
    await send(JSON.stringify(body));
  }
  await sink.end();
}
