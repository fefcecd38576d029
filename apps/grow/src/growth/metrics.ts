import { readFile } from "node:fs/promises";
import type { StepEvent } from "@cambium/train";

/** The steps of a run from its file of events, each once: after a crash some were taken, and written down, twice. */
export async function readSteps(file: string): Promise<readonly StepEvent[]> {
  const lines = (await readFile(file, "utf8").catch(() => "")).split("\n");
  const steps = lines.flatMap((line) => {
    const event = line === "" ? undefined : (JSON.parse(line) as { readonly type: string });
    return event?.type === "step" ? [event as StepEvent] : [];
  });
  return [...new Map(steps.map((event) => [event.step, event])).values()].sort((a, b) => a.step - b.step);
}
