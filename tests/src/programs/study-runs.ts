/** Runs of studies under test: each is a function of its cell, and does something that runs do. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { Cell, RunContext } from "@cambium/experiments";

/** A number from a cell that looks like noise. */
const noise = (cell: Cell): number =>
  (JSON.stringify(cell)
    .split("")
    .reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7) %
    100) /
  1000;

export function run(cell: Cell, { budget = 1000 }: RunContext): { accuracy: number; text: string } {
  const base = cell["method"] === "a" ? 0.7 : 0.5;
  const rate = Number(cell["rate"] ?? 1);
  return { accuracy: base - Math.abs(Math.log10(rate)) / 10 + noise(cell) / 10 + budget / 1e5, text: "é" };
}

/** Notes its start in the file that the environment names, and takes a while. */
export async function noted(cell: Cell, context: RunContext): Promise<{ accuracy: number }> {
  const line = {
    id: JSON.stringify([{ method: cell["method"], seed: cell["seed"], rate: cell["rate"] }, context.budget ?? null]),
    pid: process.pid,
    at: Date.now(),
  };
  appendFileSync(process.env["STUDY_LOG"]!, `${JSON.stringify(line)}\n`);
  const { STUDY_RUN_MS: ms } = process.env;
  while (ms === "forever");
  await setTimeout(Number(ms));
  return run(cell, context);
}

export function odd(cell: Cell, { progress }: RunContext): unknown {
  switch (cell["kind"]) {
    case "throws":
      throw new Error("no convergence");
    case "throws text":
      throw "just text";
    case "nan":
      return { accuracy: Number.NaN };
    case "function":
      return { accuracy: 1, model: () => 1 };
    case "circle": {
      const circle: Record<string, unknown> = { accuracy: 1 };
      circle["self"] = circle;
      return circle;
    }
    case "nothing":
      return undefined;
    case "a list":
      return [1];
    case "a typo":
      return { acuracy: 1 };
    case "more than all done":
      progress(1.5);
      return { accuracy: 1 };
    case "text for a number":
      return { accuracy: "0.5" };
    case "exits":
      process.stderr.write("out of memory, says the run\n");
      return process.exit(7);
    case "kills itself":
      return process.kill(process.pid, "SIGKILL");
    case "never ends":
      return new Promise(() => globalThis.setInterval(() => undefined, 1000));
    case "spins":
      for (;;);
    case "rejects later":
      globalThis.setTimeout(() => void Promise.reject(new Error("nobody waits for this")), 0);
      return new Promise(() => globalThis.setInterval(() => undefined, 1000));
    default:
      progress(0.5);
      process.stdout.write("hello\n");
      return { accuracy: 1 };
  }
}

/** Waits until it is told to stop, then returns what it has: not a result. */
export function obedient(_: Cell, { signal }: RunContext): Promise<{ accuracy: number }> {
  return new Promise((resolve) => {
    const timer = globalThis.setInterval(() => undefined, 1000);
    process.stdout.write("waiting\n");
    signal.addEventListener("abort", () => {
      clearInterval(timer);
      resolve({ accuracy: 0 });
    });
  });
}

/** Dies at its first attempt and resumes from its checkpoint at the second. */
export function checkpointed(_: Cell, { scratch }: RunContext): { accuracy: number } {
  const file = `${scratch}/checkpoint`;
  if (existsSync(file)) return { accuracy: Number(readFileSync(file, "utf8")) };
  mkdirSync(scratch, { recursive: true });
  writeFileSync(file, "0.25");
  return process.kill(process.pid, "SIGKILL") as never;
}

export const step = ({ method }: Cell): unknown => ({ stepMs: method === "a" ? 20 : 10, steps: 100, setupMs: 500 });

/** Leaves a checkpoint, and finds the ones that others left. */
export function checkpointedStep(_: Cell, { scratch }: RunContext): unknown {
  const isThere = existsSync(scratch);
  mkdirSync(scratch, { recursive: true });
  return { stepMs: isThere ? 0 : 10, steps: 1 };
}

export const badStep = (): unknown => ({ stepMs: Number.POSITIVE_INFINITY, steps: 100 });

/** A result of 30 kB. */
export const large = (cell: Cell, context: RunContext): object => ({ ...run(cell, context), text: "x".repeat(30_000) });
