import { ConfigError, parseConfig } from "@cambium/base";
import type { SolveOptions } from "@cambium/evaluation";
import * as z from "zod";
import type { Task } from "../problem.ts";

const text = z.string().optional();

const taskSchema = z.looseObject({
  question: z.string().trim().min(1, "must hold a question"),
  context: text,
  hints: z.strictObject({ utility: text, args: text, returns: text }).optional(),
  answerKind: z.enum(["number", "any"]).optional(),
});

const solveSchema = z.strictObject({
  signal: z.custom<AbortSignal>((value) => typeof (value as AbortSignal | undefined)?.aborted === "boolean").optional(),
  sample: z.int().min(0).optional(),
  resume: z.array(z.looseObject({ kind: z.string(), index: z.int() })).optional(),
});

/** Longest question with its context that is sent to a model. Characters. */
const LONGEST = 200_000;

/** Checks what every method is called with; a task may carry more than is read here, such as an id. */
export function checkTask(caller: string, task: Task, options: SolveOptions): void {
  parseConfig(caller, taskSchema, task);
  parseConfig(caller, solveSchema, options);
  const length = task.question.length + (task.context?.length ?? 0);
  if (length <= LONGEST) return;
  throw new ConfigError({
    message: `${caller}: question and context have ${length} characters, ${LONGEST} are the most; shorten the context`,
    length,
  });
}
