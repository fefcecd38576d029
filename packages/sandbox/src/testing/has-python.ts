import { spawnSync } from "node:child_process";

/** Whether this machine has what the Python sandbox needs. */
export const hasPython: boolean = process.platform === "linux" && spawnSync("python3", ["--version"]).status === 0;
