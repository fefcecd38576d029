import type { Piece } from "../chat-model.ts";
import type { AssistantPart } from "../messages/message.ts";

/** Shows the parts of a reply that came whole. */
export function showParts(parts: readonly AssistantPart[], onPiece: ((piece: Piece) => void) | undefined): void {
  for (const part of parts) {
    if (part.type === "text" || part.type === "reasoning") onPiece?.({ type: part.type, text: part.text });
    if (part.type === "tool-call") onPiece?.({ type: "tool-call", call: part });
  }
}
