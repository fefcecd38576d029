import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openActivations } from "@cambium/emotion-probing";
import { afterAll, expect, test } from "vitest";
import { recorded } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-probe-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: unknown): string => {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
};

const MODEL = "sapling:bert-2x128";
const few = ["--emotions", "joy,love,fear,anger", "--template", "i feel {emotion} .", "--template", "{emotion} came ."];

test("run finds similarities and neurons, and writes a page, a figure and JSON", async () => {
  const out = join(folder, "probe");
  const config = file("config.json", { resamples: 20, top: 3 });
  const {
    code,
    out: lines,
    errors,
  } = await recorded(["probe", "run", MODEL, ...few, "--config", config, "--out", out]);
  expect({ code, errors }).toEqual({ code: 0, errors: [`${join(out, "report.html")} shows it`] });
  expect(lines[0]).toMatch(/^4 concepts, 1024 neurons at 2 sites; reliability -?\d\.\d{3}$/);
  expect(lines.join("\n")).toMatch(/valence +all +-?\d\.\d{3}/);
  const stored = JSON.parse(readFileSync(join(out, "probe.json"), "utf8"));
  expect(stored.similarity).toHaveLength(6);
  expect(stored.concepts.joy).toHaveLength(3);
  expect(readFileSync(join(out, "similarity.svg"), "utf8")).toContain("<svg");
  expect(existsSync(join(out, "report.html"))).toBe(true);
  const again = await recorded(["probe", "run", MODEL, ...few, "--config", config, "--json"]);
  expect(JSON.parse(again.out[0]!)).toEqual(stored);
});

test("capture writes activations that can be opened", async () => {
  const out = join(folder, "activations");
  const { code, out: lines } = await recorded([
    "probe",
    "capture",
    MODEL,
    "joy",
    "fear and anger",
    "--sites",
    "L1.ffn.act",
    "--out",
    out,
  ]);
  expect({ code, lines }).toEqual({ code: 0, lines: [`2 of 2 texts in ${out}`] });
  const { sites, read } = await openActivations(out);
  expect(sites).toEqual([{ path: "encoder.layer.1.intermediate", width: 512 }]);
  expect(await read(sites[0]!.path)).toHaveLength(2);
});

test("compare tests RDMs", async () => {
  const conditions = ["a", "b", "c", "d", "e"];
  const data = file("data.json", { conditions, values: [4, 4, 17, 21, 12, 7, 27, 27, 23, 22] });
  const model = file("model.json", { conditions, values: [1, 1, 2, 3, 1, 2, 3, 2, 3, 2] });
  const { code, out } = await recorded(["probe", "compare", data, model, "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(out[0]!).models[0]).toMatchObject({ p: 0.05, permutations: 120, exact: true });
  const table = await recorded(["probe", "compare", data, model]);
  expect(table.out.join("\n")).toMatch(/0\.7462 +0\.0500/);
});

test("sites are named in every naming", async () => {
  const { out } = await recorded(["probe", "sites", MODEL]);
  expect(out.join("\n")).toMatch(
    /L\{i\}\.ffn\.act +ff\.act +encoder\.layer\.0\.intermediate +512 +blocks\.\{i\}\.mlp\.hook_post/,
  );
  expect(out.join("\n")).toMatch(/L\{i\}\.ffn\.pre +ff\.pre +encoder\.layer\.0\.intermediate\.dense/);
  const one = await recorded(["probe", "sites", MODEL, "--name", "blocks.1.mlp.hook_post", "--json"]);
  expect(JSON.parse(one.out[0]!)).toMatchObject([{ path: "encoder.layer.1.intermediate", role: "ff.act" }]);
});

test.each<[string, readonly string[], string]>([
  ["a template without a place", ["run", MODEL, "--template", "i feel"], "does not say {emotion}"],
  [
    "an option that does not exist",
    ["run", MODEL, "--config", file("wrong.json", { templetes: [] })],
    'is "templates" meant?',
  ],
  ["randomness in a file", ["run", MODEL, "--config", file("random.json", { random: 1 })], "--seed is for randomness"],
  [
    "a site that does not exist",
    ["capture", MODEL, "a", "--sites", "ffn.act", "--out", join(folder, "x")],
    'no site "ffn.act"',
  ],
  ["a file that is no RDM", ["compare", file("no.json", [1]), file("no.json", [1])], 'must hold { "conditions"'],
  [
    "a method that does not exist",
    [
      "compare",
      file("a.json", { conditions: ["a", "b", "c"], values: [1, 2, 3] }),
      file("b.json", { conditions: ["a", "b", "c"], values: [1, 2, 4] }),
      "--method",
      "spearmen",
    ],
    '"spearman" meant',
  ],
])("%s is wrong use", async (_, args, message) => {
  const { code, errors } = await recorded(["probe", ...args]);
  expect(errors.join("\n")).toContain(message);
  expect(code).toBe(2);
});
