import { result } from "@cambium/base";
import { runEvaluation, strictGrader } from "@cambium/evaluation";
import { openModels, scripted, textOf } from "@cambium/llm";
import { expect, onTestFinished, test } from "vitest";
import { add, calls, scriptedModel } from "./agent.fixture.ts";
import { react } from "./planners/react.ts";
import { agent } from "./solver.ts";

const rows = [
  { id: "a", question: "1 + 2", answer: "3" },
  { id: "b", question: "2 + 2", answer: "4" },
  { id: "c", question: "5 + 5", answer: "11" },
];

test("an evaluation measures runs of tools, and counts their calls", async () => {
  const { model } = await scriptedModel(({ messages }) => {
    const last = messages.at(-1)!;
    if (last.role === "tool") return String(last.content[0]!.output);
    const [a, b] = textOf(last.content).split(" + ").map(Number);
    return calls(["add", { a, b }]);
  });
  const solver = agent({ model, tools: [add] });
  const { summary } = await result(runEvaluation(solver, rows, { grader: strictGrader }));
  expect(summary).toMatchObject({ total: 3, cost: { toolCalls: 3, modelCalls: 6 } });
});

test("a run that uses up its own turns or calls fails its row; only the store's budget ends the evaluation", async () => {
  const { model } = await scriptedModel(({ messages, stage }) =>
    stage === "react-last" ? "" : calls(["add", { a: 1, b: messages.length }]),
  );
  for (const options of [
    { planner: react({ turns: 3 }) },
    { budget: { toolCalls: 2 } },
    { budget: { modelCalls: 2 } },
  ]) {
    const end = await result(runEvaluation(agent({ model, tools: [add], ...options }), rows, { grader: strictGrader }));
    expect(end).toMatchObject({ reason: "finished", open: 0, summary: { executionErrors: { count: 3 } } });
  }
  const llm = await openModels({ store: ":memory:", budget: { calls: 3 } });
  onTestFinished(() => llm.close());
  const poor = llm.model(scripted(() => calls(["add", { a: 1, b: 2 }])));
  const end = await result(runEvaluation(agent({ model: poor, tools: [add] }), rows, { grader: strictGrader }));
  expect(end).toMatchObject({ reason: "budget_exceeded", open: 3 });
});

test("an evaluation keeps what was done, so that a journal is refused", () => {
  expect(() => agent({ model: { outcome: () => {} } as never, tools: [], journal: "runs/one" })).toThrow(
    "leave it out",
  );
});
