import { result } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { memory } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generate } from "../generate/generate.ts";
import type { LanguageModel } from "../language-model.ts";
import { tinyChat } from "../testing/tiny-chat.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { markedConstraint } from "./marked.ts";
import { type ScheduledOptions, type Scheduler, type SchedulerOptions, scheduler } from "./scheduler.ts";

let model: LanguageModel;
let tokenizer: Tokenizer;
beforeAll(() => {
  ({ model, tokenizer } = tinyChat());
});
afterAll(() => disposeParameters(model.parameters));

async function withScheduler(options: SchedulerOptions, work: (shared: Scheduler) => Promise<void>): Promise<void> {
  const before = memory().numTensors;
  const shared = scheduler(model, tokenizer, options);
  try {
    await work(shared);
  } finally {
    await shared.close();
  }
  expect(memory().numTensors).toBe(before);
}

const short = { maxTokens: 6 };
const alone = async (prompt: string, options: object = short): Promise<string> =>
  (await result(generate(model, tokenizer, prompt, options))).generated.text;
const together = async (shared: Scheduler, prompt: string, options: ScheduledOptions = short) =>
  (await result(shared.generate(prompt, options))).generated;

const PROMPTS = ["a", "Once upon a time there was a house", "x = 1;", "What?"];

test.each([{ maxBatch: 16 }, { maxBatch: 2, promptPart: 7 }, { maxBatch: 1, promptPart: 1000, keptBytes: 0 }])(
  "each of many texts is what it is alone: %j",
  async (options) => {
    const expected: string[] = [];
    for (const prompt of PROMPTS) expected.push(await alone(prompt));
    await withScheduler(options, async (shared) => {
      const texts = await Promise.all(PROMPTS.map((prompt) => together(shared, prompt)));
      expect(texts.map(({ text }) => text)).toEqual(expected);
      expect(shared.load).toMatchObject({ running: 0, waiting: 0 });
    });
  },
);

test("drawn texts come from their own seeds, whoever else is drawing", async () => {
  const drawn = (seed: number) => ({ maxTokens: 6, temperature: 1, random: random(seed) });
  const expected = [await alone("a", drawn(1)), await alone("a", drawn(2))];
  expect(expected[0]).not.toBe(expected[1]);
  await withScheduler({}, async (shared) => {
    const texts = await Promise.all([1, 2].map((seed) => together(shared, "a", drawn(seed))));
    expect(texts.map(({ text }) => text)).toEqual(expected);
  });
});

test("what prompts share is read once two of them came by, and a prompt's end is kept for what goes on from it", async () => {
  const rules = "These are the rules of the house: ";
  const texts = [`${rules}one`, `${rules}two`, `${rules}six`, `${rules}one and more`];
  const expected: string[] = [];
  for (const text of texts) expected.push(await alone(text));
  await withScheduler({}, async (shared) => {
    const found = [];
    for (const text of texts) found.push(await together(shared, text));
    expect(found.map(({ text }) => text)).toEqual(expected);
    // "one" is read whole; "two" parts from it behind the rules; "six" stands behind these; "one and more" behind "one"
    const cached = found.map(({ usage }) => usage.cached);
    expect(cached).toEqual([0, 0, rules.length, rules.length + 3]);
    expect(shared.load.keptBytes).toBeGreaterThan(0);
    const again = await together(shared, texts[2]!);
    expect([again.text, again.usage.cached]).toEqual([expected[2], texts[2]!.length]);
  });
});

test("what goes on from a text that was written alone reads only what is new", async () => {
  const begin = "Once upon a time";
  const first = await alone(begin);
  const next = `${begin}${first} and`;
  const expected = await alone(next);
  await withScheduler({}, async (shared) => {
    const said = await together(shared, begin);
    const ids = tokenizer.encode(next).ids.length;
    const found = await together(shared, next);
    expect(found.text).toBe(expected);
    expect(found.usage).toMatchObject({ prompt: ids, cached: begin.length + said.ids.length - 1 }); // its last token was never read
  });
});

test("a text has its form, and parts between marks have theirs", async () => {
  const schema = { type: "object", properties: { a: { enum: [1, 2] } }, required: ["a"] };
  const long = { maxTokens: 60 };
  const marks = { open: "<x>", close: "</x>", format: { schema } } as const;
  await withScheduler({}, async (shared) => {
    const [whole, required] = await Promise.all([
      together(shared, "a", { ...long, format: { schema } }),
      together(shared, "a", { ...long, marked: { ...marks, isRequired: true, isLast: true } }),
    ]);
    expect([1, 2]).toContain(JSON.parse(whole.text).a);
    const [, part] = /^<x>\n(.*)\n<\/x>$/s.exec(required.text)!;
    expect([1, 2]).toContain(JSON.parse(part!).a);
    expect(required.finish).toBe("stop");
    // A stop string ends no part, and does end what stands outside.
    const all = { ...marks, isRequired: true, isLast: true };
    expect(await together(shared, "a", { ...long, marked: all, stop: ["\n", '"a"', "</x>"] })).toEqual(required);
    const [, stop = ""] = await alone("What?");
    const stopped = await together(shared, "What?", { ...short, marked: marks, stop });
    expect(stopped.text).toBe((await alone("What?")).split(stop)[0]);
    // Without being required nothing changes until a mark is written.
    expect((await together(shared, "What?", { ...short, marked: marks })).text).toBe(await alone("What?"));
    await expect(together(shared, "a", { format: "json", marked: marks })).rejects.toThrow("pass one of them");
    await expect(together(shared, "a", { marked: { ...marks, open: "" } })).rejects.toThrow(
      "marked.open must be a text",
    );
  });
});

test("what stands behind an opening mark that the model wrote is made to have its form", () => {
  const schema = { type: "object", properties: { a: { const: 1 } }, required: ["a"] };
  const marked = { open: "<x>", close: "</x>", format: { schema } };
  let constraint = markedConstraint("test", marked, { tokenizer, size: tokenizer.vocabularySize });
  const ends = new Set([2]);
  const allowed = (): string => {
    const scores = new Float32Array(tokenizer.vocabularySize);
    constraint.rule(scores, ends);
    const ids = [...scores.keys()].filter((id) => scores[id] === 0);
    return ids.length > 20 ? "all" : tokenizer.decode(ids);
  };
  const seen: string[] = [];
  const apart: boolean[] = [];
  for (const id of tokenizer.pieces('so <x>\n{"a":1}\n</x> then')) {
    seen.push(allowed());
    apart.push(constraint.isApart === true);
    constraint = constraint.next(id);
  }
  expect(apart.map(Number).join("")).toBe("0000001111111111111000000".slice(0, apart.length));
  expect(seen.slice(0, 6)).toEqual(Array(6).fill("all"));
  expect(seen.slice(6, 8)).toEqual(["\n", "{"]);
  expect(seen[8]).toContain('"');
  expect(seen.slice(14, 19)).toEqual([..."\n</x>"]);
  expect(seen.slice(19)).toEqual(Array(5).fill("all"));
});

test("no more is kept than may be, the least recently used going first", async () => {
  // A token is 2 layers x (key, value) x 2 heads x 8 columns in float32; the ends of two prompts and of their texts are 140 tokens.
  const keptBytes = 2 * 2 * 2 * 8 * 4 * 140 + 2 ** 13; // with scores and ids, four of them
  await withScheduler({ keptBytes }, async (shared) => {
    const [a, b, c] = ["first ", "second ", "third "].map((word) => word.repeat(5)) as [string, string, string];
    for (const text of [a, b, a, c]) await together(shared, text);
    expect(shared.load.keptBytes).toBeLessThanOrEqual(keptBytes);
    expect((await together(shared, a)).usage.cached).toBe(a.length);
    expect((await together(shared, b)).usage.cached).toBe(0);
  });
});

test("a call that nobody wants any more leaves, and the others go on", async () => {
  const [expected] = [await alone("What?")];
  await withScheduler({}, async (shared) => {
    const stop = new AbortController();
    const long = together(shared, "Once", { maxTokens: 1000, signal: stop.signal });
    const left = (async () => {
      for await (const piece of shared.generate("Twice", { maxTokens: 1000 })) if (piece.type === "piece") break;
    })();
    const other = together(shared, "What?");
    await left;
    stop.abort();
    expect((await long).finish).toBe("aborted");
    expect((await other).text).toBe(expected);
    expect((await together(shared, "never", { signal: stop.signal })).finish).toBe("aborted");
  });
});

test("calls run in the order in which they came, and one too many is refused", async () => {
  await withScheduler({ maxBatch: 1, maxWaiting: 2 }, async (shared) => {
    const ended: number[] = [];
    const calls = PROMPTS.slice(0, 3).map((prompt, i) => together(shared, prompt).then(() => ended.push(i)));
    await expect(together(shared, "more")).rejects.toMatchObject({ code: "STATE", details: { maxWaiting: 2 } });
    await Promise.all(calls);
    expect(ended).toEqual([0, 1, 2]);
    expect((await together(shared, "more")).finish).toBe("length");
  });
});

test("a short prompt overtakes a long one, which is read all the same", async () => {
  const long = "once upon a time ".repeat(8);
  const expected = await alone(long);
  await withScheduler({ promptPart: 8 }, async (shared) => {
    const ended: string[] = [];
    const call = async (prompt: string, name: string) => {
      const { text } = await together(shared, prompt);
      ended.push(name);
      return text;
    };
    const texts = [call(long, "long"), ...["a", "b", "c"].map((each) => call(each, each))];
    expect((await Promise.all(texts))[0]).toBe(expected);
    expect(ended.at(-1)).toBe("long");
  });
});

test("calls that end while others are written leave these as they are", async () => {
  const lengths = [9, 2, 7, 3, 11, 1, 5];
  const expected: string[] = [];
  for (const maxTokens of lengths) expected.push(await alone(PROMPTS[1]!, { maxTokens }));
  await withScheduler({}, async (shared) => {
    const texts = await Promise.all(lengths.map((maxTokens) => together(shared, PROMPTS[1]!, { maxTokens })));
    expect(texts.map(({ text }) => text)).toEqual(expected);
  });
});

test("what is wrong with a call is its own error", async () => {
  await withScheduler({ maxLength: 10 }, async (shared) => {
    const fine = together(shared, "What?");
    await expect(together(shared, "")).rejects.toMatchObject({ code: "CONFIG" });
    await expect(together(shared, "a", { topP: 2 })).rejects.toThrow("topP");
    await expect(together(shared, "a", { beams: 2 } as never)).rejects.toThrow('unknown option "beams"');
    await expect(together(shared, "0123456789")).rejects.toThrow("which leaves no room for an answer within 10");
    expect(await fine).toMatchObject({ finish: "length", usage: { prompt: 5, generated: 5 } });
  });
});

test("weights that are gone fail the calls under way, and those that come later", async () => {
  const mortal = tinyChat({ seed: 2 });
  const shared = scheduler(mortal.model, mortal.tokenizer);
  const call = result(shared.generate("a", { maxTokens: 1000 }));
  disposeParameters(mortal.model.parameters);
  await expect(call).rejects.toBeInstanceOf(Error);
  await expect(result(shared.generate("a"))).rejects.toBeInstanceOf(Error);
  await shared.close();
});

test("a closed scheduler lets calls end and takes no more", async () => {
  const shared = scheduler(model, tokenizer);
  const call = together(shared, "What?");
  await Promise.resolve();
  const closing = shared.close();
  expect((await call).finish).toBe("length");
  await closing;
  await expect(together(shared, "a")).rejects.toMatchObject({ code: "CANCELLED" });
});

test.each([{ maxBatch: 0 }, { maxWaiting: -1 }, { promptPart: 1.5 }, { maxLength: 1 }])(
  "settings out of range are refused: %j",
  (options) => {
    expect(() => scheduler(model, tokenizer, options)).toThrow(`${Object.keys(options)[0]} must be a whole number`);
  },
);
