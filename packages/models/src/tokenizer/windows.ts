/** Long texts in windows that overlap. */
import { ConfigError } from "@cambium/base";
import { type Truncation, truncatePair } from "../truncation.ts";
import { type Span, wholeOf } from "./frame.ts";
import type { Encoded } from "./pipeline.ts";

/** Which text is cut where both do not fit. */
type Only = "first" | "second";

/** How texts are cut into windows. */
export interface Cutting {
  /** Tokens of both texts together that a window holds. */
  readonly room: number;
  /** Tokens that a window repeats of the one before. */
  readonly stride: number;
  readonly side: Truncation;
  readonly only: Only | undefined;
}

/** Windows of at most `length` tokens over one text, the first of them the one that truncation would leave. */
function windowsOf(text: Encoded, length: number, { stride, side }: Cutting): Span[] {
  const whole = wholeOf(text);
  if (length >= whole.end) return [whole];
  if (stride >= length) {
    throw new ConfigError({
      message: `windows: stride ${stride} must be less than the ${length} tokens of a text that a window holds`,
      stride,
    });
  }
  const spans: Span[] = [];
  for (let shift = 0; shift === 0 || shift + stride < whole.end; shift += length - stride) {
    const far = Math.min(shift + length, whole.end);
    spans.push(
      side === "end" ? { text, start: shift, end: far } : { text, start: whole.end - far, end: whole.end - shift },
    );
  }
  return spans;
}

/** What a window holds of two texts where only one of them is cut. */
function lengthsOf(first: number, second: number, { room, only }: Cutting): readonly [number, number] {
  if (first + second <= room) return [first, second];
  if (only === undefined) return truncatePair(first, second, room);
  const left = room - (only === "first" ? second : first);
  if (left < 1) {
    throw new ConfigError({
      message: `windows: the text that is not cut has ${room - left} tokens, and a window has room for ${room}`,
      only,
    });
  }
  return only === "first" ? [left, second] : [first, left];
}

/** Windows over one or two texts: those of both texts in every combination, in the order of the Rust library. */
export function cutWindows(first: Encoded, second: Encoded | undefined, cutting: Cutting): (readonly [Span, Span?])[] {
  if (second === undefined) return windowsOf(first, cutting.room, cutting).map((span) => [span]);
  const [firstLength, secondLength] = lengthsOf(first.ids.length, second.ids.length, cutting);
  const [main, ...more] = windowsOf(first, firstLength, cutting);
  const seconds = windowsOf(second, secondLength, cutting);
  return [
    [main!, seconds[0]!],
    ...more.flatMap((span) => seconds.map((other) => [span, other] as const)),
    ...seconds.slice(1).map((other) => [main!, other] as const),
  ];
}
