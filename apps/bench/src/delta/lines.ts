import { readFileSync } from "node:fs";

/** What a process says of its steps. */
export interface StepLine {
  readonly row: string;
  readonly size: string;
  readonly round: number;
  readonly backend: "onnx" | "pytorch";
  readonly medianMs: number;
  readonly processorMs: number;
  readonly peakMiB: number;
  /** Of forward passes absent. */
  readonly trainable?: number;
  readonly fileBytes?: number;
  readonly format?: "peft" | "native";
}

/** Where a run took place. */
export interface MachineLine {
  readonly machine: string;
  readonly cores: number;
  readonly node: string;
  readonly onnxruntime: string;
  readonly date: string;
  readonly size: string;
  readonly steps: number;
}

/** The lines of a results file. */
export function readLines(file: string): { readonly machine?: MachineLine; readonly steps: readonly StepLine[] } {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as StepLine & MachineLine);
  const machine = lines.find((line) => line.machine !== undefined);
  return { ...(machine !== undefined && { machine }), steps: lines.filter((line) => line.medianMs !== undefined) };
}
