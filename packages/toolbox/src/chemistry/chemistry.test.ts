import { callTool, toolSet } from "@cambium/tool-learning";
import { expect, test } from "vitest";
import { ELEMENTS } from "./elements.ts";
import { balance, molarMass, parseFormula } from "./formula.ts";
import { chemistry } from "./tool.ts";

const kit = chemistry();

async function ask(verb: string, input: object): Promise<unknown> {
  const outcome = await callTool(toolSet(kit).get(`chemistry_${verb}`)!, input as never);
  return outcome.ok ? outcome.value : outcome.failure.message;
}

test.each([
  ["Ca(OH)2", { Ca: 1, O: 2, H: 2 }, 0],
  ["CuSO4·5H2O", { Cu: 1, S: 1, O: 9, H: 10 }, 0],
  ["[Fe(CN)6]4-", { Fe: 1, C: 6, N: 6 }, -4],
  ["SO4^2-", { S: 1, O: 4 }, -2],
  ["NH4+", { N: 1, H: 4 }, 1],
  ["Cu++", { Cu: 1 }, 2],
  ["C₆H₁₂O₆", { C: 6, H: 12, O: 6 }, 0],
])("%s has the atoms %o and the charge %i", (formula, atoms, charge) => {
  const found = parseFormula(formula);
  expect([Object.fromEntries(found.atoms), found.charge]).toEqual([atoms, charge]);
});

test("weights rise with the number but for the known exceptions", () => {
  const list = [...ELEMENTS.values()];
  expect(list).toHaveLength(94);
  const falls = list.filter(({ mass }, i) => i > 0 && mass < list[i - 1]!.mass).map(({ symbol }) => symbol);
  expect(falls).toEqual(["K", "Ni", "I", "Pa", "Np"]);
});

test("a mass by formula agrees with the one by structure", async () => {
  for (const [smiles, formula] of [
    ["CC(=O)Oc1ccccc1C(=O)O", "C9H8O4"],
    ["ClCCl", "CH2Cl2"],
    ["OS(=O)(=O)O", "H2SO4"],
  ] as const) {
    expect(await ask("structure", { smiles })).toMatchObject({
      molarMass: expect.closeTo(molarMass(parseFormula(formula)), 1),
    });
  }
});

test.each([
  ["H2 + O2 -> H2O", "2 H2 + O2 -> 2 H2O"],
  ["2 H2 + 9 O2 = H2O", "2 H2 + O2 -> 2 H2O"],
  ["MnO4^- + Fe^2+ + H+ -> Mn^2+ + Fe^3+ + H2O", "MnO4^- + 5 Fe^2+ + 8 H+ -> Mn^2+ + 5 Fe^3+ + 4 H2O"],
  [
    "K4Fe(CN)6 + KMnO4 + H2SO4 -> KHSO4 + Fe2(SO4)3 + MnSO4 + HNO3 + CO2 + H2O",
    "10 K4Fe(CN)6 + 122 KMnO4 + 299 H2SO4 -> 162 KHSO4 + 5 Fe2(SO4)3 + 122 MnSO4 + 60 HNO3 + 60 CO2 + 188 H2O",
  ],
])("%s is balanced as %s", (equation, balanced) => {
  expect(balance(equation).equation).toBe(balanced);
});

test("one molecule written in two ways is the same, and mirror images are not", async () => {
  expect(await ask("same", { first: "OCC", second: "CCO" })).toEqual({ same: true });
  expect(await ask("same", { first: "C[C@H](N)C(=O)O", second: "C[C@@H](N)C(=O)O" })).toEqual({ same: false });
});

test.each([
  ["mass", { formula: "Xx2" }, 'no element "Xx"'],
  ["mass", { formula: "Ca(OH2" }, "not closed"],
  ["mass", { formula: "h2o" }, "not understood"],
  ["mass", { formula: "C999999" }, "more than 100000 atoms"],
  ["balance", { equation: "H2 -> O2" }, "cannot be balanced"],
  ["balance", { equation: "H2 + O2" }, "two sides"],
  ["balance", { equation: "CO + H2 + O2 -> CO2 + H2O" }, "more than one way"],
  ["structure", { smiles: "C1CC(" }, "is no SMILES"],
  ["element", { element: "na" }, "written as in Na"],
])("%s of %o is refused", async (verb, input, message) => {
  expect(await ask(verb, input)).toMatch(message);
});
