/** Runs spec files on a backend and sums up what came of them. */
import { createRequire } from "node:module";
import { type BackendName, bundleSuite, CURRENT_FILE } from "./bundle.ts";
import { bootJasmine, type SpecResult } from "./jasmine.ts";

/** A specification that failed. */
export interface Failure {
  readonly name: string;
  /** Messages of its failed expectations. */
  readonly reasons: readonly string[];
}

/** One spec file. */
export interface FileReport {
  readonly file: string;
  readonly passed: number;
  readonly skipped: number;
  readonly failures: readonly Failure[];
}

/** The whole run. */
export interface SuiteReport {
  readonly backend: BackendName;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly durationMs: number;
  readonly files: readonly FileReport[];
  /** Failures outside of any specification. */
  readonly errors: readonly string[];
}

/** Which specifications run. */
export interface Selection {
  readonly files: readonly string[];
  /** Only specifications whose full name matches. */
  readonly name?: RegExp | undefined;
}

type It = (name: string, ...rest: unknown[]) => { id: string };
type Globals = Record<string, unknown>;

/** Remembers the file that each specification is declared in. */
function recordFiles(globals: Globals): Map<string, string> {
  const fileOf = new Map<string, string>();
  for (const name of ["it", "xit", "fit"]) {
    const declare = globals[name] as It;
    globals[name] = ((...parameters: Parameters<It>) => {
      const spec = declare(...parameters);
      fileOf.set(spec.id, globals[CURRENT_FILE] as string);
      return spec;
    }) satisfies It;
  }
  return fileOf;
}

function sumUp(
  backend: BackendName,
  results: readonly SpecResult[],
  fileOf: ReadonlyMap<string, string>,
): Omit<SuiteReport, "durationMs" | "errors"> {
  const byFile = new Map<string, SpecResult[]>();
  for (const result of results) {
    if (result.status === "excluded") continue;
    const file = fileOf.get(result.id)!;
    byFile.set(file, [...(byFile.get(file) ?? []), result]);
  }
  const count = (of: readonly SpecResult[], status: SpecResult["status"]): number =>
    of.filter((result) => result.status === status).length;
  const files = [...byFile].map(([file, of]) => ({
    file,
    passed: count(of, "passed"),
    skipped: count(of, "pending"),
    failures: of
      .filter(({ status }) => status === "failed")
      .map(({ fullName, failedExpectations }) => ({
        name: fullName,
        reasons: failedExpectations.map(({ message }) => message),
      })),
  }));
  return {
    backend,
    passed: count(results, "passed"),
    failed: count(results, "failed"),
    skipped: count(results, "pending"),
    files,
  };
}

/** Runs a selection of tfjs-core's specifications on a backend. Once in a process: jasmine and tfjs are global. */
export async function runSuite(backend: BackendName, { files, name }: Selection): Promise<SuiteReport> {
  const jasmine = bootJasmine();
  const fileOf = recordFiles(globalThis as unknown as Globals);
  const bundle = await bundleSuite(backend, files);
  createRequire(import.meta.url)(bundle);
  jasmine.DEFAULT_TIMEOUT_INTERVAL = 20_000;

  const environment = jasmine.getEnv();
  const results: SpecResult[] = [];
  const errors: string[] = [];
  environment.configure({ random: false, specFilter: (spec) => name?.test(spec.getFullName()) ?? true });
  environment.clearReporters();
  environment.addReporter({
    specDone: (result) => results.push(result),
    jasmineDone: ({ failedExpectations }) => errors.push(...failedExpectations.map(({ message }) => message)),
  });
  const start = performance.now();
  await environment.execute();
  const durationMs = Math.round(performance.now() - start);
  return { ...sumUp(backend, results, fileOf), durationMs, errors };
}
