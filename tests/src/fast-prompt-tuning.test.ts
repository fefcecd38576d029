/** The program that grows a model under a prompt, its command, and the study at its smallest, as subprocesses. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";
import { fromSources } from "./children.ts";

const out = mkdtempSync(join(tmpdir(), "cambium-fpt-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

function run(program: string, ...args: string[]) {
  const command = [...fromSources, program, ...args];
  return spawnSync(process.execPath, command, { cwd: root, encoding: "utf8" });
}

test("a quick run shows both costs of both ways, and writes curves and numbers", () => {
  const { status, stdout, stderr } = run("apps/grow-prompt/src/main.ts", "--quick", "--out", join(out, "grow"));
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(/\d+ % of the operations saved, -?\d+ % of the seconds, on onnx/);
  const [whole, growing] = JSON.parse(readFileSync(join(out, "grow/results.json"), "utf8"));
  expect(growing.flops).toBeLessThan(whole.flops);
  expect(growing.growths).toHaveLength(3);
  for (const name of ["operations.svg", "seconds.svg"])
    expect(readFileSync(join(out, "grow", name), "utf8")).toContain("<svg");
});

test("the command saves an adapter and says what was saved", () => {
  const table = join(out, "table.csv");
  writeFileSync(
    table,
    "text,label\nfree prize call now,spam\nwin cash today,spam\nsee you at home,ham\nthe meeting is at noon,ham\n",
  );
  const flags = [
    "--model",
    "sapling:bert-2x128",
    "--steps",
    "10",
    "--max-length",
    "16",
    "--out",
    join(out, "cli"),
    "--json",
  ];
  const { status, stdout } = run("apps/cli/src/main.ts", "fpt", table, "--saving", "0.3", ...flags);
  expect(status).toBe(0);
  expect(JSON.parse(stdout).saved).toBeGreaterThan(0.2);
  expect(existsSync(join(out, "cli/adapter_config.json"))).toBe(true);
});

test("the study's smallest extent runs, and its page says what has not been run", () => {
  const study = "apps/studies/fast-prompt-tuning/src/main.ts";
  const folder = join(out, "study");
  const done = run(study, "run", "--smoke", "--only", "encoder", "--workers", "2", "--out", folder);
  expect(done).toMatchObject({ status: 0, stderr: "" });
  expect(run(study, "report", "--smoke", "--out", folder)).toMatchObject({ status: 0, stderr: "" });
  const page = readFileSync(join(folder, "page.md"), "utf8");
  const [, encoder, decoder] = page.split("\n## ");
  expect(encoder).toMatch(/15 of 15 runs done/);
  expect(encoder).toMatch(/\| (held|not held) \|/);
  expect(decoder).toContain("| not run yet |");
  expect(run(study, "status", "--only", "encoders")).toMatchObject({ status: 2 });
});
