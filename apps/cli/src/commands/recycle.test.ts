import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disposeParameters, random } from "@cambium/core";
import { attach, head, lora, saveAdapter } from "@cambium/delta";
import { loadModel, loadTokenizer, saveModel } from "@cambium/models";
import { fingerprintModel, registerDelta, saveLineage } from "@cambium/recycling";
import { sapling } from "@cambium/saplings";
import { add, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recorded } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-recycle-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const OLD = "sapling:bert-2x128";
const ROWS = at("mail.csv");
const FLAGS = ["--table", ROWS, "--max-length", "16", "--batch", "4"];

beforeAll(async () => {
  const rows = ["free prize,spam", "see you at home,ham", "win cash,spam", "the meeting,ham"];
  const more = rows.flatMap((row) => [row, `now ${row}`, `then ${row}`]);
  writeFileSync(ROWS, `text,label\n${more.join("\n")}\n`);
  const source = sapling("bert-2x128");
  const base = await loadModel(source, {
    head: { kind: "sequence-classification", labels: ["ham", "spam"] },
    random: random(1),
  });
  const tuned = attach(base, lora(base, { rank: 2 }, random(1)), head(base));
  const values = new Map(
    [...tuned.parameters].map(([name, tensor]) => [
      name,
      tidy(() => add(tensor, random(2).at(name).normal(tensor.shape, 0, 0.1)) as Tensor),
    ]),
  );
  await saveAdapter(tuned.with(values), at("adapter"));
  await registerDelta(at("registry"), "mail", tuned.with(values), { task: "mail", score: 0.5 });
  const next = new Map(
    [...base.parameters].map(([name, tensor]) => [
      name,
      tidy(() => add(tensor, random(3).at(name).normal(tensor.shape, 0, 0.01)) as Tensor),
    ]),
  );
  const { head: _, ...bare } = await loadModel(source);
  const body = new Map([...bare.parameters.keys()].map((name) => [name, next.get(name)!]));
  await saveModel({ ...bare, parameters: body } as never, at("next"), { tokenizer: await loadTokenizer(source) });
  const model = await fingerprintModel(await loadModel(at("next")));
  await saveLineage(at("next"), { model, parent: await fingerprintModel(bare as never), corpus: "noise", steps: 1 });
  for (const tree of [base.parameters, tuned.parameters, values, next, bare.parameters]) disposeParameters(tree);
});

test("an adapter is carried over, measured and written, and the new model predicts with it", async () => {
  const out = at("carried");
  const run = ["recycle", OLD, at("next"), at("adapter"), ...FLAGS, "--steps", "4", "--out", out];
  const { code, out: lines, errors } = await recorded([...run, "--json"]);
  expect({ code, errors }).toEqual({ code: 0, errors: [] });
  const found = JSON.parse(lines[0]!);
  expect(found).toMatchObject({ verdict: "lineage", method: "both", flips: { rows: 3 } });
  expect(Object.keys(found.scores)).toEqual(["old model", "new model, untrained", "new model, both"]);
  expect(readFileSync(join(out, "report.html"), "utf8")).toContain("What users will notice");
  const said = await recorded(["predict", at("next"), "--adapter", out, "win a prize"]);
  expect(said.code).toBe(0);
  expect(said.out[0]).toMatch(/^(ham|spam) /);
});

test("without training it is applied as it is, by as much as serves", async () => {
  const direct = ["recycle", OLD, at("next"), at("adapter"), ...FLAGS, "--method", "direct", "--scale", "choose"];
  const { code, out, errors } = await recorded([...direct, "--out", at("direct")]);
  expect(code).toBe(0);
  expect(errors).toContainEqual(expect.stringMatching(/^λ = .* serves best/));
  expect(out.join("\n")).toContain("new model, untrained");
});

test("every delta of a registry is carried over out of one budget", async () => {
  mkdirSync(at("out"), { recursive: true });
  const flags = ["--all", at("registry"), "--data", folder, "--budget", "4", "--max-length", "16", "--batch", "4"];
  const { code, out, errors } = await recorded(["recycle", OLD, at("next"), ...flags, "--out", at("out"), "--json"]);
  expect({ code, errors }).toEqual({ code: 0, errors: [] });
  const found = JSON.parse(out[0]!);
  expect(found.tasks).toMatchObject([{ name: "mail" }]);
  expect(found.spent).toBeLessThanOrEqual(4);
  expect(JSON.parse(readFileSync(join(at("out"), "mail", "recycling.json"), "utf8")).from).toEqual(["mail"]);
});

test.each<[string[], string]>([
  [[OLD, "sapling:bert-4x256", at("adapter"), ...FLAGS], "does not fit sapling:bert-4x256: hidden_size was 128"],
  [[OLD, OLD, at("adapter")], "--table is needed"],
  [[OLD, OLD, ...FLAGS], "name the adapter's folder"],
  [[OLD, OLD, at("nowhere"), ...FLAGS], "there is no folder"],
  [[OLD, OLD, at("adapter"), ...FLAGS, "--method", "distil", "--scale", "1"], "would do nothing"],
  [[OLD, OLD, at("adapter"), ...FLAGS, "--labels", "ham,spam"], "leave out --labels"],
  [[OLD, OLD, at("adapter"), ...FLAGS, "--budget", "3"], "--budget goes with --all"],
  [[OLD, OLD, "--all", at("registry")], "needs --data"],
  [[OLD, OLD, at("adapter"), ...FLAGS, "--alpha", "2"], "from 0 to 1"],
  [
    [OLD, OLD, at("adapter"), ...FLAGS, "--method", "initialise", "--alpha", "0.5"],
    '--alpha is for a teacher, which "initialise" has not',
  ],
  [
    [OLD, OLD, at("adapter"), ...FLAGS, "--method", "direct", "--steps", "9"],
    '--steps is for training, and "direct" trains nothing',
  ],
  [
    [OLD, OLD, "--all", at("registry"), "--data", folder, "--budget", "4", "--method", "direct"],
    "--method does nothing with --all",
  ],
])("wrong use of recycle %j is said in one line", async (args, message) => {
  const { code, errors } = await recorded(["recycle", ...args, "--out", at("wrong")]);
  expect(code).toBe(2);
  expect(errors.join("\n")).toContain(message);
});
