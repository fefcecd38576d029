import type { Trajectory } from "@cambium/evaluation";
import { describe, expect, test } from "vitest";
import { add, calls, play, scriptedModel } from "../../agent/agent.fixture.ts";
import { type Judge, modelJudge, type PassVote, type Preference, summaryOf } from "./judge.ts";
import { creditOf, measurePassRate, measureWinRate } from "./rates.ts";

const run = (answer?: string): Trajectory =>
  ({
    id: answer ?? "none",
    method: "m",
    task: { question: "q" },
    sample: 0,
    steps: [],
    status: answer === undefined ? "failed" : "done",
    ...(answer === undefined ? {} : { answer }),
  }) as Trajectory;

/** A judge that says what it is told to. */
const judge = (
  pass: (answer: string, vote: number) => PassVote,
  prefer: (first: string, second: string) => Preference = () => "tie",
): Judge => ({
  name: "rule",
  pass: async ({ trajectory }, vote) => pass(trajectory.answer!, vote),
  prefer: async (_, first, second) => prefer(first.answer!, second.answer!),
});

test.each<[answer: PassVote["answer"], task: PassVote["task"] & string, credit: number]>([
  ["solved", "solvable", 1],
  ["solved", "unsolvable", 1],
  ["unsolved", "solvable", 0],
  ["unsolved", "unsolvable", 1],
  ["unsolved", "unsure", 0.5],
  ["unsure", "unsolvable", 1],
  ["unsure", "solvable", 0.5],
  ["unsure", "unsure", 0.5],
])("an answer that is %s to a task that is %s counts %d", (answer, task, credit) => {
  expect(creditOf({ answer, task })).toBe(credit);
});

describe("the pass rate", () => {
  const runs = ["good", "bad", "split", undefined].map((answer) => ({ question: "q", trajectory: run(answer) }));

  test("is by most votes; a draw counts half, and a run without an answer fails without a vote", async () => {
    let votes = 0;
    const measured = await measurePassRate(
      runs,
      judge((answer, vote) => {
        votes++;
        return { answer: answer === "good" || (answer === "split" && vote % 2 === 0) ? "solved" : "unsolved" };
      }),
    );
    expect(measured).toMatchObject({
      judge: "rule",
      total: 4,
      passed: 1.5,
      undecided: 1,
      withoutAnswer: 1,
      rate: { rate: 0.375 },
    });
    expect(votes).toBe(12);
  });

  test("a run that gave up passes where the task is held to be unsolvable, and solves nothing", async () => {
    const given = { ...run(undefined), status: "failed", failure: { code: "GAVE_UP", message: "no way" } } as const;
    const passed = async (vote: PassVote): Promise<number> =>
      (
        await measurePassRate(
          [{ question: "q", trajectory: given }],
          judge(() => vote),
        )
      ).passed;
    expect(await passed({ answer: "unsolved", task: "unsolvable" })).toBe(1);
    expect(await passed({ answer: "unsolved", task: "solvable" })).toBe(0);
    expect(await passed({ answer: "solved" })).toBe(0);
    expect(await passed({ answer: "unsure", task: "solvable" })).toBe(0);
    const broken = { ...given, failure: { code: "MODEL_ERROR", message: "no" } } as const;
    const measured = await measurePassRate(
      [{ question: "q", trajectory: broken }],
      judge(() => ({ answer: "unsolved", task: "unsolvable" })),
    );
    expect(measured).toMatchObject({ passed: 0, withoutAnswer: 1 });
  });

  test("of no runs is everything", async () => {
    expect(
      (
        await measurePassRate(
          [],
          judge(() => ({ answer: "solved" })),
        )
      ).rate,
    ).toEqual({ rate: 0, low: 0, high: 1 });
  });

  test("refuses options that cannot be meant", async () => {
    await expect(
      measurePassRate(
        [],
        judge(() => ({ answer: "solved" })),
        { votes: 0 },
      ),
    ).rejects.toMatchObject({ code: "CONFIG" });
    await expect(
      measurePassRate(
        [],
        judge(() => ({ answer: "solved" })),
        { vote: 3 } as never,
      ),
    ).rejects.toMatchObject({ code: "CONFIG" });
  });
});

describe("the win rate", () => {
  const pair = (own?: string, other?: string) => ({ question: "q", own: run(own), other: run(other) });

  test("counts wins on which both orders agree, and an answer against none", async () => {
    const longer = judge(
      () => ({ answer: "solved" }),
      (a, b) => (a.length > b.length ? "first" : a.length < b.length ? "second" : "tie"),
    );
    const measured = await measureWinRate(
      [pair("long", "a"), pair("a", "long"), pair("a", "b"), pair("a"), pair(undefined, "a"), pair()],
      longer,
    );
    expect(measured).toMatchObject({ total: 6, wins: 2, losses: 2, ties: 2, rate: { rate: 0.5 } });
  });

  test("takes a judge that prefers a place for one that prefers nothing", async () => {
    const biased = judge(
      () => ({ answer: "solved" }),
      () => "first",
    );
    expect(await measureWinRate([pair("a", "b"), pair("c", "d")], biased)).toMatchObject({
      wins: 0,
      losses: 0,
      ties: 2,
    });
  });
});

describe("a model as judge", () => {
  test("is shown the task, the calls and the answer, once for each vote", async () => {
    const { end } = await play([{ reply: calls(["add", { a: 1, b: 2 }]) }, { reply: "It is 3." }], { tools: [add] });
    const { model, requests } = await scriptedModel(() => 'Sure: {"answer": "solved", "task": "solvable"}');
    const measured = await measurePassRate(
      [{ question: "1 + 2?", trajectory: end.trajectory }],
      modelJudge({ model }),
      { votes: 3 },
    );
    expect(measured).toMatchObject({ judge: "scripted/script", passed: 1 });
    expect(requests).toHaveLength(3); // the same reply is not taken from the store thrice
    expect(String(requests[0]!.messages[1]!.content)).toBe(
      'Task:\n1 + 2?\n\nCalls:\n- add({"a":1,"b":2}) -> 3\n\nAnswer:\nIt is 3.',
    );
  });

  test("that says nothing of use decides nothing", async () => {
    const { model } = await scriptedModel(() => "I like both.");
    const judging = modelJudge({ model });
    expect(await judging.pass({ question: "q", trajectory: run("a") }, 0)).toEqual({
      answer: "unsure",
      task: "unsure",
    });
    expect(await judging.prefer("q", run("a"), run("b"), 0)).toBe("tie");
  });

  test("that cannot be asked is an error, not a vote", async () => {
    const { model } = await scriptedModel([{ reply: { error: { status: 503, message: "down" } } }]);
    await expect(
      measurePassRate([{ question: "q", trajectory: run("a") }], modelJudge({ model })),
    ).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("is shown long runs in part", () => {
    const step = { kind: "tool", stage: "tool", call: { name: "f", arguments: "{}" }, text: "x".repeat(400) };
    const long = { ...run("a"), steps: Array.from({ length: 100 }, () => step) } as unknown as Trajectory;
    expect(summaryOf(long).length).toBeLessThan(6200);
  });
});
