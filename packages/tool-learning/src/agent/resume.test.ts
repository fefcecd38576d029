import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { result } from "@cambium/base";
import { memoryResults, type Results } from "@cambium/evaluation";
import type { ChatModel, ModelRequest, WrittenReply } from "@cambium/llm";
import { quickjs, type Sandbox } from "@cambium/sandbox";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { defineTool } from "../tools/define-tool.ts";
import { add, calls, house, lookAtLamps, outline, play, scriptedModel, switchLamp } from "./agent.fixture.ts";
import type { AgentEnd, AgentEvent } from "./events.ts";
import type { AgentOptions } from "./options.ts";
import { perceiver } from "./perceiver.ts";
import { dfsdt } from "./planners/dfsdt.ts";
import { planFirst } from "./planners/plan-first.ts";
import type { Planner } from "./planners/planner.ts";
import { program } from "./planners/program.ts";
import { react } from "./planners/react.ts";
import { runAgent } from "./run-agent.ts";

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = quickjs();
});
afterAll(() => sandbox.close());

const task = { instruction: "Do it." };

/** Time that stands still, so that ends can be compared. */
const still = { now: () => 0, elapsed: () => 0, after: () => () => {}, wait: async () => {} };

/** What ended, without what a run measures of itself. */
const comparable = ({ trajectory, ...end }: AgentEnd<unknown>) => ({
  ...end,
  trajectory: {
    ...trajectory,
    steps: trajectory.steps.map((step) => ({ ...step, durationMs: 0, cached: false, usd: 0 })),
  },
});

const random = (seed: number, count: number): number => (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 8) % count;

/** A model whose replies follow from the request alone, so that it has no memory that a kill could lose. */
function policyOf(seed: number, planner: string) {
  return ({ messages, stage = "" }: ModelRequest): string | WrittenReply => {
    const text = JSON.stringify(messages);
    const at = random(seed + text.length * 31 + messages.length, 1000);
    if (stage === "plan") {
      const steps = [
        { id: "a", tool: "add", arguments: { a: at, b: 1 } },
        { id: "b", tool: "switch_lamp", arguments: { room: at % 2 === 0 ? "hall" : "attic", to: "on" } },
        { id: "c", tool: "add", arguments: { a: { $from: "a" }, b: 2 } },
      ];
      return JSON.stringify({ steps });
    }
    if (stage.endsWith("last") || stage === "answer" || messages.length > 12) return `the end ${at}`;
    if (planner === "program") {
      const code = `const sum = await add({ a: ${at}, b: 1 });\nawait switch_lamp({ room: "hall", to: sum % 2 === 0 ? "on" : "off" });\nreturn sum;`;
      return messages.length > 8 ? `the end ${at}` : `\`\`\`js\n${code}\n\`\`\``;
    }
    const choices = [
      calls(["add", { a: at, b: 1 }], ["look_at_lamps", {}], ["add", { a: at, b: 2 }]),
      calls(
        ["switch_lamp", { room: at % 3 === 0 ? "attic" : "hall", to: at % 2 === 0 ? "on" : "off" }],
        ["add", { a: 1, b: at }],
      ),
      calls(["add", { a: "x" }], ["ad", {}]),
      calls(["shred", { file: `f${at}` }]),
      planner === "dfsdt" ? calls(["give_up", { reason: `${at}` }]) : calls(["look_at_lamps", {}]),
    ];
    return at % 7 === 0 ? `the end ${at}` : choices[at % choices.length]!;
  };
}

const shred = defineTool({
  name: "shred",
  description: "Shreds a file.",
  input: z.strictObject({ file: z.string() }),
  run: ({ file }) => `${file} is gone`,
});

function optionsFor(model: ChatModel, planner: Planner, journal: Results): AgentOptions {
  const tools = [add, switchLamp, lookAtLamps, shred];
  const approve = () => ({ approved: true, reason: "go on" });
  return { model, tools, planner, environment: house, approve, journal, clock: still, budget: { modelCalls: 25 } };
}

/** Runs until the event of a number, and leaves it there. */
async function killAt(run: AsyncGenerator<AgentEvent>, at: number): Promise<AgentEnd | undefined> {
  let count = 0;
  for await (const event of run) {
    if (event.type === "end") return event;
    if (++count === at) return undefined;
  }
  return undefined;
}

const planners: readonly [name: string, make: () => Planner][] = [
  ["react", () => react()],
  ["dfsdt", () => dfsdt({ depth: 3, turns: 12 })],
  ["plan-first", () => planFirst()],
  ["program", () => program({ sandbox, rounds: 3 })],
];

describe("a run that is killed", () => {
  test.each(planners)("at any event, as often as you like, ends as if it had not been: %s", async (name, planner) => {
    const runs = name === "program" ? 1 : 3;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 - 1 }), async (seed) => {
        const { model } = await scriptedModel(policyOf(seed, name));
        const whole = await result(runAgent(optionsFor(model, planner(), memoryResults()), task));
        const journal = memoryResults();
        let asked = 0;
        const counting: ChatModel = {
          ...model,
          outcome: (request) => {
            asked += 1;
            return model.outcome(request);
          },
        };
        let end: AgentEnd | undefined;
        for (let at = 1; end === undefined; at++) {
          end = await killAt(runAgent(optionsFor(counting, planner(), journal), task), at);
        }
        expect(comparable(end)).toEqual(comparable(whole));
        expect(asked).toBe(whole.trajectory.steps.filter(({ kind }) => kind === "model").length);
      }),
      { numRuns: runs, seed: 7 },
    );
  });

  test("with a journal in a folder, cut off within a line, resumes from the last whole one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cambium-agent-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const script = [{ reply: calls(["add", { a: 1, b: 2 }]) }, { reply: "3" }];
    const first = await play(script, { tools: [add], journal: folder });
    const rows = join(folder, "rows.jsonl");
    const lines = readFileSync(rows, "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    writeFileSync(rows, `${lines[0]}\n${lines[1]!.slice(0, 40)}`);
    const again = await play([{ reply: "3" }], { tools: [add], journal: folder });
    expect(again.end.answer).toBe(first.end.answer);
    expect(again.events[0]).toMatchObject({ type: "start", resumed: 1 });
    const done = await play([], { tools: [add], journal: folder });
    expect(outline(done.steps)).toBe("react add react");
  });

  test("during a call that cannot be undone does not make it twice, and says so", async () => {
    let made = 0;
    const send = defineTool({
      name: "send",
      description: "Sends a mail.",
      input: z.strictObject({ to: z.string() }),
      effects: "writes",
      run: () => {
        made += 1;
        return new Promise(() => {}); // the process is killed here
      },
    });
    const journal = memoryResults();
    const { model } = await scriptedModel([{ reply: calls(["send", { to: "a" }]) }, { reply: "not known" }]);
    const options = { model, tools: [send], journal };
    const run = runAgent(options, task);
    while ((await run.next()).value?.type !== "call");
    void run.next(); // the call is under way from here on
    while (made === 0) await new Promise(setImmediate);
    const end = await result(runAgent(options, task));
    expect(made).toBe(1);
    expect(end.trajectory.steps[1]).toMatchObject({ failure: { code: "INTERRUPTED" } });
    expect(end.answer).toBe("not known");
  });

  test.each(["long to tell", "long to write"])(
    "between a result and the model's summary of it sums up the same: a result that is %s",
    async (kind) => {
      const rows = Array.from({ length: 900 }, (_, id) => ({ id, name: "a film" }));
      const films = defineTool<object, object>({
        name: "films",
        description: "Lists films.",
        input: z.strictObject({}),
        effects: "reads",
        run: () => rows,
        ...(kind === "long to tell" ? {} : { text: () => "900 films" }),
      });
      const { model } = await scriptedModel(({ messages, stage }) =>
        stage === "perception" ? "many films" : messages.length > 2 ? "ok" : calls(["films", {}]),
      );
      const journal = memoryResults();
      const options = { model, tools: [films], journal, perceiver: perceiver({ summarise: true }), clock: still };
      let end: AgentEnd | undefined;
      for (let at = 1; end === undefined; at++) end = await killAt(runAgent(options, task), at);
      expect(outline(end.trajectory.steps)).toBe(
        kind === "long to tell" ? "react films perception react" : "react films react",
      );
    },
  );

  test("during a call that cannot be undone, by its signal, does not make it twice either", async () => {
    const stop = new AbortController();
    let made = 0;
    const send = defineTool({
      name: "send",
      description: "Sends a mail.",
      input: z.strictObject({}),
      effects: "writes",
      run: () => {
        made += 1;
        stop.abort();
        return new Promise(() => {});
      },
    });
    const stopped = await play([{ reply: calls(["send", {}]) }], { tools: [send] }, undefined, { signal: stop.signal });
    const resumed = await play([{ reply: "not known" }], { tools: [send] }, undefined, { resume: stopped.steps });
    expect(made).toBe(1);
    expect(outline(resumed.steps)).toBe("react send!INTERRUPTED react");
  });

  test("gives its tools the same id for the same call, and the same random numbers", async () => {
    const seen: unknown[] = [];
    const tool = defineTool({
      name: "draw_lots",
      description: "Draws.",
      input: z.strictObject({}),
      effects: "reads",
      run: (_, { callId, random: draw }) => {
        seen.push([callId, draw()]);
        return "drawn";
      },
    });
    const { model } = await scriptedModel(({ messages }) => (messages.length > 2 ? "ok" : calls(["draw_lots", {}])));
    const run = async () => result(runAgent({ model, tools: [tool] }, task));
    await run();
    await run();
    expect(seen[0]).toEqual(seen[1]);
  });

  test.each([
    ["another task", { instruction: "Do something else." }, {}],
    ["another tool", task, { tools: [lookAtLamps] }],
  ])("does not resume in the journal of %s", async (_, other, more) => {
    const journal = memoryResults();
    await play([{ reply: "done" }], { tools: [add], journal }, task);
    await expect(play([{ reply: "done" }], { tools: [add], journal, ...more }, other)).rejects.toMatchObject({
      code: "CONFIG",
    });
  });
});
