import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disposeParameters, random } from "@cambium/core";
import { attach, type Delta, head, ia3, lora, saveAdapter } from "@cambium/delta";
import { loadModel } from "@cambium/models";
import { sapling } from "@cambium/saplings";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recorded } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-subspace-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const MODEL = "sapling:bert-2x128";
const ROWS = at("rows.csv");
const solutions = ["mail", "news", "talk"].flatMap((task) =>
  ["lora", "ia3"].map((method) => `${task}:${method}=${at(`${task}-${method}`)}`),
);

beforeAll(async () => {
  writeFileSync(ROWS, "text,label\nfree prize,spam\nsee you at home,ham\nwin cash,spam\nthe meeting,ham\n");
  const base = await loadModel(sapling("bert-2x128"), {
    head: { kind: "sequence-classification", labels: ["ham", "spam"] },
  });
  const deltas: Record<string, Delta> = { lora: lora(base, { rank: 2 }, random(1)), ia3: ia3(base) };
  for (const [i, task] of ["mail", "news", "talk"].entries()) {
    for (const [method, delta] of Object.entries(deltas)) {
      const tuned = attach(base, delta, head(base));
      const values = new Map(
        [...tuned.parameters].map(([name, tensor]) => [name, random(i).at(name).normal(tensor.shape, 0, 0.1)]),
      );
      await saveAdapter(tuned.with(values), at(`${task}-${method}`));
      disposeParameters(values);
    }
  }
  for (const { parameters } of Object.values(deltas)) disposeParameters(parameters);
  disposeParameters(base.parameters);
});

test("a subspace is fitted, a task tuned in it, and its adapter handed to the other method", async () => {
  const space = at("space");
  const fitted = await recorded(["subspace", "fit", MODEL, ...solutions, "--dimension", "2", "--out", space, "--json"]);
  expect({ code: fitted.code, errors: fitted.errors }).toEqual({ code: 0, errors: [] });
  const { methods, tasks, explained, errors } = JSON.parse(fitted.out[0]!);
  expect({ methods, tasks }).toEqual({ methods: ["lora", "ia3"], tasks: ["mail", "news", "talk"] });
  expect(explained).toHaveLength(3);
  expect(errors.mail.lora).toBeLessThan(1);

  const flags = ["--method", "lora", "--data", ROWS, "--steps", "3", "--batch", "4"];
  const optimised = await recorded(["subspace", "optimise", MODEL, space, ...flags, "--out", at("new-lora"), "--json"]);
  expect({ code: optimised.code, errors: optimised.errors }).toEqual({ code: 0, errors: [] });
  const { coordinates } = JSON.parse(optimised.out[0]!);
  expect(coordinates).toHaveLength(2);
  expect(JSON.parse(readFileSync(join(at("new-lora"), "coordinates.json"), "utf8"))).toEqual({
    method: "lora",
    coordinates,
  });

  const moved = await recorded([
    ...["subspace", "transfer", MODEL, space, "--from", at("new-lora"), "--method", "ia3", "--out", at("new-ia3")],
  ]);
  expect({ code: moved.code, out: moved.out }).toEqual({
    code: 0,
    out: [`from lora to ia3; the adapter is in ${at("new-ia3")}`],
  });
  const page = (name: string): string => readFileSync(join(at(name), "report.html"), "utf8");
  expect(page("space")).toMatch(/2 coordinates hold [\d.]+ % of what 3 tasks differ by[\s\S]*<svg/);
  expect(page("new-lora")).toContain("Loss while the coordinates are trained");
  expect(page("new-ia3")).toMatch(/Coordinates that lora found in .*, decoded by ia3 without any training/);
  for (const adapter of ["new-lora", "new-ia3"]) {
    const said = await recorded(["predict", MODEL, "--adapter", at(adapter), "win a prize"]);
    expect(said.code).toBe(0);
    expect(said.out[0]).toMatch(/^(ham|spam) /);
  }
});

test.each<[string[], string]>([
  [
    ["fit", MODEL, "mail=adapters/mail", "--dimension", "1", "--out", "x"],
    '"mail=adapters/mail" is no solution; write task:method=folder',
  ],
  [
    ["fit", MODEL, solutions[0]!, solutions[3]!, "--dimension", "1", "--out", at("y")],
    "mail is not solved by ia3; news is not solved by lora",
  ],
  [["optimise", MODEL, at("nowhere"), "--method", "lora", "--data", ROWS, "--out", at("z")], "is no subspace"],
  [
    ["optimise", MODEL, at("nowhere"), "--method", "lora", "--data", ROWS, "--out", at("z"), "--rate", "0"],
    "--rate must be above 0",
  ],
  [
    ["transfer", MODEL, at("nowhere"), "--from", at("mail-lora"), "--method", "ia3", "--out", at("z")],
    "is no subspace",
  ],
])("wrong use of subspace %j is said in one line", async (args, message) => {
  const { code, errors } = await recorded(["subspace", ...args]);
  expect(code).toBe(2);
  expect(errors.at(-1)).toContain(message);
});
