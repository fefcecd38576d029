/** Programs that are killed and started again. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { build } from "esbuild";

/** Bundles a program of `programs/` into one file, so that each of the many starts is a quick one. */
export async function bundle(name: string, folder: string): Promise<string> {
  const outfile = join(folder, `${name}.cjs`);
  await build({
    entryPoints: [join(import.meta.dirname, `programs/${name}.ts`)],
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    mainFields: ["module", "main"], // what tfjs declares free of side effects in its Node file is not
    conditions: ["@cambium/source"],
    external: ["@cambium/backend-onnx", "@tensorflow/tfjs-backend-wasm"],
    logLevel: "error",
  });
  return outfile;
}

/** From the start of a process to its end. */
export interface Life {
  /** Lines written, as they were when the process ended. */
  readonly lines: readonly string[];
  readonly signal: NodeJS.Signals | null;
}

/** Runs a program, and kills it so many steps and milliseconds after its first step. */
export async function live(
  program: string,
  path: string,
  death?: { readonly steps: number; readonly ms: number },
): Promise<Life> {
  const child = spawn(process.execPath, [program, path], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", async (piece: string) => {
    text += piece;
    if (death === undefined || child.killed || text.split("\n").length - 2 < death.steps) return;
    const { ms } = death;
    death = undefined;
    await setTimeout(ms);
    child.kill("SIGKILL");
  });
  const signal = await new Promise<NodeJS.Signals | null>((resolve) => child.on("close", (_, by) => resolve(by)));
  return { lines: text.trim().split("\n"), signal };
}

/** Steps that a life took. */
export const stepsOf = ({ lines }: Life): number[] =>
  lines.filter((line) => line.startsWith("step ")).map((line) => Number(line.slice(5)));

/** Bits that a life ended with, line by line. */
export const endOf = ({ lines }: Life): string[] => lines.filter((line) => line.startsWith("end "));
