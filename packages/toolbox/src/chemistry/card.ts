import { makeCard, type ToolCard } from "../card.ts";
import { givesNumber, names } from "../checks.ts";
import type { FullSetup } from "../setup.ts";

/** Formulae and their molar masses in g/mol, as handbooks give them. */
const MASSES: readonly (readonly [name: string, formula: string, mass: number])[] = [
  ["water", "H2O", 18.015],
  ["glucose", "C6H12O6", 180.156],
  ["calcium hydroxide", "Ca(OH)2", 74.092],
  ["copper sulfate pentahydrate", "CuSO4·5H2O", 249.68],
  ["aluminium sulfate", "Al2(SO4)3", 342.13],
  ["potassium permanganate", "KMnO4", 158.03],
  ["sodium carbonate", "Na2CO3", 105.99],
  ["ethanol", "C2H6O", 46.07],
];

/** Equations and the coefficients that balance them. */
const EQUATIONS: readonly (readonly [equation: string, coefficients: readonly number[]])[] = [
  ["Fe + O2 -> Fe2O3", [4, 3, 2]],
  ["C3H8 + O2 -> CO2 + H2O", [1, 5, 3, 4]],
  ["Al + HCl -> AlCl3 + H2", [2, 6, 2, 3]],
  ["KMnO4 + HCl -> KCl + MnCl2 + H2O + Cl2", [2, 16, 2, 2, 8, 5]],
  ["C2H6 + O2 -> CO2 + H2O", [2, 7, 4, 6]],
  ["NH3 + O2 -> NO + H2O", [4, 5, 4, 6]],
  ["Ca3(PO4)2 + SiO2 + C -> CaSiO3 + CO + P4", [2, 6, 10, 6, 10, 1]],
];

const STRUCTURES: readonly (readonly [name: string, smiles: string, formula: string, rings: number])[] = [
  ["aspirin", "CC(=O)Oc1ccccc1C(=O)O", "C9H8O4", 1],
  ["caffeine", "Cn1cnc2c1c(=O)n(C)c(=O)n2C", "C8H10N4O2", 2],
  ["ibuprofen", "CC(C)Cc1ccc(cc1)C(C)C(=O)O", "C13H18O2", 1],
  ["naphthalene", "c1ccc2ccccc2c1", "C10H8", 2],
  ["menthol", "CC1CCC(C(C)C)C(O)C1", "C10H20O", 1],
];

const GROUPS: readonly (readonly [name: string, smiles: string, holders: readonly string[]])[] = [
  ["carboxyl group C(=O)O", "C(=O)O", ["aspirin", "ibuprofen"]],
  ["benzene ring", "c1ccccc1", ["aspirin", "ibuprofen", "naphthalene"]],
];

const ELEMENTS: readonly (readonly [name: string, number: number])[] = [
  ["tungsten", 74],
  ["iridium", 77],
  ["zirconium", 40],
  ["selenium", 34],
  ["palladium", 46],
  ["lanthanum", 57],
];

/** Instructions for `chemistry`. */
export function chemistryCard(setup: FullSetup, each: number): ToolCard {
  return makeCard("chemistry", setup, each, {
    mass(random) {
      const [name, formula, mass] = random.pick(MASSES);
      const instruction = `What is the molar mass of ${name}, ${formula}, in g/mol, to two decimal places?`;
      return {
        instruction,
        expert: async (call) =>
          `It is ${(await call<{ molarMass: number }>("chemistry_mass", { formula })).molarMass.toFixed(2)} g/mol.`,
        succeeds: ({ answer }) => givesNumber(answer, mass, { instruction, tolerance: 0.02 }),
      };
    },
    amount(random) {
      const [[name, formula, mass], grams] = [random.pick(MASSES), random.integer(5, 900)];
      const instruction = `How many mol are ${grams} g of ${name} (${formula})? Give three decimal places.`;
      return {
        instruction,
        expert: async (call) =>
          `${(await call<{ mol: number }>("chemistry_mass", { formula, grams })).mol.toFixed(3)} mol.`,
        succeeds: ({ answer }) =>
          givesNumber(answer, grams / mass, { instruction, tolerance: Math.max(0.0011, (grams / mass) * 3e-4) }),
      };
    },
    balance(random) {
      const [equation, coefficients] = random.pick(EQUATIONS);
      const [left, right] = equation.split(" -> ").map((side) => side.split(" + ")) as [string[], string[]];
      const write = (formulas: readonly string[], counts: readonly number[]): string =>
        formulas.map((formula, i) => (counts[i] === 1 ? formula : `${counts[i]} ${formula}`)).join(" + ");
      const solved = `${write(left, coefficients)} -> ${write(right, coefficients.slice(left.length))}`;
      const bare = (text: string): string =>
        text
          .replace(/→|⟶|=>|=/g, "->")
          .replace(/(?<![A-Za-z\d)])1(?=\s*[A-Z])/g, "")
          .replace(/\s+/g, "");
      return {
        instruction: random.pick([
          `Balance this equation: ${equation}`,
          `Write ${equation} with the smallest whole numbers that balance it.`,
        ]),
        expert: async (call) => (await call<{ equation: string }>("chemistry_balance", { equation })).equation,
        succeeds: ({ answer }) =>
          bare(answer).includes(bare(solved)) && !/\d/.test(bare(answer)[bare(answer).indexOf(bare(solved)) - 1] ?? ""),
      };
    },
    formula(random) {
      const [name, smiles, formula] = random.pick(STRUCTURES);
      return {
        instruction: `Which molecular formula has ${name}, whose SMILES is ${smiles}?`,
        expert: async (call) => `${(await call<{ formula: string }>("chemistry_structure", { smiles })).formula}.`,
        succeeds: ({ answer }) =>
          names(
            answer,
            [formula],
            STRUCTURES.map(([, , other]) => other),
          ),
      };
    },
    group(random) {
      const [[name, smiles], [group, fragment, holders]] = [random.pick(STRUCTURES), random.pick(GROUPS)];
      return {
        instruction: `Does ${name} (SMILES ${smiles}) contain a ${group}? Answer yes or no.`,
        expert: async (call) =>
          (await call<{ contains: boolean }>("chemistry_contains", { smiles, fragment })).contains ? "Yes." : "No.",
        succeeds: ({ answer }) => names(answer, [holders.includes(name) ? "yes" : "no"], ["yes", "no"]),
      };
    },
    element(random) {
      const [name, number] = random.pick(ELEMENTS);
      const instruction = `What is the atomic number of ${name}?`;
      return {
        instruction,
        expert: async (call) =>
          `It is ${(await call<{ number: number }>("chemistry_element", { element: name })).number}.`,
        succeeds: ({ answer }) => givesNumber(answer, number, { instruction }),
      };
    },
  });
}
