/** The first program that a newcomer types, as a subprocess: a smoke run, which trains a few steps in every way. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";

const folder = mkdtempSync(join(tmpdir(), "cambium-quickstart-"));
afterAll(() => rmSync(folder, { recursive: true }));

function quickstart(...args: string[]) {
  const command = ["--conditions=@cambium/source", "--import", "tsx", "apps/quickstart/src/main.ts", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: "utf8" });
  return { status, stdout, stderr };
}

const sentence = "a sword with a curved blade";

test("a smoke run classifies the sentence, leaves what Python needs, claims nothing, and is not done again", () => {
  const args = ["--quick", "--out", folder, "--text", sentence];
  const first = quickstart(...args);
  expect(first).toMatchObject({ status: 0, stderr: "" });
  expect(first.stdout).toMatch(new RegExp(`^"${sentence}": (\\w+ 0\\.\\d{3}(, )?){3}$`, "m"));
  expect(first.stdout).toContain("Its numbers say nothing");
  expect(first.stdout).not.toMatch(/\d %/);
  for (const file of ["adapter/adapter_model.safetensors", "base/config.json", "base/tokenizer.json"])
    expect(existsSync(join(folder, file)), file).toBe(true);
  expect(readFileSync(join(folder, "classify.py"), "utf8")).toContain(JSON.stringify([sentence]));
  expect(first.stdout).toContain("all weights, draw 1 of 1: done");

  const second = quickstart(...args);
  expect(second).toMatchObject({ status: 0, stderr: "" });
  expect(second.stdout).not.toContain("draw 1 of 1");
});

test("--help explains every option, and an unknown option is one line and exit code 2", () => {
  const { status, stdout } = quickstart("--help");
  expect(status).toBe(0);
  for (const option of ["--text", "--quick", "--out", "--readme"]) expect(stdout).toContain(option);
  const { status: wrong, stderr } = quickstart("--sede", "3");
  expect(wrong).toBe(2);
  expect(stderr).toMatch(/^quickstart: Unknown option '--sede'[^\n]*\n$/);
});
