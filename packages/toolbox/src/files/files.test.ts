import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callTool, toolSet } from "@cambium/tool-learning";
import { expect, onTestFinished, test } from "vitest";
import { files } from "./tool.ts";

async function ask(kit: ReturnType<typeof files>, verb: string, input: object): Promise<unknown> {
  const outcome = await callTool(toolSet(kit).get(`files_${verb}`)!, input as never);
  return outcome.ok ? outcome.value : outcome.failure.message;
}

function onDisk() {
  const root = mkdtempSync(join(tmpdir(), "cambium-files-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const inside = join(root, "inside");
  mkdirSync(inside);
  writeFileSync(join(root, "secret.txt"), "canary");
  writeFileSync(join(inside, "a.txt"), "one\ntwo\n");
  return { root, inside };
}

test("the simulated folder and one on disk behave alike", async () => {
  const { inside } = onDisk();
  const simulated = files();
  simulated.restore({ files: { "a.txt": "one\ntwo\n" } });
  for (const kit of [simulated, files({ folder: inside })]) {
    expect(await ask(kit, "append", { name: "a.txt", text: "three" })).toEqual({ name: "a.txt", lines: 3 });
    expect(await ask(kit, "edit", { name: "a.txt", old: "two\n", new: "2\n" })).toEqual({ name: "a.txt" });
    expect(await ask(kit, "move", { from: "a.txt", to: "b/c.txt" })).toEqual({ name: "b/c.txt" });
    expect(await ask(kit, "read", { name: "b/c.txt", fromLine: 2 })).toEqual({
      text: "2\nthree",
      fromLine: 2,
      lines: 3,
    });
    expect(await ask(kit, "search", { text: "THREE" })).toEqual({
      count: 1,
      found: [{ name: "b/c.txt", line: 3, text: "three" }],
    });
    expect(await ask(kit, "list", { folder: "b" })).toEqual({ count: 1, files: [{ name: "b/c.txt", sizeBytes: 12 }] });
    expect(await ask(kit, "read", { name: "a.txt" })).toMatch('no file "a.txt"');
  }
  expect(readFileSync(join(inside, "b/c.txt"), "utf8")).toBe("one\n2\nthree\n");
  expect(simulated.snapshot()).toEqual({ files: { "b/c.txt": "one\n2\nthree\n" } });
});

test.each([["../secret.txt"], ["/etc/passwd"], ["b/../../secret.txt"], ["..\\secret.txt"], ["a\u0000.txt"]])(
  "the name %j leads nowhere",
  async (name) => {
    const { inside } = onDisk();
    for (const kit of [files(), files({ folder: inside })]) {
      expect(await ask(kit, "read", { name })).toMatch("is no name of a file");
      expect(await ask(kit, "create", { name, text: "x" })).toMatch("is no name of a file");
    }
  },
);

test("links out of the folder are not followed, neither by reading nor by writing", async () => {
  const { root, inside } = onDisk();
  symlinkSync(join(root, "secret.txt"), join(inside, "link.txt"));
  symlinkSync(root, join(inside, "up"));
  const kit = files({ folder: inside });
  expect(await ask(kit, "read", { name: "link.txt" })).toMatch("leads out of the folder");
  expect(await ask(kit, "read", { name: "up/secret.txt" })).toMatch("leads out of the folder");
  expect(await ask(kit, "create", { name: "up/new.txt", text: "x" })).toMatch("leads out of the folder");
  expect(JSON.stringify(await ask(kit, "search", { text: "canary" }))).not.toContain('"count":1');
});

test.each([
  ["create", { name: "shopping.txt", text: "x" }, "already"],
  ["edit", { name: "shopping.txt", old: "no such text", new: "x" }, "read it first"],
  ["edit", { name: "shopping.txt", old: "\n", new: "x" }, "holds this text 4 times"],
  ["move", { from: "shopping.txt", to: "settings.json" }, "already"],
  ["remove", { name: "constructor" }, "no file"],
])("%s of %o is refused and changes nothing", async (verb, input, message) => {
  const kit = files();
  const start = kit.snapshot();
  expect(await ask(kit, verb, input)).toMatch(message);
  expect(kit.snapshot()).toEqual(start);
});
