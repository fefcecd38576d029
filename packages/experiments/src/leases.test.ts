import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { createLeases } from "./leases.ts";

const LEASE = 200;
const key = "0123456789abcdef0123456789abcdef";

function freshFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "cambium-leases-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** A claim of a process on another machine. */
function foreignClaim(folder: string): string {
  mkdirSync(join(folder, "claims"), { recursive: true });
  const file = join(folder, "claims", `${key}.1`);
  writeFileSync(file, JSON.stringify({ machine: "elsewhere", pid: 1 }));
  return file;
}

const nothingDone = () => false;

test("of several that claim a run at once exactly one gets it, and the next one after it was given back", async () => {
  const folder = freshFolder();
  const all = Array.from({ length: 8 }, () => createLeases(folder, 60_000));
  for (let round = 0; round < 20; round++) {
    const got = await Promise.all(all.map((leases) => leases.take(key)));
    expect(got.filter((taken) => taken)).toHaveLength(1);
    await all[got.indexOf(true)]!.release(key);
  }
  await Promise.all(all.map((leases) => leases.close(nothingDone)));
  expect(readdirSync(folder)).toEqual([]);
});

test.each([
  ["forwards", (i: number) => 1e9 + i],
  ["backwards", (i: number) => 2e9 - 3600 * i],
  ["far ahead and back", (i: number) => (i % 2 === 0 ? 4e9 : 1e9)],
])("a claim that is touched is respected, by a clock that goes %s", async (_, clock) => {
  const folder = freshFolder();
  const file = foreignClaim(folder);
  const leases = createLeases(folder, LEASE);
  for (let i = 0; i < 12; i++) {
    utimesSync(file, clock(i), clock(i));
    expect(await leases.take(key)).toBe(false);
    await setTimeout(LEASE / 4);
  }
  await leases.close(nothingDone);
});

test("a claim that stands still is taken over, once the watcher has seen that for long enough", async () => {
  const folder = freshFolder();
  foreignClaim(folder);
  const leases = createLeases(folder, LEASE);
  let looks = 1;
  while (!(await leases.take(key))) {
    looks += 1;
    await setTimeout(LEASE / 4);
  }
  // However long this process stood still in between: a look counts for a quarter of the time at most.
  expect(looks).toBeGreaterThanOrEqual(5);
  expect(readdirSync(join(folder, "claims")).sort()).toEqual([`${key}.1`, `${key}.2`]);
  await leases.close(nothingDone);
  expect(readdirSync(folder)).toEqual([]);
});

test("a claim of a process of this machine that is gone is taken over at once", async () => {
  const folder = freshFolder();
  const leases = createLeases(folder, 60_000);
  expect(await leases.take(key)).toBe(true);
  const file = join(folder, "claims", `${key}.1`);
  const { readFileSync } = await import("node:fs");
  const owner = JSON.parse(readFileSync(file, "utf8"));
  const other = createLeases(folder, 60_000);
  expect(await other.take(key)).toBe(false);
  writeFileSync(file, JSON.stringify({ ...owner, pid: 2 ** 22 + 1 })); // above the largest id of Linux
  expect(await other.take(key)).toBe(true);
  await leases.close(nothingDone);
  await other.close(nothingDone);
});

test("claims on runs that are done are removed at the end, whoever left them", async () => {
  const folder = freshFolder();
  foreignClaim(folder);
  await createLeases(folder, LEASE).close((done) => done === key);
  expect(readdirSync(folder)).toEqual([]);
});
