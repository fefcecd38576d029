import { canonicalJson, type JsonObject, parseConfig, sha256 } from "@cambium/base";
import * as z from "zod";
import { identified, keySubject } from "../calls/key.ts";
import { NoReplyError } from "../errors.ts";
import { decodeReply, encodeReply } from "../messages/encoding.ts";
import type { ModelRequest } from "../messages/request.ts";
import { diffLines, linesOf, similarity } from "./cassette/diff.ts";
import { scrubJson } from "./cassette/scrub.ts";
import { openTape, type Recording, type Tape } from "./cassette/tape.ts";
import { showParts } from "./pieces.ts";
import type { Source } from "./source.ts";

/** Settings of `recorded`. */
export interface RecordedOptions {
  /**
   * `replay` answers from the cassette only and never asks the source; `record` asks it for what the cassette lacks, and
   * adds the answers.
   *
   * @default "replay"
   */
  readonly mode?: "replay" | "record";
  /** Texts that must not be written, beside those that look like secrets. */
  readonly secrets?: readonly string[];
}

/** Diffs in messages are cut after so many lines. */
const SHOWN_LINES = 60;

function nearestOf(request: JsonObject, recordings: Iterable<Recording>): { key: string; diff: string[] } | undefined {
  const lines = linesOf(request);
  let best: { key: string; lines: string[]; score: number } | undefined;
  for (const recording of recordings) {
    const other = linesOf(recording.request);
    const score = similarity(other, lines);
    if (best === undefined || score > best.score) best = { key: recording.key, lines: other, score };
  }
  return best === undefined ? undefined : { key: best.key, diff: diffLines(best.lines, lines) };
}

const toBase64 = (bytes: Uint8Array): JsonObject => ({ base64: Buffer.from(bytes).toString("base64") });
const fromBase64 = (json: JsonObject): Uint8Array => new Uint8Array(Buffer.from(String(json["base64"]), "base64"));

const schema = z.strictObject({
  mode: z.enum(["replay", "record"]).optional(),
  secrets: z.array(z.string()).optional(),
});

/**
 * A source on a cassette: a file of JSON lines with requests and replies, to be kept with the tests that need them.
 *
 * Recordings are found by the same hash as stored calls, made of the request without its secrets: ids of tool calls and
 * times do not count. Secrets are taken out of what is written, in requests and replies alike. A request that was not
 * recorded is an error that shows where it differs from the nearest recording.
 *
 * @param path - The file; made when the first reply is recorded.
 * @param source - Who is asked while recording. While replaying it only says who would be.
 * @example
 * const source = recorded("cassettes/greeting.jsonl", openai("some-model", { baseURL, apiKey }), { mode: "replay" });
 */
export function recorded(path: string, source: Source, options: RecordedOptions = {}): Source {
  parseConfig("recorded", schema, options);
  const { mode = "replay", secrets = [] } = options;
  let tape: Promise<Tape> | undefined;

  /** What the key is the hash of, as an object without secrets. */
  const subjectOf = async (request: ModelRequest): Promise<JsonObject> =>
    scrubJson(keySubject(await identified(source), request), secrets);

  return {
    provider: source.provider,
    model: source.model,
    ...(source.identity === undefined ? {} : { identity: source.identity }),
    ...(source.identify === undefined ? {} : { identify: () => source.identify!() }),
    free: mode === "replay" || source.free === true,
    ...(source.countTokens === undefined ? {} : { countTokens: (request) => source.countTokens!(request) }),

    async generate(request, context) {
      tape ??= openTape(path);
      const { recordings, add } = await tape;
      const subject = await subjectOf(request);
      const key = sha256(canonicalJson(subject));
      const found = recordings.get(key);
      if (found !== undefined) {
        const reply = decodeReply(found.reply, fromBase64);
        showParts(reply.content, context.onPiece);
        return reply;
      }
      if (mode === "record") {
        const reply = await source.generate(request, context);
        await add({ key, request: subject, reply: scrubJson(encodeReply(reply, toBase64), secrets) });
        return reply;
      }
      const nearest = nearestOf(subject, recordings.values());
      const shown =
        nearest === undefined
          ? "the cassette is empty"
          : `the nearest (${nearest.key.slice(0, 12)}) differs so (- recorded, + asked):\n${nearest.diff.slice(0, SHOWN_LINES).join("\n")}`;
      throw new NoReplyError({
        message: `recorded: ${path} has no such request; record it with mode "record"; ${shown}`,
        charged: false,
        request: subject,
        nearest,
      });
    },
  };
}
