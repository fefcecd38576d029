import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "@cambium/llm";
import { rulePolicy } from "@cambium/problem-families";
import { afterAll, expect, test } from "vitest";
import { runDemo } from "./demo.ts";
import { parseFlags } from "./flags.ts";
import { chooseProblems } from "./problems.ts";

const folder = mkdtempSync(join(tmpdir(), "creator-demo-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function demo(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  stopAfter?: number,
): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const stop = new AbortController();
  const write = (line: string): void => {
    lines.push(line);
    if (lines.filter((each) => each.startsWith("✓")).length === stopAfter) stop.abort();
  };
  return { code: await runDemo(args, { write, env, signal: stop.signal }), lines };
}

test("without a key, rules solve the problems, and a report is written", async () => {
  const out = join(folder, "rules");
  const { code, lines } = await demo(["--quick", "--out", out]);
  expect(code).toBe(0);
  expect(lines[0]).toMatch(/^4 problems, answered by rules behind http:\/\/127\.0\.0\.1:/);
  expect(lines.filter((line) => line.startsWith("✓"))).toHaveLength(4);
  expect(lines.join("\n")).toContain("tieredCharge (verified)");
  const html = readFileSync(join(out, "report.html"), "utf8");
  expect(html).toContain("they say nothing about any model");
  expect(html.match(/<details><summary>✓/g)).toHaveLength(4);
});

test("a stopped run ends with 130, and the same command resumes", async () => {
  const args = ["--quick", "--out", join(folder, "stopped")];
  const first = await demo(args, {}, 2);
  expect(first.code).toBe(130);
  expect(first.lines.at(-1)).toContain("2 of 4 problems done");
  expect(existsSync(join(folder, "stopped", "report.html"))).toBe(false);
  const second = await demo(args);
  expect(second.code).toBe(0);
  expect(second.lines[1]).toContain("resuming after 2 problems");
  expect(second.lines.filter((line) => line.startsWith("✓"))).toHaveLength(2);
});

test("with an endpoint in the environment, that one is asked, with the key and by the model's name", async () => {
  const server = await startServer({ models: { "my-model": rulePolicy({ brokenShare: 0 }) }, apiKey: "secret" });
  const env = { OPENAI_API_KEY: "secret", OPENAI_BASE_URL: server.baseURL, CAMBIUM_MODEL: "my-model" };
  const { code, lines } = await demo(["--quick", "--out", join(folder, "real")], env);
  expect(code).toBe(0);
  expect(lines[0]).toContain("my-model at 127.0.0.1");
  expect(readFileSync(join(folder, "real", "report.html"), "utf8")).not.toContain("say nothing about any model");
  const wrong = await demo(["--quick", "--out", join(folder, "wrong")], { ...env, OPENAI_API_KEY: "other" });
  expect(wrong.code).toBe(1);
  expect(wrong.lines.join("\n")).toMatch(/the key is not accepted/);
  await server.close();
});

test("help is given, and wrong use refused", async () => {
  const { code, lines } = await demo(["--help"]);
  expect(code).toBe(0);
  expect(lines[0]).toContain("Usage: pnpm creator-demo");
  for (const args of [
    ["--sed", "1"],
    ["--seed", "x"],
    ["--seed", "-1"],
    ["--out", ""],
    ["--frozen", "int4"],
    ["--model", "model.gguf", "--frozen", "int3"],
  ]) {
    expect(() => parseFlags(args)).toThrowError(expect.objectContaining({ code: "USAGE" }));
  }
});

test("there are ten problems of six kinds, other ones for another seed", () => {
  expect(chooseProblems(1, false)).toHaveLength(10);
  expect(new Set(chooseProblems(1, false).map(({ subject }) => subject)).size).toBe(6);
  expect(chooseProblems(1, true)).toHaveLength(4);
  expect(chooseProblems(1, false)).not.toEqual(chooseProblems(2, false));
});
