import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { result } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { generate, loadModel, loadTokenizer } from "@cambium/models";
import { beforeAll, expect, test } from "vitest";
import type { Io } from "../io.ts";
import { run } from "../program.ts";
import { quietIo, recorded } from "../recorded.fixture.ts";
import { type TinyFiles, tinyChatFiles } from "../tiny-chat.fixture.ts";

let files: TinyFiles;
beforeAll(async () => {
  files = await tinyChatFiles();
});

type Prompt = Parameters<typeof generate>[2];

async function expected(prompt: Prompt, options: object): Promise<string> {
  const model = await loadModel(files.model, { head: { kind: "causal-lm" } });
  const tokenizer = await loadTokenizer(files.model);
  const { generated } = await result(generate(model, tokenizer, prompt, options));
  disposeParameters(model.parameters);
  return generated.text;
}

const ask = (content: string) => ({ role: "user", content });

test("one question is answered by the chat template, from a folder and from a GGUF file", async () => {
  const text = await expected([{ role: "system", content: "Be brief." }, ask("Hello?")], { maxTokens: 6 });
  for (const model of [files.model, `${files.model}.gguf`]) {
    const args = ["chat", model, "--system", "Be brief.", "--prompt", "Hello?", "--max-tokens", "6", "--stats"];
    const { code, text: said, errors } = await recorded(args);
    expect([code, said]).toEqual([0, `${text}\n`]);
    expect(errors.join()).toMatch(
      /^6 tokens behind \d+: the first after .* s, then .* a second; memory \d+ MiB, at most \d+ MiB$/,
    );
  }
});

test("what is piped in is the question, and --json tells the text and its tokens", async () => {
  const { out, text } = await recorded(["chat", files.model, "--json", "--max-tokens", "4"], ["Hel", "lo?\n"]);
  expect(text).toBe("");
  expect(JSON.parse(out[0]!)).toEqual({
    text: await expected([ask("Hello?")], { maxTokens: 4 }),
    finish: "length",
    usage: { prompt: expect.any(Number), cached: 0, generated: 4 },
  });
});

test.each(["chat", "generate"])("%s reads UTF-8, and says so of what is none", async (verb) => {
  const latin = Buffer.from("caf\xe9", "latin1");
  const piped = await recorded([verb, files.model, "--max-tokens", "1"], [latin]);
  expect(piped).toMatchObject({
    code: 2,
    errors: [`cambium: ${verb}: standard input is not UTF-8; save it as that first`],
  });
  const path = join(files.folder, "latin.txt");
  writeFileSync(path, latin);
  const flag = verb === "chat" ? "--template" : "--schema";
  const read = (file: string) => recorded([verb, files.model, "--prompt", "a", flag, file]);
  expect((await read(path)).errors.join()).toContain("latin.txt is not UTF-8");
  expect((await read(files.folder)).errors.join()).toContain("is a folder; give a file");
});

test("generate continues a text", async () => {
  const { out, code } = await recorded([
    "generate",
    files.model,
    "--prompt",
    "Once ",
    "--json",
    "--max-tokens",
    "5",
    "--stats",
  ]);
  expect(code).toBe(0);
  expect(JSON.parse(out[0]!)).toMatchObject({
    text: await expected("Once ", { maxTokens: 5 }),
    stats: { promptTokens: 5, tokens: 5 },
  });
  const drawn = async (seed: string) =>
    (await recorded(["generate", files.model, "--max-tokens", "5", "--temperature", "1", "--seed", seed], "Once "))
      .text;
  expect(await drawn("1")).toBe(await drawn("1"));
  expect(await drawn("1")).not.toBe(await drawn("2"));
});

test("generate writes JSON that fits a schema", async () => {
  const path = join(files.folder, "fruit.json");
  const properties = { fruit: { enum: ["fig", "plum"] }, count: { type: "integer", minimum: 1, maximum: 3 } };
  writeFileSync(path, `\uFEFF${JSON.stringify({ type: "object", properties, required: ["fruit", "count"] })}`);
  const { code, text } = await recorded(["generate", files.model, "--prompt", "A fruit: ", "--schema", path]);
  expect(code).toBe(0);
  const { fruit, count } = JSON.parse(text) as { readonly fruit: string; readonly count: number };
  expect([["fig", "plum"].includes(fruit), [1, 2, 3].includes(count)]).toEqual([true, true]);
});

/** A conversation: each line is typed when something was written since the last. */
async function conversation(typed: readonly string[], args: readonly string[] = []) {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const left = [...typed];
  const said: string[] = [];
  const type = (): void => {
    const line = left.shift();
    if (line === undefined) input.end();
    else input.write(`${line}\n`);
  };
  const io: Io = quietIo({
    input,
    write(text) {
      said.push(text);
      if (text === "\n") type();
    },
    error(line) {
      said.push(`(${line})`);
      type();
    },
  });
  const code = await run(["chat", files.model, "--max-tokens", "4", ...args], io);
  return { code, said: said.join("") };
}

test("a conversation goes on from what was said, can be started again, and is saved", async () => {
  const path = join(files.folder, "saved.json");
  const { code, said } = await conversation([
    "One?",
    "Two?",
    `/save ${path}`,
    "/system Be brief.",
    "One?",
    "/what",
    "/quit",
  ]);
  const first = await expected([ask("One?")], { maxTokens: 4 });
  const talk = [ask("One?"), { role: "assistant", content: first }, ask("Two?")];
  const second = await expected(talk, { maxTokens: 4 });
  const third = await expected([{ role: "system", content: "Be brief." }, ask("One?")], { maxTokens: 4 });
  expect(code).toBe(0);
  const [, ...rest] = said.split("leaves)");
  expect(rest.join("leaves)")).toBe(
    `${first}\n${second}\n(4 messages in ${path})(new conversation, with this system message)${third}\n(/reset starts a new conversation, /system <text> sets the system message, /save <file> writes the messages, /quit leaves)`,
  );
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
    messages: [...talk, { role: "assistant", content: second }],
  });
});

test.for([
  { args: ["chat", "TINY", "--prompt", ""], says: "the question is empty" },
  {
    args: ["chat", "TINY", "--prompt", "a", "--temperature", "1", "--top-p", "2"],
    says: "topP must be a number above 0 up to 1, got 2",
  },
  { args: ["generate", "TINY", "--prompt", "a", "--top-p", "0.9"], says: "give --temperature above 0" },
  { args: ["chat", "TINY", "--prompt", "a", "--frozen", "int3"], says: "float32, int8, int4, as-stored" },
  { args: ["chat", "TINY", "--prompt", "a", "--template", "nowhere.jinja"], says: "there is no file nowhere.jinja" },
  { args: ["chat", "TINY", "--prompt", "a", "--max-tokens", "0"], says: "whole number of 1 or more" },
  { args: ["generate", "TINY", "--prompt", "a", "--schema", "nowhere.json"], says: "there is no file nowhere.json" },
  { args: ["generate", "TINY"], says: "the text is empty" },
  { args: ["generate", "--stop", "a", "--stop", "b", "TINY"], says: "the text is empty" }, // the model is no third text
  { args: ["generate", "TINY", "--prompt", "a", "--temprature", "1"], says: "Did you mean --temperature?" },
])("wrong use is told: $args", async ({ args, says }) => {
  const { code, errors } = await recorded(args.map((each) => (each === "TINY" ? files.model : each)));
  expect(code).toBe(2);
  expect(errors.join("\n")).toContain(says);
});

test("Ctrl-C while the model is loaded ends it before it answers", async () => {
  const stop = new AbortController();
  const written: string[] = [];
  const write = (text: string) => void written.push(text);
  const running = run(
    ["chat", files.model, "--prompt", "a"],
    quietIo({ out: write, write, error: write, signal: stop.signal }),
  );
  stop.abort();
  expect([await running, written]).toEqual([130, []]);
});

test.each(["chat", "generate"])("%s --help has an example", async (verb) => {
  const { out } = await recorded([verb, "--help"]);
  expect(out.join("\n")).toContain(`$ cambium ${verb} model.gguf`);
});
