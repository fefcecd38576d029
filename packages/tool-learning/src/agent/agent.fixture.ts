/** What the tests of runs share: a scripted model, a small simulated house, and tools on it. */
import { result } from "@cambium/base";
import type { SolveOptions, Step, ToolStep } from "@cambium/evaluation";
import {
  type ChatModel,
  type ModelRequest,
  openModels,
  type Policy,
  type Step as ScriptStep,
  scripted,
} from "@cambium/llm";
import { onTestFinished } from "vitest";
import * as z from "zod";
import { defineTool } from "../tools/define-tool.ts";
import { ToolError } from "../tools/failure.ts";
import type { AnyTool, ToolContext } from "../tools/tool.ts";
import { type EnvironmentSource, virtual } from "./environment.ts";
import type { AgentEnd, AgentEvent } from "./events.ts";
import type { AgentOptions, AgentTask } from "./options.ts";
import { runAgent } from "./run-agent.ts";

/** A reply of a script that calls tools. */
export const calls = (...made: readonly (readonly [name: string, input: object | string, id?: string])[]) => ({
  toolCalls: made.map(([name, input, id]) => ({
    name,
    arguments: input as never,
    ...(id === undefined ? {} : { id }),
  })),
});

/** A model that plays a script, in memory. What it was asked is in `requests`. */
export async function scriptedModel(
  script: readonly ScriptStep[] | Policy,
): Promise<{ readonly model: ChatModel; readonly requests: ModelRequest[]; finish(): void }> {
  const requests: ModelRequest[] = [];
  const source = scripted(script);
  let count = 0;
  const llm = await openModels({ store: ":memory:", retries: 0, createId: () => `id-${count++}` });
  onTestFinished(() => llm.close().catch(() => {}));
  const model = llm.model({
    ...source,
    generate: (request, context) => {
      requests.push(request);
      return source.generate(request, context);
    },
  });
  return { model, requests, finish: () => source.finish() };
}

/** What a played run came to. */
export interface Played<Answer = string> {
  readonly end: AgentEnd<Answer>;
  readonly events: readonly AgentEvent<Answer>[];
  readonly requests: readonly ModelRequest[];
  readonly steps: readonly Step[];
  readonly tools: readonly ToolStep[];
}

/** Plays a script and checks that all of it was used. */
export async function play<Answer = string>(
  script: readonly ScriptStep[] | Policy,
  options: Partial<AgentOptions<Answer>> = {},
  task: AgentTask | string = "Do it.",
  solving: SolveOptions = {},
): Promise<Played<Answer>> {
  const { model, requests, finish } = await scriptedModel(script);
  const events: AgentEvent<Answer>[] = [];
  const given = typeof task === "string" ? { instruction: task } : task;
  const end = await result(runAgent<Answer>({ model, tools: [], ...options }, given, solving), (event) =>
    events.push(event),
  );
  finish();
  const { steps } = end.trajectory;
  return { end: end as AgentEnd<Answer>, events, requests, steps, tools: steps.filter((step) => step.kind === "tool") };
}

/** Adds two numbers. */
export const add: AnyTool = defineTool({
  name: "add",
  description: "Adds two numbers.",
  input: z.strictObject({ a: z.number(), b: z.number() }),
  effects: "none",
  run: ({ a, b }) => a + b,
});

/** A simulated house. */
export interface House {
  lamps: Record<string, "on" | "off">;
  log: string[];
}

/** A fresh house for each run. */
export const house: EnvironmentSource = virtual<House>({
  state: () => ({ lamps: { hall: "off", kitchen: "off" }, log: [] }),
});

/** Switches a lamp of the house. */
export const switchLamp: AnyTool = defineTool({
  name: "switch_lamp",
  description: "Switches a lamp on or off.",
  input: z.strictObject({ room: z.string(), to: z.enum(["on", "off"]) }),
  effects: "writes",
  run: ({ room, to }, { state }: ToolContext<House>) => {
    state.log.push(`${room} ${to}`);
    if (state.lamps[room] === undefined)
      throw new ToolError({ message: `no lamp in "${room}"; there are ${Object.keys(state.lamps).join(", ")}` });
    state.lamps[room] = to;
    return { room, now: to };
  },
});

/** Looks at the lamps of the house. */
export const lookAtLamps: AnyTool = defineTool({
  name: "look_at_lamps",
  description: "Tells which lamps are on.",
  input: z.strictObject({}),
  effects: "reads",
  run: (_, { state }: ToolContext<House>) => state.lamps,
});

/** What stands in the trajectory, a word for each step. */
export const outline = (steps: readonly Step[]): string =>
  steps
    .map((step) =>
      step.kind === "tool"
        ? `${step.call.name}${step.failure === undefined ? "" : `!${step.failure.code}`}`
        : step.stage,
    )
    .join(" ");
