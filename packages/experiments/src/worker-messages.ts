import type { Cell } from "./grid.ts";

/** What a worker process is told. */
export type ToWorker =
  | {
      readonly type: "run";
      readonly module: string;
      readonly name: string;
      readonly cell: Cell;
      readonly budget?: number;
      readonly scratch: string;
    }
  | { readonly type: "stop" };

/** What a worker process tells. */
export type FromWorker =
  | { readonly type: "progress"; readonly fraction: number }
  /** The result as canonical JSON, so that what JSON cannot say was an error there. */
  | { readonly type: "done"; readonly result: string; readonly durationMs: number }
  | { readonly type: "failed"; readonly message: string; readonly stack?: string };
