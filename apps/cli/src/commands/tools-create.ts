import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { result } from "@cambium/base";
import { costOf, type Step } from "@cambium/evaluation";
import { type CreatorEnd, type CreatorEvent, createTools, type Hints, type Task } from "@cambium/tool-learning";
import { Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { utf8Text } from "../utf8.ts";
import { costText, countText } from "./cost-text.ts";
import { addModelFlags, type ModelFlags, openModel, parseCount } from "./model-flags.ts";
import { openSandbox, PYTHON_HELP } from "./sandboxes.ts";

interface CreateFlags extends ModelFlags {
  readonly context?: string;
  readonly utility?: string;
  readonly number?: true;
  readonly library?: string;
  readonly rounds: number;
  readonly faithful?: true;
  readonly thought?: true;
  readonly out?: string;
  readonly json?: true;
}

const EXAMPLE = `
Example, with rules in a model's place:
  $ cambium tools create --model rules "How many positive divisors does 29244 have?"
Example, with a local model, keeping the tool:
  $ cambium tools create --model qwen3 --base-url http://localhost:11434/v1 --library tools.db \\
      "A tank of 900 litres loses 4% a day. After how many days is less than half of it left?"

Stopped by Ctrl-C or a budget, the same command resumes from there: replies are kept in --store.`;

/** The first words of a text. */
function startOf(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > 100 ? `${line.slice(0, 99)}…` : line || "it is empty";
}

/** What a step came to, in a line. */
function stepLine({ stage, attempt, failure, ...step }: Step): string {
  const number = stage === "rectification" ? attempt : attempt + 1;
  const name = number === 1 ? stage : `${stage} ${number}`;
  if (failure?.code === "NO_CODE" && step.kind === "model")
    return `${name}: no code in the reply: ${startOf(step.reply)}`;
  if (failure !== undefined) return `${name}: ${failure.message.split("\n")[0]}`;
  if (step.kind === "model" && step.usage !== undefined)
    return `${name}: ${step.usage.outputTokens} tokens${step.cached ? ", stored" : ""}`;
  return `${name}: done`;
}

function tell(io: Io, event: CreatorEvent): void {
  if (event.type === "transition" && event.step !== undefined) io.error(stepLine(event.step));
  if (event.type === "library")
    io.error(
      `library: ${event.outcome === "kept" ? "kept as a draft" : event.outcome === "known" ? "a tool that does the same was there" : event.message}`,
    );
}

async function save(out: string, { tool, call, trajectory }: CreatorEnd, extension: string): Promise<void> {
  await mkdir(out, { recursive: true });
  await writeFile(join(out, `tool.${extension}`), `${tool.source}\n`);
  await writeFile(join(out, `call.${extension}`), `${call}\n`);
  await writeFile(join(out, "trajectory.json"), `${JSON.stringify(trajectory, null, 2)}\n`);
}

/** `cambium tools create`: one question, one tool. */
export function createTool(io: Io): Command {
  return addModelFlags(
    new Command("create")
      .description("Answer a question with a tool that the model writes for it.")
      .argument("<question>", "the question")
      .option("--context <file>", "a file to be read with the question, such as a table")
      .option("--utility <text>", "a hint: what a helpful tool would be good for")
      .option("--number", "the answer must be a number"),
  )
    .option("--library <file>", "keep the tool there, and offer the verified ones")
    .option("--rounds <number>", "repairs at most", parseCount, 3)
    .option("--thought", "let the model think aloud before it writes code")
    .option("--faithful", "do what the publication describes and nothing else")
    .option("--python", PYTHON_HELP)
    .option("--out <folder>", "write the tool, the calling code and the trajectory there")
    .option("--json", "write JSON lines: every event, the last one with tool and trajectory")
    .addHelpText("after", EXAMPLE)
    .action(async (question: string, flags: CreateFlags) => {
      const { models, model } = await openModel("tools create", flags);
      const sandbox = openSandbox(flags.python ? "python" : "javascript");
      try {
        const hints: Hints | undefined = flags.utility === undefined ? undefined : { utility: flags.utility };
        const task: Task = {
          question,
          ...(flags.context === undefined ? {} : { context: await readContext(flags.context) }),
          ...(hints === undefined ? {} : { hints }),
          ...(flags.number ? { answerKind: "number" } : {}),
        };
        const options = {
          model,
          sandbox,
          sampling: { temperature: flags.temperature, maxTokens: flags.maxTokens, seed: flags.seed },
          rounds: flags.rounds,
          thought: flags.thought ?? false,
          ...(flags.faithful ? ({ mode: "faithful" } as const) : {}),
          ...(flags.library === undefined ? {} : { library: flags.library }),
        };
        const end = await result(createTools(options, task, { signal: io.signal }), (event) => {
          if (flags.json) io.out(JSON.stringify(event));
          else tell(io, event);
        });
        if (flags.out !== undefined) await save(flags.out, end, flags.python ? "py" : "js");
        if (!flags.json) report(io, end);
        if (end.status === "failed")
          throw new Error(
            `tools create: no answer after ${countText(end.trajectory.steps.length, "step")}: ${end.failure!.message}`,
          );
        if (end.status === "budget_exceeded") throw new Error(`tools create: ${end.failure!.message}`);
      } finally {
        await sandbox.close();
        await models.close();
      }
    });
}

async function readContext(path: string): Promise<string> {
  try {
    return utf8Text("tools create", path, await readFile(path));
  } catch (cause) {
    if (cause instanceof UseError) throw cause;
    throw new UseError(`tools create: ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

const LEVELS = ["", ", wraps another tool", ", joins other tools", ", with helpers"];

function report(io: Io, { status, answer, tool, trajectory }: CreatorEnd): void {
  if (tool.source !== "") io.out(`${tool.source}\n`);
  if (status === "done") io.out(`answer: ${answer ?? "none marked"}`);
  io.error(
    `tool: ${tool.name === "" ? "none" : `${tool.name}(${tool.parameters.join(", ")})`}${LEVELS[tool.level]}; ${costText(costOf(trajectory.steps))}`,
  );
}
