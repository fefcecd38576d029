/**
 * Several methods of tuning on one table at one budget, each in its own process, one after the other. What is done stands in files, so
 * that a comparison which was stopped or killed is resumed by the same call.
 */
import { fork } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { canonicalJson, type JsonObject } from "@cambium/base";
import { UseError } from "../io.ts";
import type { MethodJob, MethodMessage, MethodResult } from "./method-job.ts";

/** What happens on the way. */
export type CompareEvent =
  | { readonly type: "start"; readonly method: string; readonly place: number; readonly count: number }
  | { readonly type: "line"; readonly method: string; readonly line: string }
  | { readonly type: "result"; readonly result: MethodResult; readonly isKept: boolean }
  | { readonly type: "end"; readonly results: readonly MethodResult[] };

const write = (path: string, value: unknown): void => {
  writeFileSync(`${path}.part`, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(`${path}.part`, path);
};

/**
 * Runs every job that has no result yet.
 *
 * @param identity - What the comparison is of; another in the same folder is refused.
 * @throws {UseError} When the folder holds a comparison of something else.
 */
export async function* compareMethods(
  jobs: readonly MethodJob[],
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
    const kept = join(job.out, "result.json");
    if (existsSync(kept)) {
      const result = JSON.parse(readFileSync(kept, "utf8")) as MethodResult;
      results.push(result);
      yield { type: "result", result, isKept: true };
      continue;
    }
    yield { type: "start", method: job.method, place: i + 1, count: jobs.length };
    for await (const message of runMethod(job, signal)) {
      if (message.type === "line") yield { ...message, method: job.method };
      if (message.type === "stopped") return;
      if (message.type !== "result") continue;
      write(kept, message.result);
      results.push(message.result);
      yield { type: "result", result: message.result, isKept: false };
    }
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
