import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { run } from "../program.ts";
import { quietIo } from "../recorded.fixture.ts";

interface Running {
  readonly code: Promise<number>;
  readonly lines: string[];
  readonly errors: string[];
  readonly stop: () => void;
  /** The next line written. */
  readonly line: Promise<string>;
}

function start(...args: string[]): Running {
  const [lines, errors, stop]: [string[], string[], AbortController] = [[], [], new AbortController()];
  let code: Promise<number> = Promise.resolve(0);
  const line = new Promise<string>((resolve) => {
    const out = (text: string): void => {
      lines.push(text);
      resolve(text);
    };
    code = run(args, quietIo({ out, error: (text) => void errors.push(text), signal: stop.signal }));
  });
  return { code, lines, errors, stop: () => stop.abort(), line };
}

async function say(baseURL: string, model: string, content: string): Promise<string> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content }] });
  const response = await fetch(`${baseURL}/chat/completions`, { method: "POST", body });
  return (await response.json()).choices[0].message.content;
}

test("serves until it is stopped, then ends with 130", async () => {
  const running = start("serve", "--port", "0", "--json");
  const { type, baseURL, models } = JSON.parse(await running.line);
  expect([type, models]).toEqual(["listening", ["echo"]]);
  expect(await say(baseURL, "echo", "hello")).toBe("hello");
  running.stop();
  expect(await running.code).toBe(130);
  await expect(fetch(`${baseURL}/models`)).rejects.toThrow();
});

test("serves the policy that a module exports", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cambium-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "shout.mjs"), "export default ({ messages }) => messages.at(-1).content.toUpperCase();");
  const running = start("serve", "--port", "0", "--policy", join(folder, "shout.mjs"), "--name", "shout");
  const baseURL = /http:\S+v1/.exec(await running.line)![0];
  expect(await say(baseURL, "shout", "hello")).toBe("HELLO");
  running.stop();
  await running.code;
});

test.for([
  { args: [], says: "Usage: cambium" },
  { args: ["sing"], says: "unknown command 'sing'" },
  { args: ["serve", "--prot", "1"], says: "Did you mean --port?" },
  { args: ["serve", "--port", "http"], says: "0 to 65535" },
  { args: ["serve", "--adapter", "a=b"], says: "--adapter is of a --model, and there is none" },
  { args: ["serve", "--max-batch", "2"], says: "--max-batch is of a --model" },
  { args: ["serve", "--policy", "echo", "--model", "m"], says: "give one of them" },
  { args: ["serve", "--policy", "parrot"], says: 'no policy "parrot"; there are echo, rules' },
  { args: ["serve", "--policy", "./nowhere.mjs"], says: "there is no file ./nowhere.mjs" },
])("wrong use is reported, and ends with 2: $args", async ({ args, says }) => {
  const { code, errors } = start(...args);
  expect(await code).toBe(2);
  expect(errors.join("\n")).toContain(says);
});

test("help has an example, and ends with 0", async () => {
  const { code, lines } = start("serve", "--help");
  expect(await code).toBe(0);
  expect(lines.join("\n")).toContain("$ cambium serve --model model.gguf");
});
