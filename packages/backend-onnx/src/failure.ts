/** Errors of graphs: which operations of the program, by their tfjs names, led to them. */
import { totalmem } from "node:os";
import type { Operation } from "./graph.ts";
import type { Program } from "./program.ts";

/** Operations that a message names. */
const NAMED = 5;

const nameOf = ({ kernel, outputs }: Operation): string => `${kernel} [${outputs[0]!.shape}]`;

const inputsOf = ({ inputs }: Operation): string =>
  inputs.flatMap((input) => (input === undefined ? [] : `${input.type} [${input.shape}]`)).join(", ");

/** An operation, its inputs, and what led to it, the nearest first: `GatherV2 [3,2] of float32 [1,2], int32 [3] ← Cast [3]`. */
function describe(culprit: Operation): string {
  const queue = [culprit];
  const names = new Set<string>();
  for (const operation of queue) {
    if (operation === culprit) names.add(`${nameOf(culprit)} of ${inputsOf(culprit)}`);
    else if (operation.kernel !== "Reshape") names.add(nameOf(operation));
    if (names.size === NAMED) break;
    queue.push(...operation.inputs.flatMap((input) => input?.producer ?? []));
  }
  return [...names].join(" ← ");
}

/** A graph could not be compiled or run. `code` is "STATE", as for all errors of this kind in Cambium. */
export class GraphError extends Error {
  readonly code = "STATE";
  constructor(message: string, options: ErrorOptions) {
    super(message, options);
    this.name = "GraphError";
  }
}

/** What the runtime threw at a program, with the operation that it failed at and what led there. */
export function graphError({ operations }: Program, cause: unknown): GraphError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  // Nodes carry the names of the kernels that traced them; where the runtime tells none, the last operation stands for all.
  const culprit = operations.find((operation) => detail.includes(`${nameOf(operation)} #`)) ?? operations.at(-1)!;
  return new GraphError(`backend-onnx: the graph failed at ${describe(culprit)}: ${detail}`, { cause });
}

/** A tensor would not fit into this machine's memory. `code` is "STATE", as for all errors of this kind in Cambium. */
export class AllocationError extends Error {
  readonly code = "STATE";
  /** What the tensor would need. */
  readonly sizeBytes: number;
  constructor(message: string, sizeBytes: number) {
    super(message);
    this.name = "AllocationError";
    this.sizeBytes = sizeBytes;
  }
}

/** Memory of the machine, or what a control group leaves of it. */
const memoryBytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/**
 * Refuses a tensor that cannot fit. Left to itself, the system would hand out the memory and end the process when it is
 * written to.
 *
 * @throws {AllocationError} When it needs more than the whole memory.
 */
export function checkSize(kernel: string, shape: readonly number[], sizeBytes: number): void {
  if (sizeBytes <= memoryBytes) return;
  throw new AllocationError(
    `${kernel}: a tensor [${shape}] needs ${gib(sizeBytes)}, this machine has ${gib(memoryBytes)}; work in smaller parts`,
    sizeBytes,
  );
}
