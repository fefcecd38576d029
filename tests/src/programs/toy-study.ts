// A study for the command: warm-up lowers a loss that is no model's, and one run fails where the environment says so.
import { setTimeout } from "node:timers/promises";
import { type Cell, defineStudy, type RunContext } from "@cambium/experiments";

export async function run({ warmup, seed }: Cell, { progress }: RunContext): Promise<{ loss: number }> {
  const { TOY_FAILS: fails, TOY_RUN_MS: ms = "0" } = process.env;
  progress(0.5);
  await setTimeout(Number(ms));
  if (seed === Number(fails)) throw new Error("diverged");
  return { loss: 2 - Number(warmup) / 400 + Math.sin(Number(seed)) / 50 };
}

export const step = (): object => ({ stepMs: 36_000, steps: 100 });

export default defineStudy({
  name: "warm-up",
  run: { module: import.meta.url, version: "1", step: { name: "step", per: ["warmup"] } },
  factors: { warmup: [0, 100], seed: [1, 2, 3] },
  metrics: { loss: { unit: "nats", digits: 3 } },
  claims: [
    { claim: "Warm-up lowers the loss", metric: "loss", where: { warmup: 100 }, minus: { warmup: 0 }, atMost: -0.01 },
  ],
});
