import type { JsonObject } from "@cambium/base";
import type { Piece } from "../chat-model.ts";
import type { Reply } from "../messages/request.ts";
import { failureOf } from "./failure.ts";
import type { Sink } from "./sink.ts";

/** Events of one reply. */
export interface StreamFormat {
  /** What comes first. */
  readonly start: readonly JsonObject[];
  piece(piece: Piece): readonly JsonObject[];
  end(reply: Reply): readonly JsonObject[];
  /** Those of a failure in the middle; `body` is that of a failed request. @default the body itself */
  fail?(body: JsonObject): readonly JsonObject[];
  /** Whether each event is called by its type, and the last of them says that there are no more. @default false: `[DONE]` says so */
  readonly isTyped?: boolean;
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
  const write = (text: string): Promise<void> => {
    last = last.then(() => sink.write(text));
    return last;
  };
  const send = (events: readonly JsonObject[]): void => {
    for (const event of events) {
      write(`${format.isTyped ? `event: ${event["type"]}\n` : ""}data: ${JSON.stringify(event)}\n\n`);
    }
  };
  const open = (): void => {
    if (isOpen) return;
    isOpen = true;
    sink.head(200, "text/event-stream; charset=utf-8", { "cache-control": "no-cache" });
    send(format.start);
  };
  try {
    const reply = await answer((piece) => {
      open();
      send(format.piece(piece));
    });
    open();
    send(format.end(reply));
    if (!format.isTyped) write("data: [DONE]\n\n");
  } catch (error) {
    if (!isOpen) throw error;
    const { status, body } = failureOf(error);
    if (status === 500) onError?.(error);
    send(format.fail?.(body) ?? [body]);
  }
  await last;
  await sink.end();
}
