/** What is used of jasmine, which comes without types. */
import { createRequire } from "node:module";

/** One specification, when it is over. */
export interface SpecResult {
  readonly id: string;
  readonly fullName: string;
  readonly status: "passed" | "failed" | "pending" | "excluded";
  readonly failedExpectations: readonly { readonly message: string; readonly stack?: string }[];
}

/** Failures outside of specifications. */
export interface DoneInfo {
  readonly failedExpectations: readonly { readonly message: string }[];
}

interface Environment {
  configure(settings: { random: boolean; specFilter: (spec: { getFullName(): string }) => boolean }): void;
  clearReporters(): void;
  addReporter(reporter: { specDone(result: SpecResult): void; jasmineDone(info: DoneInfo): void }): void;
  execute(): Promise<unknown>;
}

interface Jasmine {
  DEFAULT_TIMEOUT_INTERVAL: number;
  getEnv(): Environment;
}

/** Puts `describe`, `it` and the rest of jasmine into the global scope. */
export function bootJasmine(): Jasmine {
  const core = createRequire(import.meta.url)("jasmine-core") as { boot(): Jasmine };
  return core.boot();
}
