/** A run of tools whose process is killed again and again, against one that was left in peace, with the server counting. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { random } from "@cambium/core";
import { type Policy, type Server, startServer } from "@cambium/llm";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";

/** Turns of the model before it answers. */
const TURNS = 24;

const folder = mkdtempSync(join(tmpdir(), "cambium-agent-kill-"));
afterAll(() => rmSync(folder, { recursive: true }));

const program = join(root, "packages/llm/node_modules/.cache/use-tools.mjs");
beforeAll(() =>
  build({
    entryPoints: [join(import.meta.dirname, "programs/use-tools.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["@cambium/source"],
    external: ["@libsql/client", "@cambium/report"],
    logLevel: "error",
  }),
);
afterAll(() => rmSync(program));

let answered = 0;

/** Works through a list: what it does depends on how many replies the conversation has, and on nothing else. */
const clerk: Policy = ({ messages }) => {
  answered += 1;
  const turn = messages.filter(({ role }) => role === "assistant").length;
  if (turn === TURNS) return { text: "The list is done.", delayMs: 2 };
  const calls = [
    [{ name: "send", arguments: { to: `person ${turn}` } }],
    [
      { name: "look", arguments: { what: `thing ${turn}` } },
      { name: "look", arguments: { what: `other ${turn}` } },
    ],
    [
      { name: "put", arguments: { thing: `cup ${turn}` } },
      { name: "look", arguments: { wat: turn } },
    ],
  ];
  return { toolCalls: calls[turn % calls.length]!, delayMs: 2 };
};

let server: Server;
beforeAll(async () => {
  server = await startServer({ models: { clerk } });
});
afterAll(() => server.close());

interface Life {
  readonly lines: readonly string[];
  readonly signal: NodeJS.Signals | null;
}

/** Runs the program, and kills it so many milliseconds after so many lines. */
async function live(name: string, death?: { readonly lines: number; readonly ms: number }): Promise<Life> {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  const child = spawn(process.execPath, [program, path, server.baseURL], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", async (piece: string) => {
    text += piece;
    if (death === undefined || text.split("\n").length <= death.lines) return;
    const { ms } = death;
    death = undefined;
    await setTimeout(ms);
    child.kill("SIGKILL");
  });
  const signal = await new Promise<NodeJS.Signals | null>((resolve) => child.on("close", (_, by) => resolve(by)));
  return { lines: text.trim().split("\n"), signal };
}

interface End {
  readonly status: string;
  readonly answer: string;
  readonly state: { readonly table: readonly string[] };
  readonly steps: readonly (readonly [stage: string, code: string, input: string])[];
}

const endOf = ({ lines }: Life): End | undefined => {
  const line = lines.find((each) => each.startsWith("end "));
  return line === undefined ? undefined : (JSON.parse(line.slice(4)) as End);
};

const sentIn = (name: string): string[] =>
  readFileSync(join(folder, name, "sent.txt"), "utf8")
    .trim()
    .split("\n");

test("a run that is killed again and again does everything once, and says what it cannot know", async () => {
  const peace = endOf(await live("peace"))!;
  const asked = answered;
  expect(peace).toMatchObject({ status: "done", answer: "The list is done." });
  let kills = 0;
  const number = (most: number): number => random(11).at(kills).integers(1, most)[0]!;
  let end: End | undefined;
  while (end === undefined) {
    // Replayed steps are lines too, so that a death comes a little later in each life.
    const life = await live("killed", { lines: 1 + kills * 8 + number(8), ms: number(12) });
    if (life.signal === "SIGKILL") kills += 1;
    end = endOf(life);
  }
  expect(kills).toBeGreaterThan(5);
  expect({ status: end.status, answer: end.answer, state: end.state }).toEqual({
    status: peace.status,
    answer: peace.answer,
    state: peace.state,
  });
  const sent = sentIn("killed");
  expect(new Set(sent).size).toBe(sent.length);
  // Every mail was sent, or is told to be in doubt; and whatever else there is, is as in peace.
  const inDoubt = end.steps
    .filter(([, code]) => code === "INTERRUPTED")
    .map(([, , input]) => (JSON.parse(input) as { to: string }).to);
  expect([...new Set([...sent, ...inDoubt])].sort()).toEqual(sentIn("peace").sort());
  expect(end.steps.map(([stage, code, input]) => [stage, code === "INTERRUPTED" ? "" : code, input])).toEqual(
    peace.steps,
  );
  // Replies that were paid for are in the store or in the journal: at most those under way were asked for twice.
  expect(answered - asked).toBeLessThanOrEqual(asked + kills);
});
