import { ConfigError, type Json, parseConfig } from "@cambium/base";
import type { ChatOptions, Scheduler, SchedulerOptions } from "@cambium/models";
import * as z from "zod";

/** Settings of `local`. */
export interface LocalOptions extends SchedulerOptions {
  /** The model's name. @default "local" */
  readonly name?: string;
  /** Which delta of a mixed model (`perRow`) answers, −1 for none. @default none */
  readonly delta?: number;
  /** Used where a request says none: 0 always takes the likeliest token. @default 0 */
  readonly temperature?: number;
  /** How conversations are written: a template, its variables, the date that it reads. */
  readonly chat?: Pick<ChatOptions, "template" | "variables" | "date">;
  /**
   * How tools are told where the chat template does not write them: as JSON Schemas, or as signatures of functions, which take a small part
   * of the tokens. Calls fit the whole schema in both.
   *
   * @default "json"
   */
  readonly declarations?: "json" | "signatures";
  /**
   * Told of each part of a tool's or a format's schema that cannot be followed, such as `multipleOf`: once for a schema. Such parts are left
   * out then, and what comes may break them, so check it: tools do.
   *
   * @default none: such a part is an error
   */
  readonly loosen?: (problem: string) => void;
  /**
   * A scheduler of the same model and tokenizer, shared with other sources: their calls run together, and its settings hold. It is
   * the caller's to close.
   *
   * @default a separate one
   */
  readonly scheduler?: Scheduler;
  /** What tells the model from others, in the keys of stored calls. @default hashes of its weights, its deltas and its tokenizer */
  readonly identity?: Json;
}

/** Those of a scheduler. */
export const SCHEDULER_KEYS = ["maxBatch", "maxWaiting", "maxLength", "promptPart", "keptBytes"] as const;

const schema = z.strictObject({
  name: z.string().min(1).optional(),
  delta: z.int().min(-1).optional(),
  temperature: z.number().nonnegative().optional(),
  chat: z
    .strictObject({
      template: z.string().optional(),
      variables: z.record(z.string(), z.unknown()).optional(),
      date: z.date().optional(),
    })
    .optional(),
  declarations: z.enum(["json", "signatures"]).optional(),
  loosen: z.custom<LocalOptions["loosen"]>((value) => typeof value === "function").optional(),
  scheduler: z
    .custom<Scheduler>((value) => typeof (value as Scheduler | undefined)?.generate === "function")
    .optional(),
  identity: z.json().optional(),
  ...Object.fromEntries(SCHEDULER_KEYS.map((key) => [key, z.number().optional()])),
});

/**
 * Checks them.
 *
 * @throws {ConfigError} When an option cannot be meant.
 */
export function checkLocalOptions(options: LocalOptions): void {
  parseConfig("local", schema, options);
  if (options.scheduler === undefined) return;
  const set = SCHEDULER_KEYS.find((key) => options[key] !== undefined);
  if (set === undefined) return;
  throw new ConfigError({ message: `local: ${set} is a setting of the scheduler, and one was passed; set it there` });
}
