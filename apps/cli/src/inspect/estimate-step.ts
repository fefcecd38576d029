/**
 * What a training step costs on this machine, measured on models of the same widths with one and with three layers: blocks are
 * alike, so time and memory grow by the same for each. Weights are random, so nothing is downloaded for it.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { layerCount, type StepCost, type StepJob, withLayers } from "./step-job.ts";

const SMALL = [1, 3] as const;

/**
 * Time and memory of a step of a model with all its layers.
 *
 * @throws {Error} When a process fails, as when one layer does not fit into memory.
 */
export async function estimateStep(job: StepJob, signal: AbortSignal): Promise<StepCost> {
  const layers = layerCount(job.config);
  if (layers <= SMALL[1]) return measureStep(job, signal);
  const [one, three] = SMALL.map((count) => ({ ...job, config: withLayers(job.config, count) }));
  const [first, second] = [await measureStep(one!, signal), await measureStep(three!, signal)];
  const extend = (key: keyof StepCost): number =>
    first[key] + ((layers - SMALL[0]) / (SMALL[1] - SMALL[0])) * Math.max(0, second[key] - first[key]);
  return { stepMs: extend("stepMs"), peakBytes: extend("peakBytes") };
}

function measureStep(job: StepJob, signal: AbortSignal): Promise<StepCost> {
  return new Promise((resolve, reject) => {
    const name = import.meta.url.endsWith(".ts") ? "./step-worker.ts" : "./step-worker.js"; // from the sources, or built
    const child = fork(fileURLToPath(new URL(name, import.meta.url)), {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      signal,
      killSignal: "SIGKILL",
    });
    let answer: { readonly cost?: StepCost; readonly problem?: string } = {};
    child.on("message", (message: typeof answer) => {
      answer = message;
    });
    let said = "";
    child.stderr!.on("data", (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-2000);
    });
    child.on("error", reject);
    child.on("close", (code, killedBy) => {
      const end = `the measuring process ended with ${killedBy ?? `code ${code}`}; is there enough memory?`;
      if (answer.cost !== undefined) resolve(answer.cost);
      else reject(new Error(answer.problem ?? (said === "" ? end : `${end} It said: ${said.trim()}`)));
    });
    child.send(job);
  });
}
