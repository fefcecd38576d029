import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** The text of a file; nothing when it cannot be read. */
type ReadText = (path: string) => string | undefined;

const CGROUPS = "/sys/fs/cgroup";

/** A group's folder and those of the groups that hold it, which limit it too. */
function foldersUp(root: string, group: string): string[] {
  const names = group.split("/").filter((name) => name !== "");
  return [root, ...names.map((_, i) => `${root}/${names.slice(0, i + 1).join("/")}`)];
}

/** Cores that a time per period amounts to; negative times and words mean that there is no limit. */
function coresOf(quota: string | undefined, period: string | undefined): number {
  const [time, length] = [Number(quota), Number(period)];
  return time > 0 && length > 0 ? time / length : Number.POSITIVE_INFINITY;
}

/** Cores that a line of `/proc/self/cgroup` (`number:controllers:group`) grants. */
function coresOfGroup(line: string, read: ReadText): number {
  const [, controllers = "", ...rest] = line.split(":");
  const group = rest.join(":");
  if (controllers === "")
    return Math.min(
      ...foldersUp(CGROUPS, group).map((folder) => {
        const [quota, period] = read(`${folder}/cpu.max`)?.trim().split(" ") ?? [];
        return coresOf(quota, period);
      }),
    );
  if (!controllers.split(",").includes("cpu")) return Number.POSITIVE_INFINITY;
  return Math.min(
    ...foldersUp(`${CGROUPS}/cpu`, group).map((folder) =>
      coresOf(read(`${folder}/cpu.cfs_quota_us`), read(`${folder}/cpu.cfs_period_us`)),
    ),
  );
}

/**
 * Cores that a Linux control group grants to this process, infinite without a limit. Both versions are read. Containers
 * often see their own group as the root of the tree, so a group whose folder is missing counts as its nearest parent.
 *
 * @see The kernel's documentation, cgroup-v2.rst (`cpu.max`) and sched-bwc.rst (`cpu.cfs_quota_us`).
 */
export function grantedCores(read: ReadText): number {
  const lines = read("/proc/self/cgroup")?.trim().split("\n") ?? [];
  return Math.min(Number.POSITIVE_INFINITY, ...lines.map((line) => coresOfGroup(line, read)));
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // another system, or not ours to read
  }
}

/**
 * Threads that pay: the cores this process may run on, of which a control group may grant fewer. Whole cores, as Node
 * counts them from version 24 on, and at least one.
 */
export function defaultThreads(read: ReadText = readText, cores: number = availableParallelism()): number {
  return Math.max(1, Math.floor(Math.min(cores, grantedCores(read))));
}
