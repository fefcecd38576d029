import type { RunContext } from "../src/index.ts";

/** A run that computes and does nothing else: how long it takes is what the study adds to. */
export function run({ rounds }: { readonly rounds: number }): { sum: number; cpuMs: number; durationMs: number } {
  const [from, before] = [performance.now(), process.cpuUsage()];
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum += Math.sqrt(i) * Math.sin(i);
  const { user, system } = process.cpuUsage(before);
  return { sum, cpuMs: (user + system) / 1000, durationMs: performance.now() - from };
}

/** A run that waits. */
export async function asleep({ ms }: { readonly ms: number }, { progress }: RunContext): Promise<object> {
  progress(0);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return {};
}
