/**
 * One bomb in its own process: prints how far its memory rose over what it had when the package was imported and
 * nothing had run, and over what it had after a first harmless program. Started by `sandbox.ts`.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { quickjs } from "../src/quickjs/quickjs.ts";
import { crossingBombs, memoryBombs } from "../src/testing/bombs.ts";

const { values } = parseArgs({ options: { bomb: { type: "string" } } });
const source = { ...memoryBombs, ...crossingBombs }[values.bomb as keyof typeof memoryBombs];
const mib = (bytes: number): number => Math.round(bytes / 2 ** 20);
const peakBytes = (): number => {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return kib === undefined ? process.resourceUsage().maxRSS * 1024 : Number(kib) * 1024;
};

const idle = process.memoryUsage.rss();
const startPeak = peakBytes(); // what loading the program took and gave back
const sandbox = quickjs({ limits: { wallMs: 30_000 } });
await sandbox.run("return 1;");
const warm = process.memoryUsage.rss();
const outcome = await sandbox.run(source);
const peak = peakBytes();
await sandbox.close();
console.log(
  JSON.stringify({
    code: outcome.ok ? "ok" : outcome.failure.code,
    idleMiB: mib(idle),
    peakOverIdleMiB: mib(peak - idle),
    peakOverWarmMiB: mib(peak - warm),
    ...(peak === startPeak ? { note: "the peak was reached while loading" } : {}),
  }),
);
