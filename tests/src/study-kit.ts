/** What tests of studies share: the package in files that worker processes start quickly, and toy studies. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { RunCode, Study, StudyEvent, StudyOptions } from "@cambium/experiments";
import { build } from "esbuild";
import { afterAll, onTestFinished } from "vitest";
import { root } from "../../scripts/workspace.mjs";

type Experiments = typeof import("@cambium/experiments");

/** The package as it was built, and where. */
export interface Studies extends Experiments {
  /** The folder of what was built: the package is `index.js` in it. */
  readonly built: string;
  /** A study of two methods over five seeds. */
  toyStudy(options?: Partial<Omit<StudyOptions, "run">> & { run?: Partial<RunCode> }): Study;
}

/** Builds the package, its worker and the runs of the tests into a folder from which BullMQ is found. */
export async function buildStudies(name: string, programs: readonly string[] = []): Promise<Studies> {
  const built = join(root, "packages/experiments/node_modules/.cache", name);
  const sources = join(root, "packages/experiments/src");
  await build({
    entryPoints: {
      index: join(sources, "index.ts"),
      worker: join(sources, "worker.ts"),
      ...Object.fromEntries(
        ["study-runs", ...programs].map((program) => [program, join(import.meta.dirname, `programs/${program}.ts`)]),
      ),
    },
    outdir: built,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    conditions: ["@cambium/source"],
    external: ["bullmq", "ioredis", "canvas"],
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "error",
  });
  writeFileSync(join(built, "package.json"), '{ "type": "module" }');
  afterAll(() => rmSync(built, { recursive: true }));
  const experiments: Experiments = await import(pathToFileURL(join(built, "index.js")).href);
  const module = pathToFileURL(join(built, "study-runs.js")).href;
  return {
    ...experiments,
    built,
    toyStudy: ({ run, ...options } = {}) =>
      experiments.defineStudy({
        name: "toy",
        factors: { method: ["a", "b"], seed: [1, 2, 3, 4, 5] },
        metrics: { accuracy: {} },
        ...options,
        run: { module, version: "1", ...run },
      }),
  };
}

/** A folder that does not exist yet, removed after the test. */
export function freshFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "cambium-study-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return join(path, "study");
}

/** All events of a study. */
export async function collect(events: AsyncIterable<StudyEvent>): Promise<StudyEvent[]> {
  const all: StudyEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** The events of one type. */
export function only<Type extends StudyEvent["type"]>(
  events: readonly StudyEvent[],
  type: Type,
): Extract<StudyEvent, { type: Type }>[] {
  return events.filter((event): event is Extract<StudyEvent, { type: Type }> => event.type === type);
}

/** A process that runs the toy study of `programs/run-toy-study.ts`. */
export interface Runner {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  readonly lines: readonly string[];
  /** Resolves when it has printed so many finished runs, or is gone. */
  finished(count: number): Promise<void>;
  /** How it ended: a signal, or `null` when by itself. */
  readonly gone: Promise<NodeJS.Signals | null>;
}

/** One start of a run, as `noted` in `programs/study-runs.ts` writes it down. */
export interface Start {
  readonly id: string;
  readonly pid: number;
  readonly at: number;
}

/** Starts the toy study on a folder; its runs note their starts in `log`. */
export function startRunner(
  built: string,
  folder: string,
  log: string,
  options: object = {},
  runMs: number | "forever" = 15,
): Runner {
  const env = { ...process.env, STUDY_LOG: log, STUDY_RUN_MS: String(runMs) };
  const child = spawn(process.execPath, [join(built, "run-toy-study.js"), folder, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
    env,
  });
  const lines: string[] = [];
  const waiting: { count: number; go: () => void }[] = [];
  const finished = (): number => lines.filter((line) => line.startsWith("finish ")).length;
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
    const complete = text.split("\n");
    text = complete.pop()!;
    lines.push(...complete);
    for (const { count, go } of waiting) if (finished() >= count) go();
  });
  const gone = new Promise<NodeJS.Signals | null>((resolve) => child.once("close", (_, signal) => resolve(signal)));
  return {
    process: child,
    lines,
    gone,
    finished: (count) =>
      Promise.race([
        gone.then(() => undefined),
        new Promise<void>((go) => {
          if (finished() >= count) go();
          waiting.push({ count, go });
        }),
      ]),
  };
}

/** The starts that runs have noted, in order. */
export function startsIn(log: string): Start[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** What results depend on, of the results in a folder: `[cell, budget]` as text, as runs note their starts. */
export function resultsIn(folder: string): Map<string, string> {
  const runs = join(folder, "runs");
  if (!existsSync(runs)) return new Map();
  return new Map(
    readdirSync(runs)
      .filter((name) => /^[0-9a-f]{32}\.json$/.test(name))
      .map((name) => {
        const { of, result } = JSON.parse(readFileSync(join(runs, name), "utf8"));
        // The cell's factors are in the order of the study; the record's are sorted.
        const { method, seed, rate } = of.cell;
        return [JSON.stringify([{ method, seed, rate }, of.budget ?? null]), JSON.stringify(result)] as const;
      }),
  );
}
