/** A training run killed again and again, against one that was left in peace. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { random } from "@cambium/core";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";

const KILLS = 20;

const folder = mkdtempSync(join(tmpdir(), "cambium-kill-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** One file, so that each of the many starts is a quick one. */
const program = join(folder, "train-small.cjs");
beforeAll(() =>
  build({
    entryPoints: [join(import.meta.dirname, "programs/train-small.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "cjs",
    mainFields: ["module", "main"], // what tfjs declares free of side effects in its Node file is not
    conditions: ["@cambium/source"],
    external: ["@cambium/backend-onnx", "@tensorflow/tfjs-backend-wasm"],
    logLevel: "error",
  }),
);

interface Life {
  /** Lines written, as they were when the process ended. */
  readonly lines: readonly string[];
  readonly signal: NodeJS.Signals | null;
}

/** Runs the program, and kills it so many steps and milliseconds after its first step. */
async function live(path: string, death?: { readonly steps: number; readonly ms: number }): Promise<Life> {
  const child = spawn(process.execPath, [program, path], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", async (piece: string) => {
    text += piece;
    if (death === undefined || child.killed || text.split("\n").length - 2 < death.steps) return;
    const { ms } = death;
    death = undefined;
    await setTimeout(ms);
    child.kill("SIGKILL");
  });
  const signal = await new Promise<NodeJS.Signals | null>((resolve) => child.on("close", (_, by) => resolve(by)));
  return { lines: text.trim().split("\n"), signal };
}

const weights = ({ lines }: Life): string[] => lines.filter((line) => line.startsWith("end "));
const stepsOf = ({ lines }: Life): number[] =>
  lines.filter((line) => line.startsWith("step ")).map((line) => Number(line.slice(5)));

test("a run killed at 20 random moments and resumed each time ends with the bits of one that was not", async () => {
  const inPeace = await live(join(folder, "in-peace"));
  expect(stepsOf(inPeace)).toHaveLength(400);
  expect(weights(inPeace)).toHaveLength(4); // three parameters, one tensor of the objective's state

  const moments = random(5);
  const killed = join(folder, "killed");
  let reached = 0;
  for (let i = 0; i < KILLS; i++) {
    const [steps, ms] = moments.at(i).uniforms(2);
    const life = await live(killed, { steps: Math.floor(8 * steps!), ms: 15 * ms! });
    expect(life.signal).toBe("SIGKILL");
    // The step whose checkpoint was not finished is taken again; no other step is, and none is left out.
    const [first, ...later] = stepsOf(life);
    expect([reached, reached + 1]).toContain(first);
    reached = later.at(-1) ?? first!;
  }
  const last = await live(killed);
  expect(last.signal).toBeNull();
  expect(weights(last)).toEqual(weights(inPeace));

  // Nothing is left of the crashes: the files of both runs are the same, byte for byte, hidden ones included.
  const names = readdirSync(killed).sort();
  expect(names).toEqual(readdirSync(join(folder, "in-peace")).sort());
  for (const name of names) {
    expect(readFileSync(join(killed, name)).equals(readFileSync(join(folder, "in-peace", name))), name).toBe(true);
  }
});
