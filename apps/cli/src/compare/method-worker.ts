/** A child process: tunes a model by one method, and says what it took. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { finetune } from "../finetune/finetune.ts";
import type { Io } from "../io.ts";
import { modelFiles, modelPath } from "../models/source.ts";
import { openTable } from "../models/table.ts";
import type { Diverged, MethodJob, MethodMessage, RateResult } from "./method-job.ts";

const stop = new AbortController();
const say = (message: MethodMessage, then: () => void = () => {}): void => {
  process.send!(message, then);
};

async function tune({ table, tableOptions, model, out, choices, ...job }: MethodJob): Promise<RateResult | undefined> {
  const io = { signal: stop.signal } as Io; // progress of downloads is not shown
  const run = finetune(await openTable("compare", table, tableOptions), {
    ...choices,
    ...job,
    model: modelFiles(io, "compare", model),
    modelName: modelPath(model),
    out,
    signal: stop.signal,
  });
  const durations: number[] = [];
  const start = performance.now();
  let last = start;
  for await (const event of run) {
    if (event.type === "step") {
      durations.push(performance.now() - last);
      say({ type: "line", line: `step ${event.step} of at most ${event.steps}  loss ${event.loss.toFixed(3)}` });
    }
    last = performance.now();
    if (event.type !== "end" || event.findings === undefined) continue;
    const { trained, metrics, plan, parts, best, counts } = event.findings;
    const folder = join(out, "adapter");
    durations.sort((a, b) => a - b);
    return {
      method: job.method,
      settings: job.settings,
      trained,
      learningRate: plan.learningRate,
      stepMs: durations[durations.length >> 1] ?? Number.NaN,
      totalMs: performance.now() - start,
      peakBytes: process.resourceUsage().maxRSS * 1024,
      fileBytes: readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0),
      metrics,
      rows: parts.test.length,
      development: counts === "macroF1" ? best.value : -best.value,
    };
  }
  return undefined;
}

/** A rate too high for the method is a finding; whatever else failed is not. */
function diverged({ learningRate }: MethodJob, error: unknown): Diverged {
  const { loss, gradientNorm } = (error as { readonly details?: Readonly<Record<string, unknown>> }).details ?? {};
  const isDiverged = [loss, gradientNorm].some((value) => typeof value === "number" && !Number.isFinite(value));
  if (isDiverged) return { learningRate, development: null };
  throw error;
}

process.on("message", async (message: MethodJob | "stop") => {
  if (message === "stop") {
    stop.abort();
    return;
  }
  try {
    const result = await tune(message).catch((error: unknown) => diverged(message, error));
    say(result === undefined ? { type: "stopped" } : { type: "result", result }, () => process.exit(0));
  } catch (error) {
    const { message: text, code } = error as Error & { readonly code?: string };
    say({ type: "problem", message: text, isUse: code === "use" || code === "CONFIG" }, () => process.exit(1));
  }
});
process.on("SIGINT", () => {}); // the parent says when to stop
process.on("disconnect", () => process.exit(1));
