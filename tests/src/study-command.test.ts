/** `cambium study` as a process, as a user starts it. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";
import { freshFolder } from "./study-kit.ts";

const study = join(import.meta.dirname, "programs/toy-study.ts");

interface Ended {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

/** Starts the command in a folder; `stopAt` is what it must print to be stopped by Ctrl-C. */
async function cambium(
  cwd: string,
  args: readonly string[],
  { stopAt, ...env }: Record<string, string> = {},
): Promise<Ended> {
  mkdirSync(cwd, { recursive: true });
  const node = ["--conditions=@cambium/source", "--import", import.meta.resolve("tsx")];
  const child = spawn(process.execPath, [...node, join(root, "apps/cli/src/main.ts"), "study", ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { out: "", err: "" };
  const note = (stream: "out" | "err") => (piece: string) => {
    texts[stream] += piece;
    if (stopAt === undefined || !texts[stream].includes(stopAt)) return;
    stopAt = undefined;
    child.kill("SIGINT");
  };
  child.stdout.setEncoding("utf8").on("data", note("out"));
  child.stderr.setEncoding("utf8").on("data", note("err"));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, lines: texts.out.trimEnd().split("\n"), errors: texts.err };
}

test("plan prints runs, hours and claims, and starts no run", async () => {
  const cwd = freshFolder();
  const { code, lines } = await cambium(cwd, ["plan", study, "--workers", "2"]);
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
  const ran = await cambium(cwd, ["run", study, "--workers", "2"]);
  expect(ran).toMatchObject({ code: 0, lines: ["finished: 6 of 6 runs done"] });
  expect(ran.errors).toContain("warmup 0, seed 1: done in ");
  const status = await cambium(cwd, ["status", study, "--all"]);
  expect(status.lines.slice(0, 6)).toEqual(
    [0, 100].flatMap((warmup) => [1, 2, 3].map((seed) => `done: warmup ${warmup}, seed ${seed}`)),
  );
  expect(status.lines[6]).toBe("claim: Warm-up lowers the loss: held");
  const report = await cambium(cwd, ["report", study]);
  expect(report.code).toBe(0);
  expect(report.lines[2]).toMatch(/^Warm-up lowers the loss .* -0\.250 nats \[-0\.250, -0\.250\], t, n = 3 +held$/);
  expect(report.lines.at(-1)).toBe("report: runs/warm-up/report.html");
  expect(readFileSync(join(cwd, "runs/warm-up/report.html"), "utf8")).toContain("Claims: 1 held, 0 not held, 0 open.");
  expect(existsSync(join(cwd, "runs/warm-up/figures/loss.svg"))).toBe(true);
});

test("Ctrl-C ends with 130, and the same command resumes", async () => {
  const cwd = freshFolder();
  const stopped = await cambium(cwd, ["run", study, "--json"], { stopAt: '"type":"finish"', TOY_RUN_MS: "300" });
  expect(stopped.code).toBe(130);
  const events = stopped.lines.map((line) => JSON.parse(line));
  expect(events.at(-1)).toMatchObject({ type: "end", reason: "stopped" });
  const resumed = await cambium(cwd, ["run", study, "--json"]);
  expect(resumed.code).toBe(0);
  const started = resumed.lines.map((line) => JSON.parse(line)).filter(({ type }) => type === "start");
  expect(started).toHaveLength(6 - events.at(-1).done);
});

test("a run that fails ends the command with 1, says which, and is tried again when asked", async () => {
  const cwd = freshFolder();
  const failed = await cambium(cwd, ["run", study], { TOY_FAILS: "2" });
  expect(failed.code).toBe(1);
  expect(failed.errors).toContain("warmup 0, seed 2: failed: Error: diverged; 1 of 6 runs done, 1 failed");
  expect(failed.errors).toContain("cambium: study run: 2 runs failed");
  const { lines } = await cambium(cwd, ["status", study]);
  expect(lines).toContain("failed: warmup 100, seed 2: Error: diverged");
  expect(lines).toContain("claim: Warm-up lowers the loss: open");
  expect(await cambium(cwd, ["run", study, "--retry-failed"])).toMatchObject({
    code: 0,
    lines: ["finished: 6 of 6 runs done"],
  });
});
