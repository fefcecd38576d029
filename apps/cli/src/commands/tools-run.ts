import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { costOf, type Step } from "@cambium/evaluation";
import {
  type AgentEnd,
  type AgentEvent,
  type Approve,
  dfsdt,
  lexicalRetriever,
  type Planner,
  planFirst,
  react,
  runAgent,
  virtual,
} from "@cambium/tool-learning";
import { toolbox } from "@cambium/toolbox";
import { Command, Option } from "commander";
import { type Io, UseError } from "../io.ts";
import { costText, countText } from "./cost-text.ts";
import { addKitFlags, type KitFlags, kitsOf } from "./kit-flags.ts";
import { addOwnToolFlags, hasOwnTools, type OwnToolFlags, openOwnTools } from "./own-tools.ts";
import { parseCount } from "./parse-count.ts";
import { addToolModelFlags, type ToolModelFlags, withToolModel } from "./tool-model.ts";

interface RunFlags extends ToolModelFlags, KitFlags, OwnToolFlags {
  readonly planner: keyof typeof PLANNERS;
  readonly offer?: number;
  readonly turns: number;
  readonly yes?: true;
  readonly out?: string;
  readonly resume?: true;
  readonly json?: true;
}

const PLANNERS = {
  react: (turns: number): Planner => react({ turns }),
  "plan-first": (): Planner => planFirst(),
  dfsdt: (turns: number): Planner => dfsdt({ turns }),
};

const EXAMPLE = `
Example, with a model of this machine, and no key:
  $ cambium tools run "How many feet are 3 metres?" --local model.gguf --kits units
Example, over all kits, of which eight tools are offered; stopped by Ctrl-C, it is resumed by --resume:
  $ cambium tools run "Send Ada the forecast for Aldermoor" --model gpt-4o-mini --offer 8 --out runs/forecast
  $ cambium tools run "Send Ada the forecast for Aldermoor" --model gpt-4o-mini --offer 8 --out runs/forecast --resume
Example, with the tools of MCP servers and of a service, and none of the bundled ones:
  $ cambium tools run "Which notes are new?" --model gpt-4o-mini --mcp mcp.json --pins mcp.pins.json
  $ cambium tools run "Is pet 3 there?" --model gpt-4o-mini --openapi pets=pets.yaml --server pets=https://pets.example/v1 --credential pets.key=PETS_KEY`;

const LONGEST = 160;

const short = (text: string): string => {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
};

/** Asks at the terminal about a call; nobody is asked where there is none, and the run waits. */
function approval(io: Io, flags: RunFlags): { readonly approve?: Approve } {
  if (flags.yes) return { approve: () => true };
  if (io.input.isTTY !== true || flags.json) return {};
  return {
    async approve({ tool, input }, { signal }) {
      const lines = createInterface({ input: io.input });
      io.error(`${tool.name} ${JSON.stringify(input)} cannot be taken back. Make this call? [y/N]`);
      const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
      try {
        return /^y(es)?$/i.test((await Promise.race([lines.question("", { signal }), closed])).trim());
      } finally {
        lines.close();
      }
    },
  };
}

function showEvent(io: Io, event: AgentEvent<unknown>, steps: readonly Step[]): void {
  if (event.type === "start" && event.resumed > 0)
    io.error(`resuming after ${countText(event.resumed, "step")} that were taken before`);
  if (event.type === "call") io.error(`→ ${event.name} ${short(event.arguments)}`);
  if (event.type === "backtrack") io.error(`back to step ${event.to}: ${event.reason}`);
  if (event.type !== "step") return;
  if (event.step.kind === "tool") io.error(`← ${short(event.step.text)}`);
  io.live?.(`${countText(steps.length, "step")}, ${costText(costOf(steps))}`);
}

function finish(io: Io, verb: string, end: AgentEnd<unknown>, flags: RunFlags): void {
  const { status, answer, failure, pending, trajectory } = end;
  if (!flags.json && answer !== undefined) io.out(answer);
  if (!flags.json) io.error(`${status}; ${costText(costOf(trajectory.steps))}`);
  if (status === "done" || io.signal.aborted) return;
  const again = flags.out === undefined ? "" : "; the same command with --resume continues";
  if (status === "suspended")
    throw new Error(`${verb}: somebody has to decide: ${pending.join("; ")}; --yes allows such calls${again}`);
  throw new Error(`${verb}: ${failure?.message ?? status}${status === "budget_exceeded" ? again : ""}`);
}

/** `cambium tools run`: a task, solved with tools. */
export function runTask(io: Io): Command {
  const command = new Command("run")
    .description(
      "Have a model solve a task with the bundled tools, or with tools of MCP servers and services; beside these, kits are offered where --kits names them.",
    )
    .argument("<task>", "what is to be done");
  return addOwnToolFlags(addKitFlags(addToolModelFlags(command)))
    .addOption(new Option("--planner <name>", "how it works").choices(Object.keys(PLANNERS)).default("react" as const))
    .option("--turns <number>", "requests to the model at most", parseCount, 20)
    .option(
      "--offer <number>",
      "tools that are offered, found by the task's words; the model may search for more (default: all)",
      parseCount,
    )
    .option("--yes", "make calls that cannot be taken back without asking")
    .option("--out <folder>", "keep every step there, so that the run can be resumed")
    .option("--resume", "resume the run in --out")
    .option("--json", "write JSON lines: every event")
    .addHelpText("after", EXAMPLE)
    .action(async (instruction: string, flags: RunFlags) => {
      const verb = "tools run";
      const { out, resume, offer, turns, planner, temperature, maxTokens, seed } = flags;
      if (instruction.trim() === "") throw new UseError(`${verb}: the task is empty`);
      if (resume && out === undefined) throw new UseError(`${verb}: --resume needs --out, the folder of the run`);
      if (out !== undefined && existsSync(join(out, "manifest.json")) && !resume)
        throw new UseError(`${verb}: ${out} holds a run; continue it by --resume, or name another folder by --out`);
      // Beside tools of others, those of the kits are there when they are asked for.
      const kits = hasOwnTools(flags) && flags.kits === undefined ? { kits: [] } : kitsOf(flags);
      const box = toolbox({ ...kits, seed: flags.world });
      const own = await openOwnTools(io, flags);
      const tools = [...box.tools, ...own.tools];
      try {
        if (tools.length === 0) throw new UseError(`${verb}: no tool is left to offer`);
        await withToolModel(io, verb, flags, async (model) => {
          const retrieval =
            offer === undefined ? {} : { retrieval: { retriever: lexicalRetriever(tools), count: offer } };
          const run = runAgent(
            {
              ...{ model, tools, environment: virtual({ state: () => box.snapshot() }), ...retrieval },
              ...{ planner: PLANNERS[planner](turns), budget: { modelCalls: turns } },
              ...{ sampling: { temperature, maxTokens, seed }, ...approval(io, flags) },
              ...(out === undefined ? {} : { journal: out }),
            },
            { instruction },
            { signal: io.signal },
          );
          const steps: Step[] = [];
          for await (const event of run) {
            if (event.type === "step") steps.push(event.step);
            if (flags.json) io.out(JSON.stringify(event));
            else showEvent(io, event, steps);
            if (event.type === "end") finish(io, verb, event, flags);
          }
        });
      } finally {
        await own.close();
        await box.close();
      }
    });
}
