import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { describeFiles } from "./files-laws.fixture.ts";
import { folder } from "./folder.ts";

const root = mkdtempSync(join(tmpdir(), "core-folder-"));
afterAll(() => rmSync(root, { recursive: true }));

let count = 0;
const freshPath = (): string => join(root, String(count++));

/** Everything below a path, hidden files included. */
function everything(path: string): string[] {
  return existsSync(path) ? (readdirSync(path, { recursive: true }) as string[]).sort() : [];
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(1000);
  throw new Error("the source ran dry");
}

/** A process id that nobody has any more. */
const deadProcess = (): number => spawnSync(process.execPath, ["--version"]).pid;

describeFiles("folder", () => folder(freshPath()));

test("a failed write leaves nothing behind, not even the folders made for it", async () => {
  const path = freshPath();
  await expect(folder(path).write("a/b/c.bin", failing())).rejects.toThrow("ran dry");
  expect(existsSync(path)).toBe(false);
  await folder(path).write("a/kept", "x");
  await expect(folder(path).write("a/b/c.bin", failing())).rejects.toThrow("ran dry");
  await expect(folder(path).write("a/kept", failing())).rejects.toThrow("ran dry");
  expect(everything(path)).toEqual(["a", "a/kept"]);
});

test("a folder goes with its last file", async () => {
  const path = freshPath();
  await folder(path).write("a/b/c.bin", "x");
  await folder(path).write("a/d.bin", "x");
  await folder(path).remove("a/b/c.bin");
  expect(everything(path)).toEqual(["a", "a/d.bin"]);
});

test("a range is read without the rest of the file", async () => {
  const path = freshPath();
  mkdirSync(path);
  const large = join(path, "large.bin");
  writeFileSync(large, "");
  truncateSync(large, 2 ** 40); // a terabyte of nothing, which takes no room and could not be read whole
  expect(await folder(path).read("large.bin", { from: 2 ** 39, to: 2 ** 39 + 3 })).toEqual(new Uint8Array(3));
});

test("two writes of one file at a time leave the one or the other whole", async () => {
  const files = folder(freshPath());
  const contents = ["a", "b", "c", "d"].map((letter) => letter.repeat(100_000));
  await Promise.all(contents.map((content) => files.write("x", content)));
  expect(contents).toContain(new TextDecoder().decode(await files.read("x")));
  expect((await files.list()).map((file) => file.name)).toEqual(["x"]);
});

test("links to files are followed, dangling ones are not files", async () => {
  const path = freshPath();
  await folder(path).write("target", "content");
  symlinkSync("target", join(path, "link"));
  symlinkSync("nowhere", join(path, "dangling"));
  expect(await folder(path).list()).toEqual([
    { name: "link", sizeBytes: 7 },
    { name: "target", sizeBytes: 7 },
  ]);
});

test("writing through a link replaces the link, never the file it points to", async () => {
  const path = freshPath();
  await folder(path).write("target", "content");
  symlinkSync("target", join(path, "link"));
  await folder(path).write("link", "new");
  expect(new TextDecoder().decode(await folder(path).read("target"))).toBe("content");
});

test("an absent file's error names those that are there", async () => {
  const path = freshPath();
  await folder(path).write("sub/config.json", "{}");
  await expect(folder(path).read("config.json")).rejects.toThrow(
    `files: no "config.json" in ${path}; it has sub/config.json`,
  );
});

test("a folder is no file", async () => {
  const path = freshPath();
  await folder(path).write("sub/a", "content");
  const expected = { code: "FILE", details: { reason: "folder" } };
  await expect(folder(path).read("sub")).rejects.toMatchObject(expected);
  await expect(folder(path).size!("sub")).rejects.toMatchObject(expected);
  await expect(folder(path).write("sub", "x")).rejects.toMatchObject({ code: "FILE" });
  await expect(folder(path).remove("sub")).rejects.toMatchObject({ code: "FILE" });
  expect(everything(path)).toEqual(["sub", "sub/a"]);
});

test("a file given for a folder is an error that says so", async () => {
  const path = freshPath();
  await folder(path).write("a", "content");
  const files = folder(join(path, "a"));
  const expected = { code: "FILE", details: { reason: "folder", systemCode: "ENOTDIR" }, cause: { code: "ENOTDIR" } };
  await expect(files.list()).rejects.toMatchObject(expected);
  await expect(files.read("config.json")).rejects.toMatchObject(expected);
});

test("an unwritable folder is an error that says so", async ({ skip }) => {
  skip(process.getuid?.() === 0, "root may write everywhere");
  const path = freshPath();
  mkdirSync(path, { mode: 0o555 });
  await expect(folder(path).write("a", "x")).rejects.toMatchObject({ details: { reason: "forbidden" } });
});

/** Mounts a small file system in memory, hands its path to `use`, and unmounts it. */
async function withMount(
  options: string,
  skip: (reason: string) => never,
  use: (path: string, remount: (options: string) => void) => Promise<void>,
): Promise<void> {
  const path = freshPath();
  mkdirSync(path);
  const mount = (flags: string): Buffer =>
    execFileSync("mount", ["-t", "tmpfs", "-o", flags, "tmpfs", path], { stdio: "pipe" });
  try {
    mount(options);
  } catch (error) {
    skip(`no file system can be mounted here: ${String(error).split("\n").at(-1)}`);
  }
  try {
    await use(path, (flags) => mount(`remount,${flags}`));
  } finally {
    execFileSync("umount", [path]);
  }
}

test("on a full disk the former content stays and no temporary file does", async ({ skip }) => {
  await withMount("size=64k", skip, async (path) => {
    const files = folder(path);
    await files.write("a", "former");
    const full = { code: "FILE", details: { reason: "full", systemCode: "ENOSPC" }, cause: { code: "ENOSPC" } };
    await expect(files.write("a", new Uint8Array(100_000))).rejects.toMatchObject(full);
    await expect(files.write("sub/b", new Uint8Array(100_000))).rejects.toMatchObject(full);
    expect(new TextDecoder().decode(await files.read("a"))).toBe("former");
    expect(everything(path)).toEqual(["a"]);
    await files.write("b", new Uint8Array(30_000)); // the room is free again
  });
});

test("a read-only file system is an error that says so", async ({ skip }) => {
  await withMount("size=64k", skip, async (path, remount) => {
    const files = folder(path);
    await files.write("a", "former");
    remount("ro");
    await expect(files.write("a", "x")).rejects.toMatchObject({
      details: { reason: "read-only", systemCode: "EROFS" },
    });
    await expect(files.remove("a")).rejects.toMatchObject({ details: { reason: "read-only" } });
    expect(new TextDecoder().decode(await files.read("a"))).toBe("former");
  });
});

test("what a killed process left of a write is hidden, and the next write of the same name removes it", async () => {
  const path = freshPath();
  await folder(path).write("sub/a", "former");
  const leftover = `.a.${deadProcess()}-0123abcd@${hostname()}.tmp`;
  const others = [`.b.${deadProcess()}-0123abcd@${hostname()}.tmp`, `.a.${process.pid}-0123abcd@${hostname()}.tmp`];
  for (const name of [leftover, ...others]) writeFileSync(join(path, "sub", name), "half");
  expect(await folder(path).list()).toEqual([{ name: "sub/a", sizeBytes: 6 }]);
  await folder(path).write("sub/a", "new");
  expect(readdirSync(join(path, "sub")).sort()).toEqual([...others, "a"].sort());
});

test("kill -9 in the middle of a write leaves the former content", async () => {
  const path = freshPath();
  await folder(path).write("a", "former");
  const script = `
    const { folder } = await import(${JSON.stringify(new URL("./folder.ts", import.meta.url).href)});
    async function* endless() { for (;;) { yield new Uint8Array(1000); process.stdout.write("."); await new Promise(setImmediate); } }
    await folder(${JSON.stringify(path)}).write("a", endless());
  `;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const messages: string[] = [];
  child.stderr.on("data", (piece) => messages.push(String(piece)));
  await new Promise((resolve, reject) => {
    child.stdout.once("data", resolve);
    child.once("exit", () => reject(new Error(messages.join(""))));
  });
  const gone = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await gone;
  expect(readdirSync(path)).toHaveLength(2); // the half-written file is there, under its own name
  expect(await folder(path).list()).toEqual([{ name: "a", sizeBytes: 6 }]);
  expect(new TextDecoder().decode(await folder(path).read("a"))).toBe("former");
  await folder(path).write("a", "new");
  expect(readdirSync(path)).toEqual(["a"]);
});
