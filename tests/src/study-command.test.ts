/** `cambium study` as a process, as a user starts it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cambium, type Ended } from "./cambium.ts";
import { freshFolder } from "./study-kit.ts";

const toy = join(import.meta.dirname, "programs/toy-study.ts");

const study = (cwd: string, args: readonly string[], settings: Record<string, string> = {}): Promise<Ended> =>
  cambium(cwd, ["study", ...args], settings);

test("plan prints runs, hours and claims, and starts no run", async () => {
  const cwd = freshFolder();
  const { code, lines } = await study(cwd, ["plan", toy, "--workers", "2"]);
  expect(code).toBe(0);
  expect(lines.slice(2)).toEqual([
    "warmup 0       3   36,000.0          3.00",
    "warmup 100     3   36,000.0          3.00",
    "6 runs, 0 done; 3 h 0 min with 2 workers that do not slow each other",
    "claim: Warm-up lowers the loss: mean loss of warmup 100 less that of warmup 0: at most -0.01 (95 % t interval over seed)",
  ]);
  expect(readdirSync(join(cwd, "runs/warm-up"))).toEqual(["steps.json"]);
});

test("run does all runs, status lists them, report writes a page and shows the claims", async () => {
  const cwd = freshFolder();
  const ran = await study(cwd, ["run", toy, "--workers", "2"]);
  expect(ran).toMatchObject({ code: 0, lines: ["finished: 6 of 6 runs done"] });
  expect(ran.errors).toContain("warmup 0, seed 1: done in ");
  const status = await study(cwd, ["status", toy, "--all"]);
  expect(status.lines.slice(0, 6)).toEqual(
    [0, 100].flatMap((warmup) => [1, 2, 3].map((seed) => `done: warmup ${warmup}, seed ${seed}`)),
  );
  expect(status.lines[6]).toBe("claim: Warm-up lowers the loss: held");
  const report = await study(cwd, ["report", toy]);
  expect(report.code).toBe(0);
  expect(report.lines[2]).toMatch(/^Warm-up lowers the loss .* -0\.250 nats \[-0\.250, -0\.250\], t, n = 3 +held$/);
  expect(report.lines.at(-1)).toBe("report: runs/warm-up/report.html");
  expect(readFileSync(join(cwd, "runs/warm-up/report.html"), "utf8")).toContain("Claims: 1 held, 0 not held, 0 open.");
  expect(existsSync(join(cwd, "runs/warm-up/figures/loss.svg"))).toBe(true);
});

test("Ctrl-C ends with 130, and the same command resumes", async () => {
  const cwd = freshFolder();
  const stopped = await study(cwd, ["run", toy, "--json"], { stopAt: '"type":"finish"', TOY_RUN_MS: "300" });
  expect(stopped.code).toBe(130);
  const events = stopped.lines.map((line) => JSON.parse(line));
  expect(events.at(-1)).toMatchObject({ type: "end", reason: "stopped" });
  const resumed = await study(cwd, ["run", toy, "--json"]);
  expect(resumed.code).toBe(0);
  const started = resumed.lines.map((line) => JSON.parse(line)).filter(({ type }) => type === "start");
  expect(started).toHaveLength(6 - events.at(-1).done);
});

test("a run that fails ends the command with 1, says which, and is tried again when asked", async () => {
  const cwd = freshFolder();
  const failed = await study(cwd, ["run", toy], { TOY_FAILS: "2" });
  expect(failed.code).toBe(1);
  expect(failed.errors).toContain("warmup 0, seed 2: failed: Error: diverged; 1 of 6 runs done, 1 failed");
  expect(failed.errors).toContain("cambium: study run: 2 runs failed");
  const { lines } = await study(cwd, ["status", toy]);
  expect(lines).toContain("failed: warmup 100, seed 2: Error: diverged");
  expect(lines).toContain("claim: Warm-up lowers the loss: open");
  expect(await study(cwd, ["run", toy, "--retry-failed"])).toMatchObject({
    code: 0,
    lines: ["finished: 6 of 6 runs done"],
  });
});
