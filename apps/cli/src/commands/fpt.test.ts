import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adapterHead } from "@cambium/delta";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recorded } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-fpt-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
beforeAll(() => writeFileSync(at("rows.csv"), "text,label\nfree prize,spam\nsee you at home,ham\n"));
const fpt = (...flags: readonly string[]) =>
  recorded(["fpt", at("rows.csv"), "--model", "sapling:bert-2x128", ...flags]);

test("a folder that holds something else is left as it is", async () => {
  const out = mkdtempSync(join(folder, "adapter-"));
  writeFileSync(join(out, "adapter_config.json"), "{}");
  const { code, errors } = await fpt("--out", out);
  expect({ code, errors }).toEqual({
    code: 2,
    errors: [`cambium: fpt: ${out} holds something else; name another folder`],
  });
  expect(readdirSync(out)).toEqual(["adapter_config.json"]);
});

test("so few steps that no part of the model gets one are refused", async () => {
  const flags = ["--saving", "0.01", "--steps", "5", "--max-length", "8", "--seed", "0"];
  const { code, errors } = await fpt(...flags, "--out", at("few"));
  expect(code).toBe(2);
  expect(errors.at(-1)).toContain("of 5 steps none is left for parts of the model; take more --steps");
});

test("numbers that are far from zero are refused, as finetune refuses them", async () => {
  const table = at("far.csv");
  writeFileSync(table, "text,score\na good day,75.5\na bad day,12.25\na fine day,88\n");
  const { code, errors } = await recorded(["fpt", table, "--model", "sapling:bert-2x128", "--out", at("far")]);
  expect(code).toBe(2);
  expect(errors.at(-1)).toContain('fpt: column "score" of far.csv holds numbers from 12.25 to 88; scale them');
});

test("a column of numbers is learnt as numbers, unless they are said to be classes", async () => {
  const texts = ["a good day", "a bad day", "a fine day", "a poor day", "a day"];
  const table = at("scores.csv");
  writeFileSync(table, `text,score\n${texts.map((text, index) => `${text},${index + 0.5}`).join("\n")}\n`);
  const tune = (out: string, ...flags: readonly string[]) =>
    recorded([
      ...["fpt", table, "--model", "sapling:bert-2x128", "--steps", "6", "--max-length", "8"],
      ...["--out", at(out), ...flags],
    ]);
  const { code, errors } = await tune("numbers");
  expect(code).toBe(0);
  expect(errors.join("\n")).toContain("stage 1, steps 1 to 1: 1 of 2 layers, 128 of 512 neurons in them");
  expect(await adapterHead(at("numbers"))).toMatchObject({ kind: "regression" });
  expect(await tune("classes", "--kind", "classes")).toMatchObject({ code: 0 });
  expect(await adapterHead(at("classes"))).toMatchObject({ labels: ["0.5", "1.5", "2.5", "3.5", "4.5"] });
});
