/**
 * Several methods of tuning on one table at one budget, each at the rate that the rows to develop by choose. Runs have processes to
 * themselves, one after the other. What is done stands in files, so that a comparison which was stopped or killed is resumed by the same call.
 */
import { fork } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { canonicalJson, type JsonObject } from "@cambium/base";
import { UseError } from "../io.ts";
import type { Diverged, MethodJob, MethodMessage, MethodResult, RateResult } from "./method-job.ts";

/** What happens on the way. */
export type CompareEvent =
  | {
      readonly type: "start";
      readonly method: string;
      readonly learningRate: number;
      readonly place: number;
      readonly count: number;
    }
  | { readonly type: "line"; readonly method: string; readonly line: string }
  | { readonly type: "result"; readonly result: MethodResult; readonly isKept: boolean }
  /** A method whose loss was not finite at any rate. */
  | { readonly type: "diverged"; readonly method: string; readonly rates: readonly number[] }
  | { readonly type: "end"; readonly results: readonly MethodResult[] };

const write = (path: string, value: unknown): void => {
  writeFileSync(`${path}.part`, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(`${path}.part`, path);
};

/** From one rate that is tried to the next. */
const FACTOR = 3;

/** A result that a file keeps, if it is there. */
const read = <Value>(path: string): Value | undefined =>
  existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Value) : undefined;

/**
 * The rate to try after those that were tried: on from the best one, up first, until it lies between two others.
 *
 * @param start - The first rate.
 * @param most - Rates that are tried at most.
 */
export function nextRate(tried: MethodResult["tried"], start: number, most: number): number | undefined {
  if (tried.length === 0) return start;
  if (tried.length >= most) return undefined;
  const best = bestOf(tried);
  const rates = tried.map(({ learningRate }) => learningRate);
  const rounded = (rate: number): number => Number(rate.toPrecision(2));
  const isLost = best.development === null; // the highest was too high
  if (!isLost && best.learningRate === Math.max(...rates)) return rounded(best.learningRate * FACTOR);
  const lowest = Math.min(...rates);
  return isLost || best.learningRate === lowest ? rounded(lowest / FACTOR) : undefined;
}

const isDone = (result: RateResult | Diverged): result is RateResult => result.development !== null;

/** The best on the rows to develop by; of equal ones the first that was tried. */
function bestOf<Tried extends MethodResult["tried"][number]>(tried: readonly Tried[]): Tried {
  const scoreOf = ({ development }: Tried): number => development ?? Number.NEGATIVE_INFINITY;
  return tried.reduce((best, each) => (scoreOf(each) > scoreOf(best) ? each : best));
}

/**
 * Runs every job that has no result yet.
 *
 * @param rates - Rates that each method may try.
 * @param identity - What the comparison is of; another in the same folder is refused.
 * @throws {UseError} When the folder holds a comparison of something else.
 */
export async function* compareMethods(
  jobs: readonly MethodJob[],
  rates: number,
  out: string,
  identity: JsonObject,
  signal: AbortSignal,
): AsyncGenerator<CompareEvent> {
  mkdirSync(out, { recursive: true });
  const what = join(out, "comparison.json");
  const text = `${canonicalJson(identity)}\n`;
  if (existsSync(what) && readFileSync(what, "utf8") !== text)
    throw new UseError(
      `compare: ${out} holds a comparison of another table, model, budget or setting; name another --out`,
    );
  writeFileSync(what, text);
  const results: MethodResult[] = [];
  for (const [i, job] of jobs.entries()) {
    const path = join(job.out, "result.json");
    const kept = read<MethodResult>(path);
    if (kept !== undefined) {
      results.push(kept);
      yield { type: "result", result: kept, isKept: true };
      continue;
    }
    const tried: (RateResult | Diverged)[] = [];
    for (;;) {
      const learningRate = nextRate(tried, job.learningRate, rates);
      if (learningRate === undefined) break;
      const folder = join(job.out, `rate-${learningRate}`);
      const done = join(folder, "result.json");
      let found = read<RateResult | Diverged>(done);
      if (found === undefined) {
        yield { type: "start", method: job.method, learningRate, place: i + 1, count: jobs.length };
        for await (const message of runMethod({ ...job, learningRate, out: folder }, signal)) {
          if (message.type === "line") yield { ...message, method: job.method };
          if (message.type === "stopped") return;
          if (message.type === "result") found = message.result;
        }
        mkdirSync(folder, { recursive: true });
        write(done, found);
      }
      tried.push(found!);
    }
    const best = bestOf(tried);
    if (!isDone(best)) {
      yield { type: "diverged", method: job.method, rates: tried.map(({ learningRate }) => learningRate) };
      continue;
    }
    const result: MethodResult = {
      ...best,
      tried: tried.map(({ learningRate, development }) => ({ learningRate, development })),
    };
    write(path, result);
    results.push(result);
    yield { type: "result", result, isKept: false };
  }
  yield { type: "end", results };
}

/** The messages of a process that tunes by one method. */
async function* runMethod(job: MethodJob, signal: AbortSignal): AsyncGenerator<MethodMessage> {
  const name = import.meta.url.endsWith(".ts") ? "./method-worker.ts" : "./method-worker.js"; // from the sources, or built
  const child = fork(fileURLToPath(new URL(name, import.meta.url)), { stdio: ["ignore", "ignore", "pipe", "ipc"] });
  const waiting: MethodMessage[] = [];
  let wake = (): void => {};
  let ended: string | undefined;
  let said = "";
  child.stderr!.on("data", (piece: Buffer) => {
    said = `${said}${piece}`.slice(-2000);
  });
  child.on("message", (message: MethodMessage) => {
    waiting.push(message);
    wake();
  });
  child.on("error", (error) => {
    ended = error.message;
    wake();
  });
  child.on("close", (code, killedBy) => {
    ended ??= `the process of "${job.method}" ended with ${killedBy ?? `code ${code}`}. ${said.trim()}`;
    wake();
  });
  const stop = (): void => void (child.connected && child.send("stop"));
  signal.addEventListener("abort", stop);
  child.send(job);
  try {
    for (;;) {
      const message = waiting.shift();
      if (message !== undefined) {
        if (message.type === "problem")
          throw new (message.isUse ? UseError : Error)(`${job.method}: ${message.message}`);
        yield message;
        if (message.type !== "line") return;
        continue;
      }
      if (ended !== undefined) throw new Error(ended);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    signal.removeEventListener("abort", stop);
    if (ended === undefined && child.exitCode === null) child.kill("SIGKILL");
  }
}
