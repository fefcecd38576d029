/** The `cambium` command as a process, as a user starts it. */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/workspace.mjs";
import { fromSources } from "./children.ts";

/** How the command ended. */
export interface Ended {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

/** Starts the command in a folder; `stopAt` is what it must print to be stopped by Ctrl-C, `killAt` to be killed. */
export async function cambium(
  cwd: string,
  args: readonly string[],
  { stopAt, killAt, ...env }: Record<string, string> = {},
): Promise<Ended> {
  mkdirSync(cwd, { recursive: true });
  const child = spawn(process.execPath, [...fromSources, join(root, "apps/cli/src/main.ts"), ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { out: "", err: "" };
  const note = (stream: "out" | "err") => (piece: string) => {
    texts[stream] += piece;
    if (killAt !== undefined && texts[stream].includes(killAt)) child.kill("SIGKILL");
    if (stopAt === undefined || !texts[stream].includes(stopAt)) return;
    stopAt = undefined;
    child.kill("SIGINT");
  };
  child.stdout.setEncoding("utf8").on("data", note("out"));
  child.stderr.setEncoding("utf8").on("data", note("err"));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, lines: texts.out.trimEnd().split("\n"), errors: texts.err };
}
