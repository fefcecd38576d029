import { parseConfig } from "@cambium/base";
import type { ModelStep, QueryStep, Solver } from "@cambium/evaluation";
import * as z from "zod";
import type { Task } from "../problem.ts";
import { ANSWER_MARKER, extractAnswer } from "../solving/answer.ts";
import { type Prompt, section, taskSections } from "../solving/prompt.ts";
import { createRecorder } from "../solving/recorder.ts";
import { checkTask } from "../solving/task.ts";
import { type AnswerMethodOptions, answerFields, answerSettings } from "./answer-method.ts";
import { type Calculator, calculator } from "./calculator.ts";
import { finish } from "./finish.ts";

/** Settings of `toolUse`. */
export interface ToolUseOptions extends Omit<AnswerMethodOptions, "demonstrations"> {
  /** The service that is asked. @default `calculator()` */
  readonly calculator?: Calculator;
}

const QUERY_MARKER = "Query:";

/** The service's reply is cut to this length. Characters. @see Qian et al. 2023, §4.2 */
const LONGEST_REPLY = 1500;

/** The last query line of a reply. */
function extractQuery(reply: string): string | undefined {
  const line = reply.split(/\r?\n/).findLast((each) => each.trimStart().startsWith(QUERY_MARKER));
  const query = line?.trimStart().slice(QUERY_MARKER.length).trim();
  return query === "" ? undefined : query;
}

function queryPrompt(task: Task, thought: boolean): Prompt {
  const rules = [
    "A calculating service helps you: it evaluates one line of mathematics, such as 17.5 * 4^3 / sqrt(2).",
    "Decide which single calculation gets you closest to the answer.",
    thought ? "Think aloud about the question first." : "Say in one sentence what you calculate.",
    `End with one line that starts with "${QUERY_MARKER}" and holds nothing but the calculation.`,
  ];
  return {
    system: "You are good at quantitative problems and know when to calculate.",
    instructions: section("Task: ask the calculator", rules.map((rule) => `- ${rule}`).join("\n")),
    question: [...taskSections(task, { hints: true }), section("Reply", "")].join("\n\n"),
  };
}

function answerPrompt(task: Task, asked: ModelStep, query: QueryStep | undefined): Prompt {
  const came =
    query === undefined || query.failure !== undefined
      ? "Nothing came back from the service. Answer as well as you can without it."
      : query.reply;
  const rules = [
    "Answer the question with the help of what the calculating service replied to your query.",
    `Put the answer on the last line, after "${ANSWER_MARKER}": the value only.`,
  ];
  return {
    system: "You are good at quantitative problems and answer briefly.",
    instructions: section("Task: answer", rules.map((rule) => `- ${rule}`).join("\n")),
    question: [
      ...taskSections(task, { hints: true }),
      section("Your query", asked.reply === "" ? "none" : asked.reply),
      section("Reply of the service", came),
      section("Reply", ""),
    ].join("\n\n"),
  };
}

/**
 * Baseline: a first call writes one query to a calculating service, a second one the answer from what came back; when
 * nothing did, it is told so.
 *
 * @see Qian et al. 2023, CREATOR, arXiv:2305.14318, §4.2, "Tool Use".
 * @throws {ConfigError} When the options cannot be meant.
 */
export function toolUse({ calculator: service = calculator(), ...options }: ToolUseOptions): Solver<Task> {
  const { demonstrations: _, ...fields } = answerFields;
  parseConfig("toolUse", z.strictObject(fields), options);
  const name = options.thought ? "tool-use-cot" : "tool-use";
  const { demonstrations: __, ...own } = answerSettings(options);
  const settings = { ...own, calculator: service.name };
  return {
    name,
    settings,
    async *solve(task, solving = {}) {
      checkTask("toolUse", task, solving);
      const recorder = createRecorder(options, solving);
      const end = { name, settings, task, sample: solving.sample ?? 0, recorder, firstTry: true };
      const asked = await recorder.ask({ stage: "query", attempt: 0 }, queryPrompt(task, options.thought ?? false), {
        wantsCode: false,
      });
      yield { type: "step", step: asked };
      if (asked.failure !== undefined) {
        yield finish({ ...end, stdout: asked.reply, failure: asked.failure });
        return;
      }
      const query = extractQuery(asked.reply);
      let came: QueryStep | undefined;
      if (query !== undefined) {
        came = await recorder.query({ stage: "query", attempt: 0 }, query, async (signal) => {
          const { input, result } = await service.ask(query, signal === undefined ? {} : { signal });
          return `Input: ${input}\nResult: ${result}`.slice(0, LONGEST_REPLY);
        });
        yield { type: "step", step: came };
      }
      const answered = await recorder.ask({ stage: "answer", attempt: 0 }, answerPrompt(task, asked, came), {
        wantsCode: false,
      });
      yield { type: "step", step: answered };
      yield finish({
        ...end,
        stdout: answered.reply,
        answer: extractAnswer(answered.reply),
        failure: answered.failure,
      });
    },
  };
}
