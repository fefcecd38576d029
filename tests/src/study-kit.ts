/** What tests of studies share: the package in files that worker processes start quickly, and toy studies. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
