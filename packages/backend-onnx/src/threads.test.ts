import { expect, test } from "vitest";
import { defaultThreads, grantedCores } from "./threads.ts";

/** Reads from a made-up file system. */
const from =
  (files: Readonly<Record<string, string>>) =>
  (path: string): string | undefined =>
    files[path];

const v2 = (max: string, group = "/"): Record<string, string> => ({
  "/proc/self/cgroup": `0::${group}\n`,
  "/sys/fs/cgroup/cpu.max": max,
});

const v1 = (quota: string, group = "/"): Record<string, string> => ({
  "/proc/self/cgroup": `12:memory:${group}\n4:cpu,cpuacct:${group}\n1:name=systemd:${group}\n`,
  "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": `${quota}\n`,
  "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
});

test.each([
  ["version 2: two cores of time in each period", v2("200000 100000\n"), 2],
  ["version 2: no limit", v2("max 100000\n"), Number.POSITIVE_INFINITY],
  ["version 2: in a group whose folder the container does not see", v2("150000 50000\n", "/docker/1a2b"), 3],
  [
    "version 2: the strictest of a group and those that hold it",
    {
      ...v2("max 100000\n", "/users.slice/job"),
      "/sys/fs/cgroup/users.slice/cpu.max": "400000 100000\n",
      "/sys/fs/cgroup/users.slice/job/cpu.max": "800000 100000\n",
    },
    4,
  ],
  ["version 1: half a core", v1("50000"), 0.5],
  ["version 1: no limit", v1("-1"), Number.POSITIVE_INFINITY],
  [
    "version 1: its own group",
    {
      ...v1("-1", "/docker/1a2b"),
      "/sys/fs/cgroup/cpu/docker/1a2b/cpu.cfs_quota_us": "300000\n",
      "/sys/fs/cgroup/cpu/docker/1a2b/cpu.cfs_period_us": "100000\n",
    },
    3,
  ],
  ["another system, which has no control groups", {}, Number.POSITIVE_INFINITY],
])("%s", (_, files, cores) => {
  expect(grantedCores(from(files))).toBe(cores);
});

test("threads are whole cores, at least one, and no more than there are", () => {
  const threads = (quota: string): number => defaultThreads(from(v2(`${quota} 100000`)), 4);
  expect(["50000", "100000", "250000", "900000", "max"].map(threads)).toEqual([1, 1, 2, 4, 4]);
});

test("the files of this machine can be read, or are absent", () => {
  expect(defaultThreads()).toBeGreaterThanOrEqual(1);
});
