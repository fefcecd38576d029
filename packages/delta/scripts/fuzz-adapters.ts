/**
 * Loads altered adapters: each must give a typed error that leaves nothing behind, or load and run.
 *
 *     pnpm fuzz:adapters [COUNT] [FROM]        10,000 from 0 unless said
 */
import { disposeParameters, useBackend } from "@cambium/core";
import { fuzzAdapters, openFuzzBench } from "../src/files/mutate.fixture.ts";

const [count = "10000", from = "0"] = process.argv.slice(2);
await useBackend("cpu");
const bench = await openFuzzBench();
const totals: Record<string, number> = {};
let failures = 0;
const end = Number(from) + Number(count);
for (let start = Number(from); start < end; start += 500) {
  const { outcomes, problems } = await fuzzAdapters(bench, start, Math.min(end, start + 500));
  for (const [outcome, number] of Object.entries(outcomes)) totals[outcome] = (totals[outcome] ?? 0) + number;
  for (const problem of problems) console.error(problem);
  failures += problems.length;
  console.log(`${Math.min(end, start + 500)}: ${JSON.stringify(totals)}, ${failures} problems`);
}
disposeParameters(bench.base.parameters);
process.exitCode = failures === 0 ? 0 : 1;
