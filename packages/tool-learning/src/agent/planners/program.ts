import { type Json, type JsonObject, parseConfig, sha256 } from "@cambium/base";
import type { RunStep, ToolStep } from "@cambium/evaluation";
import type { Message } from "@cambium/llm";
import type { HostFunction, Sandbox, SandboxLimits, SandboxOutcome } from "@cambium/sandbox";
import * as z from "zod";
import { codeOf } from "../../code/fences.ts";
import { describeFailure } from "../../solving/error-text.ts";
import { setupFields } from "../../solving/setup.ts";
import type { AnyTool } from "../../tools/tool.ts";
import { extend } from "../conversation.ts";
import type { Planner } from "./planner.ts";

/** Settings of `program`. */
export interface ProgramOptions {
  /** Where the programs run; JavaScript. */
  readonly sandbox: Sandbox;
  /** Programs at most; the last request is for the answer. @default 10 */
  readonly rounds?: number;
  /** Limits of a program that differ from the sandbox's own. */
  readonly limits?: Partial<SandboxLimits>;
}

const schema = z.strictObject({
  sandbox: setupFields.sandbox,
  rounds: z.int().positive().optional(),
  limits: z.looseObject({}).optional(),
});

/** What a program prints is shown up to here. Characters. */
const LONGEST_OUTPUT = 8000;

/** Anything: the gate checks the arguments by the tool's own schema. */
const anything: HostFunction["input"] = { "~standard": { validate: (value) => ({ value }) } };

/** A tool's name as a program writes it. */
const identifier = (name: string): string => name.replaceAll("-", "_");

/** A tool as the signature of a function. */
function signatureOf({ name, description, inputSchema }: AnyTool): string {
  return `// ${description.replaceAll(/\s+/g, " ")}\nasync function ${identifier(name)}(input /* ${JSON.stringify(inputSchema)} */)`;
}

/** What a result is inside the program. */
function resultOf(step: ToolStep): Json | undefined {
  if (step.failure === undefined) return step.value;
  throw new Error(`${step.failure.code}: ${step.failure.message}`);
}

function outputOf(outcome: SandboxOutcome, source: string): Pick<RunStep, "stdout" | "failure" | "durationMs"> {
  const returned =
    outcome.ok && outcome.value !== undefined && outcome.value !== null ? `=> ${JSON.stringify(outcome.value)}\n` : "";
  const stdout = outcome.stdout + returned;
  const durationMs = outcome.usage.wallMs;
  if (outcome.ok) return { stdout, durationMs };
  const { code, message, ...rest } = outcome.failure;
  const stack = "stack" in rest && rest.stack !== "" ? { stack: rest.stack } : {};
  const failure = { code, message, ...stack };
  return {
    stdout,
    durationMs,
    failure: { ...failure, message: describeFailure(failure, [{ name: "program", source }]) },
  };
}

function shorten(text: string): string {
  if (text.length <= LONGEST_OUTPUT) return text;
  const head = text.slice(0, LONGEST_OUTPUT / 2);
  const tail = text.slice(-LONGEST_OUTPUT / 2);
  return `${head}\n[… ${text.length - LONGEST_OUTPUT} of ${text.length} characters are left out; print less …]\n${tail}`;
}

function tellRun({ stdout, failure }: RunStep): string {
  const printed = stdout.trim() === "" ? "It printed nothing." : `It printed:\n${shorten(stdout.trimEnd())}`;
  return failure === undefined ? printed : `The program failed. ${failure.message}\n${printed}`;
}

/**
 * Code as action: the model writes a program that calls tools, it runs in a sandbox, and the model sees what it printed. Every
 * call of the program passes the gate that the model's own calls pass.
 *
 * @see Wang et al. 2024, Executable Code Actions Elicit Better LLM Agents, arXiv:2402.01030, §2.
 */
export function program(options: ProgramOptions): Planner {
  parseConfig("program", schema, options);
  const { sandbox, rounds = 10, limits = {} } = options;
  return {
    name: "program",
    settings: { sandbox: sandbox.name, language: sandbox.language, rounds, limits: limits as JsonObject },
    async *run(session) {
      const tools = [...session.tools];
      let conversation = session.start(`${session.words.program}\n\nTools:\n${tools.map(signatureOf).join("\n")}`);
      for (let round = 1; ; round++) {
        const isLast = round > rounds || session.modelCallsLeft <= 1;
        const extra: Message[] = isLast ? [{ role: "user", content: session.words.finish }] : [];
        const messages = [...conversation.messages, ...extra];
        const asked = yield* session.ask(messages, {
          stage: isLast ? "program-last" : "program",
          parent: conversation.tip,
        });
        const source = isLast ? undefined : codeOf(asked.reply, "javascript");
        if (source === undefined) {
          const read = await session.read(conversation, asked);
          if (read.finish !== undefined) return read.finish;
          conversation = read.conversation;
          continue;
        }
        const parts = [{ name: "program", source }];
        const content = {
          program: parts,
          sourceHash: sha256(JSON.stringify(parts)),
          stage: "program",
          attempt: round - 1,
        };
        const ran = yield* session.program(content, asked.index, async (call) => {
          const functions = Object.fromEntries(
            tools.map(({ name }): [string, HostFunction] => [
              identifier(name),
              { input: anything, run: async (input) => resultOf(await call(name, (input ?? {}) as Json)) },
            ]),
          );
          const outcome = await sandbox.run(parts, {
            functions,
            limits,
            kit: sandbox.language === "javascript",
            signal: session.signal,
          });
          return outputOf(outcome, source);
        });
        const said: Message[] = [
          { role: "assistant", content: asked.reply },
          { role: "user", content: tellRun(ran) },
        ];
        conversation = extend(conversation, said, ran.index);
      }
    },
  };
}
