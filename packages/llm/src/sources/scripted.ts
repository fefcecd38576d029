import { canonicalJson, type Json, parseConfig } from "@cambium/base";
import * as z from "zod";
import { NoReplyError } from "../errors.ts";
import { textOf } from "../messages/message.ts";
import type { ModelRequest } from "../messages/request.ts";
import type { Policy, WrittenReply } from "./policy.ts";
import type { Source } from "./source.ts";
import { answerByPolicy } from "./written-reply.ts";

/** Which requests a step of a script is for: all conditions must hold. */
export interface StepCondition {
  readonly stage?: string;
  /** Found in the text of the last message. */
  readonly content?: string | RegExp;
}

/** One step of a script. */
export interface Step {
  /** @default every request */
  readonly when?: StepCondition | ((request: ModelRequest) => boolean);
  readonly reply: string | WrittenReply | Policy;
  /** How often it is used; `Infinity` for as often as asked, or never. @default 1 */
  readonly times?: number;
}

/** A model that follows a script. */
export interface Scripted extends Source {
  /**
   * Whether the script was played to its end.
   *
   * @throws {NoReplyError} Listing the steps that were not used as often as they say.
   */
  finish(): void;
}

/** Settings of `scripted`. */
export interface ScriptedOptions {
  /** Tells two scripts on one store apart. @default "script" */
  readonly name?: string;
}

const excerpt = (text: string): string => (text.length > 200 ? `${text.slice(0, 197)}...` : text);

function holds(when: Step["when"], request: ModelRequest): boolean {
  if (when === undefined) return true;
  if (typeof when === "function") return when(request);
  if (when.stage !== undefined && when.stage !== request.stage) return false;
  if (when.content === undefined) return true;
  const text = textOf(request.messages.at(-1)?.content ?? "");
  return typeof when.content === "string" ? text.includes(when.content) : new RegExp(when.content).test(text);
}

function describeCondition({ when }: Step): string {
  if (when === undefined) return "any request";
  if (typeof when === "function") return "a condition in code";
  return canonicalJson({ ...when, content: when.content === undefined ? undefined : String(when.content) });
}

function playScript(steps: readonly Step[]): { policy: Policy; finish: () => void } {
  const left = steps.map(({ times = 1 }) => times);
  const policy: Policy = (request, context) => {
    const at = steps.findIndex((step, i) => left[i]! > 0 && holds(step.when, request));
    if (at < 0) {
      const last = textOf(request.messages.at(-1)?.content ?? "");
      const open = steps.flatMap((step, i) => (left[i]! > 0 ? [`step ${i}: ${describeCondition(step)}`] : []));
      throw new NoReplyError({
        message: `scripted: no step is for stage "${request.stage ?? ""}", last message "${excerpt(last)}"; left are ${open.join("; ") || "none"}`,
        charged: false,
        request: request.messages as unknown as Json,
      });
    }
    left[at]! -= 1;
    const { reply } = steps[at]!;
    return typeof reply === "function" ? reply(request, context) : reply;
  };
  const finish = (): void => {
    const unused = steps.flatMap((step, i) =>
      left[i]! > 0 && left[i] !== Number.POSITIVE_INFINITY && (step.times ?? 1) !== Number.POSITIVE_INFINITY
        ? [`step ${i}, ${left[i]} times (${describeCondition(step)})`]
        : [],
    );
    if (unused.length > 0) throw new NoReplyError({ message: `scripted: not used: ${unused.join("; ")}`, unused });
  };
  return { policy, finish };
}

const optionsSchema = z.strictObject({ name: z.string().optional() });

const scriptSchema = z.array(
  z.strictObject({
    when: z.unknown().optional(),
    reply: z.unknown(),
    times: z
      .custom((value) => value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && Number(value) > 0), {
        message: "must be a positive integer or Infinity",
      })
      .optional(),
  }),
);

/**
 * A model without a model: a script, or a policy in code. Free of cost and deterministic.
 *
 * A script is a list of steps; a request gets the first step that is for it and not used up. A request without a step is
 * an error, and `finish()` is one when a step was not used. A stored reply is not asked for again, so give each run a
 * separate store, such as `":memory:"`.
 *
 * @example
 * const source = scripted([
 *   { when: { stage: "creation" }, reply: "function add(a, b) { return a + b; }" },
 *   { reply: { toolCalls: [{ name: "add", arguments: { a: 1, b: 2 } }] } },
 *   { reply: { error: { status: 429, retryAfterMs: 500 } } },
 * ]);
 */
export function scripted(script: readonly Step[] | Policy, options: ScriptedOptions = {}): Scripted {
  parseConfig("scripted", optionsSchema, options);
  const { name = "script" } = options;
  if (typeof script !== "function") {
    parseConfig("scripted", scriptSchema, script);
  }
  const { policy, finish } = typeof script === "function" ? { policy: script, finish: () => {} } : playScript(script);
  return {
    provider: "scripted",
    model: name,
    free: true,
    finish,
    generate: (request, context) => answerByPolicy(policy, request, context),
  };
}
