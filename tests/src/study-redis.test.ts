/** Studies shared over Redis: a real server, several processes, each with its own folder. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { random } from "@cambium/core";
import type { Study } from "@cambium/experiments";
import { expect, onTestFinished, type TestContext, test } from "vitest";
import { buildStudies, collect, freshFolder, only, resultsIn, startRunner, startsIn } from "./study-kit.ts";

const KILLS = 12;
const RUNS = 2 * (2 * (4 + 2 + 1) + 20);

const { built, loadStudy, reportStudy, runStudy, toyStudy } = await buildStudies("redis", ["run-toy-study"]);
const { default: study }: { default: Study } = await import(pathToFileURL(join(built, "run-toy-study.js")).href);
const pageOf = async (folder: string): Promise<string> => reportStudy(study, await loadStudy(study, folder)).html();

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a server that keeps nothing on disk, ended after the test. */
async function startServer(port: number): Promise<ChildProcess> {
  const server = spawn("redis-server", [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
  ]);
  onTestFinished(() => void server.kill("SIGKILL"));
  await new Promise<void>((resolve, reject) => {
    let text = "";
    server.stdout.on("data", (piece) => {
      text += piece;
      if (text.includes("Ready to accept connections")) resolve();
    });
    server.once("exit", () => reject(new Error(text)));
  });
  return server;
}

/** The address of a fresh server. */
async function freshServer({ skip }: Pick<TestContext, "skip">): Promise<string> {
  skip(
    spawnSync("redis-server", ["--version"]).status !== 0,
    "redis-server is not installed (apt-get install redis-server)",
  );
  const port = await freePort();
  await startServer(port);
  return `redis://127.0.0.1:${port}`;
}

test("over Redis a study gives the report that it gives without", async ({ skip }) => {
  const redis = await freshServer({ skip });
  const [shared, local] = [freshFolder(), freshFolder()];
  expect(await startRunner(built, shared, `${shared}.log`, { redis }).gone).toBeNull();
  expect(await startRunner(built, local, `${local}.log`).gone).toBeNull();
  expect(startsIn(`${shared}.log`)).toHaveLength(RUNS);
  expect(resultsIn(shared)).toEqual(resultsIn(local));
  expect(await pageOf(shared)).toBe(await pageOf(local));
});

test("two processes killed in turn lose no run, and start no finished run again", async ({ skip }) => {
  const redis = await freshServer({ skip });
  const folders = [freshFolder(), freshFolder()];
  const log = `${folders[0]}.log`;
  const options = { redis, leaseMs: 1500 };
  const start = (i: number) => startRunner(built, folders[i]!, log, options, 60);
  const runners = [start(0), start(1)];
  const moments = random(22);
  const finished = new Set<string>();
  const twice: string[] = [];
  for (let i = 0; i < KILLS; i++) {
    const [runs, ms] = moments.at(i).uniforms(2);
    const before = startsIn(log).length;
    const victim = runners[i % 2]!;
    const known = new Set(finished);
    await victim.finished(1 + Math.floor(3 * runs!));
    await setTimeout(60 * ms!);
    victim.process.kill("SIGKILL");
    await victim.gone;
    for (const folder of folders) for (const id of resultsIn(folder).keys()) finished.add(id);
    twice.push(
      ...startsIn(log)
        .slice(before)
        .filter(({ id }) => known.has(id))
        .map(({ id }) => id),
    );
    runners[i % 2] = start(i % 2);
  }
  for (const { gone } of runners) expect(await gone).toBeNull();
  expect(twice).toEqual([]);
  for (const { lines } of runners) expect(lines.at(-1)).toBe(`end ${RUNS} of ${RUNS}`);
  const ids = startsIn(log).map(({ id }) => id);
  expect(new Set(ids).size).toBe(RUNS);
  expect(ids.length - RUNS).toBeLessThanOrEqual(2 * KILLS); // each death had two runs under way
  const peace = freshFolder();
  expect(await startRunner(built, peace, `${peace}.log`).gone).toBeNull();
  for (const folder of folders) {
    expect(resultsIn(folder)).toEqual(resultsIn(peace));
    expect(await pageOf(folder)).toBe(await pageOf(peace));
  }
});

test("a call that comes when all is done takes the results from Redis and runs nothing", async ({ skip }) => {
  const redis = await freshServer({ skip });
  const [first, second] = [freshFolder(), freshFolder()];
  expect(await startRunner(built, first, `${first}.log`, { redis }).gone).toBeNull();
  expect(await startRunner(built, second, `${second}.log`, { redis }).gone).toBeNull();
  expect(startsIn(`${second}.log`)).toEqual([]);
  expect(resultsIn(second)).toEqual(resultsIn(first));
});

test("a server that comes back without its memory is given the open runs again", async ({ skip }) => {
  skip(
    spawnSync("redis-server", ["--version"]).status !== 0,
    "redis-server is not installed (apt-get install redis-server)",
  );
  const port = await freePort();
  const server = await startServer(port);
  const folder = freshFolder();
  const runner = startRunner(built, folder, `${folder}.log`, { redis: `redis://127.0.0.1:${port}`, leaseMs: 1500 }, 60);
  await runner.finished(5);
  server.kill("SIGKILL");
  await setTimeout(500);
  await startServer(port);
  expect(await runner.gone).toBeNull();
  expect(resultsIn(folder).size).toBe(RUNS);
});

test("a study that is stopped gives its runs back at once", async ({ skip }) => {
  const redis = await freshServer({ skip });
  const stop = new AbortController();
  const slow = toyStudy({ run: { name: "obedient" } });
  const events = [];
  for await (const event of runStudy(slow, { folder: freshFolder(), workers: 2, redis, signal: stop.signal })) {
    events.push(event);
    if (event.type === "output") stop.abort();
  }
  expect(only(events, "finish")).toEqual([]);
  expect(events.at(-1)).toMatchObject({ type: "end", reason: "stopped", done: 0, total: 10 });
});

test("failures are shared, and tried again when asked", async ({ skip }) => {
  const redis = await freshServer({ skip });
  const odd = toyStudy({ factors: { kind: ["throws", "good"] }, run: { name: "odd" }, replicate: "kind" });
  const folder = freshFolder();
  const first = await collect(runStudy(odd, { folder, redis }));
  expect(first.at(-1)).toMatchObject({ done: 1, failed: 1 });
  const other = await collect(runStudy(odd, { folder: freshFolder(), redis }));
  expect(only(other, "start")).toEqual([]);
  expect(other.at(-1)).toMatchObject({ done: 1, failed: 1 });
  const again = await collect(runStudy(odd, { folder, redis, retryFailed: true }));
  expect(only(again, "start").map(({ cell }) => cell)).toEqual([{ kind: "throws" }]);
});

test("an address where no server answers is an error that says so, without the password", async () => {
  const redis = `redis://user:secret@127.0.0.1:${await freePort()}`;
  const run = collect(runStudy(toyStudy(), { folder: freshFolder(), redis }));
  await expect(run).rejects.toMatchObject({
    code: "STATE",
    message: expect.stringMatching(/^runStudy: Redis at redis:\/\/127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/),
  });
});
