import { existsSync } from "node:fs";
import { join } from "node:path";
import type { HintLevel } from "@cambium/tool-learning";
import type { Setting } from "@cambium/toolbox";
import { UseError } from "../io.ts";
import type { Format } from "./problem-sets.ts";
import type { ToolModelFlags } from "./tool-model.ts";

/** What the flags of `tools eval` hold. */
export interface EvalFlags extends ToolModelFlags {
  readonly format?: Format;
  readonly setting: readonly Setting[];
  readonly each: number;
  readonly world: number;
  readonly offer?: number;
  readonly turns: number;
  readonly calling: "native" | "text";
  readonly method: readonly string[];
  readonly hints: readonly HintLevel[];
  readonly numbersOnly?: true;
  readonly limit?: number;
  readonly grader: "strict" | "paper";
  readonly concurrency: number;
  readonly sample: number;
  readonly rounds: number;
  readonly faithful?: true;
  readonly thought?: true;
  readonly demonstrations?: string;
  readonly out: string;
  readonly resume?: true;
  readonly json?: true;
}

/** What a run left undone, and why. */
export interface Left {
  readonly open: number;
  /** Whether they are sets, not rows. @default false */
  readonly isSets?: boolean;
  readonly why?: string;
}

/** Results are added to on request only. */
export function refuseOld({ out, resume }: EvalFlags, names: readonly string[]): void {
  const old = names.map((name) => join(out, name)).find((folder) => existsSync(join(folder, "manifest.json")));
  if (old !== undefined && !resume)
    throw new UseError(`tools eval: ${old} holds results; continue them by --resume, or name another folder by --out`);
}
