import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disposeParameters, random } from "@cambium/core";
import { attach, type Delta, head, ia3, lora, saveAdapter } from "@cambium/delta";
import { loadModel, withHead } from "@cambium/models";
import { sapling } from "@cambium/saplings";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recorded } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-subspace-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const MODEL = "sapling:bert-2x128";
const ROWS = at("rows.csv");
const OTHER = at("other.csv");
const solutions = ["mail", "news", "talk"].flatMap((task) =>
  ["lora", "ia3"].map((method) => `${task}:${method}=${at(`${task}-${method}`)}`),
);

beforeAll(async () => {
  writeFileSync(ROWS, "text,label\nfree prize,spam\nsee you at home,ham\nwin cash,spam\nthe meeting,ham\n");
  writeFileSync(OTHER, "text,label\nfree prize,yes\nsee you at home,no\nwin cash,yes\nthe meeting,maybe\n");
  const base = await loadModel(sapling("bert-2x128"), {
    head: { kind: "sequence-classification", labels: ["ham", "spam"] },
  });
  const topics = withHead(base, { kind: "sequence-classification", labels: ["spam", "ham", "news"] }, random(1));
  const deltas: Record<string, Delta> = { lora: lora(base, { rank: 2 }, random(1)), ia3: ia3(base) };
  for (const [i, task] of ["mail", "news", "talk"].entries()) {
    for (const [method, delta] of Object.entries(deltas)) {
      const own = task === "news" ? topics : base; // of other labels, in another order
      const tuned = attach(own, delta, head(own as typeof base));
      const values = new Map(
        [...tuned.parameters].map(([name, tensor]) => [name, random(i).at(name).normal(tensor.shape, 0, 0.1)]),
      );
      await saveAdapter(tuned.with(values), at(`${task}-${method}`));
      disposeParameters(values);
    }
  }
  for (const { parameters } of Object.values(deltas)) disposeParameters(parameters);
  for (const name of topics.created) topics.parameters.get(name)!.dispose();
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
  const { id } = JSON.parse(readFileSync(join(space, "subspace.json"), "utf8"));
  expect(JSON.parse(readFileSync(join(at("new-lora"), "coordinates.json"), "utf8"))).toEqual({
    space: id,
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

test("a task of other labels gets another head, which goes to the other method with its coordinates", async () => {
  const space = at("space");
  const flags = ["--method", "lora", "--data", OTHER, "--steps", "2", "--batch", "4", "--seed", "0"];
  const optimised = await recorded(["subspace", "optimise", MODEL, space, ...flags, "--out", at("other-lora")]);
  expect(optimised).toMatchObject({
    code: 0,
    errors: ["a new head for maybe, no, yes is trained beside the coordinates"],
  });
  const to = ["--from", at("other-lora"), "--method", "ia3", "--out", at("other-ia3")];
  expect(await recorded(["subspace", "transfer", MODEL, space, ...to])).toMatchObject({ code: 0, errors: [] });
  const { out } = await recorded(["predict", MODEL, "--adapter", at("other-ia3"), "win a prize"]);
  expect(out[0]).toMatch(/^(maybe|no|yes) /);
});

test("coordinates of another subspace, and damaged files, are refused", async () => {
  const [space, other] = [at("space"), at("line")];
  const fitted = await recorded(["subspace", "fit", MODEL, ...solutions, "--dimension", "1", "--out", other]);
  expect(fitted.code).toBe(0);
  const write = (folder: string, name: string, value: unknown): void => {
    mkdirSync(at(folder), { recursive: true });
    writeFileSync(join(at(folder), name), JSON.stringify(value));
  };
  write("no-coordinates", "coordinates.json", {});
  write("no-index", "subspace.json", {});
  const transfer = (of: string, from: string) =>
    recorded(["subspace", "transfer", MODEL, of, "--from", from, "--method", "ia3", "--out", at("refused")]);
  for (const [of, from, message] of [
    [other, at("new-lora"), "are of another subspace, where they mean something else"],
    [space, at("no-coordinates"), "coordinates.json in"],
    [at("no-index"), at("new-lora"), "subspace.json in"],
  ] as const) {
    const { code, errors } = await transfer(of, from);
    expect({ code, said: errors.at(-1) }).toEqual({ code: 2, said: expect.stringContaining(message) });
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
