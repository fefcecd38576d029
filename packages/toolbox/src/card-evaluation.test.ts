import { result } from "@cambium/base";
import { type EvaluationEvent, runEvaluation } from "@cambium/evaluation";
import { openModels, type Policy, scripted } from "@cambium/llm";
import { react } from "@cambium/tool-learning";
import { expect, onTestFinished, test } from "vitest";
import { cardEvaluation } from "./card-evaluation.ts";
import { expertPolicy } from "./expert-policy.ts";
import { expertTrajectories } from "./expert-trajectories.ts";
import type { Setting } from "./settings.ts";

const CARDS = { seed: 3, kits: ["calculator", "house"], each: 1 } as const;
const agent = { planner: react({ turns: 60 }), budget: { modelCalls: 60 } };

async function evaluate(setting: Setting, policy: Policy, more: { readonly offer?: number } = {}) {
  const llm = await openModels({ store: ":memory:" });
  onTestFinished(() => llm.close());
  const asked: { readonly tools: readonly string[]; readonly system: string }[] = [];
  const model = llm.model(
    scripted((request, context) => {
      const [system] = request.messages;
      asked.push({ tools: (request.tools ?? []).map(({ name }) => name), system: String(system!.content) });
      return policy(request, context);
    }),
  );
  const cards = await cardEvaluation({ ...CARDS, ...more, model, setting, agent });
  onTestFinished(() => cards.close());
  const end = await result(runEvaluation(cards.solver, cards.rows, { grader: cards.grader }));
  return { ...(end as Extract<EvaluationEvent, { type: "end" }>), asked, rows: cards.rows };
}

test("experts solve every task where there are tools, and none without", async () => {
  const policy = await expertPolicy(CARDS);
  const [none, zero, few] = [
    await evaluate("no-tool", policy),
    await evaluate("zero-shot", policy),
    await evaluate("few-shot", policy),
  ];
  expect(none.summary.accuracy["card"]!.count).toBe(0);
  expect(none.asked.every(({ tools }) => tools.length === 0)).toBe(true);
  for (const { summary, rows } of [zero, few]) {
    expect(summary.accuracy["card"]!.count).toBe(rows.length);
    expect(summary.groups["subject"]!.map(({ name }) => name)).toEqual([...CARDS.kits]);
  }
  expect(zero.asked[0]!.system).not.toContain("Examples of calls");
  expect(few.asked[0]!.system).toContain("Examples of calls");
});

test("each task has a world of its own, and what was done in it counts, not what was said", async () => {
  const told: Policy = ({ messages }) =>
    messages.length > 2 ? "It is switched." : { toolCalls: [], text: "It is switched." };
  const { summary } = await evaluate("zero-shot", told);
  expect(summary.accuracy["card"]!.count).toBe(0);
});

test("of many tools a task is offered those that fit its words", async () => {
  const { asked } = await evaluate("zero-shot", () => "No idea.", { offer: 2 });
  const offered = asked.map(({ tools }) => tools.filter((name) => name !== "read_result"));
  expect(offered.every(({ length }) => length <= 2)).toBe(true);
  expect(new Set(offered.map(String)).size).toBeGreaterThan(2);
});

test("what experts did is a row with the system message and the tools of such runs", async () => {
  const found = [];
  for await (const each of expertTrajectories({ ...CARDS, kits: ["house"], offer: 3, agent })) found.push(each);
  expect(found.length).toBeGreaterThanOrEqual(5);
  for (const { task, trajectory, row } of found) {
    expect(trajectory).toMatchObject({ status: "done", task: { question: task.instruction } });
    const [system, user] = row.messages;
    expect([system!.role, user!.content]).toEqual(["system", task.instruction]);
    const names = new Set(row.tools.map((tool) => tool.function.name));
    const called = row.messages.flatMap(({ tool_calls: calls = [] }) => calls.map((call) => call.function.name));
    expect(called.length).toBeGreaterThan(0);
    expect(called.every((name) => names.has(name))).toBe(true);
    expect(names.has("read_result")).toBe(true);
    expect(row.messages.filter(({ role }) => role === "assistant").every(({ train }) => train)).toBe(true);
  }
});

test("a way of working that does not let an expert finish is an error that names the task", async () => {
  const hurried = expertTrajectories({ ...CARDS, kits: ["house"], agent: { planner: react({ turns: 2 }) } });
  await expect(
    (async () => {
      for await (const each of hurried) void each;
    })(),
  ).rejects.toMatchObject({ code: "STATE", details: { task: expect.stringContaining("house/") } });
});

test.each<[make: () => unknown, says: string]>([
  [() => cardEvaluation({ model: {}, setting: "x" } as never), '"few-shot"'],
  [() => cardEvaluation({ model: {}, setting: "zero-shot", offer: 0 } as never), "offer must be"],
  [
    () => expertTrajectories({ kits: ["calculator"], agent: { tools: [] } as never }).next(),
    '"tools" comes with the card',
  ],
])("what cannot be meant is refused: %o", async (make, says) => {
  const made = (async () => make())();
  await expect(made).rejects.toMatchObject({ code: "CONFIG" });
  await expect(made).rejects.toThrow(says);
});
