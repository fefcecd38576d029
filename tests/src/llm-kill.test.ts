/** Calls to a model killed again and again, against a run that was left in peace, with the server counting. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { random } from "@cambium/core";
import { type Policy, type Server, startServer, textOf } from "@cambium/llm";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";

const KILLS = 50;
const CALLS = 500;
const CONCURRENCY = 8;

const folder = mkdtempSync(join(tmpdir(), "cambium-llm-kill-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** One file, so that each start is a quick one; in a folder from which the database's native part is found. */
const program = join(root, "packages/llm/node_modules/.cache/call-models.mjs");
beforeAll(() =>
  build({
    entryPoints: [join(import.meta.dirname, "programs/call-models.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["@cambium/source"],
    external: ["@libsql/client"],
    logLevel: "error",
  }),
);
afterAll(() => rmSync(program));

/** Questions that reached the model, in order. */
const asked: string[] = [];

/** Answers every question in its own way, after its own time, and always the same. */
const rules: Policy = ({ messages }) => {
  const question = textOf(messages.at(-1)!.content);
  asked.push(question);
  const number = Number(question.split(" ")[1]);
  return { text: `${question}: ${(number * 7919) % 997}`, reasoning: "by rule", delayMs: 2 + ((number * 31) % 15) };
};

let server: Server;
beforeAll(async () => {
  server = await startServer({ models: { rules } });
});
afterAll(() => server.close());

interface Life {
  readonly lines: readonly string[];
  readonly signal: NodeJS.Signals | null;
}

/** Runs the program, and kills it so many milliseconds after so many replies were paid for. */
async function live(name: string, death?: { readonly paid: number; readonly ms: number }): Promise<Life> {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  const child = spawn(process.execPath, [program, path, server.baseURL], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", async (piece: string) => {
    text += piece;
    if (death === undefined || !text.startsWith("start") || text.split("\npaid ").length - 1 < death.paid) return;
    const { ms } = death;
    death = undefined;
    await setTimeout(ms);
    child.kill("SIGKILL");
  });
  const signal = await new Promise<NodeJS.Signals | null>((resolve) => child.on("close", (_, by) => resolve(by)));
  return { lines: text.trim().split("\n"), signal };
}

const questionsOf = ({ lines }: Life, kind: string): string[] =>
  lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1));

function countsOf(questions: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const question of questions) counts.set(question, (counts.get(question) ?? 0) + 1);
  return counts;
}

test("500 calls killed at 50 random moments give the same file, and pay twice for none but those under way", async () => {
  const inPeace = await live("in-peace");
  expect(questionsOf(inPeace, "paid")).toHaveLength(CALLS);
  expect(asked.splice(0)).toHaveLength(CALLS);

  const moments = random(6);
  const returned = new Set<string>();
  const underWay: string[] = [];
  for (let i = 0; i < KILLS; i++) {
    const [paid, ms] = moments.at(i).uniforms(2);
    const from = asked.length;
    // The rules' delays bound the rate of replies, so that these moments leave work for the last life on any machine.
    const life = await live("killed", { paid: Math.floor(6 * paid!), ms: 8 * ms! });
    expect(life.signal).toBe("SIGKILL");
    const here = asked.slice(from);
    // A reply that the program had, in whatever life, was stored: it is never asked for again.
    expect(here.filter((question) => returned.has(question))).toEqual([]);
    for (const question of questionsOf(life, "paid")) returned.add(question);
    const open = here.filter((question) => !returned.has(question));
    expect(open.length).toBeLessThanOrEqual(CONCURRENCY);
    underWay.push(...open);
  }
  expect(returned.size).toBeGreaterThan(KILLS);
  expect(returned.size).toBeLessThan(CALLS);
  const last = await live("killed");
  expect(last.signal).toBeNull();

  const file = (name: string): string => readFileSync(join(folder, name, "replies.json"), "utf8");
  expect(file("killed")).toBe(file("in-peace"));

  const kills = countsOf(underWay);
  const excess = [...countsOf(asked)].filter(([question, times]) => times > 1 + (kills.get(question) ?? 0));
  expect(excess).toEqual([]);
  expect(asked.length - CALLS).toBeLessThanOrEqual(underWay.length);

  // The ledger holds at least what the server worked on, and no more than one reservation for each slot and kill beside it.
  const [spent] = questionsOf(last, "spent").map(Number);
  expect(spent).toBeGreaterThanOrEqual(asked.length);
  expect(spent).toBeLessThanOrEqual(CALLS + KILLS * CONCURRENCY);
});
