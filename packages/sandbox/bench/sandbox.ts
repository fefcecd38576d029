/**
 * `pnpm bench:sandbox`: start times, memory of bombs, fresh runs and hostile programs of `quickjs()`. Prints
 * JSON lines; exits with 1 when something escaped or a bound that it promises is broken.
 */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { defaultLimits } from "../src/limits.ts";
import { quickjs } from "../src/quickjs/quickjs.ts";
import { attackMany } from "../src/testing/attack.ts";
import { crossingBombs, memoryBombs } from "../src/testing/bombs.ts";

const HELP = `usage: pnpm bench:sandbox [options]

  --part NAME      starts, bombs, fresh or hostile only
  --starts N       measured starts (default 300)
  --fresh N        harmless runs in a row (default 10000)
  --hostile N      hostile programs (default 10000)
  --seed N         the first hostile seed (default 0)
`;

const { values } = parseArgs({
  options: {
    part: { type: "string" },
    starts: { type: "string", default: "300" },
    fresh: { type: "string", default: "10000" },
    hostile: { type: "string", default: "10000" },
    seed: { type: "string", default: "0" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const broken: string[] = [];
const print = (part: string, row: object): void => console.log(JSON.stringify({ part, ...row }));
const round = (value: number): number => Math.round(value * 10) / 10;
const rssMiB = (): number => Math.round(process.memoryUsage.rss() / 2 ** 20);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** From the call of `run` to its outcome, for the shortest program: an upper bound on the start. */
async function measureStart(sandbox: ReturnType<typeof quickjs>): Promise<number> {
  const from = performance.now();
  const outcome = await sandbox.run("return 1;");
  if (!outcome.ok) throw new Error(`a harmless program failed: ${outcome.failure.message}`);
  return performance.now() - from;
}

async function benchStarts(count: number): Promise<void> {
  const sandbox = quickjs();
  const firstMs = await measureStart(sandbox);
  for (const [mode, pauseMs] of [
    ["with a pause of 20 ms", 20],
    ["one after the other", 0],
  ] as const) {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      if (pauseMs > 0) await pause(pauseMs);
      times.push(await measureStart(sandbox));
    }
    times.sort((a, b) => a - b);
    const at = (share: number): number => round(times[Math.min(count - 1, Math.floor(share * count))]!);
    print("starts", { mode, count, firstMs: round(firstMs), medianMs: at(0.5), p95Ms: at(0.95), maxMs: at(1) });
    if (pauseMs > 0 && (at(0.5) > 15 || at(0.95) > 40)) broken.push("starts");
  }
  await sandbox.close();
}

function benchBombs(): void {
  const allowedMiB = defaultLimits.memoryBytes / 2 ** 20 + 32;
  let worst = 0;
  for (const bomb of Object.keys({ ...memoryBombs, ...crossingBombs })) {
    const program = fileURLToPath(new URL("./bomb.ts", import.meta.url));
    const run = spawnSync(process.execPath, [...process.execArgv, program, "--bomb", bomb], {
      encoding: "utf8",
    });
    if (run.status !== 0) throw new Error(run.stderr);
    const row = JSON.parse(run.stdout) as { peakOverIdleMiB: number };
    worst = Math.max(worst, row.peakOverIdleMiB);
    print("bombs", { bomb, ...row });
  }
  print("bombs", { worstOverIdleMiB: worst, allowedMiB });
  if (worst > allowedMiB) broken.push("bombs");
}

async function benchFresh(count: number): Promise<void> {
  const sandbox = quickjs();
  const rss = [];
  const from = performance.now();
  for (let i = 0; i < count; i++) {
    await measureStart(sandbox);
    if ((i + 1) % Math.ceil(count / 10) === 0) rss.push(rssMiB());
  }
  await sandbox.close();
  print("fresh", { count, rssMiB: rss, perSecond: round((1000 * count) / (performance.now() - from)) });
}

async function benchHostile(first: number, count: number): Promise<void> {
  const sandbox = quickjs({ concurrency: 3, limits: { memoryBytes: 32 * 2 ** 20 } });
  const from = performance.now();
  const { ends, escapes, crashes } = await attackMany(sandbox, { first, count, wallMs: 100, concurrency: 3 });
  await sandbox.close();
  const seconds = round((performance.now() - from) / 1000);
  print("hostile", { firstSeed: first, count, escapes: escapes.length, ends, seconds, rssMiB: rssMiB() });
  for (const found of escapes) print("escape", found);
  for (const found of crashes) print("crash", found);
  if (escapes.length + crashes.length > 0) broken.push("hostile");
}

print("machine", { node: process.version, cpu: cpus()[0]?.model, cpus: cpus().length });
const wants = (part: string): boolean => values.part === undefined || values.part === part;
if (wants("starts")) await benchStarts(Number(values.starts));
if (wants("bombs")) benchBombs();
if (wants("fresh")) await benchFresh(Number(values.fresh));
if (wants("hostile")) await benchHostile(Number(values.seed), Number(values.hostile));
if (broken.length > 0) {
  print("broken", { parts: broken });
  process.exitCode = 1;
}
