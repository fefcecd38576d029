/** Downloads by several processes, by ones that are killed, and onto a disk that is full. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { hub } from "./hub.ts";
import { useEmptyHome } from "./hub-home.fixture.ts";
import { etagOf, serveHub } from "./hub-server.fixture.ts";

const A = "a".repeat(40);
const weights = Uint8Array.from({ length: 100_000 }, (_, i) => (i * i) % 251);
const etag = etagOf(weights);

const home = useEmptyHome();
const blobs = (): string[] => readdirSync(join(home.repository, "blobs"));

/** A process that reads the file, and prints its checksum. */
function start(url: string): { child: ReturnType<typeof spawn>; end: Promise<string> } {
  const script = `
    const { hub, sha256 } = await import(${JSON.stringify(new URL("./index.ts", import.meta.url).href)});
    console.log(sha256(await hub("org/name", { endpoint: ${JSON.stringify(url)}, retryDelayMs: 1 }).read("model.bin")));
  `;
  const flags = ["--conditions=@cambium/source", "--import", "tsx", "--input-type=module", "--eval", script];
  const child = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => (said += String(piece)));
  return { child, end: new Promise((resolve) => child.once("close", () => resolve(said.trim()))) };
}

test("kill -9 in the middle of a download leaves nothing that counts as whole, and the next one takes up what arrived", async () => {
  let hang = true;
  let reached = (): void => undefined;
  const waiting = new Promise<void>((resolve) => (reached = resolve));
  const { url, stored } = await serveHub({
    commits: { [A]: { "model.bin": weights } },
    revisions: { main: A },
    storage(_request, response, content) {
      if (!hang) return false;
      hang = false;
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 70_000));
      reached();
      return true;
    },
  });
  const { child, end } = start(url);
  await waiting;
  const arrived = (): boolean => statSync(join(home.repository, "blobs", blobs()[0]!)).size === 70_000;
  await vi.waitFor(() => expect(arrived()).toBe(true), { timeout: 200_000, interval: 20 });
  child.kill("SIGKILL");
  await end;
  expect(blobs()).toEqual([expect.stringMatching(new RegExp(`^${etag}\\.${child.pid}-.*\\.incomplete$`))]);
  await expect(hub("org/name", { offline: true, revision: A }).read("model.bin")).rejects.toMatchObject({
    code: "FILE",
  });
  expect(await hub("org/name", { endpoint: url }).read("model.bin")).toEqual(weights);
  expect(stored.map(({ range }) => range)).toEqual([undefined, "bytes=70000-"]);
  expect(blobs()).toEqual([etag]);
});

test("processes that fetch one file at a time do not corrupt it", async () => {
  let calls = 0;
  const { url } = await serveHub({
    commits: { [A]: { "model.bin": weights } },
    revisions: { main: A },
    storage(_request, response, content) {
      calls++;
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 50_000));
      const rest = (): void => (calls < 3 ? void setTimeout(rest, 20) : void response.end(content.subarray(50_000)));
      rest(); // all are in the middle of it at one time
      return true;
    },
  });
  const others = [start(url), start(url)];
  expect(await hub("org/name", { endpoint: url }).read("model.bin")).toEqual(weights);
  expect(await Promise.all(others.map(({ end }) => end))).toEqual([etag, etag]);
  expect(blobs()).toEqual([etag]);
});

test("a full disk is an error that says so, and leaves nothing", async ({ skip }) => {
  const { url } = await serveHub({ commits: { [A]: { "model.bin": weights, "a.txt": "a" } }, revisions: { main: A } });
  const path = join(home.path, "small");
  mkdirSync(path);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", path], { stdio: "pipe" });
  } catch (error) {
    skip(`no file system can be mounted here: ${String(error).split("\n").at(-1)}`);
  }
  try {
    const opened = hub("org/name", { endpoint: url, cache: path });
    await expect(opened.read("model.bin")).rejects.toMatchObject({ code: "FILE", details: { reason: "full" } });
    expect(readdirSync(join(path, "models--org--name", "blobs"))).toEqual([]);
    expect(new TextDecoder().decode(await opened.read("a.txt"))).toBe("a");
  } finally {
    execFileSync("umount", [path]);
  }
});
