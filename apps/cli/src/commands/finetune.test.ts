import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { recorded } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-cli-finetune-"));
afterAll(() => rmSync(folder, { recursive: true }));

const plain = "text,label\na b c,x\nd e f,y\n";

test.each<[string, string | Uint8Array, string, readonly string[]]>([
  ["ragged", "text,label\na b c,x\nd, e f,y\n", "ragged.csv, row 3: expected 2 fields (text, label), got 3", []],
  [
    "unclosed",
    'text,label\n"a b c,x\n',
    "unclosed.csv, row 2: its last field begins with a quote that is never closed",
    [],
  ],
  ["latin", Uint8Array.of(0x61, 0x2c, 0x62, 0x0a, 0xe9, 0x2c, 0x62), "latin.csv is not UTF-8; save it as that", []],
  ["empty", "", "empty.csv is empty", []],
  ["bare", "text\na b\n", "no column of bare.csv looks like the label; it has text; say which: --label", []],
  ["double", "message,body,label\na b,c d,x\ne f,g h,y\n", "message, body; say which: --text message", []],
  ["stars", "text,stars\na b,1\nc d,2\ne f,3\n", "say which: --kind classes or --kind numbers", []],
  [
    "wrong",
    plain,
    'wrong.csv has no column "lable" for label, it has text, label; was "label" meant',
    ["--label", "lable"],
  ],
  ["rare", "text,label\na b,x\nc d,x\ne f,x\ng h,y\n", 'class "y" of rare.csv has one row (row 5), it needs 3', []],
  ["hundred", "text,score\na b,0.5\nc d,100\n", "holds numbers from 0.5 to 100; scale them", []],
  ["texts", "prompt,completion\na b,what comes next\nc d,something else here\n", "holds texts to be written", []],
])("a table that is %s gets one line that says where", async (name, content, message, flags) => {
  const path = join(folder, `${name}.csv`);
  writeFileSync(path, content);
  const { code, out, errors } = await recorded([
    "finetune",
    path,
    "--model",
    "none",
    "--out",
    join(folder, name),
    ...flags,
  ]);
  expect(errors.at(-1)).toMatch(/^cambium: finetune: [^\n]*$/);
  expect(errors.at(-1)).toContain(message);
  expect([code, out]).toEqual([2, []]);
});

test.each([
  ["a rate out of range", ["--rate", "2"], "above 0 and below 1"],
  ["another method", ["--method", "magic"], "Allowed choices are lora, head, whole"],
  ["no model", [], "required option '--model <model>'"],
])("%s is told", async (_, flags, message) => {
  const model = flags.length === 0 ? [] : ["--model", "none"];
  const { code, errors } = await recorded(["finetune", "t.csv", ...model, ...flags]);
  expect(code).toBe(2);
  expect(errors.join("\n")).toContain(message);
});

test("a table that is not there and a sapling that does not exist are told", async () => {
  const absent = await recorded(["finetune", join(folder, "none.csv"), "--model", "none"]);
  expect(absent).toMatchObject({ code: 2, errors: [expect.stringContaining('no "none.csv" in')] });
  const sapling = await recorded(["predict", "sapling:bert-9x9", "a"]);
  expect(sapling.errors[0]).toContain("known are sapling:bert-2x128@1, sapling:bert-4x256@1, sapling:bert-4x256@2");
});
