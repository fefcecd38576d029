import { result } from "@cambium/base";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { defineTool } from "../tools/define-tool.ts";
import { add, calls, house, lookAtLamps, outline, play, switchLamp } from "./agent.fixture.ts";
import { real } from "./environment.ts";
import { perceiver } from "./perceiver.ts";
import { replayAgent } from "./run-agent.ts";

const answer = (text: string) => ({ reply: text });

describe("a run", () => {
  test("calls tools until the model answers, and is a trajectory whose steps hang together", async () => {
    const played = await play([{ reply: calls(["add", { a: 2, b: 3 }]) }, answer("It is 5.")], { tools: [add] });
    expect(played.end).toMatchObject({ status: "done", answer: "It is 5.", value: "It is 5.", firstTry: true });
    expect(outline(played.steps)).toBe("react add react");
    expect(played.steps.map(({ parent }) => parent)).toEqual([undefined, 0, 1]);
    expect(played.requests[1]!.messages.at(-1)).toMatchObject({
      role: "tool",
      content: [{ name: "add", output: "5" }],
    });
  });

  test("keeps what a provider attached to a call, and sends it back", async () => {
    const signed = {
      type: "tool-call",
      id: "x",
      name: "add",
      arguments: '{"a":1,"b":1}',
      provider: { acme: { signature: "s" } },
    } as const;
    const played = await play([{ reply: { parts: [signed] } }, answer("2")], { tools: [add] });
    expect(played.requests[1]!.messages.at(-2)).toMatchObject({ content: [signed] });
  });

  test("runs harmless calls of one reply side by side, and what changes something alone", async () => {
    let running = 0;
    let most = 0;
    const slow = defineTool({
      name: "slow",
      description: "Waits.",
      input: z.strictObject({ n: z.number() }),
      effects: "reads",
      run: async ({ n }) => {
        most = Math.max(most, ++running);
        await new Promise(setImmediate);
        running -= 1;
        return n;
      },
    });
    const write = defineTool({ ...slow, name: "write", effects: "writes", idempotent: false, limits: {} });
    const both = await play(
      [
        { reply: calls(["slow", { n: 1 }], ["slow", { n: 2 }], ["write", { n: 3 }], ["write", { n: 4 }]) },
        answer("ok"),
      ],
      {
        tools: [slow, write],
      },
    );
    expect(most).toBe(2);
    expect(both.tools.map(({ value }) => value)).toEqual([1, 2, 3, 4]);
  });

  test("gives the state of its environment, which failed calls do not change", async () => {
    const played = await play(
      [
        {
          reply: calls(
            ["switch_lamp", { room: "hall", to: "on" }],
            ["switch_lamp", { room: "attic", to: "on" }],
            ["look_at_lamps", {}],
          ),
        },
        answer("done"),
      ],
      { tools: [switchLamp, lookAtLamps], environment: house },
    );
    expect(outline(played.steps)).toBe("react switch_lamp switch_lamp!TOOL_ERROR look_at_lamps react");
    expect(played.end.state).toEqual({ lamps: { hall: "on", kitchen: "off" }, log: ["hall on"] });
  });

  test("is played again from its trajectory without a model and without tools", async () => {
    const script = [{ reply: calls(["switch_lamp", { room: "hall", to: "on" }]) }, answer("done")];
    const options = { tools: [switchLamp], environment: house };
    const played = await play(script, options);
    const model = { provider: "scripted", model: "script" } as never;
    const again = await result(replayAgent({ ...options, model }, { instruction: "Do it." }, played.end.trajectory));
    expect(again).toEqual(played.end);
    const failed = await play([script[0]!, { reply: { error: { status: 500 } } }], options);
    const failure = await result(replayAgent({ ...options, model }, { instruction: "Do it." }, failed.end.trajectory));
    expect(failure).toEqual(failed.end);
    const other = result(
      replayAgent({ ...options, model }, { instruction: "Do something else." }, played.end.trajectory),
    );
    await expect(other).rejects.toMatchObject({ code: "STATE" });
  });
});

describe("the answer", () => {
  const schema = z.strictObject({ sum: z.number() });

  test("is typed by its schema, and refused until it fits", async () => {
    const played = await play(
      [{ reply: calls(["final_answer", { sum: "five" }]) }, { reply: calls(["final_answer", { sum: 5 }]) }],
      { tools: [add], answer: schema },
    );
    const { sum } = played.end.value!;
    expect(sum).toBe(5);
    expect(outline(played.steps)).toBe("react final_answer!INVALID_ARGS react final_answer");
  });

  test("may come as JSON in words", async () => {
    const played = await play([answer("so: 5"), answer('```json\n{"sum": 5}\n```')], { answer: schema });
    expect(played.end).toMatchObject({ status: "done", value: { sum: 5 } });
  });

  test.each([
    ["does not fit", "five", "the answer does not fit its schema"],
    ["is empty", "", "the reply was empty"],
  ])("that %s three times is none", async (_, text, message) => {
    const played = await play([{ reply: { text }, times: 3 }], { answer: schema });
    expect(played.end).toMatchObject({
      status: "failed",
      failure: { code: "NO_ANSWER", message: expect.stringContaining(message) },
    });
    expect(played.end.answer).toBeUndefined();
  });

  test("that was cut off is asked for again, in fewer words", async () => {
    const played = await play([{ reply: { text: "It is f", finish: "length" } }, answer("5")]);
    expect(played.end).toMatchObject({ status: "done", answer: "5" });
    expect(played.requests[1]!.messages.at(-1)).toMatchObject({ content: expect.stringContaining("fewer words") });
  });
});

describe("the gate", () => {
  const shred = defineTool({
    name: "shred",
    description: "Shreds a file.",
    input: z.strictObject({ file: z.string() }),
    run: () => "gone",
  });
  const shredding = { reply: calls(["shred", { file: "a" }]) };

  test("suspends a run where a person has to decide; decided, it resumes without asking the model again", async () => {
    const suspended = await play([shredding], { tools: [shred] });
    expect(suspended.end).toMatchObject({ status: "suspended", failure: { code: "APPROVAL_REQUIRED" } });
    expect(suspended.end.pending).toEqual(['May shred (destroys) be called with {"file":"a"}?']);
    const resumed = await play([answer("shredded")], { tools: [shred], approve: () => true }, undefined, {
      resume: suspended.steps,
    });
    expect(outline(resumed.steps)).toBe("react approval shred react");
    expect(resumed.end).toMatchObject({ status: "done", answer: "shredded" });
  });

  test("tells the model what was decided, and why", async () => {
    const approve = () => ({ approved: false, reason: "it is needed" });
    const played = await play([shredding, answer("left alone")], { tools: [shred], approve });
    expect(played.tools[0]).toMatchObject({
      failure: { code: "REJECTED", message: expect.stringContaining("it is needed") },
    });
  });

  test.each([
    ["denies", () => ({ deny: "not here" }), "not here"],
    [
      "fails",
      () => {
        throw new Error("no rules");
      },
      "no rules",
    ],
    ["says nothing", () => undefined as never, "no verdict"],
  ])("makes no call that a policy which %s has not allowed", async (_, policy, message) => {
    const played = await play([shredding, answer("no")], { tools: [shred], policy });
    expect(played.tools[0]).toMatchObject({
      failure: { code: "FORBIDDEN", message: expect.stringContaining(message) },
    });
  });
});

describe("what the model lacks", () => {
  test("is asked for before anything is done, and told to the planner", async () => {
    const intent = {
      goal: "Book a table",
      constraints: ["tonight"],
      missing: [{ name: "people", question: "For how many?" }],
    };
    const asked: string[] = [];
    const script = [
      { when: { stage: "intent" }, reply: JSON.stringify(intent) },
      { when: { stage: "react" }, reply: "booked" },
    ];
    const ask = (question: string) => {
      asked.push(question);
      return "four";
    };
    const played = await play(script, { intent: true, ask });
    expect(asked).toEqual(["For how many?"]);
    expect(played.end.intent).toEqual(intent);
    expect(played.requests[1]!.messages.at(-1)).toMatchObject({
      content: expect.stringMatching(/Goal: Book a table[\s\S]*For how many\?\nfour/),
    });
    const suspended = await play([script[0]!], { intent: true });
    expect(suspended.end).toMatchObject({
      status: "suspended",
      pending: ["For how many?"],
      failure: { code: "INPUT_REQUIRED" },
    });
  });

  test("is not invented where a tool says so, whatever the model is sure of", async () => {
    const pay = defineTool({
      name: "pay",
      description: "Pays.",
      input: z.strictObject({ to: z.string(), amount: z.number(), note: z.string() }),
      effects: "writes",
      given: ["to", "amount"],
      run: ({ to, amount }) => `paid ${amount} to ${to}`,
    });
    const note = "for the books";
    const script = [
      { reply: calls(["pay", { to: "Ada", amount: 12, note }], ["pay", { to: "ada", amount: 1250, note }]) },
      { reply: calls(["ask_user", { question: "How much?" }]) },
      { reply: calls(["pay", { to: "Ada", amount: 12, note }]) },
      answer("paid"),
    ];
    const played = await play(
      script,
      { tools: [pay], ask: () => "12 of the 1,250, please" },
      "Pay Ada out of the 1,250.",
    );
    expect(outline(played.steps)).toBe("react pay!INVENTED_ARGS pay react ask_user react pay react");
    expect(played.tools[0]!.failure!.message).toContain('neither the user nor a result says "amount": 12;');
  });

  test("can be asked for on the way", async () => {
    const played = await play([{ reply: calls(["ask_user", { question: "Which lamp?" }]) }, answer("ok")], {
      ask: () => "the hall's",
    });
    expect(played.tools[0]).toMatchObject({ stage: "command", text: "the hall's" });
  });
});

describe("conflicts", () => {
  const rate = (name: string, value: number) =>
    defineTool({
      name,
      description: "Tells a rate.",
      input: z.strictObject({}),
      effects: "reads",
      run: () => value,
      facts: (told) => ({ "rate EUR/USD": told }),
    });

  test("between tools are told with origin and time", async () => {
    const played = await play([{ reply: calls(["bank", {}], ["paper", {}]) }, answer("about 1.1")], {
      tools: [rate("bank", 1.09), rate("paper", 1.11)],
    });
    expect(played.end.conflicts).toMatchObject([
      {
        name: "rate EUR/USD",
        claims: [
          { origin: "bank", value: 1.09 },
          { origin: "paper", value: 1.11 },
        ],
      },
    ]);
    const told = played.requests[1]!.messages.at(-1) as unknown as { content: { output: string }[] };
    expect(told.content[1]!.output).toMatch(
      /^1\.11\nConflict about "rate EUR\/USD": bank says 1\.09 \(step 1, \d{4}-.*\); paper says 1\.11/,
    );
  });

  test.each([["equal but for rounding", 0.3, 0.1 + 0.2]])("are none between claims that are %s", async (_, a, b) => {
    const played = await play([{ reply: calls(["bank", {}], ["paper", {}]) }, answer("ok")], {
      tools: [rate("bank", a), rate("paper", b)],
    });
    expect(played.end.conflicts).toEqual([]);
  });

  test.each([
    ["differs", "It was 1.09.", 1],
    ["holds", "It was 1.2.", 0],
  ])("between what the model believed and its answer are reported when the answer %s", async (_, text, count) => {
    const script = [{ when: { stage: "belief" }, reply: "1.2" }, { reply: calls(["bank", {}]) }, answer(text)];
    const played = await play(script, { tools: [rate("bank", 1.09)], beliefs: true });
    expect(played.end.conflicts).toHaveLength(count);
  });
});

describe("what the model is shown", () => {
  const rows = Array.from({ length: 400 }, (_, i) => ({ id: i, name: `film | ${i}` }));
  const films = defineTool<object, unknown>({
    name: "films",
    description: "Lists films.",
    input: z.strictObject({}),
    effects: "reads",
    run: () => rows,
  });
  const shown = ({ requests }: Awaited<ReturnType<typeof play>>, i: number) =>
    (requests[i]!.messages.at(-1) as unknown as { content: { output: string }[] }).content[0]!.output;

  test("of a long list is a table that says what is left out, and the rest can be read", async () => {
    const read = { result: 1, from: 8000, length: 40 };
    const played = await play(
      [{ reply: calls(["films", {}]) }, { reply: calls(["read_result", read]) }, answer("ok")],
      { tools: [films] },
    );
    expect(shown(played, 1)).toMatch(/^id \| name\n0 \| film \\\| 0\n/);
    const [, left, from] = /… (\d+) of 400 rows are left out; read_result\(\{"result":1,"from":(\d+)\}\)/.exec(
      shown(played, 1),
    )!;
    expect(JSON.stringify(rows.slice(0, 400 - Number(left)))).toHaveLength(Number(from));
    expect(shown(played, 2)).toBe(
      `[characters 8000 to 8040 of ${JSON.stringify(rows).length}]\n${JSON.stringify(rows).slice(8000, 8040)}`,
    );
  });

  test("of a long text is its beginning and its end", async () => {
    const text = `a${"x".repeat(10_000)}z`;
    const long = defineTool({ ...films, name: "long", limits: {}, run: () => text });
    const played = await play([{ reply: calls(["long", {}]) }, answer("ok")], {
      tools: [long],
      perceiver: perceiver({ characters: 1000 }),
    });
    expect(shown(played, 1)).toMatch(
      /^ax+\n\[… 9\d{3} of 10002 characters are left out; read_result\(.*\) shows more …\]\nx+z$/,
    );
    expect(played.tools[0]!.value).toBe(text);
  });

  test("can be a summary by the model, which is a step", async () => {
    const played = await play(
      [{ reply: calls(["films", {}]) }, { when: { stage: "perception" }, reply: "400 films" }, answer("ok")],
      {
        tools: [films],
        perceiver: perceiver({ summarise: true }),
      },
    );
    expect(shown(played, 2)).toContain("400 films");
    expect(outline(played.steps)).toBe("react films perception react");
  });

  test("of an image is the image", async () => {
    const draw = defineTool({
      ...films,
      name: "draw",
      limits: {},
      run: () => "a dot",
      files: () => [{ type: "file", mediaType: "image/png", data: new Uint8Array([1, 2]) }],
    });
    const played = await play([{ reply: calls(["draw", {}]) }, answer("ok")], { tools: [draw] });
    expect(played.requests[1]!.messages.at(-1)).toMatchObject({
      content: [{ output: { parts: [{ text: "a dot" }, { mediaType: "image/png" }] } }],
    });
    expect(played.tools[0]!.files).toEqual([{ mediaType: "image/png", data: "AQI=" }]);
  });
});

describe("a long history", () => {
  const echo = defineTool({
    name: "echo",
    description: "Repeats.",
    input: z.strictObject({ n: z.number() }),
    effects: "none",
    run: ({ n }) => `${n}${"x".repeat(900)}`,
  });

  test("is shortened where its results can be read again, then by the model's own summary", async () => {
    let n = 0;
    const played = await play(
      ({ messages }) => {
        const last = JSON.stringify(messages.at(-1));
        if (last.includes("Sum up the work")) return "echoed a lot";
        return ++n < 30 ? calls(["echo", { n }]) : "done";
      },
      { tools: [echo], compaction: { characters: 8000, keep: 4 } },
    );
    expect(played.end.answer).toBe("done");
    expect(Math.max(...played.requests.map(({ messages }) => JSON.stringify(messages).length))).toBeLessThan(12_000);
    const kinds = new Set(played.events.map(({ type }) => type));
    expect(kinds.has("compaction")).toBe(true);
    expect(played.steps.some(({ stage }) => stage === "compaction")).toBe(true);
    for (const { messages } of played.requests) {
      for (const [i, message] of messages.entries())
        if (message.role === "tool") expect(messages[i - 1]!.role).toBe("assistant");
    }
  });
});

describe("calls in text", () => {
  test("are read from fenced JSON, for models that cannot call tools otherwise", async () => {
    const reply = 'I add.\n```json\n{"tool": "add", "arguments": {"a": 2, "b": 3}}\n```';
    const played = await play([answer(reply), answer("5")], { tools: [add], calling: "text" });
    expect(played.end.answer).toBe("5");
    expect(played.requests[0]!.tools).toBeUndefined();
    expect(played.requests[0]!.messages[0]!.content).toContain("- add: Adds two numbers.");
    expect(played.requests[1]!.messages.slice(2)).toEqual([
      { role: "assistant", content: '```json\n{"tool":"add","arguments":{"a":2,"b":3}}\n```' },
      { role: "user", content: "Result of add:\n5" },
    ]);
  });
});

describe("options", () => {
  test.each([
    ["an unknown key", { planer: 1 }, 'is "planner" meant?'],
    [
      "a tool with the name of a command",
      { tools: [defineTool({ name: "give_up", description: "x", input: z.strictObject({}), run: () => 1 })] },
      "command of the run",
    ],
    ["two tools of one name", { tools: [add, add] }, "two tools"],
    ["a model that is none", { model: {} }, "ChatModel"],
  ])("with %s are refused before anything is asked", async (_, more, message) => {
    await expect(play([], more as never)).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining(message),
    });
  });

  test("of a real environment that undoes without a way to are refused", () => {
    expect(() => real({ undoes: ["a"] })).toThrow("nothing restores");
    expect(() => real({ snapshot: () => 1 })).toThrow("go together");
  });
});
