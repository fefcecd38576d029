import * as z from "zod";
import { ModelFormatError } from "../errors.ts";
import type { Reply, Usage } from "../messages/request.ts";
import type { Source } from "../sources/source.ts";

const part = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("text"), text: z.string() }),
  z.looseObject({ type: z.literal("reasoning"), text: z.string() }),
  z.looseObject({
    type: z.literal("file"),
    mediaType: z.string(),
    data: z.union([z.instanceof(Uint8Array), z.instanceof(URL)]),
  }),
  z.looseObject({ type: z.literal("tool-call"), id: z.string(), name: z.string(), arguments: z.string() }),
  z.looseObject({ type: z.literal("other"), kind: z.string(), value: z.looseObject({}) }),
]);

const schema = z.looseObject({
  content: z.array(part),
  finish: z.enum(["stop", "length", "tool-calls", "content-filter", "other"]),
});

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** Whether the counts can be added up; a reply is not thrown away because they cannot. */
function isCounted(usage: Usage): boolean {
  const { inputTokens, outputTokens, cacheReadTokens = 0, cacheWriteTokens = 0 } = usage;
  return [inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens].every(isCount);
}

/**
 * The reply of a source as it may be stored; without its counts where they are none, so that the upper bound is booked.
 *
 * @throws {ModelFormatError} When a part of it has no known shape: stored, it would be wrong for ever.
 */
export function checkReply(source: Source, reply: Reply): Reply {
  const checked = schema.safeParse(reply);
  if (!checked.success) {
    const { path, message } = checked.error.issues[0]!;
    const place = path.length === 0 ? "the reply" : path.join(".");
    throw new ModelFormatError({
      message: `call: "${source.provider}" gave a reply of unknown shape: ${place}: ${message}`,
    });
  }
  if (reply.usage === undefined || isCounted(reply.usage)) return reply;
  const { usage: _, ...rest } = reply;
  return rest;
}
