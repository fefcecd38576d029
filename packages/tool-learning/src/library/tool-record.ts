import type { Json } from "@cambium/base";
import type { Interval } from "@cambium/evaluation";
import type { CreationLevel } from "../code/tool-shape.ts";
import type { ToolTest } from "./tool-test.ts";

/**
 * How far a tool is to be trusted. `draft`: it solved the question it was made for. `verified`: it passed its tests twice,
 * and solved two other questions. `trusted`: a person said so. `deprecated`: a newer version took its place.
 * `quarantined`: it failed a test, differed between two runs, or fails most questions.
 */
export type ToolStatus = "draft" | "verified" | "trusted" | "deprecated" | "quarantined";

/** Where a tool comes from. */
export interface ToolOrigin {
  /** The question that it was made for. */
  readonly question: string;
  readonly model: string;
  /** SHA-256 of the prompt that the tool is the reply to. */
  readonly promptHash: string;
  readonly trajectoryId: string;
}

/** One version of a tool in a library. */
export interface LibraryTool {
  /** The same for all versions. */
  readonly id: string;
  /** Name of the function. Two tools may share one. */
  readonly name: string;
  /** Semantic version: a patch keeps signature and tests, a minor version adds arguments, a major one breaks something. */
  readonly version: string;
  readonly language: "javascript" | "python";
  readonly source: string;
  /** SHA-256 of the source. */
  readonly sourceHash: string;
  readonly documentation: string;
  /** Parameters as written. */
  readonly parameters: readonly string[];
  /** JSON Schema of the arguments, an object by parameter name; read off the tests. */
  readonly inputSchema: Json;
  /** JSON Schema of what it returns; read off the tests. */
  readonly outputSchema: Json;
  /** Ids of library tools that it calls. */
  readonly dependencies: readonly string[];
  /** What it may do besides computing. Created tools may do nothing else. */
  readonly capabilities: readonly string[];
  readonly level: CreationLevel;
  readonly origin: ToolOrigin;
  readonly tests: readonly ToolTest[];
  readonly status: ToolStatus;
  /** Why it has this status. */
  readonly statusReason: string;
  /** Questions it was used for, and how many of them were answered. */
  readonly uses: { readonly total: number; readonly passed: number };
  /** Share of uses that ended with an answer, with its 95 % interval. */
  readonly successRate: Interval;
  /** Ms since 1970. */
  readonly createdMs: number;
}

/** A tool that wants to be kept. */
export interface ToolCandidate {
  readonly source: string;
  readonly origin: ToolOrigin;
  readonly tests: readonly ToolTest[];
  /** Ids of library tools that it calls. @default none */
  readonly dependencies?: readonly string[];
}
