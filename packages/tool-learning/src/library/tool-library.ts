import type { Clock } from "@cambium/llm";
import type { Sandbox, SandboxLimits } from "@cambium/sandbox";
import type { LibraryTool, ToolCandidate, ToolStatus } from "./tool-record.ts";
import type { TestResult, ToolTest } from "./tool-test.ts";

/** Settings of `openLibrary`. */
export interface OpenLibraryOptions {
  /** Where tools are tried. It is not closed with the library. */
  readonly sandbox: Sandbox;
  /** Limits of the trials that differ from the sandbox's own. */
  readonly limits?: Partial<SandboxLimits>;
  /** @default the machine's */
  readonly clock?: Pick<Clock, "now">;
  /** Fresh ids. @default random UUIDs */
  readonly createId?: () => string;
}

/** What became of a tool that was offered. */
export interface Added {
  /** `new`: kept as a draft; `duplicate`: `tool`, which was there before, does the same. */
  readonly outcome: "new" | "duplicate";
  readonly tool: LibraryTool;
}

/** What the checks of a tool found. */
export interface CheckReport {
  readonly passed: boolean;
  /** What is not as it should be; empty when all is well. */
  readonly problems: readonly string[];
  readonly tests: readonly TestResult[];
}

/** Tools to look for. */
export interface ToolFilter {
  /** @default all */
  readonly statuses?: readonly ToolStatus[];
  /** @default both */
  readonly language?: "javascript" | "python";
}

/** A library of created tools. Every method rejects with a `StoreError` when the file cannot be read or written. */
export interface ToolLibrary {
  /** Newest versions, oldest tools first. */
  list(filter?: ToolFilter): Promise<readonly LibraryTool[]>;
  /** The newest version, by id or by name; of several tools with one name the one with the most passed uses. */
  get(idOrName: string): Promise<LibraryTool | undefined>;
  /** All versions of a tool, newest first. */
  history(id: string): Promise<readonly LibraryTool[]>;
  /**
   * Keeps a tool, unless one that does the same is there: same number and kinds of arguments, same behaviour on probes made
   * from the tests of both. Then the tests are added to that one.
   *
   * @throws {ConfigError} When the source holds no function.
   */
  add(candidate: ToolCandidate): Promise<Added>;
  /** A new version with another source. The old one is deprecated; tools that call it run their tests again. */
  update(id: string, source: string): Promise<{ readonly tool: LibraryTool; readonly failed: readonly LibraryTool[] }>;
  /** Adds tests. They are not run. */
  addTests(id: string, tests: readonly ToolTest[]): Promise<LibraryTool>;
  /** Loads the tool, runs its tests twice, and compares both runs. A verified tool that fails is quarantined. */
  check(id: string): Promise<CheckReport>;
  /** Counts a use for a question; the same question counts once. Tools that fail most questions are quarantined. */
  recordUse(id: string, use: { readonly question: string; readonly passed: boolean }): Promise<LibraryTool>;
  /** Makes a draft verified when it passes `check` and has solved two questions other than its first; else says why not. */
  promote(id: string): Promise<{ readonly tool: LibraryTool; readonly problems: readonly string[] }>;
  /** Sets the status by hand. */
  setStatus(id: string, status: ToolStatus, reason: string): Promise<LibraryTool>;
  /** The best tools for a question by the words of name, documentation and first question. */
  retrieve(question: string, options?: ToolFilter & { readonly limit?: number }): Promise<readonly LibraryTool[]>;
  /** The sources that must run before the tool can be called: its dependencies first, its own last. */
  sourcesOf(tool: LibraryTool): Promise<readonly string[]>;
  /** Closes the file. Calls made later reject. */
  close(): Promise<void>;
}
